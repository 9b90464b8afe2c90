/** Scores of all components as columns. */

/** The scores, with what they say. */
export const SCORES = [
  { name: "clarity", title: "Clarity", says: "how similar a component's examples are to each other" },
  {
    name: "polysemanticity",
    title: "Polysemanticity",
    says: "distance between the two clusters of its examples",
  },
  { name: "redundancy", title: "Redundancy", says: "similarity to the nearest component of its layer" },
];

/** @typedef {{mean: number | null, low: number | null, high: number | null, null: number | null, null_high: number | null}} Summary */

/**
 * `of` maps a column such as "clarity" or "clarity_centred" to a number per component; `clear` says per component
 * whether polysemanticity means anything.
 * @typedef {object} Evaluation
 * @property {boolean} made @property {string | null} clip
 * @property {Map<string, Float32Array>} of @property {Uint8Array} clear
 * @property {({layer: string, components: number, living: number, clear: number} & Record<string, any>)[]} layers
 */

/** @param {import("../shared/channel.js").Channel["ask"]} ask @param {AbortSignal} [signal] @returns {Promise<Evaluation>} */
export async function askScores(ask, signal) {
  const answer = await ask("scores", {}, { signal });
  const columns = /** @type {string[]} */ (answer.columns);
  return { clear: new Uint8Array(0), ...answer, of: new Map(columns.map((name) => [name, answer[name]])) };
}

/** The column of a score in one form. @param {string} score @param {boolean} centred */
export const column = (score, centred) => (centred ? `${score}_centred` : score);

/**
 * Whether a score of a component may be shown: polysemanticity only where the component is clear.
 * @param {Evaluation} scores @param {string} score @param {number} row
 */
export const isMeaningful = (scores, score, row) => score !== "polysemanticity" || scores.clear[row] === 1;

/**
 * The least and the greatest of some numbers, what is none left out; null without any.
 * @param {Iterable<number>} numbers @returns {[number, number] | null}
 */
export function extent(numbers) {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const number of numbers) {
    if (!Number.isFinite(number)) continue;
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  return low > high ? null : [low, high];
}

/**
 * The rows with the largest (or smallest) numbers, best first.
 * @param {Float32Array} numbers @param {(row: number) => boolean} allowed @param {number} most @param {boolean} largest
 */
export function extremes(numbers, allowed, most, largest) {
  /** The best so far, best first: there may be very many numbers. @type {number[]} */
  const rows = [];
  const isBetter = (/** @type {number} */ a, /** @type {number} */ b) =>
    largest ? numbers[a] > numbers[b] : numbers[a] < numbers[b];
  for (let row = 0; row < numbers.length; row++) {
    if (!Number.isFinite(numbers[row])) continue;
    if (rows.length === most && !isBetter(row, rows[most - 1])) continue;
    if (!allowed(row)) continue;
    let at = rows.length;
    while (at > 0 && isBetter(row, rows[at - 1])) at -= 1;
    rows.splice(at, 0, row);
    if (rows.length > most) rows.pop();
  }
  return rows;
}

/**
 * The layers that are shown, with their rows and what is said of them as a whole.
 * @param {{layers: readonly import("../shared/labels.js").Layer[], layer: string | null}} names `layer`: null for all
 * @param {Evaluation} scores @returns {import("./panels.js").LayerScores[]}
 */
export function shownLayers({ layers, layer }, scores) {
  let start = 0;
  const shown = [];
  for (const [number, { name, count }] of layers.entries()) {
    if (layer === null || name === layer)
      shown.push({ name, start, end: start + count, summary: scores.layers[number] });
    start += count;
  }
  return shown;
}
