/** The concepts of two models, one row each: both values, and how much weaker or stronger in B. */

import { button, fill, html } from "../shared/dom.js";
import { count, score } from "../shared/format.js";
import { used } from "../shared/keyboard.js";
import { signedBar } from "../shared/signed.js";
import { paintStep, sequential } from "./colours.js";

/** @typedef {import("./questions.js").ConceptRow} Row */

/** `least`: the difference that fills the bar, unless a larger one is there. */
const MEASURES = {
  score: { text: "Score", title: "cosine of the best component with the concept", digits: 2, least: 0.1 },
  relevance: {
    text: "Relevance",
    title: "share of relevance of the components that carry the concept",
    digits: 2,
    least: 0.05,
  },
  carriers: { text: "Components", title: "how many components carry the concept", digits: 0, least: 5 },
};

/** @typedef {keyof typeof MEASURES} Measure */

/** @param {number | null} value @param {Measure} measure */
const written = (value, measure) =>
  value === null ? "–" : measure === "carriers" ? count(value) : score(value, MEASURES[measure].digits);

/** @param {number} value @param {Measure} measure */
function signed(value, measure) {
  const text = written(Math.abs(value), measure);
  const isZero = !Number(text.replace(",", ""));
  return isZero ? text : `${value < 0 ? "−" : "+"}${text}`;
}

/**
 * @param {object} options
 * @param {(concept: string | null) => void} options.onConcept a row was pressed; null: the one that was chosen
 * @param {(words: string[]) => void} options.onConcepts the words to compare were edited
 * @returns {{node: HTMLElement, update: (table: import("./questions.js").ConceptTable) => void, track: (words: string[]) => void, choose: (concept: string | null) => void}}
 */
