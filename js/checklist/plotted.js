/** What of a report the scatter draws: where each component stands, how large, and what it is called. */

import { LEVEL } from "../shared/scatter/marks.js";

/** Regions that are drawn, as their marks are numbered. */
export const DRAWN = /** @type {const} */ (["unexpected", "ambiguous", "spurious", "valid"]);
const NONE = 255;
/** @type {Map<string, number>} */
const KINDS = new Map(DRAWN.map((region, kind) => [region, kind]));
/** So many of the most relevant stay marks where others are shown as density. */
const STANDING = 40;
/** More z than the threshold that the axes reach at least, and how much of their length is left free at both ends. */
const SEEN = 1.6;
const MARGIN = 0.05;

/** @typedef {import("./source.js").Report} Report */
/** @typedef {ReturnType<typeof plottedOf>} Plotted */

/** Radius in px for a share of relevance in per cent: area grows with it. @param {number} share @param {number} largest */
export const radius = (share, largest) =>
  Number.isFinite(share) && largest > 0 ? 2.2 + 7.2 * Math.sqrt(Math.abs(share) / largest) : 3.4;

/** @param {Float32Array} values @param {number} z that is seen @returns {[number, number]} */
function domain(values, z) {
  let [low, high] = [0, z * SEEN];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high && value < Infinity) high = value;
  }
  return [low - (high - low) * MARGIN, high + (high - low) * MARGIN];
}

/**
 * Arrays by position. Where the checklist has no concept of a kind, nothing is known of it: those stand at zero.
 * `order` holds the positions that are drawn, the most relevant first.
 * @param {Report} report
 */
export function plottedOf(report) {
  const { points, weighted, z } = report;
  const { relevance, region, regions, valid, spurious } = points;
  const weights = relevance.map((share) => Math.abs(share) || 0);
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  const kinds = Uint8Array.from(region, (number) => KINDS.get(regions[number]) ?? NONE);
  const drawn = [...kinds.keys()].filter((at) => kinds[at] !== NONE);
  const order = Uint32Array.from(weighted ? drawn.sort((a, b) => weights[b] - weights[a]) : drawn);
  const places = new Float32Array(2 * kinds.length).fill(Number.NaN);
  for (const at of order) {
    places[2 * at] = spurious[at] || 0;
    places[2 * at + 1] = valid[at] || 0;
  }
  return {
    report,
    places,
    kinds,
    order,
    radii: Float32Array.from(relevance, (share) => radius(share, largest)),
    across: domain(spurious, z),
    up: domain(valid, z),
  };
}

/** What each mark is among the others. @param {Plotted} plotted @param {readonly number[]} selection */
export function levelsOf({ report: { points, weighted }, order }, selection) {
  const levels = new Uint8Array(points.rows.length).fill(LEVEL.usual);
  if (weighted) for (const at of order.subarray(0, STANDING)) levels[at] = LEVEL.standing;
  for (const row of selection) levels[points.at.get(row) ?? levels.length] = LEVEL.chosen;
  return levels;
}

/** The rows of some positions, the most relevant first. @param {Plotted} plotted @param {(at: number) => boolean} wanted */
export const rowsOf = ({ report, order }, wanted) =>
  Array.from(order.filter(wanted), (at) => report.points.rows[at]);

/** The concept a component counts for. @param {Report} report @param {number} at */
export function conceptOf({ points, names }, at) {
  const region = points.regions[points.region[at]];
  if (region === "unexpected") return "";
  return names[(region === "spurious" ? points.spuriousConcept : points.validConcept)[at]] ?? "";
}
