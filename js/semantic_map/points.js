/** All points of the map as one picture: faded ones first, the selected over them with a ring. */

import { packed, stamp } from "../shared/raster.js";

/** Opacities of 256: of a point, of one that is not selected while others are, of one outside the layer. */
const USUAL = 210;
const FADED = 64;
const AWAY = 20;
/** Points this far outside, in px, are not drawn. */
const BEYOND = 20;

/**
 * Lengths are in px of the screen; `ratio` says how many pixels of the picture each has.
 * @typedef {object} Scene
 * @property {Float32Array} places @property {import("./projection.js").Projection} view
 * @property {number} width @property {number} height @property {number} ratio
 * @property {number} radius of a point without a size of its own
 * @property {Float32Array | null} sizes relevance, by whose value points are larger or smaller
 * @property {Uint8Array} chosen one for the selected @property {boolean} selecting whether any is
 * @property {(row: number) => boolean} seen whether the layer filter lets it be seen
 * @property {import("./colours.js").Painted} painted @property {import("./colours.js").Palette} palette
 */

/** @param {import("../shared/raster.js").Picture} picture @param {Scene} scene */
export function paintPoints(picture, scene) {
  const { places, view, width, height, ratio, radius, sizes, chosen, selecting, seen, painted, palette } =
    scene;
  picture.data.fill(packed(palette.background));
  const colours = Uint32Array.from(painted.colours, packed);
  const [line, accent] = [packed(palette.strong), packed(palette.accent)];
  const largest = sizes ? most(sizes) : 1;
  for (const pass of selecting ? [0, 1] : [0]) {
    for (let row = 0; row < chosen.length; row++) {
      if (chosen[row] !== pass) continue;
      const [x, y] = [places[2 * row] * view.sx + view.ox, places[2 * row + 1] * view.sy + view.oy];
      if (!(x > -BEYOND && y > -BEYOND && x < width + BEYOND && y < height + BEYOND)) continue;
      const sized = sizes ? 0.7 + 1.3 * Math.sqrt(Math.min(1, Math.abs(sizes[row]) / largest) || 0) : 1;
      const r = Math.round(radius * sized * ratio * 4) / 4;
      const opacity = !seen(row) ? AWAY : pass ? 256 : selecting ? FADED : USUAL;
      const [px, py] = [x * ratio, y * ratio];
      if (pass) stamp(picture, px, py, r + 2.5 * ratio, Math.max(0.5, r + ratio), accent, opacity);
      const colour = painted.of[row];
      if (colour < 0) stamp(picture, px, py, r, Math.max(0.5, r - 1.2 * ratio), line, opacity);
      else stamp(picture, px, py, r, 0, colours[colour], opacity);
    }
  }
}

/** The largest number there is, by value. @param {Float32Array} numbers */
function most(numbers) {
  let largest = 1e-9;
  for (const number of numbers) if (Math.abs(number) > largest) largest = Math.abs(number);
  return largest;
}