export function conceptRows({ onConcept, onConcepts }) {
  /** @type {import("./questions.js").ConceptTable} */
  let table = { models: [], rows: [], relevance: false, message: null };
  /** @type {Measure} */
  let measure = "score";
  /** @type {string | null} */
  let chosen = null;
  const choice = html`<div class="sl-toggle" role="group" aria-label="What is compared" />`;
  const rows = html`<div class="sl-stack" role="table" aria-label="Concepts in both models" />`;
  const note = html`<p class="sl-quiet sl-small-text" data-testid="concept-note" />`;
  const edit = /** @type {HTMLInputElement} */ (
    html`<input type="text" class="sl-bare-input sl-text" aria-label="Concepts to compare, separated by commas"
      placeholder="concepts, separated by commas" data-testid="concept-edit"
      onkeydown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Escape") return leave();
        if (event.key !== "Enter") return;
        used(event);
        onConcepts(edit.value.split(","));
        leave();
      }} onblur=${leave} />`
  );
  const editButton = button({
    text: "Edit",
    class: "sl-outlined",
    "data-testid": "concept-edit-button",
    onclick: begin,
  });
  const box = html`<label class="sl-find-box sl-line sl-box" hidden>${edit}</label>`;
  const node = html`<section class="sl-compare-part sl-pile sl-gap-8" aria-label="Concepts">
    <div class="sl-heading"><h3>Concepts</h3><span class="sl-spring" />${editButton}${choice}</div>
    ${box}
    ${rows}
    ${note}
  </section>`;

  function begin() {
    edit.value = table.rows
      .filter((row) => !row.query || tracked.has(row.concept))
      .map((row) => row.concept)
      .join(", ");
    box.hidden = false;
    editButton.hidden = true;
    edit.focus();
  }

  function leave() {
    box.hidden = true;
    editButton.hidden = false;
  }

  /** The words that are tracked: the rows without the query that is only passing by. @type {Set<string>} */
  let tracked = new Set();

  function drawChoice() {
    fill(
      choice,
      .../** @type {Measure[]} */ (Object.keys(MEASURES)).map((name) => {
        const missing = name === "relevance" && !table.relevance;
        return button({
          text: MEASURES[name].text,
          label: missing ? "Relevance: call relate() on both lenses first" : MEASURES[name].title,
          "aria-pressed": String(name === measure),
          disabled: missing,
          "data-testid": `measure-${name}`,
          onclick: () => {
            measure = name;
            draw();
          },
        });
      }),
    );
  }

  function draw() {
    if (measure === "relevance" && !table.relevance) measure = "score";
    drawChoice();
    const values = table.rows.map((row) => row[measure]);
    const top = Math.max(...values.flat().map((value) => value ?? 0), 1e-9);
    const differences = values.map(([a, b]) => (a === null || b === undefined || b === null ? null : b - a));
    const reach = Math.max(...differences.map((value) => Math.abs(value ?? 0)), MEASURES[measure].least);
    const two = table.models.length > 1;
    fill(
      rows,
      html`<div class="sl-concept sl-concept-head sl-quiet sl-small-text" role="row">
        <span role="columnheader">Concept</span>
        <span role="columnheader" title=${table.models[0]}>A</span>
        <span role="columnheader" title=${table.models[1]}>${two ? "B" : ""}</span>
        <span role="columnheader" class="sl-line sl-ends"><span>weaker</span><span>stronger</span></span>
        <span role="columnheader" class="sl-number">${two ? "B − A" : ""}</span>
      </div>`,
      ...table.rows.map((row, i) => drawRow(row, values[i], differences[i], top, reach)),
    );
    const hasLost = table.rows.some((row) => row.found.some((found, j) => !found && !row.unchecked?.[j]));
    const hasUnchecked = table.rows.some((row) => row.unchecked?.includes(true));
    note.textContent =
      table.message ??
      (table.rows.length
        ? `${MEASURES[measure].title[0].toUpperCase()}${MEASURES[measure].title.slice(1)}.${hasLost ? " A dash: not found." : ""}${hasUnchecked ? " A question mark: unchecked, for too few images show it." : ""}`
        : "No concept is compared. Press Edit, or set lens.concepts.");
  }

  /** @param {Row} row @param {(number | null)[]} values @param {number | null} difference @param {number} top @param {number} reach */
  function drawRow(row, values, difference, top, reach) {
    const facts = table.models.map(
      (model, j) =>
        `${model} ${written(values[j], measure)}${row.unknown.length || row.found[j] ? "" : ` (${row.unchecked?.[j] ? "unchecked" : "not found"})`}`,
    );
    const title = row.unknown.length ? `the CLIP does not know ${row.unknown.join(", ")}` : "";
    const isChosen = row.concept === chosen;
    const press = () => onConcept(isChosen ? null : row.concept);
    return html`<div class="sl-concept sl-pick${isChosen ? " sl-concept-chosen" : ""}" role="row" tabindex="0"
      aria-label="${row.concept}: ${title || facts.join(", ")}"
      aria-current=${isChosen ? "true" : null} data-testid="concept-row" data-concept=${row.concept}
      title=${title} onclick=${press}
      onkeydown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        used(event);
        press();
      }}>
      <span role="rowheader" class="sl-ellipsis" title=${row.concept}>${row.concept}</span>
      ${[0, 1].map((j) => {
        const value = values[j];
        if (j >= table.models.length) return html`<span role="cell" />`;
        const open = row.unknown.length === 0 && row.unchecked?.[j] === true;
        const lost = !open && (row.unknown.length > 0 || !row.found[j]);
        const known = value !== null && row.unknown.length === 0;
        const cell = html`<span role="cell" class="sl-concept-cell sl-place sl-text sl-tabular${known ? "" : " sl-matrix-void"}"
          title=${
            row.best[j] ? `best ${row.best[j]}${lost ? ", not found" : open ? ", unchecked" : ""}` : ""
          }>
          ${row.unknown.length ? "?" : `${written(value ?? null, measure)}${open ? " ?" : ""}`}
          ${lost && html`<i class="sl-matrix-dash" aria-hidden="true" />`}
        </span>`;
        return known ? paintStep(cell, sequential(value, [0, top * 1.001]), "sequential") : cell;
      })}
      <span role="cell">${signedBar(difference ?? 0, reach)}</span>
      <span role="cell" class="sl-number">
        ${difference === null ? "" : signed(difference, measure)}
      </span>
    </div>`;
  }

  return {
    node,
    update(next) {
      table = next;
      draw();
    },
    choose(concept) {
      chosen = concept;
      draw();
    },
    /** @param {string[]} words */
    track(words) {
      tracked = new Set(words);
    },
  };
}
