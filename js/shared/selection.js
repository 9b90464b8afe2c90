/** A selection is a list of rows, the primary first. */

/** @param {readonly number[]} selection @param {number} row added as primary, or taken out */
export const toggled = (selection, row) =>
  selection.includes(row) ? selection.filter((other) => other !== row) : [row, ...selection];

/** @param {readonly number[]} a @param {readonly number[]} b */
export const same = (a, b) => a.length === b.length && a.every((row, i) => row === b[i]);

/** @typedef {{ctrlKey: boolean, metaKey: boolean, altKey: boolean}} Held keys that are held with a click or another key */

/** Whether what is pointed at joins the selection instead of replacing it. @param {Held} held */
export const adds = ({ ctrlKey, metaKey }) => ctrlKey || metaKey;

/**
 * One component is pointed at: it becomes the selection, or joins or leaves it (Ctrl, Cmd).
 * @param {readonly number[]} selection @param {number} row @param {Held} held
 */
export const pointed = (selection, row, held) => (adds(held) ? toggled(selection, row) : [row]);

/**
 * Several are brushed: they become the selection, join it behind the others (Ctrl, Cmd) or leave it (Alt).
 * @param {readonly number[]} selection @param {readonly number[]} rows @param {Held} held
 */
export function brushed(selection, rows, held) {
  const [had, brush] = [new Set(selection), new Set(rows)];
  if (held.altKey) return selection.filter((row) => !brush.has(row));
  return adds(held) ? [...selection, ...rows.filter((row) => !had.has(row))] : rows;
}

/**
 * Shows on an element whether its component is selected, and whether it is the primary one.
 * @param {Element} element @param {readonly number[]} selection @param {number} row
 * @param {"aria-selected" | "aria-pressed"} [attribute] to screen readers
 */
export function showChosen(element, selection, row, attribute = "aria-selected") {
  const at = selection.indexOf(row);
  element.classList.toggle("sl-selected", at >= 0);
  element.classList.toggle("sl-primary", at === 0);
  element.setAttribute(attribute, String(at >= 0));
}
