/** Marks of several kinds as one picture; where they would cover each other, their density. */

import { packed, stamp } from "../shared/raster.js";
import { densityOf } from "./density.js";

/** Opacity of a mark, of 256. */
const OPACITY = 160;
/** Width of the line around a mark, of a hollow mark's line, and of a ring, in px. */
const OUTLINE = 0.7;
const HOLLOW = 1.3;
const RING = 1.2;
/** So many rings can be told apart: more lie below the marks. */
const RINGS = 400;

/** Red, green, blue. @typedef {number[]} Colour */
/** How a kind of marks looks; `half` ones are open on the left. @typedef {{shape: import("../shared/raster.js").Shape, colour: Colour, half?: boolean}} Style */

/**
 * @typedef {object} Marks
 * @property {Float32Array} xs in px, NaN for what has no place @property {Float32Array} ys
 * @property {Float32Array} radii in px @property {Uint8Array} kinds into `styles` @property {Style[]} styles
 */

/**
 * @param {import("../shared/raster.js").Picture} picture whose ground is painted already
 * @param {object} scene
 * @param {Marks} scene.marks
 * @param {ArrayLike<number>} scene.order of painting: the last lies on top
 * @param {ReadonlySet<number>} scene.chosen those with a ring @param {ReadonlySet<number>} scene.standing marks that stay marks in a dense place
 * @param {number} scene.ratio pixels of the picture to one of the screen
 * @param {{ground: Colour, ink: Colour, accent: Colour}} scene.inks
 * @returns {number} how many marks are shown as density
 */
export function paintMarks(picture, { marks, order, chosen, standing, ratio, inks }) {
  const { xs, ys, radii, kinds, styles } = marks;
  const [ground, accent] = [packed(inks.ground), packed(inks.accent)];
  const colours = styles.map(({ colour }) => packed(colour));
  const few = chosen.size <= RINGS;
  const density = densityOf(marks, picture.width / ratio, picture.height / ratio);
  const rings = () => {
    for (const at of chosen) {
      if (!Number.isFinite(xs[at])) continue;
      const [middle, half] = [radii[at] + 2, RING / 2];
      stamp(
        picture,
        xs[at] * ratio,
        ys[at] * ratio,
        (middle + half) * ratio,
        (middle - half) * ratio,
        accent,
        256,
      );
    }
  };
  density?.paint(picture, ratio, inks.ground, inks.ink);
  if (!few) rings();
  let melted = 0;
  for (let i = 0; i < order.length; i++) {
    const at = order[i];
    if (!Number.isFinite(xs[at])) continue;
    if (density?.covers(at) && !standing.has(at) && !(few && chosen.has(at))) {
      melted++;
      continue;
    }
    const [x, y, r] = [xs[at] * ratio, ys[at] * ratio, radii[at] * ratio];
    const [colour, { shape, half }] = [colours[kinds[at]], styles[kinds[at]]];
    if (half) {
      const line = (HOLLOW * ratio) / 2;
      stamp(picture, x, y, r + line, 0, ground, 256, shape);
      stamp(picture, x, y, r + line, Math.max(0.5, r - line), colour, 256, shape);
      stamp(picture, x, y, r, 0, colour, 256, "half");
    } else {
      const line = (OUTLINE * ratio) / 2;
      stamp(picture, x, y, r + line, Math.max(0.5, r - line), ground, 256, shape);
      stamp(picture, x, y, r - line, 0, colour, OPACITY, shape);
    }
  }
  if (few) rings();
  return melted;
}
