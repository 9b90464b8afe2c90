/** The tab "Compare": layer by layer, concept by concept, and what only A has, both share, only B has. */

import { catalog as catalogOf } from "../shared/catalog.js";
import { button, fill, html } from "../shared/dom.js";
import { count, plural, score } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { literal } from "../shared/python.js";
import { same } from "../shared/selection.js";
import { conceptRows } from "./concepts.js";
import { heatmap } from "./heatmap.js";
import { componentList } from "./list.js";
import { overlayView } from "./overlay.js";
import { questions, sourceOf } from "./questions.js";

/** @typedef {import("./questions.js").Comparison} Comparison */
/** @typedef {import("./heatmap.js").Cell} Cell */

/** What the matrix of layers can show. */
const MEASURES = {
  cosines: {
    text: "Cosine",
    title: "mean of each component's best cosine",
    words: ["unrelated", "identical"],
  },
  known: { text: "Known", title: "share of components with a counterpart", words: ["none", "all"] },
};

/** @type {import("../window/tabs.js").Tab} */
export function compareTab(context) {
  const { ask, source, catalog, banner, say, fail, set, act, tell } = context;
  const asks = questions(ask);
  /** @type {Comparison | null} */
  let comparison = null;
  /** @type {string[]} */
  let others = [];
  /** @type {"ab" | "ba"} */
  let direction = "ab";
  /** @type {keyof typeof MEASURES} */
  let measure = "cosines";
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
  /** @type {string[]} */
  let words = [];
  /** @type {ReturnType<typeof columnsOf> | null} */
  let columns = null;

  const map = heatmap({ label: "Similarity layer by layer", onCell });
  const mapTitle = html`<h3 />`;
  const measures = html`<div class="sl-choice" role="group" aria-label="Measure" data-browser />`;
  const turn = button({
    label: "Exchange the direction: how well A knows B",
    text: "⇄",
    class: "sl-square sl-outlined",
    "data-testid": "compare-turn",
    onclick: () => {
      direction = direction === "ab" ? "ba" : "ab";
      drawMap();
    },
  });
  const concepts = conceptRows({
    onConcept: (concept) => act("query", concept),
    onConcepts: (edited) => {
      const next = [...new Set(edited.map((word) => word.trim()).filter(Boolean))];
      act("concepts", next);
    },
  });
  const bar = html`<div class="sl-compare-bar" data-testid="compare-bar" />`;
  const left = html`<div class="sl-compare-left" tabindex="-1">
    <section class="sl-compare-part" aria-label="Layer by layer">
      <div class="sl-heading">${mapTitle}<span class="sl-spring" />${measures}${turn}</div>
      ${map.node}
    </section>
    ${concepts.node}
  </div>`;
  const right = html`<div class="sl-compare-columns" />`;
  /** Both models on one map, made when it is first looked at. @type {ReturnType<typeof overlayView> | null} */
  let overlay = null;
  let shownAs = "columns";
  const mapPlace = html`<div class="sl-compare-map" hidden />`;
  const views = html`<div class="sl-choice" role="group" aria-label="Shown as" />`;
  const filter = html`<div class="sl-compare-filter" hidden data-testid="compare-filter" />`;
  const main = html`<div class="sl-compare-main">
    ${left}
    <div class="sl-compare-right">${filter}${right}${mapPlace}</div>
  </div>`;
  const empty = html`<div class="sl-states" hidden />`;
  const node = html`<div class="sl-compare" data-testid="compare">${banner.node}${bar}${main}${empty}</div>`;
  main.hidden = true;
  bar.hidden = true;

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
      columns.a.show(lists.a, whole ? comparison.a_only : lists.a.length);
      columns.pairs.show(lists.pairs, whole ? comparison.pairs : lists.pairs.length);
      columns.b.show(lists.b, whole ? comparison.b_only : lists.b.length);
      markChosen(true);
      if (!whole)
        say(
          `${count(lists.a.length)} only in A, ${plural(lists.pairs.length, "pair")}, ${count(lists.b.length)} only in B`,
        );
    },
    fail,
  );

  /** @returns {[string, string] | null} a layer of A and one of B */
  function layersOfCell() {
    if (!cell || !comparison) return null;
    const [a, b] = direction === "ab" ? [cell.row, cell.column] : [cell.column, cell.row];
    return [comparison.layers_a[a], comparison.layers_b[b]];
  }

  /** @param {Cell | null} chosen */
  function onCell(chosen) {
    cell = chosen;
    const layers = layersOfCell();
    tell(layers ? `lens.comparison.between(${layers.map(literal).join(", ")})` : "lens.comparison.pairs");
    drawFilter();
    listsWanted.start();
  }

  /** @param {Comparison} between */
  function columnsOf(between) {
    const [a, b] = between.names;
    const other = { name: b, source: sourceOf(ask, b), catalog: catalogOf(sourceOf(ask, b), fail) };
    const own = { name: a, source, catalog };
    const onFind = (/** @type {0 | 1 | 2} */ at) => (/** @type {string} */ text) => {
      find[at] = text;
      listsWanted.start();
    };
    const shared = { fail, a: own, b: other };
    return {
      other,
      a: componentList({
        ...shared,
        title: "Only in A",
        hint: "Best match in B is within chance",
        empty: "Nothing that B lacks.",
        testid: "only-a",
        b: null,
        paired: false,
        onChoose: ({ a: row }) => row !== null && chooseA([row]),
        onFind: onFind(0),
      }),
      pairs: componentList({
        ...shared,
        title: "Shared",
        hint: `Mutual nearest, above chance; ${count(between.one_way)} one-way`,
        empty: "No pair above chance.",
        testid: "shared",
        paired: true,
        pins: true,
        onChoose: (item) => {
          if (item.b !== null) chooseB([item.b], false);
          if (item.a !== null) chooseA([item.a]);
        },
        onFind: onFind(1),
      }),
      b: componentList({
        ...shared,
        title: "Only in B",
        hint: "Best match in A is within chance",
        empty: "Nothing that A lacks.",
        testid: "only-b",
        paired: false,
        onChoose: ({ b: row }) => row !== null && chooseB([row], true),
        onFind: onFind(2),
      }),
    };
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
    const id = columns?.other.catalog.get(rows[0])?.id;
    if (alone && id) tell(`lens.others[${literal(comparison?.names[1])}].selection = ${literal([id])}`);
    markChosen();
  }

  /** @param {boolean} [reveal] */
  function markChosen(reveal = false) {
    if (!columns) return;
    const [a, b] = [new Set(selection), new Set(otherSelection)];
    overlay?.select(selection, otherSelection);
    columns.a.mark((item) => item.a !== null && a.has(item.a), reveal);
    columns.pairs.mark((item) => item.a !== null && a.has(item.a), reveal);
    columns.b.mark((item) => item.b !== null && b.has(item.b), reveal);
  }

  function drawViews() {
    fill(
      views,
      ...[
        ["columns", "Columns"],
        ["map", "One map"],
      ].map(([name, text]) =>
        button({
          text,
          "aria-pressed": String(name === shownAs),
          "data-testid": `compare-${name}`,
          onclick: () => {
            shownAs = name;
            drawViews();
          },
        }),
      ),
    );
    right.hidden = shownAs === "map";
    mapPlace.hidden = shownAs !== "map";
    if (shownAs === "map" && !overlay && comparison) {
      overlay = overlayView({
        ask,
        names: comparison.names,
        layers: comparison.layers,
        say,
        fail,
        onSelect: (a, b) => {
          chooseB(b, a.length === 0);
          chooseA(a);
        },
      });
      fill(mapPlace, overlay.node);
      overlay.select(selection, otherSelection);
    }
    drawFilter();
  }

  function drawBar() {
    if (!comparison) return;
    const { names, a_in_b, b_in_a, different_data } = comparison;
    const chance = score(a_in_b.chance, 2);
    // Said once where it is the same for both.
    const one = chance === score(b_in_a.chance, 2);
    const directed = (
      /** @type {string} */ text,
      /** @type {import("./questions.js").Similarity} */ s,
      /** @type {string} */ testid,
    ) =>
      html`<span data-testid=${testid}
        title="95 % from ${score(s.low)} to ${score(s.high)}; two unrelated random models ${score(s.chance)}">
        ${`${text} `}
        <b>${score(s.score, 2)}</b>
        <span class="sl-quiet">
          ${` ± ${score((s.high - s.low) / 2, 2)}${one ? "" : ` · chance ${score(s.chance, 2)}`}`}
        </span>
      </span>`;
    const select = /** @type {HTMLSelectElement} */ (
      html`<select aria-label="Model B" data-testid="compare-other"
        onchange=${() => act("other", select.value)}>
        ${others.map((name) => html`<option value=${name} selected=${name === names[1]}>${name}</option>`)}
      </select>`
    );
    fill(
      bar,
      html`<span class="sl-compare-model sl-ellipsis" title=${names[0]}><b>A</b>${` ${names[0]}`}</span>`,
      html`<span class="sl-compare-model sl-ellipsis" title=${names[1]}><b>B</b>${` ${names[1]}`}</span>`,
      different_data && html`<span class="sl-compare-warning">over different data</span>`,
      html`<span class="sl-spring" />`,
      views,
      html`<span class="sl-compare-scores">
        ${directed("B knows A", a_in_b, "b-knows-a")}
        ${directed("A knows B", b_in_a, "a-knows-b")}
        ${one && html`<span class="sl-quiet">chance ${chance}</span>`}
      </span>`,
      others.length > 1 && html`<label class="sl-select sl-compare-select"><span>B</span>${select}</label>`,
    );
    select.value = names[1];
  }

  function drawMap() {
    if (!comparison) return;
    const found = comparison;
    const values = found[measure][direction];
    const known = found.known[direction];
    const [rows, across] =
      direction === "ab" ? [found.layers_a, found.layers_b] : [found.layers_b, found.layers_a];
    const [knows, whom] = direction === "ab" ? ["B", "A"] : ["A", "B"];
    const chance = direction === "ab" ? found.a_in_b.chance : found.b_in_a.chance;
    const lowest = Math.min(chance, ...values.flat().filter((value) => value !== null));
    mapTitle.textContent = `How well ${knows} knows ${whom}`;
    turn.title = `Exchange the direction: how well ${whom} knows ${knows}`;
    fill(
      measures,
      .../** @type {(keyof typeof MEASURES)[]} */ (Object.keys(MEASURES)).map((name) =>
        button({
          text: MEASURES[name].text,
          label: MEASURES[name].title,
          "aria-pressed": String(name === measure),
          "data-testid": `layers-${name}`,
          onclick: () => {
            measure = name;
            drawMap();
          },
        }),
      ),
    );
    map.update({
      chosen: cell,
      matrix: {
        rows,
        columns: across,
        corner: `${whom} \\ ${knows}`,
        values,
        weak: known.map((row) => row.map((share) => share === 0)),
        format: (value) => score(value, 2),
        kind: "sequential",
        domain: measure === "known" ? [0, 1.0001] : [lowest, 1.0001],
        words: /** @type {[string, string]} */ (MEASURES[measure].words),
        weakWord: "not above chance",
        note: `Rows ${whom}, columns ${knows}: ${MEASURES[measure].title}${measure === "known" ? " above chance" : ""}.`,
      },
    });
  }

  function drawFilter() {
    const layers = layersOfCell();
    const parts = [
      layers && `layers ${layers[0]} and ${layers[1]}`,
      answered && `what carries “${answered}”`,
    ].filter(Boolean);
    filter.hidden = parts.length === 0 || shownAs === "map";
    fill(
      filter,
      html`<span>Only ${parts.join(", ")}</span>`,
      button({
        text: "Show all",
        "data-testid": "compare-all",
        onclick: () => {
          cell = null;
          map.update({ chosen: null });
          drawFilter();
          if (query) act("query", "");
          else listsWanted.start();
        },
      }),
    );
  }

  /** @param {boolean} anew whether the models are others than before */
  function drawAll(anew) {
    main.hidden = !comparison;
    bar.hidden = !comparison;
    empty.hidden = Boolean(comparison);
    if (!comparison) {
      fill(empty, howTo());
      return;
    }
    if (anew || !columns) {
      for (const list of columns ? [columns.a, columns.pairs, columns.b] : []) list.destroy();
      columns = columnsOf(comparison);
      fill(right, columns.a.node, columns.pairs.node, columns.b.node);
      overlay?.destroy();
      overlay = null;
      drawViews();
    }
    drawBar();
    drawMap();
    drawFilter();
    listsWanted.start();
  }

  function howTo() {
    const line = (/** @type {string} */ text) => html`<code class="sl-id sl-code-line">${text}</code>`;
    return html`<div class="sl-state" data-testid="compare-empty">
      <h2>Nothing to compare yet</h2>
      <p>Give this model another one: what do both know, and what only one of them?</p>
      ${line("lens.compare(other)")}
      <p class="sl-quiet">
        ${"The other lens is made with the same CLIP, crop and images; it may also come from a file: "}
      </p>
      ${line('lens.compare(sl.open("other.semlens"))')}
      <p class="sl-quiet">This window follows.</p>
    </div>`;
  }

  /** @returns {import("../shared/figure_menu.js").Part[]} what is looked at first */
  function figures() {
    const between = layersOfCell();
    const options = { ...(between && { layers: between }), ...(find.some(Boolean) && { find: [...find] }) };
    const map = { view: "compare_map", title: "One map" };
    const lists = { view: "compare", title: "Columns", options };
    const matrix = { view: "compare_layers", title: "Layers" };
    return shownAs === "map" ? [map, lists, matrix] : [lists, map, matrix];
  }

  return {
    node,
    figures,
    keys: {
      "/": () =>
        /** @type {HTMLElement | null} */ (node.querySelector('[data-testid="shared-find"]'))?.focus(),
      Escape: () => {
        if (!cell && !query) return false;
        cell = null;
        map.update({ chosen: null });
        drawFilter();
        if (query) act("query", "");
        else listsWanted.start();
      },
    },
    update(changed) {
      if ("query" in changed) query = changed.query;
      if ("concepts" in changed) {
        words = changed.concepts ?? [];
        concepts.track(words);
      }
      if ("other_selection" in changed && !same(changed.other_selection ?? [], otherSelection)) {
        otherSelection = changed.other_selection ?? [];
        markChosen(true);
      }
      if ("selection" in changed && !same(changed.selection ?? [], selection)) {
        selection = changed.selection ?? [];
        markChosen(true);
      }
      if ("comparison_version" in changed || "other" in changed) overviewWanted.start();
      if ("relabelled" in changed) columns?.other.catalog.clear();
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
      for (const list of columns ? [columns.a, columns.pairs, columns.b] : []) list.destroy();
      overlay?.destroy();
    },
  };
}
