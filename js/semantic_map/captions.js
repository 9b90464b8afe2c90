/** Where the map's words stand: over the densest place of the components that share one, or under it; never over another. */

/** Two components of one label belong together within this share of the map. */
const TOGETHER = 0.07;
/** Components looked at to find a label's densest place. */
const LOOKED_AT = 160;
/** Heights in px: of a caption, and between it and its points. */
const HEIGHT = 16;
const GAP = 10;
/** What stays free at the edges, in px. */
const EDGE = 2;

/** The corner of the buttons that zoom, at the lower left, in px. */
const BUTTONS = { width: 48, height: 98 };

/** @typedef {{cluster: Cluster, left: number, right: number, top: number}} Box in px */
/** @typedef {{word: number, count: number, rows: number[], x: number, top: number, foot: number}} Cluster in places; `top` is the highest point, `foot` the lowest */

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
  const x = together.reduce((sum, row) => sum + places[2 * row], 0) / together.length;
  const heights = together.slice(0, 5000).map((row) => places[2 * row + 1]);
  const [top, foot] = [Math.max(...heights), Math.min(...heights)];
  return { word, count: rows.length, rows, x, top, foot };
}

/**
 * The captions that have room, each over its points or under them.
 * @param {readonly Cluster[]} wanted most important first
 * @param {import("./projection.js").Projection} view @param {number} width @param {number} height
 * @param {(cluster: Cluster) => number} widthOf of a caption in px
 * @param {number} most
 */
export function placed(wanted, { sx, sy, ox, oy }, width, height, widthOf, most) {
  /** @type {Box[]} */
  const taken = [];
  const meets = (/** @type {Box} */ box) =>
    (box.left < BUTTONS.width && box.top + HEIGHT > height - BUTTONS.height) ||
    taken.some(
      (other) =>
        box.left < other.right + 6 &&
        box.right > other.left - 6 &&
        Math.abs(box.top - other.top) < HEIGHT + 2,
    );
  for (const cluster of wanted) {
    if (taken.length >= most) break;
    const half = widthOf(cluster) / 2;
    const middle = cluster.x * sx + ox;
    if (middle < 0 || middle > width) continue;
    // Beside the edge a caption stands a little inwards.
    const x = Math.min(Math.max(middle, half + EDGE), width - half - EDGE);
    // Over its points, or under them where another stands.
    for (const top of [cluster.top * sy + oy - GAP - HEIGHT, cluster.foot * sy + oy + GAP]) {
      const box = { cluster, left: x - half, right: x + half, top };
      if (top < EDGE || top > height - HEIGHT - EDGE || meets(box)) continue;
      taken.push(box);
      break;
    }
  }
  return taken;
}
