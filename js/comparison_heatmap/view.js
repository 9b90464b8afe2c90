/** The comparison heatmap: concepts, models or layers against each other, and the pairs behind the chosen cell. */

import { heatmap } from "../compare/heatmap.js";
import { componentList } from "../compare/list.js";
import { sourceOf } from "../compare/questions.js";
import { catalog as catalogOf } from "../shared/catalog.js";
import { button, fill, html } from "../shared/dom.js";
import { figureMenu } from "../shared/figure_menu.js";
import { count, score, z } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { same } from "../shared/selection.js";

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

/** @param {import("../shared/mount.js").Context} context @returns {import("../shared/mount.js").View} */
export function comparisonHeatmapView({ ask, banner, say, fail, set }) {
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
  /** @type {Map<string, import("../compare/list.js").Side>} */
  const sides = new Map();
  /** @type {ReturnType<typeof componentList> | null} */
  let list = null;
  /** The models of the list. @type {{a: string, b: string | null} | null} */
  let between = null;

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
    tell: () => {},
    say,
    fail,
    object: "heatmap",
  });
  figure.update({ tab: "heatmap", title: "Comparison", figures: ["heatmap"] });
  const controls = html`<div class="sl-heatmap-bar" data-testid="heatmap-bar" />`;
  const pane = html`<div class="sl-heatmap-pairs" data-testid="heatmap-pairs" />`;
  const edit = /** @type {HTMLInputElement} */ (
    html`<input type="text" class="sl-find" aria-label="Concepts, separated by commas"
      data-testid="heatmap-concepts"
      onchange=${() => change({ concepts: edit.value.split(",").map((word) => word.trim()) })} />`
  );
  const editBox = html`<label class="sl-find-box"><span>Concepts</span>${edit}</label>`;
  const node = html`<div class="sl-heatmap" data-testid="comparison-heatmap">
    ${banner.node}
    ${controls}
    <div class="sl-heatmap-main">
      <div class="sl-heatmap-matrix">${editBox}${map.node}</div>
      ${pane}
    </div>
  </div>`;

  /** @param {Record<string, any>} values */
  function change(values) {
    set(values);
    update(values);
  }

  /** @template {string} Name @param {string} label @param {Record<Name, string>} names @param {string} trait */
  function choice(label, names, trait) {
    return html`<div class="sl-choice" role="group" aria-label=${label}>
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
      concepts && html`<label class="sl-select sl-compare-select">${against}</label>`,
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
    const { row_order: down, column_order: across, digits } = answer;
    const shown = answer;
    /** @template T @param {T[][]} table */
    const ordered = (table) => down.map((row) => across.map((column) => table[row][column]));
    const cell = state.cell && {
      row: down.indexOf(state.cell[0]),
      column: across.indexOf(state.cell[1]),
    };
    const signed = (/** @type {string} */ text, /** @type {number} */ value) =>
      shown.kind === "diverging" && value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
    map.update({
      chosen: cell && cell.row >= 0 && cell.column >= 0 ? cell : null,
      row: shown.marked === null ? null : down.indexOf(shown.marked),
      matrix: {
        rows: down.map((row) => shown.rows[row]),
        columns: across.map((column) => shown.columns[column]),
        corner: shown.corner,
        values: ordered(shown.values),
        weak: ordered(shown.weak),
        format: (value) =>
          signed(
            digits === 0
              ? (value < 0 ? "−" : "") + count(Math.abs(value))
              : digits === 1
                ? z(value)
                : score(value, digits),
            value,
          ),
        kind: shown.kind,
        domain: [shown.domain[0], shown.domain[1] * (shown.kind === "sequential" ? 1.0001 : 1)],
        words: shown.words,
        weakWord: shown.weak_word,
        note: shown.note,
      },
    });
  }

  /** @param {string} model */
  function sideOf(model) {
    const source = sourceOf(ask, model);
    const side = sides.get(model) ?? { name: model, source, catalog: catalogOf(source, fail) };
    sides.set(model, side);
    return side;
  }

  const pairsWanted = latest(
    async (signal) => {
      const [row, column] = state.cell;
      return ask("heatmap_cell", { row, column }, { signal });
    },
    ({ rows_a, rows_b, scores, ...found }) =>
      showPairs(
        found,
        Array.from(rows_a, (a, i) => ({ a, b: found.b === null ? null : rows_b[i], score: scores[i] })),
      ),
    fail,
  );

  function askPairs() {
    if (state.cell && answer) return pairsWanted.start();
    pairsWanted.stop();
    list?.destroy();
    list = null;
    between = null;
    fill(
      pane,
      html`<p class="sl-quiet sl-lines-empty" data-testid="heatmap-no-cell">
        Press a cell to see the components behind it.
      </p>`,
    );
  }

  /** @param {{title: string, hint: string, a: string, b: string | null}} result @param {import("../compare/list.js").Item[]} items */
  function showPairs({ title, hint, a, b }, items) {
    list?.destroy();
    between = { a, b };
    list = componentList({
      title,
      hint,
      empty: "Nothing above chance stands behind this cell.",
      testid: "behind",
      a: sideOf(a),
      b: b === null ? null : sideOf(b),
      paired: b !== null,
      pins: b !== null,
      onChoose: choose,
      fail,
    });
    fill(pane, list.node);
    list.show(items);
    mark(true);
    say(`${title}: ${count(items.length)} behind the cell`);
  }

  /** @param {import("../compare/list.js").Item} item */
  function choose(item) {
    for (const [model, row] of /** @type {[string | null | undefined, number | null][]} */ ([
      [between?.b, item.b],
      [between?.a, item.a],
    ])) {
      if (!model || row === null) continue;
      if (model === state.models[0]) change({ selection: [row] });
      else ask("heatmap_select", { model, rows: [row] }).catch(fail);
    }
  }

  /** Marks what is chosen in the first model. @param {boolean} [reveal] */
  function mark(reveal = false) {
    const chosen = new Set(state.selection);
    const key = between?.a === state.models[0] ? "a" : between?.b === state.models[0] ? "b" : null;
    list?.mark((item) => key !== null && item[key] !== null && chosen.has(item[key]), reveal);
  }

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
    if (chosenAnew) mark(true);
    if ("relabelled" in changed) for (const side of sides.values()) side.catalog.clear();
  }

  return {
    node,
    update,
    destroy() {
      matrixWanted.stop();
      pairsWanted.stop();
      list?.destroy();
    },
  };
}
