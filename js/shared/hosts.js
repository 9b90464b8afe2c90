/** What single hosts need beside what all do. */

/**
 * Keys without Ctrl, Cmd or Alt stay in the window. JupyterLab takes arrows and letters as its own wherever the focus is not
 * in a text field, on a list of choices too, and `data-lm-suppress-shortcuts` above the focus does not hold it back: an
 * arrow would leave the window, and d pressed twice delete its cell. Shift Enter goes on running the cell.
 * @param {HTMLElement} root
 */
export function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    const { ctrlKey, metaKey, altKey, shiftKey, key } = event;
    if (!ctrlKey && !metaKey && !altKey && !(shiftKey && key === "Enter")) event.stopPropagation();
  });
}

/**
 * marimo cuts an output at a height and scrolls it: around a window, which scrolls in itself, that is a second scroll bar.
 * @param {HTMLElement} root @returns {() => void} gives the output back the height it had
 */
export function ownHeight(root) {
  const shadow = root.getRootNode();
  const host = shadow instanceof ShadowRoot ? shadow.host : root;
  const output = /** @type {HTMLElement | null} */ (
    host.closest("marimo-anywidget")?.closest(".output-area") ?? null
  );
  if (!output) return () => {};
  const before = output.style.maxHeight;
  output.style.maxHeight = "none";
  return () => {
    output.style.maxHeight = before;
  };
}
