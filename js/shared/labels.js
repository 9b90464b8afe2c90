/** What components are called: computed labels as columns, and a person's own, which win. */

/**
 * Computed labels, row by row; `words` are texts, the columns have `k` entries per component.
 * @typedef {object} Labels
 * @property {boolean} made whether anything was described yet
 * @property {number} k @property {string[]} words @property {string} message
 * @property {number | null} level the confidence a label needs @property {string | null} method
 * @property {Int32Array} numbers of words, −1 for none @property {Float32Array} scores @property {Float32Array} confidence
 * @property {Float32Array} adjusted_similarity @property {Float32Array} margins one per component
 * @property {number[]} [least] of confidence, adjusted similarity and held-out AUROC, what a label needs
 * @property {Uint8Array} [lacks] which of these the best label of a component fails first; their number: none
 * @property {Float32Array} [held_out] the AUROC of the best label, NaN where nobody could check it
 * @property {Uint8Array} accepted @property {Uint8Array} alive one per component
 */

/** @typedef {{name: string, count: number, signed?: boolean}} Layer */

/** @param {import("./channel.js").Channel["ask"]} ask @param {AbortSignal} [signal] @returns {Promise<Labels>} */
export const askLabels = (ask, signal) => ask("labels", {}, { signal });

/** The id of a component: layers follow each other, a signed layer has its + components first. @param {readonly Layer[]} layers @param {number} row */
export function idOf(layers, row) {
  let rest = row;
  for (const { name, count, signed } of layers) {
    if (rest < count) {
      const half = count / 2;
      return signed ? `${name}:${rest % half}${rest < half ? "+" : "-"}` : `${name}:${rest}`;
    }
    rest -= count;
  }
  return `row ${row}`;
}

/** @param {readonly Layer[]} layers */
export const countRows = (layers) => layers.reduce((sum, { count }) => sum + count, 0);

/**
 * The rows of a layer, [first, end); null where there is no such layer.
 * @param {readonly Layer[]} layers @param {string | null} layer @returns {[number, number] | null}
 */
export function spanOf(layers, layer) {
  let start = 0;
  for (const { name, count } of layers) {
    if (name === layer) return [start, start + count];
    start += count;
  }
  return null;
}

/** The row of an id, or −1. @param {readonly Layer[]} layers @param {string} id */
export function rowOf(layers, id) {
  const [, layer, index, sign] = /^(.+):(\d+)([+-]?)$/.exec(id) ?? [];
  let start = 0;
  for (const { name, count, signed } of layers) {
    if (name === layer) return start + Number(index) + (signed && sign === "-" ? count / 2 : 0);
    start += count;
  }
  return -1;
}

/**
 * The best word of a component and whether it is believed; null for none.
 * @param {Labels} labels @param {number} row
 */
export function bestOf(labels, row) {
  const number = labels.made ? labels.numbers[row * labels.k] : -1;
  if (number < 0) return null;
  return { text: labels.words[number], accepted: labels.accepted[row * labels.k] === 1 };
}

/** The tests of a label, in words. */
const TESTS = ["confidence", "similarity to the word", "AUROC on held-out images"];

/**
 * What the best label of a component goes by: its confidence, or the test that it fails.
 * @param {Labels} labels @param {number} row
 * @returns {{text: string, value: number, least: number, fails: boolean}}
 */
export function testOf(labels, row) {
  const at = row * labels.k;
  const confidence = labels.confidence[at];
  const [least = labels.level ?? 0] = labels.least ?? [];
  const failed = labels.lacks?.[row] ?? (labels.accepted[at] ? TESTS.length : confidence < least ? 0 : 1);
  const values = [confidence, labels.adjusted_similarity[at], labels.held_out?.[row] ?? Number.NaN];
  const number = failed < TESTS.length ? failed : 0;
  const needs = labels.least?.[number] ?? (number ? 0.5 : least);
  return { text: TESTS[number], value: values[number], least: needs, fails: failed < TESTS.length };
}

/**
 * Labels of all rows: a person's own first, then computed ones that are believed.
 * @param {Labels | null} labels @param {Record<string, string>} own by id
 * @param {readonly Layer[]} layers @param {number} count
 */
export function labelsOfRows(labels, own, layers, count) {
  const names = labels?.made ? [...labels.words] : [];
  const words = new Int32Array(count).fill(-1);
  if (labels?.made)
    for (let row = 0; row < count; row++)
      if (labels.accepted[row * labels.k]) words[row] = labels.numbers[row * labels.k];
  if (Object.keys(own).length) {
    const number = new Map(names.map((name, i) => [name, i]));
    for (let row = 0; row < count; row++) {
      const text = own[idOf(layers, row)];
      if (text === undefined) continue;
      if (!number.has(text)) number.set(text, names.push(text) - 1);
      words[row] = /** @type {number} */ (number.get(text));
    }
  }
  const sizes = new Array(names.length).fill(0);
  for (const word of words) if (word >= 0) sizes[word] += 1;
  return { words, names, sizes };
}
