/** What single hosts need beside what all do. */

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
