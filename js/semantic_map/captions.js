/** Where the map's words stand: over the densest place of the components that share one, and never over another. */

/** Two components of one label belong together within this share of the map. */
const TOGETHER = 0.07;
/** Components looked at to find a label's densest place. */
const LOOKED_AT = 160;
/** Heights in px: of a caption, and between it and its points. */
const HEIGHT = 16;
const GAP = 10;
/** What stays free at the edges, in px. */
const EDGE = 2;

/** @typedef {{word: number, count: number, rows: number[], x: number, y: number, top: number}} Cluster in places; `top` is the highest point */

/**
 * Labels with the place where most of their components are, the most frequent first.
 * @param {Float32Array} places @param {Int32Array} words label of each row, negative for none
 * @param {number} count of words
 * @returns {Cluster[]}
 */
export function clusters(places, words, count) {
  /** @type {number[][]} */
  const members = Array.from({ length: count }, () => []);
  for (let row = 0; row < words.length; row++)
    if (words[row] >= 0 && !Number.isNaN(places[2 * row])) members[words[row]].push(row);
  const found = members.flatMap((rows, word) => (rows.length ? [densest(places, word, rows)] : []));
  return found.sort((a, b) => b.count - a.count || a.word - b.word);
}

/** @param {Float32Array} places @param {number} word @param {number[]} rows @returns {Cluster} */
function densest(places, word, rows) {
  const step = Math.max(1, Math.floor(rows.length / LOOKED_AT));
  const some = rows.filter((_, i) => i % step === 0);
  const near = (/** @type {number} */ row, /** @type {number} */ other) =>
    Math.hypot(places[2 * row] - places[2 * other], places[2 * row + 1] - places[2 * other + 1]) < TOGETHER;
  let [best, most] = [some[0], 0];
  for (const row of some) {
    let around = 0;
    for (const other of some) if (near(row, other)) around += 1;
    if (around > most) [best, most] = [row, around];
  }
  const together = rows.filter((row) => near(row, best));
  const mean = (/** @type {number} */ axis) =>
    together.reduce((sum, row) => sum + places[2 * row + axis], 0) / together.length;
  const top = Math.max(...together.slice(0, 5000).map((row) => places[2 * row + 1]));
  return { word, count: rows.length, rows, x: mean(0), y: mean(1), top };
}

/**
 * The captions that have room, each with the middle of its foot in px.
 * @param {readonly Cluster[]} wanted most important first
 * @param {import("./projection.js").Projection} view @param {number} width @param {number} height
 * @param {(cluster: Cluster) => number} widthOf of a caption in px
 * @param {number} most
 */
export function placed(wanted, { sx, sy, ox, oy }, width, height, widthOf, most) {
  /** @type {{cluster: Cluster, left: number, top: number, right: number, bottom: number}[]} */
  const taken = [];
  for (const cluster of wanted) {
    if (taken.length >= most) break;
    const half = widthOf(cluster) / 2;
    const middle = cluster.x * sx + ox;
    if (middle < 0 || middle > width) continue;
    // Beside the edge a caption stands a little inwards.
    const x = Math.min(Math.max(middle, half + EDGE), width - half - EDGE);
    const bottom = cluster.top * sy + oy - GAP;
    const box = { cluster, left: x - half, right: x + half, top: bottom - HEIGHT, bottom };
    if (box.left < 2 || box.right > width - 2 || box.top < 2 || bottom > height - 2) continue;
    const meets = taken.some(
      (other) =>
        box.left < other.right + 6 &&
        box.right > other.left - 6 &&
        box.top < other.bottom + 2 &&
        box.bottom > other.top - 2,
    );
    if (!meets) taken.push(box);
  }
  return taken;
}
