/** Marks of the scatter: which components are drawn, how large, in which order, and where. */

import { linear } from "../shared/scales.js";
import { REGIONS } from "./source.js";

/** Regions that are drawn. */
export const DRAWN = /** @type {const} */ (["unexpected", "ambiguous", "spurious", "valid"]);
const KINDS = REGIONS.map((region) => DRAWN.indexOf(/** @type {any} */ (region)));
/** So many of the most relevant stay marks where others are shown as density. */
const STANDING = 40;

/** Radius in px for a share of relevance in per cent: area grows with it. @param {number} share @param {number} largest */
export const radius = (share, largest) =>
  Number.isFinite(share) && largest > 0 ? 2.2 + 7.2 * Math.sqrt(Math.abs(share) / largest) : 3.4;

/** From the least to the largest of the values and what has to be seen, and some more. @param {Float32Array} values @param {number} seen */
function domain(values, seen) {
  let [low, high] = [0, seen];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const margin = (high - low) * 0.05;
  return /** @type {[number, number]} */ ([low - margin, high + margin]);
}

/**
 * What a report draws, without places: `order` holds the positions that are drawn, the largest first.
 * @param {import("./source.js").Report} report
 */
export function marksOf({ points, z, weighted }) {
  let largest = 0;
  for (const value of points.relevance)
    if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  const radii = Float32Array.from(points.relevance, (share) => radius(share, largest));
  const kinds = Uint8Array.from(points.region, (region) => KINDS[region] ?? -1);
  const order = Uint32Array.from(points.rows.keys())
    .filter((at) => kinds[at] < DRAWN.length)
    .sort((a, b) => radii[b] - radii[a]);
  return {
    radii,
    kinds,
    order,
    standing: new Set(weighted ? order.slice(0, STANDING) : []),
    across: domain(points.spurious, z * 1.6),
    up: domain(points.valid, z * 1.6),
  };
}

/**
 * Where they stand. Where the checklist has no concept of a kind, nothing is known of it: those stand at zero.
 * @param {import("./source.js").Points} points @param {ReturnType<typeof marksOf>} marks
 * @param {import("../kit/axes.js").Frame} frame
 */
export function placed(points, { order, across, up }, { left, top, right, bottom }) {
  const [x, y] = [linear(across, [left, right]), linear(up, [bottom, top])];
  const [xs, ys] = [0, 1].map(() => new Float32Array(points.rows.length).fill(Number.NaN));
  for (const at of order) [xs[at], ys[at]] = [x(points.spurious[at] || 0), y(points.valid[at] || 0)];
  return { x, y, xs, ys, toZ: { x: linear([left, right], across), y: linear([bottom, top], up) } };
}
