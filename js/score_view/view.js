/** Evaluate: how readable the components are. Distributions to brush, two scores against each other, best and worst. */

import { paletteOf } from "../semantic_map/colours.js";
import { busyWork } from "../shared/busy.js";
import { button, fill, h } from "../shared/dom.js";
import { count as counted, plural, score as written } from "../shared/format.js";
import { askLabels, bestOf, countRows, idOf } from "../shared/labels.js";
import { latest } from "../shared/latest.js";
import { layerFilter } from "../shared/layer_filter.js";
import { preview } from "../shared/preview.js";
import { same, toggled } from "../shared/selection.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { stateActions, statePane } from "../shared/state.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { onResize, onTheme } from "../shared/surroundings.js";
import { distributionView } from "./distribution.js";
import { scatterView } from "./scatter.js";
import { askScores, column, extent, extremes, SCORES, says } from "./scores.js";

const EXTREMES = 4;
const EXAMPLES = 5;
const CROP = 36;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {(selection: number[]) => void} options.onSelect
 * @param {(layer: string | null) => void} options.onLayer
 * @param {(python: string) => void} [options.tell] a line of Python for a gesture that sets no trait
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 * @returns {import("../shared/mount.js").View}
 */
export function scoreView({ source, ask, onSelect, onLayer, tell = () => {}, say, fail }) {
  /** @type {import("../shared/labels.js").Layer[]} */
  let layers = [];
  let count = 0;
  /** @type {string | null} */
  let layer = null;
  /** @type {readonly number[]} */
  let selection = [];
  /** @type {import("./scores.js").Evaluation | null} */
  let scores = null;
  /** @type {import("../shared/labels.js").Labels | null} */
  let labels = null;
  /** @type {Record<string, string>} */
  let own = {};
  let centred = true;
  let across = "clarity";
  let up = "polysemanticity";
  let ranked = "clarity";
  let started = false;
  /** @type {ReturnType<typeof distributionView>[]} */
  let distributions = [];

  const work = busyWork({ ask, fail, onChange: draw });
  const filter = layerFilter({ onLayer });
  const forms = h("div", { class: "sl-forms", role: "group", "aria-label": "Form of the scores" });
  const evaluateButton = button({
    text: "Evaluate",
    class: "sl-outlined sl-main-action",
    "data-testid": "evaluate",
    onclick: () => {
      tell("lens.evaluate()");
      work.start("evaluate", {}, "Scoring");
    },
  });
  const about = h("span", { class: "sl-quiet sl-small-text", "data-testid": "scores-about" });
  const bar = h("div", { class: "sl-scores-bar" });
  const panels = h("div", { class: "sl-score-panels" });
  const scatter = scatterView({
    onBrush: brushed,
    nameOf: (row) => [idOf(layers, row), wordOf(row)].filter(Boolean).join("  "),
  });
  const [xSelect, ySelect, rankSelect] = [
    scoreSelect("x", "Across", "scatter-x", (name) => {
      across = name;
    }),
    scoreSelect("y", "Up", "scatter-y", (name) => {
      up = name;
    }),
    scoreSelect("by", "Best and worst by", "rank-by", (name) => {
      ranked = name;
    }),
  ];
  const strips = h("div", { class: "sl-extremes", onclick: onStrip, onkeydown: onStripKey });
  const side = h(
    "aside",
    { class: "sl-scores-side", "aria-label": "Two scores, and the extremes" },
    h(
      "div",
      { class: "sl-scores-line" },
      h("h3", { class: "sl-heading" }, "Two scores"),
      xSelect.node,
      ySelect.node,
    ),
    scatter.node,
    h(
      "div",
      { class: "sl-scores-line" },
      h("h3", { class: "sl-heading" }, "Best and worst"),
      rankSelect.node,
    ),
    strips,
  );
  const body = h("div", { class: "sl-scores-body" }, panels, side);
  const state = h("div", { class: "sl-states", hidden: true });
  const node = h(
    "div",
    { class: "sl-scores sl-banner-place", "data-testid": "score-view" },
    bar,
    body,
    state,
  );
  const large = preview({ area: node, source, known: () => ({}), say, fail });
  const thumbnails = sprites({
    source,
    examples: EXAMPLES,
    size: imagePixels(CROP),
    onArrive: paintAll,
    onError: fail,
  });
  const scoresWanted = latest(
    (signal) => askScores(ask, signal),
    (answer) => {
      scores = answer;
      draw();
    },
    fail,
  );
  const labelsWanted = latest(
    (signal) => askLabels(ask, signal),
    (answer) => {
      labels = answer;
      drawExtremes();
    },
    fail,
  );
  const stopResizing = onResize(panels, redraw);
  const stopTheming = onTheme(drawScatter);

  /** @param {string} text @param {string} label @param {string} id @param {(name: string) => void} take */
  function scoreSelect(text, label, id, take) {
    const select = h(
      "select",
      {
        "aria-label": label,
        "data-testid": id,
        onchange: () => {
          take(select.value);
          drawScatter();
          drawExtremes();
        },
      },
      ...SCORES.map(({ name }) => h("option", { value: name }, name)),
    );
    return {
      node: h("label", { class: "sl-select" }, h("span", { class: "sl-quiet" }, text), select),
      select,
    };
  }

  /** @param {number} row */
  function wordOf(row) {
    const mine = own[idOf(layers, row)];
    if (mine !== undefined) return mine;
    const best = labels ? bestOf(labels, row) : null;
    return best ? (best.accepted ? best.text : `unexplained (${best.text}?)`) : "";
  }

  /** @param {string} score */
  const numbersOf = (score) =>
    /** @type {import("./scores.js").Evaluation} */ (scores).of.get(column(score, centred)) ??
    new Float32Array(count);

  /** @returns {{name: string, start: number, end: number, summary: any}[]} */
  function shownLayers() {
    let start = 0;
    const shown = [];
    for (const [number, { name, count: size }] of layers.entries()) {
      if (layer === null || name === layer)
        shown.push({ name, start, end: start + size, summary: scores?.layers[number] });
      start += size;
    }
    return shown;
  }

  /** Whether the layer filter lets a row be seen. */
  function seenRows() {
    const parts = shownLayers();
    return (/** @type {number} */ row) => parts.some(({ start, end }) => row >= start && row < end);
  }

  function draw() {
    const made = scores?.made === true;
    body.hidden = !made;
    state.hidden = made;
    evaluateButton.disabled = work.running;
    evaluateButton.classList.toggle("sl-main-action", !made);
    evaluateButton.querySelector("span")?.replaceChildren(made ? "Evaluate again" : "Evaluate");
    about.textContent = made ? `seen by ${scores?.clip?.split("@")[0]}` : "";
    const form = (/** @type {boolean} */ value, /** @type {string} */ text, /** @type {string} */ title) =>
      button({
        text,
        label: title,
        class: "sl-outlined",
        "aria-pressed": String(centred === value),
        "data-testid": value ? "form-centred" : "form-raw",
        onclick: () => {
          centred = value;
          draw();
        },
      });
    fill(
      forms,
      form(
        true,
        "Mean removed",
        "The data set's mean is removed: what tells components apart from random images",
      ),
      form(false, "Raw", "As defined in the paper: all images of a data set are somewhat alike"),
    );
    if (made)
      fill(bar, forms, filter.node, h("span", { class: "sl-spring" }), about, work.node, evaluateButton);
    else fill(bar, filter.node, h("span", { class: "sl-spring" }));
    if (!made) {
      fill(state, drawState());
      return;
    }
    [xSelect.select.value, ySelect.select.value, rankSelect.select.value] = [across, up, ranked];
    drawPanels();
    drawScatter();
    drawExtremes();
  }

  function drawState() {
    if (scores === null) return h("p", { class: "sl-state sl-quiet" }, "Asking for scores…");
    return statePane(
      "scores-empty",
      "How readable are these components?",
      `${plural(count, "component")} are scored by their own examples: clarity, polysemanticity and redundancy, each against random images of the same data.`,
      stateActions(work.node, evaluateButton),
    );
  }

  function drawPanels() {
    distributions = [];
    const marked = new Set(selection);
    fill(panels, ...SCORES.map(({ name, title, says: meaning }) => drawPanel(name, title, meaning)));
    for (const distribution of distributions) distribution.mark(marked);
  }

  /** @param {string} name @param {string} title @param {string} meaning */
  function drawPanel(name, title, meaning) {
    const found = /** @type {import("./scores.js").Evaluation} */ (scores);
    const numbers = numbersOf(name);
    const parts = shownLayers();
    // What random sets reach stands in every plot, however far from it the components are.
    const levels = parts.map(({ summary }) => summary?.[column(name, centred)]?.null_high ?? Number.NaN);
    const domain = extent([...(extent(numbers) ?? [0, 1]), ...levels]) ?? [0, 1];
    const beyond = beyondChance(name, numbers, parts);
    // As tall as there is room for, so that few layers do not leave the pane empty.
    const height = Math.max(46, Math.min(130, Math.floor(330 / parts.length) - 28));
    return h(
      "section",
      { class: "sl-score-panel", "aria-label": title, "data-testid": `panel-${name}` },
      h("h3", { class: "sl-heading" }, title, h("span", { class: "sl-quiet" }, meaning)),
      button({
        text: beyond.text,
        label: `Select: ${beyond.text}`,
        class: "sl-outlined sl-beyond",
        "data-testid": `beyond-${name}`,
        onclick: (/** @type {MouseEvent} */ event) => brushed(beyond.rows, event),
      }),
      ...parts.map(({ name: layerName, start, end, summary }) => {
        const of = summary?.[column(name, centred)];
        const rows = [];
        for (let row = start; row < end; row++) if (Number.isFinite(numbers[row])) rows.push(row);
        const distribution = distributionView({ onBrush: brushed, say, height });
        distributions.push(distribution);
        const facts =
          of && of.mean !== null
            ? `${written(of.mean, 2)} [${written(of.low, 2)}, ${written(of.high, 2)}]`
            : "no component";
        const line = h(
          "div",
          { class: "sl-layer-score" },
          h(
            "div",
            { class: "sl-layer-line" },
            h("span", { class: "sl-id sl-ellipsis", title: layerName }, layerName),
            h("span", { class: "sl-number", title: "mean over components, with its 95 % interval" }, facts),
          ),
          distribution.node,
        );
        distribution.show({
          title: `${title} of ${layerName}, mean ${facts}`,
          domain,
          rows,
          numbers,
          says: (row) => says(found, name, row),
          summary: of ?? { mean: null, low: null, high: null, null: null, null_high: null },
        });
        return line;
      }),
      h(
        "div",
        { class: "sl-layer-line sl-quiet sl-axis-line" },
        h("span", {}, written(domain[0], 2)),
        h("span", {}, "┆ 95 % of random sets"),
        h("span", {}, written(domain[1], 2)),
      ),
    );
  }

  /**
   * The components that stand out from chance, or (clarity) do not.
   * @param {string} name @param {Float32Array} numbers @param {ReturnType<typeof shownLayers>} parts
   */
  function beyondChance(name, numbers, parts) {
    const found = /** @type {import("./scores.js").Evaluation} */ (scores);
    const rows = [];
    let all = 0;
    for (const { start, end, summary } of parts) {
      const level = summary?.[column(name, centred)]?.null_high ?? Number.POSITIVE_INFINITY;
      for (let row = start; row < end; row++) {
        if (!Number.isFinite(numbers[row]) || !says(found, name, row)) continue;
        all += 1;
        if (numbers[row] > level !== (name === "clarity")) rows.push(row);
      }
    }
    const share = `${counted(rows.length)} of ${counted(all)}`;
    const text =
      name === "clarity"
        ? `${share} no clearer than random`
        : name === "redundancy"
          ? `${share} closer than random`
          : `${share} clear ones above random`;
    return { rows, text };
  }

  function drawScatter() {
    if (!scores?.made || !node.isConnected) return;
    const found = scores;
    const [x, y] = [numbersOf(across), numbersOf(up)];
    const bounds = (/** @type {Float32Array} */ numbers) =>
      extent(numbers) ?? /** @type {[number, number]} */ ([0, 1]);
    const needsClarity = [across, up].includes("polysemanticity");
    scatter.show(
      {
        x,
        y,
        across: bounds(x),
        up: bounds(y),
        seen: seenRows(),
        says: (row) => !needsClarity || says(found, "polysemanticity", row),
        title: `${up} against ${across}${needsClarity ? "; rings are not clear, so that their polysemanticity says nothing" : ""}`,
      },
      paletteOf(node),
    );
    scatter.mark(new Set(selection));
  }

  function drawExtremes() {
    if (!scores?.made) return;
    const found = scores;
    const numbers = numbersOf(ranked);
    const seen = seenRows();
    const allowed = (/** @type {number} */ row) => seen(row) && says(found, ranked, row);
    const best = extremes(numbers, allowed, EXTREMES, true);
    const worst = extremes(numbers, (row) => allowed(row) && !best.includes(row), EXTREMES, false);
    fill(
      strips,
      h("div", { class: "sl-divider" }, `most ${wordFor(ranked)}`),
      ...best.map(drawStrip),
      worst.length > 0 && h("div", { class: "sl-divider" }, `least ${wordFor(ranked)}`),
      ...worst.reverse().map(drawStrip),
    );
    thumbnails.want([...best, ...worst]);
    paintAll();
    markStrips();
  }

  /** @param {string} name */
  const wordFor = (name) =>
    ({ clarity: "clear", polysemanticity: "polysemantic, of the clear ones", redundancy: "redundant" })[name];

  /** @param {number} row */
  function drawStrip(row) {
    const clarity = written(numbersOf("clarity")[row], 2);
    const value = written(numbersOf(ranked)[row], 2);
    // Polysemanticity is never shown without clarity.
    const facts = ranked === "clarity" ? value : `${value}, clarity ${clarity}`;
    const word = wordOf(row);
    return h(
      "div",
      {
        class: "sl-extreme",
        role: "button",
        tabindex: "0",
        "data-extreme": row,
        "data-testid": "extreme",
        "data-id": idOf(layers, row),
        "aria-label": `${idOf(layers, row)}, ${ranked} ${facts}${word ? `, ${word}` : ""}`,
      },
      h(
        "span",
        { class: "sl-map-words" },
        h("span", { class: "sl-id" }, idOf(layers, row)),
        h("span", { class: "sl-ellipsis sl-quiet", title: word }, word),
      ),
      h(
        "span",
        { class: "sl-number" },
        value,
        ranked !== "clarity" && h("span", { class: "sl-meta" }, `clarity ${clarity}`),
      ),
      cropStrip(row, EXAMPLES),
    );
  }

  function paintAll() {
    paintStrips(strips, thumbnails.get);
  }

  function markStrips() {
    for (const strip of /** @type {NodeListOf<HTMLElement>} */ (strips.querySelectorAll("[data-extreme]"))) {
      const at = selection.indexOf(Number(strip.dataset.extreme));
      strip.classList.toggle("sl-selected", at >= 0);
      strip.classList.toggle("sl-primary", at === 0);
      strip.setAttribute("aria-pressed", String(at >= 0));
    }
  }

  /** @param {Event} event @returns {number | null} */
  function extremeOf(event) {
    const strip = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-extreme]")
    );
    return strip ? Number(strip.dataset.extreme) : null;
  }

  /** @param {MouseEvent} event */
  function onStrip(event) {
    const row = extremeOf(event);
    if (row === null) return;
    choose(event.ctrlKey || event.metaKey ? toggled(selection, row) : [row]);
  }

  /** @param {KeyboardEvent} event */
  function onStripKey(event) {
    const row = extremeOf(event);
    if (row === null || (event.key !== "Enter" && event.key !== " ")) return;
    choose(event.ctrlKey || event.metaKey ? toggled(selection, row) : [row]);
    event.preventDefault();
    event.stopPropagation();
  }

  /** Rows become the selection, join it (Ctrl, Cmd) or leave it (Alt). @param {number[]} rows @param {MouseEvent | KeyboardEvent} event */
  function brushed(rows, event) {
    const set = new Set(rows);
    if (event.altKey) choose(selection.filter((row) => !set.has(row)));
    else if (event.ctrlKey || event.metaKey)
      choose([...selection, ...rows.filter((row) => !selection.includes(row))]);
    else choose(rows);
  }

  /** @param {readonly number[]} next */
  function choose(next) {
    if (same(next, selection)) return;
    setSelection(next);
    onSelect([...next]);
    say(`${counted(next.length)} selected`);
  }

  /** @param {readonly number[]} next */
  function setSelection(next) {
    selection = next;
    const marked = new Set(next);
    for (const distribution of distributions) distribution.mark(marked);
    scatter.mark(marked);
    markStrips();
  }

  function redraw() {
    if (!scores?.made) return;
    for (const distribution of distributions) distribution.draw();
    drawScatter();
  }

  return {
    node,
    figures: () => [{ view: "evaluate", title: "Scores", options: centred ? {} : { raw: true } }],
    update(changed) {
      filter.update(changed);
      if ("layers" in changed) {
        layers = changed.layers ?? [];
        count = countRows(layers);
      }
      if ("layer" in changed) layer = changed.layer ?? null;
      if ("own_labels" in changed) own = changed.own_labels ?? {};
      if ("selection" in changed && !same(changed.selection ?? [], selection)) {
        for (const distribution of distributions) distribution.clear();
        scatter.clear();
        setSelection(changed.selection ?? []);
      }
      if (!started && count) {
        started = true;
        scoresWanted.start();
        labelsWanted.start();
        draw();
        return;
      }
      if (!started) return;
      if ("evaluation_version" in changed) scoresWanted.start();
      if ("labels_version" in changed) labelsWanted.start();
      if ("layer" in changed) draw();
      else if ("own_labels" in changed) drawExtremes();
    },
    destroy() {
      for (const asked of [scoresWanted, labelsWanted, work]) asked.stop();
      stopResizing();
      stopTheming();
      thumbnails.clear();
      large.destroy();
      filter.destroy();
    },
  };
}
