/** Colours of the theme, for what is painted. */

/** Reads colours of the theme the window stands in. @param {HTMLElement} node in the document @returns {(property: string) => import("./marks.js").Colour} */
export const colourReader = (node) => (property) => {
  const probe = document.createElement("i");
  probe.style.color = `var(${property})`;
  node.append(probe);
  const read = getComputedStyle(probe).color.match(/[\d.]+/g) ?? ["0", "0", "0"];
  probe.remove();
  return read.slice(0, 3).map(Number);
};
