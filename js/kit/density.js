/**
 * Places where marks would cover each other, shown by how many there are. Marks are counted in small cells, the counts
 * are smoothed, and a place is dense where its marks would cover it several times.
 */

import { packed } from "../shared/raster.js";

/** Side of a cell in px, and how many cells each way a count is smoothed over. */
const CELL = 4;
const SPREAD = 2;
/** A place is dense where marks cover it so many times, and are so many. */
const COVERED = 3;
const MANY = 24;
/** Where marks begin to cover each other, the colour is as strong as theirs; where they are most, it goes towards ink. */
const PALEST = 0.55;
const DARKEST = 1.55;

/** @typedef {import("./marks.js").Marks} Marks */
/** @typedef {import("./marks.js").Colour} Colour */

/** Sums over 2 · SPREAD + 1 neighbours, per axis. @param {Float32Array} counts @param {number} columns @param {number} lines */
function smoothed(counts, columns, lines) {
  const pass = (
    /** @type {Float32Array} */ from,
    /** @type {number} */ step,
    /** @type {number} */ length,
  ) => {
    const to = new Float32Array(from.length);
    for (let cell = 0; cell < from.length; cell++) {
      const at = Math.floor(cell / step) % length;
      const [first, last] = [Math.max(0, at - SPREAD), Math.min(length - 1, at + SPREAD)];
      for (let i = first; i <= last; i++) to[cell] += from[cell + (i - at) * step];
    }
    return to;
  };
  return pass(pass(counts, 1, columns), columns, lines);
}

/**
 * @param {Marks} marks @param {number} width in px @param {number} height
 * @returns {null | {covers: (at: number) => boolean, paint: (picture: import("../shared/raster.js").Picture, ratio: number, ground: Colour, ink: Colour) => void}}
 *   null where nothing is dense; `covers` tells which marks stand in a dense place
 */
export function densityOf({ xs, ys, radii, kinds, styles }, width, height) {
  const [columns, lines] = [Math.ceil(width / CELL) + 1, Math.ceil(height / CELL) + 1];
  const size = columns * lines;
  const cellOf = (/** @type {number} */ at) =>
    xs[at] >= 0 && ys[at] >= 0 && xs[at] < width && ys[at] < height
      ? Math.floor(ys[at] / CELL) * columns + Math.floor(xs[at] / CELL)
      : -1;
  const area = new Float32Array(size);
  const counts = styles.map(() => new Float32Array(size));
  for (let at = 0; at < xs.length; at++) {
    const cell = cellOf(at);
    if (cell < 0) continue;
    area[cell] += Math.PI * radii[at] ** 2;
    counts[kinds[at]][cell]++;
  }
  const [covered, ...of] = [area, ...counts].map((each) => smoothed(each, columns, lines));
  const room = (CELL * (2 * SPREAD + 1)) ** 2;
  const many = new Float32Array(size);
  let [fewest, most] = [Infinity, 0];
  for (let cell = 0; cell < size; cell++) {
    const count = of.reduce((sum, each) => sum + each[cell], 0);
    if (covered[cell] < COVERED * room || count < MANY) continue;
    many[cell] = count;
    fewest = Math.min(fewest, count);
    most = Math.max(most, count);
  }
  if (!most) return null;

  /** What is painted in each cell: red, green, blue, opacity; colours are multiplied by it. @param {Colour} ink */
  function tints(ink) {
    const painted = new Float32Array(4 * size);
    for (let cell = 0; cell < size; cell++) {
      if (!many[cell]) continue;
      const share = most > fewest ? Math.log(many[cell] / fewest) / Math.log(most / fewest) : 0;
      const strength = PALEST + (DARKEST - PALEST) * share;
      const opacity = Math.min(1, strength);
      const towards = Math.max(0, strength - 1);
      for (let part = 0; part < 3; part++) {
        const own = styles.reduce((sum, { colour }, i) => sum + colour[part] * of[i][cell], 0) / many[cell];
        painted[4 * cell + part] = opacity * (own + (ink[part] - own) * towards);
      }
      painted[4 * cell + 3] = opacity;
    }
    return painted;
  }

  return {
    covers(at) {
      const cell = cellOf(at);
      return cell >= 0 && many[cell] > 0;
    },
    paint(picture, ratio, ground, ink) {
      const painted = tints(ink);
      const step = CELL * ratio;
      for (let py = 0; py < picture.height; py++) {
        // Cells are painted from centre to centre.
        const v = Math.max(0, Math.min(lines - 1.001, py / step - 0.5));
        const [line, down] = [Math.floor(v), v % 1];
        for (let px = 0; px < picture.width; px++) {
          const u = Math.max(0, Math.min(columns - 1.001, px / step - 0.5));
          const cell = line * columns + Math.floor(u);
          const below = cell + columns;
          if (!many[cell] && !many[cell + 1] && !many[below] && !many[below + 1]) continue;
          const right = u % 1;
          const [a, b, c, d] = [
            (1 - right) * (1 - down),
            right * (1 - down),
            (1 - right) * down,
            right * down,
          ];
          const value = (/** @type {number} */ part) =>
            a * painted[4 * cell + part] +
            b * painted[4 * cell + 4 + part] +
            c * painted[4 * below + part] +
            d * painted[4 * below + 4 + part];
          const rest = 1 - value(3);
          picture.data[py * picture.width + px] = packed([
            value(0) + rest * ground[0],
            value(1) + rest * ground[1],
            value(2) + rest * ground[2],
          ]);
        }
      }
    },
  };
}
