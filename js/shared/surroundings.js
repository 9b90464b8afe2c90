/** What changes around a view: the room it has, and the theme it stands in. Each gives the way to stop watching. */

const ATTRIBUTES = ["data-jp-theme-light", "data-jp-theme-name", "class"];

/** @param {Element} node @param {() => void} changed @returns {() => void} */
export function onResize(node, changed) {
  if (typeof ResizeObserver === "undefined") return () => {};
  const observer = new ResizeObserver(() => changed());
  observer.observe(node);
  return () => observer.disconnect();
}

/** The room that a node was drawn in: what has just been drawn also hears that it has room. @param {Element} node */
export function roomOf(node) {
  const now = () => (node.isConnected ? `${node.clientWidth} ${node.clientHeight}` : "");
  let noted = "";
  const note = () => {
    noted = now();
  };
  return {
    note,
    /** Whether it is another one by now, which is noted. */
    isOther() {
      const before = noted;
      note();
      return before !== noted;
    },
  };
}

/** @param {() => void} changed @returns {() => void} */
export function onTheme(changed) {
  const observer = new MutationObserver(() => changed());
  for (const place of [document.documentElement, document.body])
    observer.observe(place, { attributes: true, attributeFilter: ATTRIBUTES });
  return () => observer.disconnect();
}
