/** The tab "Compare": layer by layer, concept by concept, and what only A has, both share, only B has. */

import "../shared/heading.css";
import "../shared/toggle.css";
import "./view.css";
import { button, fill, html } from "../shared/dom.js";
import { count, plural } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { literal } from "../shared/python.js";
import { same } from "../shared/selection.js";
import { barParts, howTo } from "./bar.js";
import { columnsOf } from "./columns.js";
import { conceptRows } from "./concepts.js";
import { layersPane } from "./layers.js";
import { eitherWay, overlayView } from "./overlay.js";
import { questions } from "./questions.js";

/** @typedef {import("./questions.js").Comparison} Comparison */
/** @typedef {import("./heatmap.js").Cell} Cell */

/** @param {Record<string, any>} changed @param {string} name @param {number[]} now @returns {number[]} the selection after a change */
const chosenIn = (changed, name, now) => (name in changed ? (changed[name] ?? []) : now);

/** @param {import("./questions.js").Lists} lists */
const inWords = ({ a, pairs, b }) =>
  `${count(a.length)} only in A, ${plural(pairs.length, "pair")}, ${count(b.length)} only in B`;

/**
 * What is looked at first.
 * @param {boolean} isMap @param {[string, string] | null} layers that the lists are kept to @param {string[]} find
 * @returns {import("../shared/figure_menu.js").Part[]}
 */
function comparisonFigures(isMap, layers, find) {
  const options = { ...(layers && { layers }), ...(find.some(Boolean) && { find: [...find] }) };
  const map = { view: "compare_map", title: "One map" };
  const lists = { view: "compare", title: "Columns", options };
  const matrix = { view: "compare_layers", title: "Layers" };
  return isMap ? [map, lists, matrix] : [lists, map, matrix];
}

