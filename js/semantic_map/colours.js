/** What the colour of a point says. */

import "../shared/tokens_categorical.css";
import "../shared/tokens_sequential.css";
import "../shared/tokens_diverging.css";
import { layerHues } from "../shared/palette.js";
import { colourReader } from "../shared/scatter/canvas.js";

/** What colours can show, with the words of the interface. @type {Record<string, string>} */
export const COLOURS = {
  label: "label",
  layer: "layer",
  search: "search (z)",
  relevance: "relevance",
  confidence: "confidence",
  clarity_centred: "clarity",
  polysemanticity_centred: "polysemanticity",
  redundancy_centred: "redundancy",
  clarity: "clarity, raw",
  polysemanticity: "polysemanticity, raw",
  redundancy: "redundancy, raw",
};

const HUES = 11;

/** @typedef {import("../shared/scatter/marks.js").Colour} Colour */
/** @typedef {{background: Colour, ink: Colour, context: Colour, strong: Colour, accent: Colour, cat: Colour[], seq: Colour[], div: Colour[]}} Palette */

/**
 * Numbers to show, of the kernel or of the hits.
 * @typedef {{there: boolean, about: string, mark: number | null, signed: boolean, numbers: Float32Array | null}} Values
 */

/**
 * Per row: which colour of the palette (packed by the caller), or −1 where the point is an open ring.
 * @typedef {object} Painted
 * @property {Colour[]} colours that `of` counts in
 * @property {Int16Array} of
 * @property {{kind: "names", items: {text: string, colour: Colour}[], rest: number, ring: string | null}
 *   | {kind: "ramp", colours: Colour[], low: number, high: number, about: string, mark: number | null, ring: string | null}
 *   | {kind: "note", text: string}} legend
 */

/** The palette of the theme the window stands in. @param {HTMLElement} node in the document @returns {Palette} */
export function paletteOf(node) {
  const read = colourReader(node);
  return {
    background: read("--sl-bg"),
    ink: read("--sl-ink"),
    context: read("--sl-context"),
    strong: read("--sl-line-strong"),
    accent: read("--sl-accent"),
    cat: Array.from({ length: HUES }, (_, i) => read(`--sl-cat-${i + 1}`)),
    seq: [1, 2, 3, 4, 5].map((step) => read(`--sl-seq-${step}`)),
    div: ["n3", "n2", "n1", 0, "p1", "p2", "p3"].map((step) => read(`--sl-div-${step}`)),
  };
}

/** @param {Colour[]} stops @param {number} share 0 to 1 @returns {Colour} */
export function mixed(stops, share) {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(at));
  return stops[below].map((part, i) => Math.round(part + (stops[below + 1][i] - part) * (at - below)));
}

const STEPS = 32;

/** @param {Colour[]} stops */
const ramp = (stops) => Array.from({ length: STEPS }, (_, i) => mixed(stops, i / (STEPS - 1)));

/**
 * Labels, the most frequent in colour; unexplained components are rings.
 * @param {{words: Int32Array, names: readonly string[], sizes: readonly number[]}} labels label of each row, negative for none
 * @param {Palette} palette @returns {Painted}
 */
export function byLabel({ words, names, sizes }, palette) {
  const order = names.map((_, word) => word).sort((a, b) => sizes[b] - sizes[a] || a - b);
  const hue = new Int16Array(names.length).fill(HUES);
  for (const [place, word] of order.slice(0, HUES).entries()) hue[word] = place;
  const of = Int16Array.from(words, (word) => (word < 0 ? -1 : hue[word]));
  const items = order.slice(0, HUES).map((word, i) => ({ text: names[word], colour: palette.cat[i] }));
  return {
    colours: [...palette.cat, palette.context],
    of,
    legend: { kind: "names", items, rest: Math.max(0, names.length - HUES), ring: "unexplained" },
  };
}

/** @param {readonly import("../shared/labels.js").Layer[]} layers @param {number} count @param {Palette} palette @returns {Painted} */
export function byLayer(layers, count, palette) {
  const few = layers.length <= layerHues.length;
  const colours = layers.map((_, i) =>
    few ? palette.cat[layerHues[i]] : mixed(palette.seq, i / Math.max(1, layers.length - 1)),
  );
  const of = new Int16Array(count);
  let start = 0;
  for (const [number, { count: size }] of layers.entries()) {
    of.fill(number, start, start + size);
    start += size;
  }
  const items = layers.map(({ name }, i) => ({ text: name, colour: colours[i] }));
  const shown = few ? items : [items[0], items[items.length >> 1], items[items.length - 1]];
  return { colours, of, legend: { kind: "names", items: shown, rest: 0, ring: null } };
}

/**
 * Numbers, from the least to the greatest.
 * @param {Values} values @param {Palette} palette
 * @param {boolean} [evidence] whether numbers below the mark say nothing: they have no colour then
 * @returns {Painted}
 */
export function byNumber({ about, mark, signed, numbers }, palette, evidence = false) {
  const known = [...(numbers ?? [])].filter(Number.isFinite);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const number of known) {
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  if (!known.length) [low, high] = [0, 1];
  if (signed) [low, high] = [-Math.max(-low, high), Math.max(-low, high)];
  const colours = ramp(signed ? palette.div : palette.seq);
  const floor = evidence && mark !== null ? mark : Number.NEGATIVE_INFINITY;
  low = Math.max(low, Math.min(floor, high));
  const of = Int16Array.from(numbers ?? [], (number) =>
    Number.isFinite(number)
      ? number < floor
        ? STEPS
        : Math.round(high > low ? ((number - low) / (high - low)) * (STEPS - 1) : (STEPS - 1) / 2)
      : -1,
  );
  const ring = known.length < (numbers?.length ?? 0) ? "no number" : null;
  return {
    colours: [...colours, palette.context],
    of,
    legend: { kind: "ramp", colours, low, high, about, mark, ring },
  };
}

/** Nothing to show in colour, and why. @param {number} count @param {string} text @param {Palette} palette @returns {Painted} */
export const plain = (count, text, palette) => ({
  colours: [palette.context],
  of: new Int16Array(count),
  legend: { kind: "note", text },
});
