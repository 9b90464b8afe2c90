/** The meanings of components: how many each has, and the part below a row that shows them apart. */

import { batches } from "../shared/batches.js";
import { button, fill, html } from "../shared/dom.js";
import { plural } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { cropStrip } from "../shared/strips.js";

/** Height in px of one meaning, and of the padding around them all. */
const MEANING = 52;
const PADDING = 8;
/** Crops of one meaning. */
const MOST = 12;

/** @typedef {{examples: number[], word: string | null, closest: string, score: number, confidence: number, adjusted_similarity: number}} Meaning */

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {(row: number) => string} options.idOf
 * @param {(rows: number[]) => void} options.onArrive
 * @param {(error: unknown) => void} options.fail
 */
export function meaningParts({ ask, idOf, onArrive, fail }) {
  /** The row whose meanings are shown. @type {number | null} */
  let open = null;
  const known = batches({
    /** @returns {Promise<Map<number, Meaning[]>>} */
    async load(wanted, signal) {
      const result = await ask("meanings", { rows: wanted }, { signal });
      return new Map(wanted.map((row, i) => [row, result.meanings[i]]));
    },
    onArrive,
    onError: fail,
  });
  const node = html`<div class="sl-meanings sl-placed sl-pad-low sl-under sl-sunk" role="row" data-testid="meanings" />`;
  const countOf = (/** @type {number} */ row) => known.get(row)?.length ?? 0;

  /** @param {HTMLElement} cell */
  function fillCell(cell) {
    const row = Number(cell.dataset.meanings);
    const parts = countOf(row);
    if (parts < 2) return fill(cell, parts > 0 && html`<span class="sl-quiet">1</span>`);
    fill(
      cell,
      button({
        text: String(parts),
        icon: open === row ? icons.up : icons.down,
        label: `${parts} meanings of ${idOf(row)} (→)`,
        class: "sl-outlined",
        tabindex: -1,
        "aria-expanded": String(open === row),
        "data-testid": "open-meanings",
        "data-act": "meanings",
        onclick: () => {},
      }),
    );
  }

  /** @param {number} row @param {Meaning} part @param {number} number */
  function drawMeaning(row, part, number) {
    return html`<div class="sl-meaning sl-text" data-testid="meaning">
      <span class="sl-number sl-quiet">${String(number + 1)}</span>
      <span class="sl-label">
        <span class="sl-ellipsis${part.word === null ? " sl-quiet" : ""}" title=${part.closest}>
          ${part.word ?? `unexplained (${part.closest}?)`}
        </span>
        <span class="sl-ellipsis sl-small-text sl-quiet">confidence ${Math.floor(part.confidence * 100)} %</span>
      </span>
      <span class="sl-quiet">${plural(part.examples.length, "example")}</span>
      ${cropStrip(row, part.examples.slice(0, MOST), { "data-all": "" })}
    </div>`;
  }

  return {
    /** The part that opens; its strips are of all examples, and say so (`data-all`). */
    node,
    countOf,
    get open() {
      return open;
    },
    set open(row) {
      open = row;
    },
    /** Height of the open part in px, also while its meanings are asked for. */
    get height() {
      return (known.get(open ?? -1)?.length ?? 1) * MEANING + PADDING;
    },
    /** @param {number[]} rows in sight */
    want: (rows) => known.want(open === null ? rows : [...rows, open]),
    /** How many meanings a component has, in a row of the table. @param {number} row */
    cell(row) {
      const cell = html`<span role="gridcell" class="sl-col-meanings" data-meanings=${row} />`;
      fillCell(cell);
      return cell;
    },
    /** @param {Element} body in which the cells are */
    fillCells(body) {
      for (const cell of /** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll("[data-meanings]")))
        fillCell(cell);
    },
    /** Shows the open part, or none. @param {Element} body @param {number | null} top its place in px */
    place(body, top) {
      if (open === null || top === null) return node.remove();
      const parts = (known.get(open) ?? []).map((part, number) => drawMeaning(open ?? -1, part, number));
      fill(node, html`<div role="gridcell" aria-colspan="7">${parts}</div>`);
      node.style.top = `${top}px`;
      node.style.height = `${this.height}px`;
      body.append(node);
    },
    /** Forgets them all: components are described anew. */
    clear() {
      open = null;
      known.clear();
    },
  };
}
