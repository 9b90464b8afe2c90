/** A selection is a list of rows, the primary first. */

/** @param {readonly number[]} selection @param {number} row added as primary, or taken out */
export const toggled = (selection, row) =>
  selection.includes(row) ? selection.filter((other) => other !== row) : [row, ...selection];

/** @param {readonly number[]} a @param {readonly number[]} b */
export const same = (a, b) => a.length === b.length && a.every((row, i) => row === b[i]);
