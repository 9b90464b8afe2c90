/**
 * What a person prefers in all windows of a page. JupyterLab's settings write it on the page's body; other hosts leave
 * the defaults.
 */

/** `columns`: the most crops in a row of the gallery; null: as many as there is room for. @typedef {{columns: number | null, figureTheme: "print" | "light" | "dark", keys: boolean}} Preferences */

/** @param {{columns: number, figureTheme: Preferences["figureTheme"], keys: boolean}} settings with 0 columns for null */
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
    columns: Number.isInteger(columns) && columns > 0 ? columns : null,
    figureTheme:
      semlensFigureTheme === "light" || semlensFigureTheme === "dark" ? semlensFigureTheme : "print",
    keys: semlensKeys !== "off",
  };
}
