/** A matrix as coloured cells, with its values, a legend in words, and one chosen cell. */

import "./matrix.css";
import { fill, html } from "../shared/dom.js";
import { used } from "../shared/keyboard.js";
import { diverging, paintStep, STEPS, sequential } from "./colours.js";

/**
 * @typedef {object} Matrix
 * @property {string[]} rows @property {string[]} columns
 * @property {string} corner what rows and columns are
 * @property {(number | null)[][]} values null where there is nothing to compare
 * @property {boolean[][]} weak cells that are not above chance: they carry a dash
 * @property {(value: number) => string} format
 * @property {"sequential" | "diverging"} kind
 * @property {[number, number]} domain of the colours; a diverging one is zero in the middle
 * @property {[string, string]} words what both ends of the colours mean
 * @property {string} weakWord what the dash means
 * @property {string} note
 */

/** @typedef {{row: number, column: number}} Cell */

/**
 * @param {object} options
 * @param {string} options.label what a screen reader calls the matrix
 * @param {(cell: Cell | null) => void} options.onCell a cell was chosen, or the chosen one left again
 * @param {(row: number) => void} [options.onRow] the name of a row was pressed
 * @returns {{node: HTMLElement, update: (changed: {matrix?: Matrix, chosen?: Cell | null, row?: number | null}) => void}}
 */
