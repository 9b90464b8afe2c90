/** The strip above the gallery: the null distribution, and every component as a mark on the same axis, that of z. */

import { fill, html, svg } from "../shared/dom.js";
import { count, signedTick, z } from "../shared/format.js";
import { linear, ticks } from "../shared/scales.js";
import { onResize } from "../shared/surroundings.js";

const HEIGHT = 64;
const BASE = 44;
/** Width of "p = .01" beside its line, in px. */
const P_LABEL = 46;

/**
 * One path of vertical marks; components that fall on the same pixel share a mark, so that 50,000 of them
 * cost no more than the strip is wide.
 * @param {Iterable<number>} values @param {(value: number) => number} x @param {number} top
 */
function marks(values, x, top) {
  const columns = new Set();
  for (const value of values) columns.add(Math.round(x(value)));
  return [...columns].map((column) => `M${column} ${top}V${BASE}`).join("");
}

/**
 * The silhouette of a histogram: the counts at the middles of the bins, down to zero at both ends.
 * @param {{edges: number[], counts: number[]}} hist @param {(value: number) => number} x @param {number} top
 */
function silhouette({ edges, counts }, x, top) {
  const y = linear([0, Math.max(1, ...counts)], [BASE, top]);
  const points = counts.map((n, i) => `${x((edges[i] + edges[i + 1]) / 2).toFixed(1)} ${y(n).toFixed(1)}`);
  return `M${x(edges[0]).toFixed(1)} ${BASE}L${points.join("L")}L${x(edges[edges.length - 1]).toFixed(1)} ${BASE}Z`;
}

/** @returns {import("../shared/mount.js").View} */
export function nullStrip() {
  const node = html`<div class="sl-null" data-testid="null-strip" />`;
  /** @type {import("../shared/source.js").Hits | null} */
  let hits = null;

  function draw() {
    const distribution = hits?.null;
    node.hidden = !distribution;
    if (!hits || !distribution) return;
    const { mean, sd, z_at_p01: threshold } = distribution;
    const hist = {
      counts: distribution.hist.counts,
      edges: distribution.hist.edges.map((edge) => (edge - mean) / (sd || 1)),
    };
    const width = node.clientWidth > 24 ? node.clientWidth - 24 : 800;
    const all = hits.z ?? new Float32Array();
    const best = hits.best;
    let low = Math.min(hist.edges[0], threshold);
    let high = Math.max(hist.edges[hist.edges.length - 1], threshold);
    for (const value of all) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    const margin = (high - low) * 0.03 || 0.01;
    const x = linear([low - margin, high + margin], [0, width]);
    const axis = ticks([low - margin, high + margin], Math.max(2, width / 110));
    const above = (hits.by ?? "examples") === "examples" ? "z above random image sets" : "z above chance";
    const unit = width > 560 ? above : "z";
    const unitStart = width - unit.length * 6 - 12;
    const parts = [
      svg`<path class="sl-histogram-rest" d=${silhouette(hist, x, 14)} />`,
      svg`<path class="sl-axis"
        d="M0 ${BASE + 0.5}H${width}${axis.values.map((v) => `M${x(v)} ${BASE}v4`).join("")}" />`,
      ...axis.values
        .filter((v) => x(v) > 14 && x(v) < unitStart - 14)
        .map(
          (v) =>
            svg`<text class="sl-quiet" x=${x(v)} y="59" text-anchor="middle">
              ${signedTick(v, axis.step)}
            </text>`,
        ),
      svg`<text class="sl-quiet" x=${width} y="59" text-anchor="end">${unit}</text>`,
      svg`<path class="sl-null-mark" d=${marks(all.subarray(hits.n_above_null), x, 32)} />`,
      svg`<path class="sl-null-mark sl-above" d=${marks(all.subarray(0, hits.n_above_null), x, 32)} />`,
      svg`<path class="sl-null-threshold" d="M${Math.round(x(threshold)) + 0.5} 8V${BASE}" />`,
    ];
    const name = distribution.size
      ? `Null: ${count(distribution.size)} random image sets`
      : "Null: random image sets";
    // Labels give way in this order: the best component, p = .01, the name of the null.
    const bestAt = best ? x(best.z) : null;
    // Rows go by score, the axis is z: where another stands further right, it is told what ranks.
    const byScore = best !== null && all.some((value) => value > best.z + 0.05) ? "first by score; " : "";
    const bestText = best ? `${best.id}  ${byScore}z = ${z(best.z)}` : "";
    const half = (bestText.length * 6.6) / 2;
    const thresholdX = x(threshold);
    const crosses = bestAt !== null && Math.abs(bestAt - thresholdX) < half + 6;
    // Beside the line on its own side, or on the other where there is no room.
    const side = bestAt !== null && (bestAt < thresholdX || thresholdX + 2 * half + 6 > width) ? -1 : 1;
    const beside = bestAt === null || !crosses ? bestAt : thresholdX + side * (half + 6);
    const bestX = beside === null ? 0 : Math.min(Math.max(beside, half), width - half);
    const free = (/** @type {number} */ from, /** @type {number} */ to) =>
      bestAt === null || to < bestX - half - 6 || from > bestX + half + 6;
    const right = free(thresholdX + 5, thresholdX + 5 + P_LABEL) && thresholdX + 5 + P_LABEL < width;
    const left = !right && free(thresholdX - 5 - P_LABEL, thresholdX - 5) && thresholdX - 5 - P_LABEL > 0;
    if (right) parts.push(svg`<text x=${thresholdX + 5} y="16">p = .01</text>`);
    if (left) parts.push(svg`<text x=${thresholdX - 5} y="16" text-anchor="end">p = .01</text>`);
    const nameEnd = name.length * 6;
    if (free(0, nameEnd) && nameEnd < thresholdX - (left ? P_LABEL + 10 : 4))
      parts.push(svg`<text class="sl-quiet" x="0" y="16">${name}</text>`);
    if (best && bestAt !== null) {
      parts.push(
        svg`<path class="sl-null-mark sl-best" d="M${bestAt} 26V${BASE}" />`,
        svg`<path class="sl-null-pointer" d="M${bestAt - 3.5} 20h7l-3.5 4z" />`,
        svg`<text x=${bestX} y="16" text-anchor="middle" data-testid="null-best">
          <tspan class="sl-mono">${best.id}</tspan>
          <tspan class="sl-bold" dx="8">${byScore}z = ${z(best.z)}</tspan>
        </text>`,
      );
    }
    const summary = best
      ? `Components against the null: best ${best.id} at z ${z(best.z)}; ${count(hits.n_above_null)} of ${count(hits.count)} above p = .01, which is a z of ${z(threshold)}${hits.state === "unchecked" ? "; unchecked on other images" : ""}`
      : `The null distribution; p = .01 is a z of ${z(threshold)}`;
    fill(node, svg`<svg width=${width} height=${HEIGHT} role="img" aria-label=${summary}>${parts}</svg>`);
  }

  const stopResizing = onResize(node, draw);
  node.hidden = true;

  return {
    node,
    update(changed) {
      if (!("hits" in changed)) return;
      hits = changed.hits;
      draw();
    },
    destroy: stopResizing,
  };
}
