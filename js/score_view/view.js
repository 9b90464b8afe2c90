/** Evaluate: how readable the components are. Distributions to brush, two scores against each other, best and worst. */

import "../shared/heading.css";
import "./view.css";
import { busyWork } from "../shared/busy.js";
import { fill, html } from "../shared/dom.js";
import { count as counted, plural, score as written } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { layerFilter } from "../shared/layer_filter.js";
import { componentNames } from "../shared/names.js";
import { preview } from "../shared/preview.js";
import { brushed, same } from "../shared/selection.js";
import { stateActions, statePane } from "../shared/state.js";
import { onResize, onTheme, roomOf } from "../shared/surroundings.js";
import { scoreSelect, scoresBar } from "./bar.js";
import { scorePanels } from "./panels.js";
import { pointsOf, scatterView } from "./scatter.js";
import { askScores, column, isMeaningful, SCORES, shownLayers } from "./scores.js";
import { scoreSide } from "./side.js";

/** @type {import("../shared/alone.js").CreateView} */
export function scoreView({ source, ask, act, showPython, work: run, announce, fail }) {
  /** @type {readonly number[]} */
  let selection = [];
  /** @type {import("./scores.js").Evaluation | null} */
  let scores = null;
  let centred = true;
  /** Scores that are shown: across and up in the plane, and the one that the list goes by. */
  const chosen = { across: "clarity", up: "polysemanticity", ranked: "clarity" };
  let started = false;

  const names = componentNames({ ask, onChange: drawSide, fail });
  const filter = layerFilter({ onLayer: (layer) => act("layer", layer) });
  const bar = scoresBar({
    filter: filter.node,
    workAt: (place) => busyWork({ ask, fail, onChange: draw, work: run, place }),
    onForm(next) {
      centred = next;
      draw();
    },
    onEvaluate(work) {
      showPython("lens.evaluate()");
      work.start("evaluate", {}, "Scoring");
    },
  });
  const panels = scorePanels({ onBrush: brush, announce });
  const room = roomOf(panels.node);
  const scatter = scatterView({
    source,
    onBrush: brush,
    nameOf: (row) => ({ id: names.idOf(row), text: names.wordOf(row).text }),
    announce,
    fail,
  });
  /** @param {string} text @param {string} label @param {string} id @param {keyof typeof chosen} key */
  const choice = (text, label, id, key) =>
    scoreSelect(text, label, id, SCORES, (score) => {
      chosen[key] = score;
      drawScatter();
      drawSide();
    });
  const selects = {
    across: choice("x", "Across", "scatter-x", "across"),
    up: choice("y", "Up", "scatter-y", "up"),
    ranked: choice("by", "Components by", "rank-by", "ranked"),
  };
  const side = scoreSide({
    source,
    describe,
    onChoose: choose,
    onPoint: (row) => scatter.point(row ?? -1),
    fail,
  });
  const body = html`<div class="sl-panes">
    ${panels.node}
    <aside class="sl-beside sl-sunk sl-scrolls sl-stack" aria-label="Two scores, and the extremes">
      <div class="sl-scores-line sl-line sl-pad">
        <h3 class="sl-heading">Two scores</h3>${selects.across.node}${selects.up.node}
      </div>
      ${scatter.node}
      <div class="sl-scores-line sl-line sl-pad"><h3 class="sl-heading">Components</h3>${selects.ranked.node}</div>
      ${side.node}
    </aside>
  </div>`;
  const state = html`<div class="sl-states" hidden />`;
  const node = html`<div class="sl-scores sl-view sl-stack sl-banner-place" data-testid="score-view">${bar.node}${body}${state}</div>`;
  const large = preview({ area: node, source, known: () => ({}), announce, fail });
  const scoresWanted = latest(
    (signal) => askScores(ask, signal),
    (answer) => {
      scores = answer;
      draw();
    },
    fail,
  );
  const stopResizing = onResize(panels.node, () => {
    if (!scores?.made || !room.isOther()) return;
    panels.redraw();
    drawScatter();
  });
  const stopTheming = onTheme(drawScatter);

  /** @param {string} score */
  const numbersOf = (score) => scores?.of.get(column(score, centred)) ?? new Float32Array(names.count);

  /** Whether the layer filter lets a row be seen. @param {number} row */
  function seen(row) {
    const { span } = names;
    return row >= span[0] && row < span[1];
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
    bar.update({ made, clip: scores?.clip, centred });
    if (!made || !scores) {
      fill(state, drawState());
      return;
    }
    for (const [key, { select }] of Object.entries(selects))
      select.value = chosen[/** @type {keyof typeof chosen} */ (key)];
    panels.show(scores, centred, shownLayers(names, scores));
    panels.mark(new Set(selection));
    room.note();
    drawScatter();
    drawSide();
  }

  function drawState() {
    if (scores === null) return html`<p class="sl-state sl-quiet">Asking for scores…</p>`;
    return statePane(
      "scores-empty",
      "How readable are these components?",
      `${plural(names.count, "component")} are scored by their own examples: clarity, polysemanticity and redundancy, each against random images of the same data.`,
      stateActions(bar.evaluate),
    );
  }

  function drawScatter() {
    if (!scores?.made || !node.isConnected) return;
    const { across, up } = chosen;
    scatter.show({ ...pointsOf(scores, [across, up], [numbersOf(across), numbersOf(up)]), seen });
  }

  function drawSide() {
    if (!scores?.made) return;
    const found = scores;
    const { ranked: score } = chosen;
    side.show({
      score,
      numbers: numbersOf(score),
      allowed: (row) => seen(row) && isMeaningful(found, score, row),
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
    act("selection", [...next]);
    announce(`${counted(next.length)} selected`);
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
      for (const asked of [scoresWanted, names, bar]) asked.stop();
      stopResizing();
      stopTheming();
      for (const part of [scatter, side, large, filter]) part.destroy();
    },
  };
}
