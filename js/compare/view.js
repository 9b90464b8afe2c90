/** The tab "Compare": layer by layer, concept by concept, and what only A has, both share, only B has. */

import "../shared/heading.css";
import "../shared/toggle.css";
import "./view.css";
import { fill, html } from "../shared/dom.js";
import { count, plural } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { literal } from "../shared/python.js";
import { barParts } from "./bar.js";
import { chooser } from "./chooser.js";
import { chosenInBoth } from "./chosen.js";
import { columnsOf } from "./columns.js";
import { conceptRows } from "./concepts.js";
import { layersPane } from "./layers.js";
import { listFilter } from "./list_filter.js";
import { eitherWay, overlayView } from "./overlay.js";
import { questions } from "./questions.js";

/** @typedef {import("./questions.js").Comparison} Comparison */
/** @typedef {import("./heatmap.js").Cell} Cell */

/** @param {import("./questions.js").Lists} lists */
const inWords = ({ a, pairs, b }) =>
  `${count(a.length)} only in A, ${plural(pairs.length, "pair")}, ${count(b.length)} only in B`;

/**
 * What is looked at first.
 * @param {boolean} isMap @param {Record<string, any>} options of the lists
 * @returns {import("../shared/figure_menu.js").Part[]}
 */
function comparisonFigures(isMap, options) {
  const map = { view: "compare_map", title: "One map" };
  const lists = { view: "compare", title: "Columns", options };
  const matrix = { view: "compare_layers", title: "Layers" };
  return isMap ? [map, lists, matrix] : [lists, map, matrix];
}

/** @type {import("../shared/alone.js").CreateView} */
export function compareView(context) {
  const { ask, banner, announce, fail, act, showPython, work } = context;
  const asks = questions(ask);
  /** @type {Comparison | null} */
  let comparison = null;
  /** The query that `hits` answered last: only then has the kernel taken it in. */
  let answered = "";
  /** Whether another model is being chosen. */
  let choosing = false;
  /** @type {ReturnType<typeof columnsOf> | null} */
  let columns = null;

  const matrix = layersPane({ onCell });
  const concepts = conceptRows({
    onConcept,
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
          chosen.chooseB(b, a.length === 0);
          chosen.chooseA(a);
        },
      }),
    onChange: () => filter.draw(shown.isMap),
  });
  const filter = listFilter({
    layersOf: matrix.layersOf,
    onAll() {
      filter.showAll();
      matrix.choose(null);
      concepts.choose(null);
      refilter();
    },
  });
  const chosen = chosenInBoth(
    context,
    () => comparison && { name: comparison.names[1], idOf: (row) => columns?.idOfB(row) },
    (a, b, reveal) => {
      shown.select(a, b);
      columns?.mark(a, b, reveal);
    },
  );
  const main = html`<div class="sl-panes">
    <div class="sl-scrolls" tabindex="-1">${matrix.node}${concepts.node}</div>
    <div class="sl-stack sl-beside">${filter.node}${right}${shown.map}</div>
  </div>`;
  const choice = chooser({
    ask,
    work,
    fail,
    onKnown(name) {
      act("other", name);
      choose(false);
    },
    onCompared(python) {
      choosing = false;
      banner.hide("error");
      showPython(python);
      overviewWanted.start();
    },
    onCancel: () => choose(false),
  });
  const empty = html`<div class="sl-states" hidden>${choice.node}</div>`;
  const node = html`<div class="sl-compare sl-view sl-stack" data-testid="compare">${banner.node}${bar}${main}${empty}</div>`;
  main.hidden = bar.hidden = true;

  const overviewWanted = latest(
    asks.overview,
    (answer) => {
      const before = comparison?.names.join("\n");
      comparison = answer.comparison;
      const isAnother = comparison?.names.join("\n") !== before;
      if (isAnother) {
        choosing = false;
        filter.reset();
      }
      drawAll(isAnother);
      if (comparison) conceptsWanted.start();
    },
    fail,
  );
  const conceptsWanted = latest(
    asks.concepts,
    (table) => {
      const { concept } = filter;
      if (concept !== null && !table.rows.some((row) => row.concept === concept)) onConcept(null);
      concepts.update(table);
    },
    fail,
  );
  const listsWanted = latest(
    async (signal) => {
      const whole = !filter.isKept();
      return { whole, lists: await asks.lists(filter.wanted, signal) };
    },
    ({ whole, lists }) => {
      if (!columns || !comparison) return;
      columns.show(lists, whole ? comparison : null);
      chosen.mark(true);
      if (!whole) announce(inWords(lists));
    },
    fail,
  );

  function refilter() {
    filter.draw(shown.isMap);
    listsWanted.start();
  }

  /** @param {Cell | null} cell */
  function onCell(cell) {
    filter.cell = cell;
    const layers = filter.layers();
    showPython(`lens.comparison.${layers ? `between(${layers.map(literal).join(", ")})` : "pairs"}`);
    refilter();
  }

  /** @param {string | null} concept */
  function onConcept(concept) {
    filter.concept = concept;
    concepts.choose(concept);
    showPython(concept === null ? "lens.comparison.pairs" : `lens.concept_table([${literal(concept)}])`);
    refilter();
  }

  /** @param {boolean} now whether another model is being chosen */
  function choose(now) {
    choosing = now;
    drawAll(false);
  }

  /** @param {boolean} anew whether the models are others than before */
  function drawAll(anew) {
    const shows = comparison !== null && !choosing;
    main.hidden = bar.hidden = !shows;
    if (!shows && empty.hidden) choice.open(comparison?.names[1] ?? null);
    empty.hidden = shows;
    if (!comparison || choosing) return;
    if (anew || !columns) {
      columns?.destroy();
      columns = columnsOf(context, comparison, {
        chooseA: chosen.chooseA,
        chooseB: chosen.chooseB,
        onFind(at, text) {
          filter.find(at, text);
          listsWanted.start();
        },
      });
      fill(right, ...columns.nodes);
      shown.renew();
    }
    fill(bar, ...barParts(comparison, shown.choice, () => choose(true)));
    matrix.update(comparison, filter.cell);
    refilter();
  }

  return {
    node,
    figures: () => comparisonFigures(shown.isMap, filter.options()),
    keys: {
      "/": () =>
        /** @type {HTMLElement | null} */ (node.querySelector('[data-testid="shared-find"]'))?.focus(),
      Escape: () => {
        if (choosing && comparison) return choose(false);
        if (!filter.isKept()) return false;
        filter.all();
      },
    },
    update(changed) {
      if ("concepts" in changed) concepts.track(changed.concepts ?? []);
      chosen.update(changed);
      if ("comparison_version" in changed || "other" in changed) overviewWanted.start();
      if ("relabelled" in changed) columns?.rename();
      if ("hits" in changed && (changed.hits?.query ?? "") !== answered) {
        answered = changed.hits?.query ?? "";
        if (comparison) conceptsWanted.start();
      }
    },
    destroy() {
      for (const wanted of [overviewWanted, conceptsWanted, listsWanted, choice]) wanted.stop();
      columns?.destroy();
      shown.destroy();
    },
  };
}
