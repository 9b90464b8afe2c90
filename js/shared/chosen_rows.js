/** A long list of components that are selected by pointer and keys. */

import { html } from "./dom.js";
import { adds, pointed, same, showChosen, toggled } from "./selection.js";
import { virtualRows } from "./virtual_rows.js";

/**
 * @param {Omit<Parameters<typeof virtualRows>[0], "mark"> & {rowAt: (position: number) => number, placeOf: (row: number) => number, onSelect: (selection: number[]) => void}} options
 *   as of `virtualRows`; `rowAt` is the component at a position, `placeOf` its position, −1 where it is not listed
 */
export function chosenRows({ rowAt, placeOf, onSelect, ...list }) {
  /** @type {readonly number[]} */
  let selection = [];
  const rows = virtualRows({
    ...list,
    mark: (element, position) => showChosen(element, selection, rowAt(position)),
  });

  /** @param {readonly number[]} next */
  function choose(next) {
    if (same(next, selection)) return;
    selection = next;
    rows.mark();
    onSelect([...next]);
  }

  return {
    rows,
    choose,
    /** @param {number} row */
    has: (row) => selection.includes(row),
    /** A row was clicked. @param {number} position @param {MouseEvent} event */
    click(position, event) {
      rows.active = position;
      choose(pointed(selection, rowAt(position), event));
      rows.mark();
      rows.focus();
    },
    /** Where a key takes the focus the selection follows, but with Ctrl or Cmd. @param {KeyboardEvent} event @returns {boolean} whether the key moved it */
    step(event) {
      const next = rows.stepOf(event);
      if (next === null) return false;
      rows.goTo(next);
      if (!adds(event)) choose([rowAt(next)]);
      return true;
    },
    /** Adds the active row, or takes it out. */
    toggle: () => choose(toggled(selection, rowAt(rows.active))),
    /** Takes over a selection made elsewhere. @param {readonly number[]} next @returns {boolean} whether it is another one */
    take(next) {
      if (same(next, selection)) return false;
      selection = next;
      return true;
    },
    /** Brings the primary component into sight. The focus stays where it is. */
    reveal() {
      const position = placeOf(selection[0]);
      if (position >= 0) rows.reveal(position);
      else rows.mark();
    },
  };
}

/**
 * The table of such a list: its heads, and below them the rows, which scroll.
 * @param {{label: string, columns: number, name: string, heads: HTMLElement}} options `name` in tests
 * @param {Record<string, (event: any) => void>} listeners
 */
export function rowTable({ label, columns, name, heads }, listeners) {
  const body = html`<div class="sl-place" role="rowgroup" />`;
  const scroller = html`<div class="sl-contained sl-scrolls" role="presentation" data-testid="${name}-scroll">${body}</div>`;
  const table = html`<div class="sl-stack sl-spring" role="grid" aria-label=${label} aria-multiselectable="true"
    aria-colcount=${columns} data-testid="${name}-grid" ...${listeners}>${heads}${scroller}</div>`;
  return { table, scroller, body };
}
