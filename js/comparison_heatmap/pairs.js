/** The components behind a cell: of one model, or pairs of two. */

import { componentList } from "../compare/list.js";
import { sourceOf } from "../compare/questions.js";
import { catalog as catalogOf } from "../shared/catalog.js";
import { fill, html } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { latest } from "../shared/latest.js";

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {() => string} options.own the model whose selection the view shares
 * @param {(rows: number[]) => void} options.onSelect of that model
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 */
export function pairsBehind({ ask, own, onSelect, announce, fail }) {
  const node = html`<div class="sl-heatmap-pairs sl-beside" data-testid="heatmap-pairs" />`;
  /** @type {Map<string, import("../compare/list.js").Side>} */
  const sides = new Map();
  /** @type {ReturnType<typeof componentList> | null} */
  let list = null;
  /** The models of the list. @type {{a: string, b: string | null} | null} */
  let between = null;
  /** @type {readonly number[]} */
  let selection = [];
  const wanted = latest(
    (signal, /** @type {[number, number]} */ [row, column]) =>
      ask("heatmap_cell", { row, column }, { signal }),
    ({ rows_a, rows_b, scores, ...found }) =>
      draw(
        found,
        Array.from(rows_a, (a, i) => ({ a, b: found.b === null ? null : rows_b[i], score: scores[i] })),
      ),
    fail,
  );

  /** @param {string} model */
  function sideOf(model) {
    const source = sourceOf(ask, model);
    const side = sides.get(model) ?? { name: model, source, catalog: catalogOf(source, fail) };
    sides.set(model, side);
    return side;
  }

  /** @param {{title: string, hint: string, a: string, b: string | null}} found @param {import("../compare/list.js").Item[]} items */
  function draw({ title, hint, a, b }, items) {
    list?.destroy();
    between = { a, b };
    list = componentList({
      title,
      hint,
      empty: "No pair behind this cell matches better than chance.",
      testid: "behind",
      a: sideOf(a),
      b: b === null ? null : sideOf(b),
      paired: b !== null,
      pins: b !== null,
      onChoose: choose,
      fail,
    });
    fill(node, list.node);
    list.show(items);
    mark();
    announce(`${title}: ${count(items.length)} behind the cell`);
  }

  /** @param {import("../compare/list.js").Item} item */
  function choose(item) {
    for (const [model, row] of /** @type {const} */ ([
      [between?.b, item.b],
      [between?.a, item.a],
    ])) {
      if (!model || row === null) continue;
      if (model === own()) onSelect([row]);
      else ask("heatmap_select", { model, rows: [row] }).catch(fail);
    }
  }

  /** Marks what is chosen in the view's own model. */
  function mark() {
    const chosen = new Set(selection);
    const key = between?.a === own() ? "a" : between?.b === own() ? "b" : null;
    list?.mark((item) => key !== null && item[key] !== null && chosen.has(item[key]), true);
  }

  return {
    node,
    /** Asks for what is behind a cell; null: there is none. @param {[number, number] | null} cell */
    show(cell) {
      if (cell) return wanted.start(cell);
      wanted.stop();
      list?.destroy();
      list = between = null;
      fill(
        node,
        html`<p class="sl-quiet sl-pad-all" data-testid="heatmap-no-cell">
          Press a cell to see the components behind it.
        </p>`,
      );
    },
    /** @param {readonly number[]} chosen */
    mark(chosen) {
      selection = chosen;
      mark();
    },
    /** Components are called otherwise now. */
    rename() {
      for (const side of sides.values()) side.catalog.clear();
    },
    destroy() {
      wanted.stop();
      list?.destroy();
    },
  };
}
