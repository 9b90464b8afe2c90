/** The distributions: a panel per score, in it every layer that is shown, and how many stand out from chance. */

import { button, fill, html } from "../shared/dom.js";
import { count as counted, score as written } from "../shared/format.js";
import { distributionView } from "./distribution.js";
import { column, extent, isMeaningful, SCORES } from "./scores.js";

/** In px: the tallest plot, what stands over each, what stands around all of a panel, and what they usually have. */
const [TALLEST, BESIDE, AROUND, USUAL] = [210, 28, 150, 330];

/** @typedef {{name: string, start: number, end: number, summary: Record<string, any> | undefined}} LayerScores rows [start, end) */
/** @typedef {(rows: number[], event: MouseEvent | KeyboardEvent) => void} Brush */

/**
 * @param {{onBrush: Brush, announce: (text: string) => void}} options
 */
export function scorePanels({ onBrush, announce }) {
  const node = html`<div class="sl-score-panels sl-scrolls sl-pad-all" />`;
  /** @type {ReturnType<typeof distributionView>[]} */
  let distributions = [];

  /** @param {import("./scores.js").Evaluation} scores @param {boolean} centred @param {LayerScores[]} layers @param {typeof SCORES[number]} score */
  function drawPanel(scores, centred, layers, { name, title, says: meaning }) {
    const key = column(name, centred);
    const numbers = /** @type {Float32Array} */ (scores.of.get(key));
    // What random sets reach stands in every plot, however far from it the components are.
    const levels = layers.map(({ summary }) => summary?.[key]?.null_high ?? Number.NaN);
    const domain = extent([...(extent(numbers) ?? [0, 1]), ...levels]) ?? [0, 1];
    const beyond = beyondChance(scores, name, centred, layers);
    // As tall as there is room for, so that few layers do not leave the pane empty.
    const height = Math.max(46, Math.min(TALLEST, Math.floor(room() / layers.length) - BESIDE));
    const drawLayer = (/** @type {LayerScores} */ layer) => {
      const of = layer.summary?.[key];
      const distribution = distributionView({ onBrush, announce, height });
      distributions.push(distribution);
      const facts =
        of && of.mean !== null
          ? `${written(of.mean, 2)} [${written(of.low, 2)}, ${written(of.high, 2)}]`
          : "no component";
      distribution.show({
        title: `${title} of ${layer.name}, mean ${facts}`,
        domain,
        start: layer.start,
        end: layer.end,
        numbers,
        isMeaningful: (row) => isMeaningful(scores, name, row),
        summary: of ?? { mean: null, low: null, high: null, null: null, null_high: null },
      });
      return html`<div class="sl-layer-score">
        <div class="sl-line sl-ends sl-small-text">
          <span class="sl-id sl-ellipsis" title=${layer.name}>${layer.name}</span>
          <span class="sl-number" title="mean over components, with its 95 % interval">${facts}</span>
        </div>
        ${distribution.node}
      </div>`;
    };
    const select = button({
      text: beyond.text,
      label: `Select: ${beyond.text}`,
      class: "sl-outlined sl-beyond",
      "data-testid": `beyond-${name}`,
      onclick: (event) => onBrush(beyond.rows, event),
    });
    return html`<section class="sl-score-panel sl-pile sl-gap-8" aria-label=${title} data-testid="panel-${name}">
      <h3 class="sl-heading">${title}<span class="sl-quiet">${meaning}</span></h3>
      ${select}${layers.map(drawLayer)}
      <div class="sl-axis-line sl-line sl-ends sl-small-text sl-quiet">
        <span>${written(domain[0], 2)}</span><span>┆ 95 % of random sets</span><span>${written(domain[1], 2)}</span>
      </div>
    </section>`;
  }

  /** What all plots of a panel have together, in px: the pane without titles and axes; usual where it is as high as they are. */
  const room = () => {
    const narrow = (node.closest(".semlens")?.clientWidth ?? 0) <= 960;
    return narrow || node.clientHeight < AROUND + USUAL ? USUAL : node.clientHeight - AROUND;
  };

  return {
    node,
    /** Other scores, another form of them or other layers. @param {import("./scores.js").Evaluation} scores @param {boolean} centred @param {LayerScores[]} layers */
    show(scores, centred, layers) {
      distributions = [];
      fill(node, ...SCORES.map((score) => drawPanel(scores, centred, layers, score)));
    },
    /** There is another room for the same. */
    redraw() {
      for (const distribution of distributions) distribution.draw();
    },
    /** @param {ReadonlySet<number>} rows that are selected */
    mark(rows) {
      for (const distribution of distributions) distribution.mark(rows);
    },
    /** Takes brushes away: the selection is another now. */
    clear() {
      for (const distribution of distributions) distribution.clear();
    },
  };
}

/**
 * The components that stand out from chance, or (clarity) do not.
 * @param {import("./scores.js").Evaluation} scores @param {string} name @param {boolean} centred @param {LayerScores[]} layers
 */
function beyondChance(scores, name, centred, layers) {
  const key = column(name, centred);
  const numbers = /** @type {Float32Array} */ (scores.of.get(key));
  const rows = [];
  let all = 0;
  for (const { start, end, summary } of layers) {
    const level = summary?.[key]?.null_high ?? Number.POSITIVE_INFINITY;
    for (let row = start; row < end; row++) {
      if (!Number.isFinite(numbers[row]) || !isMeaningful(scores, name, row)) continue;
      all += 1;
      if (numbers[row] > level !== (name === "clarity")) rows.push(row);
    }
  }
  const share = `${counted(rows.length)} of ${counted(all)}`;
  const text = {
    clarity: `not clearer than random: ${share}`,
    redundancy: `closer than random: ${share}`,
    polysemanticity: `above random: ${share} clear ones`,
  }[name];
  return { rows, text: text ?? share };
}
