/** The comparison heatmap: concepts, models or layers against each other, and the pairs behind the chosen cell. */

import "../shared/figure_menu.css";
import "../shared/toggle.css";
import "./view.css";
import { heatmap } from "../compare/heatmap.js";
import { button, fill, html } from "../shared/dom.js";
import { figureMenu } from "../shared/figure_menu.js";
import { fixed, plus, score } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { same } from "../shared/selection.js";
import { pairsBehind } from "./pairs.js";

/**
 * What the kernel answers to "heatmap". Rows and columns stand as given; the orders say how they are drawn.
 * @typedef {object} Answer
 * @property {string[]} rows @property {string[]} columns @property {string} corner
 * @property {(number | null)[][]} values @property {boolean[][]} weak
 * @property {"sequential" | "diverging"} kind @property {[number, number]} domain
 * @property {[string, string]} words @property {string} weak_word @property {string} note
 * @property {number | null} marked the row of what is searched
 * @property {number[]} row_order @property {number[]} column_order
 * @property {number} digits of a value
 */

const WAYS = { concepts: "Concepts", models: "Models", layers: "Layers" };
const MEASURES = { score: "Score", z: "z", relevance: "Relevance", components: "Components" };
const ORDERS = { given: "As given", value: "By value", cluster: "Alike together" };

/** What is drawn of an answer: its rows and columns in their order. @param {Answer} answer @returns {import("../compare/heatmap.js").Matrix} */
function matrixOf({ row_order: down, column_order: across, digits, kind, domain, ...answer }) {
  /** @template T @param {T[][]} table */
  const ordered = (table) => down.map((row) => across.map((column) => table[row][column]));
  const write = (/** @type {number} */ value) => (digits < 2 ? fixed(value, digits) : score(value, digits));
  return {
    rows: down.map((row) => answer.rows[row]),
    columns: across.map((column) => answer.columns[column]),
    corner: answer.corner,
    values: ordered(answer.values),
    weak: ordered(answer.weak),
    format: (value) => (kind === "diverging" ? plus(value, write(value)) : write(value)),
    kind,
    domain: [domain[0], domain[1] * (kind === "sequential" ? 1.0001 : 1)],
    words: answer.words,
    weakWord: answer.weak_word,
    note: answer.note,
  };
}

