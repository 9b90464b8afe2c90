/** One row of the table: a component, what it is called, and how sure that is. */

import { html, icon } from "../shared/dom.js";
import { count as counted, plural, score } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { testOf } from "../shared/labels.js";

/** @typedef {ReturnType<typeof import("../shared/names.js").componentNames>} Names */

/** What stands in the field when a label is edited: the label that is believed, or nothing. @param {Names} names @param {number} row */
export function believed(names, row) {
  const best = names.bestOf(row);
  return names.ownOf(row) ?? (best?.accepted ? best.text : "");
}

/** A row that flies past: whose it is, and what it is called. @param {Names} names @param {number} row */
export function briefRow(names, row) {
  const [id, text] = [names.idOf(row), nameOf(names, row)];
  return html`<div class="sl-item sl-pick sl-row" role="row" aria-label="${id}, ${text}" data-testid="label-row" data-id=${id}>
    <span role="gridcell" class="sl-id">${id}</span>
    <span role="gridcell" class="sl-label-cell sl-ellipsis">${text}</span>
  </div>`;
}

/** What a component is called, or why it has no name. @param {Names} names @param {number} row */
const nameOf = (names, row) =>
  believed(names, row) || (names.labels?.alive[row] === 0 ? "never active" : "unexplained");

/**
 * @param {Names} names @param {number} row
 * @param {{editor: HTMLElement | null, meanings: HTMLElement, crops: HTMLElement}} parts `editor` stands in place of the label
 */
export function labelRow(names, row, { editor, meanings, crops }) {
  const { labels, named } = names;
  const [id, mine] = [names.idOf(row), names.ownOf(row)];
  const text = nameOf(names, row);
  const sharing = named.words[row] >= 0 ? named.sizes[named.words[row]] : 0;
  const test = labels?.made ? testOf(labels, row) : null;
  const margin = labels?.made ? labels.margins[row] : Number.NaN;
  return html`<div class="sl-item sl-pick sl-row" role="row" aria-label="${id}, ${text}${mine ? ", own label" : ""}"
    data-testid="label-row" data-id=${id}>
    <span role="gridcell" class="sl-id">${id}</span>
    <span role="gridcell" class="sl-label-cell sl-slim">${editor ?? labelCell(names, row, text)}</span>
    <span role="gridcell" class="sl-score sl-line sl-col-confidence">
      ${test && Number.isFinite(test.value) && testBar(test)}
    </span>
    <span role="gridcell" class="sl-number sl-col-margin">
      ${Number.isFinite(margin) ? score(margin, 2) : ""}
    </span>
    <span role="gridcell" class="sl-number sl-col-shared">
      ${
        sharing > 1 &&
        html`<button type="button" class="sl-word-link sl-press" tabindex="-1"
          title="Show the ${plural(sharing, "component")} called ${text}" data-testid="shared-by"
          data-act="word">${counted(sharing)}</button>`
      }
    </span>
    ${meanings}
    <span role="gridcell">${crops}</span>
  </div>`;
}

/** @param {Names} names @param {number} row @param {string} text */
function labelCell(names, row, text) {
  const mine = names.ownOf(row) !== undefined;
  const confident = believed(names, row) !== "";
  const others = closest(names, row).slice(confident && !mine ? 1 : 0);
  const about = mine ? "without it" : confident ? "then" : "closest";
  const meta = `${confident ? "" : shortfall(names, row)}${about}: ${others.join(", ")}`;
  return html`<span class="sl-label">
    <span class="sl-line sl-gap-6 sl-slim">
      <span class="sl-ellipsis${confident ? "" : " sl-quiet"}" title=${text}>${text}</span>
      ${mine && html`<span class="sl-badge sl-box sl-small-text" title="a label of your own" data-testid="own-mark">own</span>`}
      <button type="button" class="sl-edit sl-press sl-fixed sl-quiet" tabindex="-1" title="Edit (Enter)"
        aria-label="Edit the label of ${names.idOf(row)}" data-testid="edit-label" data-act="edit">
        ${icon(icons.note)}
      </button>
    </span>
    ${others.length > 0 && html`<span class="sl-two-lines sl-small-text sl-quiet" title=${meta}>${meta}</span>`}
  </span>`;
}

/** The best words, best first. @param {Names} names @param {number} row */
function closest({ labels }, row) {
  if (!labels) return [];
  const numbers = labels.numbers.subarray(row * labels.k, (row + 1) * labels.k);
  return [...numbers].filter((number) => number >= 0).map((number) => labels.words[number] ?? "");
}

/** Which test the closest word fails, unless it is its confidence, which stands in its own column. @param {Names} names @param {number} row */
function shortfall({ labels }, row) {
  if (!labels?.made || labels.numbers[row * labels.k] < 0) return "";
  const { text, value, least, fails } = testOf(labels, row);
  if (!fails || !Number.isFinite(value)) return "";
  return `${text} ${written(text, value)}, needed ${written(text, least)}; `;
}

/** @param {string} test @param {number} value */
const written = (test, value) => (test === "confidence" ? `${Math.floor(value * 100)} %` : score(value, 2));

/** The confidence of a label, or the test that it fails, beside what it needs. @param {ReturnType<typeof testOf>} test */
function testBar({ text, value, least, fails }) {
  const title = `${text} ${written(text, value)}, needed ${written(text, least)}`;
  const bar = html`<span class="sl-bar${fails ? " sl-weak" : ""}" aria-hidden="true"><i /><u /></span>`;
  const [fillPart, tick] = /** @type {HTMLElement[]} */ ([...bar.children]);
  fillPart.style.width = `${100 * Math.max(0, Math.min(1, value))}%`;
  tick.style.left = `${100 * least}%`;
  return [
    html`<span class="sl-number" title=${title} data-testid="test">${written(text, value)}</span>`,
    bar,
  ];
}