/** @type {import("../shared/alone.js").CreateView} */
export function compareView(context) {
  const { ask, banner, announce, fail, set, act, showPython } = context;
  const asks = questions(ask);
  /** @type {Comparison | null} */
  let comparison = null;
  /** @type {string[]} */
  let others = [];
  /** The layers the lists are kept to. @type {Cell | null} */
  let cell = null;
  /** @type {[string, string, string]} */
  let find = ["", "", ""];
  let query = "";
  /** The query that `hits` answered last: only then has the kernel taken it in. */
  let answered = "";
  /** @type {number[]} */
  let selection = [];
  /** @type {number[]} */
  let otherSelection = [];
  /** @type {ReturnType<typeof columnsOf> | null} */
  let columns = null;

  const matrix = layersPane({ onCell });
  const concepts = conceptRows({
    onConcept: (concept) => act("query", concept),
    onConcepts: (edited) => act("concepts", [...new Set(edited.map((word) => word.trim()).filter(Boolean))]),
  });
  const bar = html`<div class="sl-line sl-wraps sl-gap-12 sl-pad sl-fixed sl-under" data-testid="compare-bar" />`;
  const right = html`<div class="sl-compare-columns" />`;
  const shown = eitherWay({
    columns: right,
    makeMap: () =>
      comparison &&
      overlayView({
        ask,
        names: comparison.names,
        layers: comparison.layers,
        announce,
        fail,
        onSelect: (a, b) => {
          chooseB(b, a.length === 0);
          chooseA(a);
        },
      }),
    onChange: drawFilter,
  });
  const filter = html`<div class="sl-compare-filter sl-soft sl-line sl-fixed sl-under sl-text" hidden data-testid="compare-filter" />`;
  const main = html`<div class="sl-panes">
    <div class="sl-scrolls" tabindex="-1">${matrix.node}${concepts.node}</div>
    <div class="sl-stack sl-beside">${filter}${right}${shown.map}</div>
  </div>`;
  const empty = html`<div class="sl-states" hidden />`;
  const node = html`<div class="sl-compare sl-view sl-stack" data-testid="compare">${banner.node}${bar}${main}${empty}</div>`;
  main.hidden = bar.hidden = true;

  const overviewWanted = latest(
    asks.overview,
    (answer) => {
      const before = comparison?.names.join("\n");
      others = answer.others;
      comparison = answer.comparison;
      const isAnother = comparison?.names.join("\n") !== before;
      if (isAnother) {
        cell = null;
        find = ["", "", ""];
      }
      drawAll(isAnother);
      if (comparison) conceptsWanted.start();
    },
    fail,
  );
  const conceptsWanted = latest(asks.concepts, concepts.update, fail);
  const listsWanted = latest(
    async (signal) => {
      const filters = { layers: layersOfCell(), concept: answered || null, find };
      return { whole: !filters.layers && !filters.concept, lists: await asks.lists(filters, signal) };
    },
    ({ whole, lists }) => {
      if (!columns || !comparison) return;
      columns.show(lists, whole ? comparison : null);
      markChosen(true);
      if (!whole) announce(inWords(lists));
    },
    fail,
  );

  const layersOfCell = () => matrix.layersOf(cell);

  /** @param {Cell | null} chosen */
  function onCell(chosen) {
    cell = chosen;
    const layers = layersOfCell();
    showPython(`lens.comparison.${layers ? `between(${layers.map(literal).join(", ")})` : "pairs"}`);
    drawFilter();
    listsWanted.start();
  }

  /** @param {number[]} rows */
  function chooseA(rows) {
    selection = rows;
    act("selection", rows);
    markChosen();
  }

  /** @param {number[]} rows @param {boolean} alone whether nothing of A is chosen with it */
  function chooseB(rows, alone) {
    otherSelection = rows;
    set({ other_selection: rows });
    const id = columns?.idOfB(rows[0]);
    if (alone && id) showPython(`lens.others[${literal(comparison?.names[1])}].selection = ${literal([id])}`);
    markChosen();
  }

  /** @param {boolean} [reveal] */
  function markChosen(reveal = false) {
    shown.select(selection, otherSelection);
    columns?.mark(selection, otherSelection, reveal);
  }

  /** The lists are no longer kept to a cell or to what is searched. */
  function showAll() {
    cell = null;
    matrix.choose(null);
    drawFilter();
    if (query) act("query", "");
    else listsWanted.start();
  }

  function drawFilter() {
    const layers = layersOfCell();
    const to = [layers && `layers ${layers.join(" and ")}`, answered && `what carries “${answered}”`];
    const parts = to.filter(Boolean);
    filter.hidden = parts.length === 0 || shown.isMap;
    const all = button({ text: "Show all", "data-testid": "compare-all", onclick: showAll });
    fill(filter, html`<span>Only ${parts.join(", ")}</span>`, all);
  }

  /** @param {boolean} anew whether the models are others than before */
  function drawAll(anew) {
    main.hidden = bar.hidden = !comparison;
    empty.hidden = Boolean(comparison);
    if (!comparison) return fill(empty, howTo());
    if (anew || !columns) {
      columns?.destroy();
      columns = columnsOf(context, comparison, {
        chooseA,
        chooseB,
        onFind(at, text) {
          find[at] = text;
          listsWanted.start();
        },
      });
      fill(right, ...columns.nodes);
      shown.renew();
    }
    fill(bar, ...barParts(comparison, others, shown.choice, (name) => act("other", name)));
    matrix.update(comparison, cell);
    drawFilter();
    listsWanted.start();
  }

  return {
    node,
    figures: () => comparisonFigures(shown.isMap, layersOfCell(), find),
    keys: {
      "/": () =>
        /** @type {HTMLElement | null} */ (node.querySelector('[data-testid="shared-find"]'))?.focus(),
      Escape: () => {
        if (!cell && !query) return false;
        showAll();
      },
    },
    update(changed) {
      if ("query" in changed) query = changed.query;
      if ("concepts" in changed) concepts.track(changed.concepts ?? []);
      const [a, b] = [
        chosenIn(changed, "selection", selection),
        chosenIn(changed, "other_selection", otherSelection),
      ];
      if (!same(a, selection) || !same(b, otherSelection)) {
        [selection, otherSelection] = [a, b];
        markChosen(true);
      }
      if ("comparison_version" in changed || "other" in changed) overviewWanted.start();
      if ("relabelled" in changed) columns?.rename();
      if ("hits" in changed && (changed.hits?.query ?? "") !== answered) {
        answered = changed.hits?.query ?? "";
        if (comparison) {
          drawFilter();
          conceptsWanted.start();
          listsWanted.start();
        }
      }
    },
    destroy() {
      for (const wanted of [overviewWanted, conceptsWanted, listsWanted]) wanted.stop();
      columns?.destroy();
      shown.destroy();
    },
  };
}
