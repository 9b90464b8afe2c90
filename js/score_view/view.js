/** Evaluate: how readable the components are. Distributions to brush, two scores against each other, best and worst. */

import { busyWork } from "../shared/busy.js";
import { button, fill, h } from "../shared/dom.js";
import { count as counted, plural, score as written } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { layerFilter } from "../shared/layer_filter.js";
import { componentNames } from "../shared/names.js";
import { preview } from "../shared/preview.js";
import { colourReader } from "../shared/scatter/canvas.js";
import { brushed, same } from "../shared/selection.js";
import { stateActions, statePane } from "../shared/state.js";
import { onResize, onTheme } from "../shared/surroundings.js";
import { scorePanels } from "./panels.js";
import { scatterView } from "./scatter.js";
import { askScores, column, extent, SCORES, says } from "./scores.js";
import { scoreSide } from "./side.js";

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {(selection: number[]) => void} options.onSelect
 * @param {(layer: string | null) => void} options.onLayer
 * @param {(python: string) => void} [options.tell] a line of Python for a gesture that sets no trait
 * @param {import("../shared/work.js").Work} [options.work] where long work is told; without it, here
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 * @returns {import("../shared/mount.js").View}
 */
export function scoreView({ source, ask, onSelect, onLayer, tell = () => {}, work: told, say, fail }) {
  /** @type {readonly number[]} */
  let selection = [];
  /** @type {import("./scores.js").Evaluation | null} */
  let scores = null;
  let centred = true;
  /** Scores that are shown: across and up in the plane, and the one that the list goes by. */
  const chosen = { across: "clarity", up: "polysemanticity", ranked: "clarity" };
  let started = false;

  const names = componentNames({ ask, onChange: drawSide, fail });
  const work = busyWork({ ask, fail, onChange: draw, work: told });
  const filter = layerFilter({ onLayer });
  const forms = h("div", {
    class: "sl-forms",
    role: "group",
    "aria-label": "Form of the scores",
    "data-browser": true,
  });
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
  const panels = scorePanels({ onBrush: brush, say });
  const scatter = scatterView({
    source,
    onBrush: brush,
    nameOf: (row) => ({ id: names.idOf(row), text: names.wordOf(row).text }),
    say,
    fail,
  });
  const selects = {
    across: scoreSelect("x", "Across", "scatter-x", "across"),
    up: scoreSelect("y", "Up", "scatter-y", "up"),
    ranked: scoreSelect("by", "Components by", "rank-by", "ranked"),
  };
  const side = scoreSide({
    source,
    describe,
    onChoose: choose,
    onPoint: (row) => scatter.point(row ?? -1),
    fail,
  });
  const body = h(
    "div",
    { class: "sl-scores-body" },
    panels.node,
    h(
      "aside",
      { class: "sl-scores-side", "aria-label": "Two scores, and the extremes" },
      h(
        "div",
        { class: "sl-scores-line" },
        h("h3", { class: "sl-heading" }, "Two scores"),
        selects.across.node,
        selects.up.node,
      ),
      scatter.node,
      h(
        "div",
        { class: "sl-scores-line" },
        h("h3", { class: "sl-heading" }, "Components"),
        selects.ranked.node,
      ),
      side.node,
    ),
  );
  const state = h("div", { class: "sl-states", hidden: true });
  const node = h(
    "div",
    { class: "sl-scores sl-banner-place", "data-testid": "score-view" },
    bar,
    body,
    state,
  );
  const large = preview({ area: node, source, known: () => ({}), say, fail });
  const scoresWanted = latest(
    (signal) => askScores(ask, signal),
    (answer) => {
      scores = answer;
      draw();
    },
    fail,
  );
  const stopResizing = onResize(panels.node, () => {
    if (!scores?.made) return;
    panels.redraw();
    drawScatter();
  });
  const stopTheming = onTheme(drawScatter);

  /** @param {string} text @param {string} label @param {string} id @param {keyof typeof chosen} key */
  function scoreSelect(text, label, id, key) {
    const select = h(
      "select",
      {
        "aria-label": label,
        "data-testid": id,
        onchange: () => {
          chosen[key] = select.value;
          drawScatter();
          drawSide();
        },
      },
      ...SCORES.map(({ name }) => h("option", { value: name }, name)),
    );
    return {
      node: h(
        "label",
        { class: "sl-select", "data-browser": true },
        h("span", { class: "sl-quiet" }, text),
        select,
      ),
      select,
    };
  }

  /** @param {string} score */
  const numbersOf = (score) => scores?.of.get(column(score, centred)) ?? new Float32Array(names.count);

  /** Whether the layer filter lets a row be seen. @param {number} row */
  function seen(row) {
    const { span } = names;
    return row >= span[0] && row < span[1];
  }

  /** @returns {import("./panels.js").LayerScores[]} */
  function shownLayers() {
    let start = 0;
    const shown = [];
    for (const [number, { name, count: size }] of names.layers.entries()) {
      if (names.layer === null || name === names.layer)
        shown.push({ name, start, end: start + size, summary: scores?.layers[number] });
      start += size;
    }
    return shown;
  }

  /** A line of the list: polysemanticity is never shown without clarity. @param {number} row */
  function describe(row) {
    const value = (/** @type {string} */ score) => written(numbersOf(score)[row], 2);
    const beside = chosen.ranked === "clarity" ? "" : `clarity ${value("clarity")}`;
    const says = [`${chosen.ranked} ${value(chosen.ranked)}`, beside].filter(Boolean).join(", ");
    return {
      id: names.idOf(row),
      text: names.wordOf(row).text,
      value: value(chosen.ranked),
      beside,
      says,
    };
  }

  function draw() {
    const made = scores?.made === true;
    body.hidden = !made;
    state.hidden = made;
    evaluateButton.disabled = work.running;
    evaluateButton.classList.toggle("sl-main-action", !made);
    evaluateButton.querySelector("span")?.replaceChildren(made ? "Evaluate again" : "Evaluate");
    drawBar(made);
    if (!made || !scores) {
      fill(state, drawState());
      return;
    }
    for (const [key, { select }] of Object.entries(selects))
      select.value = chosen[/** @type {keyof typeof chosen} */ (key)];
    panels.show(scores, centred, shownLayers());
    panels.mark(new Set(selection));
    drawScatter();
    drawSide();
  }

  /** @param {boolean} made whether there are scores */
  function drawBar(made) {
    const spring = h("span", { class: "sl-spring" });
    about.textContent = made ? `seen by ${scores?.clip?.split("@")[0]}` : "";
    fill(
      forms,
      form(
        true,
        "Mean removed",
        "The data set's mean is removed: what tells components apart from random images",
      ),
      form(false, "Raw", "As defined in the paper: all images of a data set are somewhat alike"),
    );
    if (made) fill(bar, forms, filter.node, spring, about, work.node, evaluateButton);
    else fill(bar, filter.node, spring);
  }

  /** @param {boolean} value @param {string} text @param {string} title */
  function form(value, text, title) {
    return button({
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
  }

  function drawState() {
    if (scores === null) return h("p", { class: "sl-state sl-quiet" }, "Asking for scores…");
    return statePane(
      "scores-empty",
      "How readable are these components?",
      `${plural(names.count, "component")} are scored by their own examples: clarity, polysemanticity and redundancy, each against random images of the same data.`,
      stateActions(evaluateButton, work.node),
    );
  }

  function drawScatter() {
    if (!scores?.made || !node.isConnected) return;
    const found = scores;
    const { across, up } = chosen;
    const ink = colourReader(node);
    const needsClarity = [across, up].includes("polysemanticity");
    scatter.show(
      {
        x: numbersOf(across),
        y: numbersOf(up),
        across: extent(numbersOf(across)) ?? [0, 1],
        up: extent(numbersOf(up)) ?? [0, 1],
        names: [across, up],
        seen,
        says: (row) => !needsClarity || says(found, "polysemanticity", row),
        about: needsClarity ? "rings are not clear, so that their polysemanticity says nothing" : "",
      },
      {
        ground: ink("--sl-bg"),
        ink: ink("--sl-ink"),
        mark: ink("--sl-seq-4"),
        open: ink("--sl-line-strong"),
        accent: ink("--sl-accent"),
      },
    );
    scatter.mark(new Set(selection));
  }

  function drawSide() {
    if (!scores?.made) return;
    const found = scores;
    const { ranked: score } = chosen;
    side.show({
      score,
      numbers: numbersOf(score),
      allowed: (row) => seen(row) && says(found, score, row),
    });
  }

  /** @param {number[]} rows @param {MouseEvent | KeyboardEvent} event */
  function brush(rows, event) {
    choose(brushed(selection, rows, event));
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
    panels.mark(marked);
    scatter.mark(marked);
    side.select(next);
  }

  return {
    node,
    figures: () => [{ view: "evaluate", title: "Scores", options: centred ? {} : { raw: true } }],
    update(changed) {
      filter.update(changed);
      names.update(changed);
      if ("selection" in changed && !same(changed.selection ?? [], selection)) {
        panels.clear();
        scatter.clear();
        setSelection(changed.selection ?? []);
      }
      if (!names.count) return;
      if (!started) {
        started = true;
        scoresWanted.start();
        draw();
        return;
      }
      if ("evaluation_version" in changed) scoresWanted.start();
      if ("layer" in changed) draw();
    },
    destroy() {
      for (const asked of [scoresWanted, names, work]) asked.stop();
      stopResizing();
      stopTheming();
      for (const part of [scatter, side, large, filter]) part.destroy();
    },
  };
}