/** @param {import("../shared/mount.js").Context} context @returns {import("../shared/mount.js").View} */
export function comparisonHeatmapView({ ask, banner, announce, fail, set }) {
  /** @type {Record<string, any>} */
  const state = {
    models: [],
    of: "concepts",
    measure: "score",
    order: "given",
    by_layer: false,
    against: null,
    cell: null,
    selection: [],
    query: "",
    concepts: [],
  };
  /** @type {Answer | null} */
  let answer = null;
  const pairs = pairsBehind({
    ask,
    announce,
    fail,
    own: () => state.models[0],
    onSelect: (rows) => change({ selection: rows }),
  });

  const map = heatmap({
    label: "Comparison",
    onCell: (cell) =>
      change({
        cell: cell && answer ? [answer.row_order[cell.row], answer.column_order[cell.column]] : null,
      }),
    onRow: (row) => {
      if (state.of !== "concepts" || !answer) return;
      const concept = answer.rows[answer.row_order[row]];
      change({ query: concept === state.query ? "" : concept });
    },
  });
  const figure = figureMenu({
    ask,
    work: (_, asks) => asks({}),
    showPython: () => {},
    announce,
    fail,
    object: "heatmap",
  });
  figure.update({ tab: "heatmap", title: "Comparison", figures: ["heatmap"] });
  const controls = html`<div class="sl-heatmap-bar sl-line sl-wraps sl-fixed sl-pad sl-under" data-testid="heatmap-bar" />`;
  const edit = /** @type {HTMLInputElement} */ (
    html`<input type="text" class="sl-bare-input sl-text" aria-label="Concepts, separated by commas"
      data-testid="heatmap-concepts"
      onchange=${() => change({ concepts: edit.value.split(",").map((word) => word.trim()) })} />`
  );
  const editBox = html`<label class="sl-find-box sl-line sl-box"><span>Concepts</span>${edit}</label>`;
  const node = html`<div class="sl-heatmap sl-view sl-stack" data-testid="comparison-heatmap">
    ${banner.node}
    ${controls}
    <div class="sl-panes">
      <div class="sl-heatmap-matrix sl-stack sl-pad-all">${editBox}${map.node}</div>
      ${pairs.node}
    </div>
  </div>`;

  /** @param {Record<string, any>} values */
  function change(values) {
    set(values);
    update(values);
  }

  /** @template {string} Name @param {string} label @param {Record<Name, string>} names @param {string} trait */
  function choice(label, names, trait) {
    return html`<div class="sl-toggle" role="group" aria-label=${label}>
      ${(Object.entries(names)).map(([value, text]) =>
        button({
          text,
          "aria-pressed": String(state[trait] === value),
          "data-testid": `${trait}-${value}`,
          onclick: () => change({ [trait]: value }),
        }),
      )}
    </div>`;
  }

  function drawControls() {
    const concepts = state.of === "concepts";
    const against = /** @type {HTMLSelectElement} */ (
      html`<select aria-label="Difference to" data-testid="heatmap-against"
        onchange=${() =>
          change({ against: against.selectedIndex ? state.models[against.selectedIndex - 1] : null })}>
        <option>as it is</option>
        ${state.models.map((/** @type {string} */ name) => html`<option>minus ${name}</option>`)}
      </select>`
    );
    against.selectedIndex = 1 + state.models.indexOf(state.against);
    fill(
      controls,
      choice("What is compared", WAYS, "of"),
      concepts && choice("Measure", MEASURES, "measure"),
      concepts &&
        button({
          text: "Layers apart",
          class: "sl-outlined",
          "aria-pressed": String(state.by_layer),
          "data-testid": "heatmap-by-layer",
          onclick: () => change({ by_layer: !state.by_layer }),
        }),
      concepts && html`<label class="sl-select">${against}</label>`,
      html`<span class="sl-spring" />`,
      choice("Order", ORDERS, "order"),
      figure.node,
    );
    editBox.hidden = !concepts;
    if (edit !== document.activeElement) edit.value = state.concepts.join(", ");
  }

  const matrixWanted = latest(
    (signal) => ask("heatmap", {}, { signal }),
    (/** @type {Answer} */ found) => {
      answer = found;
      drawMatrix();
      askPairs();
    },
    fail,
  );

  function drawMatrix() {
    if (!answer) return;
    const { row_order: down, column_order: across, marked } = answer;
    const cell = state.cell && { row: down.indexOf(state.cell[0]), column: across.indexOf(state.cell[1]) };
    map.update({
      chosen: cell && cell.row >= 0 && cell.column >= 0 ? cell : null,
      row: marked === null ? null : down.indexOf(marked),
      matrix: matrixOf(answer),
    });
  }

  const askPairs = () => pairs.show(answer && state.cell);

  /** @param {Record<string, any>} changed */
  function update(changed) {
    const chosenAnew = "selection" in changed && !same(changed.selection ?? [], state.selection);
    const cellAnew = "cell" in changed && String(changed.cell) !== String(state.cell);
    Object.assign(state, changed);
    const asks = ["of", "measure", "order", "by_layer", "against", "heatmap_version", "hits"].some(
      (name) => name in changed,
    );
    if (
      ["models", "of", "measure", "order", "by_layer", "against", "concepts"].some((name) => name in changed)
    )
      drawControls();
    if (asks) matrixWanted.start();
    else if (cellAnew) {
      drawMatrix();
      askPairs();
    }
    if (chosenAnew) pairs.mark(state.selection);
    if ("relabelled" in changed) pairs.rename();
  }

  return {
    node,
    update,
    destroy() {
      matrixWanted.stop();
      pairs.destroy();
    },
  };
}
