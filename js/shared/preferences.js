/**
 * What a person prefers in all windows of a page. JupyterLab's settings write it on the page's body; other hosts leave
 * the defaults.
 */

/** @typedef {{columns: number, figureTheme: "print" | "light" | "dark", keys: boolean}} Preferences */

/** @param {Preferences} preferences */
export function remember({ columns, figureTheme, keys }) {
  Object.assign(document.body.dataset, {
    semlensColumns: String(columns),
    semlensFigureTheme: figureTheme,
    semlensKeys: keys ? "on" : "off",
  });
}

/** @returns {Preferences} */
export function preferences() {
  const { semlensColumns, semlensFigureTheme, semlensKeys } = document.body.dataset;
  const columns = Number(semlensColumns);
  return {
    columns: Number.isInteger(columns) && columns > 0 ? columns : 8,
    figureTheme:
      semlensFigureTheme === "light" || semlensFigureTheme === "dark" ? semlensFigureTheme : "print",
    keys: semlensKeys !== "off",
  };
}