export function heatmap({ label, onCell, onRow }) {
  const grid = html`<div class="sl-matrix sl-text" role="grid" aria-label=${label} data-testid="heatmap" onclick=${onClick}
    onkeydown=${onKey} />`;
  const legend = html`<div class="sl-matrix-legend sl-line sl-wraps sl-gap-6 sl-small-text" />`;
  const node = html`<div class="sl-matrix-block sl-pile sl-gap-8">${grid}${legend}</div>`;
  /** @type {Matrix | null} */
  let matrix = null;
  /** @type {Cell | null} */
  let chosen = null;
  /** The row that is emphasised, for example because it is what is searched. @type {number | null} */
  let marked = null;
  /** @type {Cell} */
  let active = { row: 0, column: 0 };

  /** @param {Matrix} shown @param {number} row @param {number} column */
  function drawCell(shown, row, column) {
    const value = shown.values[row][column];
    const weak = shown.weak[row]?.[column] ?? false;
    const step =
      value === null
        ? null
        : shown.kind === "sequential"
          ? sequential(value, shown.domain)
          : diverging(value, shown.domain[1]);
    const text = value === null ? "" : shown.format(value);
    const words = [
      shown.rows[row],
      shown.columns[column],
      text || "nothing to compare",
      weak && shown.weakWord,
    ];
    const cell = html`<div class="sl-matrix-cell sl-tabular${step === null ? " sl-matrix-void" : ""}"
      role="gridcell" tabindex=${row === active.row && column === active.column ? 0 : -1}
      aria-selected=${String(chosen?.row === row && chosen.column === column)}
      aria-label=${words.filter(Boolean).join(", ")} title=${words.filter(Boolean).join(" · ")}
      data-row=${row} data-column=${column} data-testid="heat-cell">
      ${text}
      ${weak && html`<i class="sl-matrix-dash" aria-hidden="true" />`}
    </div>`;
    return step === null ? cell : paintStep(cell, step, shown.kind);
  }

  function draw() {
    if (!matrix) return fill(grid);
    const shown = matrix;
    const hadFocus = grid.contains(document.activeElement) && document.activeElement !== grid;
    active = {
      row: Math.min(active.row, Math.max(0, shown.rows.length - 1)),
      column: Math.min(active.column, Math.max(0, shown.columns.length - 1)),
    };
    grid.style.setProperty("--sl-columns", String(shown.columns.length));
    fill(
      grid,
      html`<div class="sl-matrix-row" role="row">
        <span class="sl-matrix-corner sl-small-text sl-quiet" role="columnheader">${shown.corner}</span>
        ${shown.columns.map(
          (name) =>
            html`<span class="sl-matrix-head sl-ellipsis sl-small-text sl-quiet" role="columnheader" title=${name}>${name}</span>`,
        )}
      </div>`,
      ...shown.rows.map(
        (name, row) =>
          html`<div class="sl-matrix-row${row === marked ? " sl-matrix-marked" : ""}" role="row"
            data-testid="heat-row">
            <span class="sl-matrix-name sl-ellipsis${onRow ? " sl-press" : ""}" role="rowheader"
              title=${name} data-name=${row}>${name}</span>
            ${shown.columns.map((_, column) => drawCell(shown, row, column))}
          </div>`,
      ),
    );
    drawLegend(shown);
    if (hadFocus) cellAt(active)?.focus();
  }

  /** @param {Matrix} shown */
  function drawLegend(shown) {
    const steps =
      shown.kind === "sequential" ? Array.from({ length: STEPS }, (_, i) => i) : [-3, -2, -1, 0, 1, 2, 3];
    const hasWeak = shown.weak.some((row) => row.some(Boolean));
    fill(
      legend,
      html`<span>${shown.words[0]}</span>`,
      html`<span class="sl-matrix-scale" aria-hidden="true">
        ${steps.map((step) => paintStep(html`<i />`, step, shown.kind))}
      </span>`,
      html`<span>${shown.words[1]}</span>`,
      hasWeak && html`<i class="sl-matrix-dash" aria-hidden="true" />`,
      hasWeak && html`<span>${shown.weakWord}</span>`,
      shown.note && html`<p class="sl-quiet">${shown.note}</p>`,
    );
  }

  /** @param {Cell} cell @returns {HTMLElement | null} */
  const cellAt = ({ row, column }) => grid.querySelector(`[data-row="${row}"][data-column="${column}"]`);

  /** @param {Event} event @returns {Cell | null} */
  function cellOf(event) {
    const element = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-column]")
    );
    return element ? { row: Number(element.dataset.row), column: Number(element.dataset.column) } : null;
  }

  /** @param {Cell} cell */
  function choose(cell) {
    if (matrix?.values[cell.row][cell.column] === null) return;
    const again = chosen?.row === cell.row && chosen.column === cell.column;
    active = cell;
    chosen = again ? null : cell;
    draw();
    cellAt(cell)?.focus();
    onCell(chosen);
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const cell = cellOf(event);
    if (cell) return choose(cell);
    const name = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-name]")
    );
    if (name) onRow?.(Number(name.dataset.name));
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const cell = cellOf(event);
    if (!cell || !matrix || event.altKey || event.ctrlKey || event.metaKey) return;
    const [lastRow, lastColumn] = [matrix.rows.length - 1, matrix.columns.length - 1];
    /** @type {Record<string, Cell>} */
    const moves = {
      ArrowDown: { ...cell, row: Math.min(lastRow, cell.row + 1) },
      ArrowUp: { ...cell, row: Math.max(0, cell.row - 1) },
      ArrowRight: { ...cell, column: Math.min(lastColumn, cell.column + 1) },
      ArrowLeft: { ...cell, column: Math.max(0, cell.column - 1) },
      Home: { ...cell, column: 0 },
      End: { ...cell, column: lastColumn },
      PageUp: { ...cell, row: 0 },
      PageDown: { ...cell, row: lastRow },
    };
    if (event.key === "Enter" || event.key === " ") choose(cell);
    else if (moves[event.key]) {
      const from = cellAt(active);
      active = moves[event.key];
      if (from) from.tabIndex = -1;
      const to = cellAt(active);
      if (to) {
        to.tabIndex = 0;
        to.focus();
      }
    } else return;
    used(event);
  }

  return {
    node,
    update(changed) {
      if ("matrix" in changed && changed.matrix) matrix = changed.matrix;
      if ("chosen" in changed) chosen = changed.chosen ?? null;
      if ("row" in changed) marked = changed.row ?? null;
      draw();
    },
  };
}
