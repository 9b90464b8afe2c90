/** Where the map looks: projections that show everything, or a part of it; y upwards in the unit square of places. */

/** @typedef {import("../shared/scatter/places.js").Projection} Projection */

const MARGIN = 36;
/** One axis may be stretched against the other to fill the room, but only so far. */
const STRETCH = 1.6;
const MOST = 400;

/**
 * The projection that shows everything.
 * @param {number[]} box left, bottom, right, top @param {number} width @param {number} height @returns {Projection}
 */
export function fitted([left, bottom, right, top], width, height) {
  const across = Math.max(1, width - 2 * MARGIN) / Math.max(right - left, 1e-6);
  const up = Math.max(1, height - 2 * MARGIN) / Math.max(top - bottom, 1e-6);
  const sx = Math.min(across, up * STRETCH, MOST * width);
  const sy = Math.min(up, across * STRETCH, MOST * height);
  return {
    sx,
    sy: -sy,
    ox: width / 2 - (sx * (left + right)) / 2,
    oy: height / 2 + (sy * (bottom + top)) / 2,
  };
}

/** @param {Projection} view @param {number} factor @param {number} px the point that stays @param {number} py @returns {Projection} */
export const zoomed = ({ sx, sy, ox, oy }, factor, px, py) => ({
  sx: sx * factor,
  sy: sy * factor,
  ox: px - (px - ox) * factor,
  oy: py - (py - oy) * factor,
});

/** @param {Projection} view @param {number} dx @param {number} dy @returns {Projection} */
export const moved = ({ sx, sy, ox, oy }, dx, dy) => ({ sx, sy, ox: ox + dx, oy: oy + dy });
