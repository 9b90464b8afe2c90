/**
 * Points as pixels. Twenty thousand points are drawn by copying small discs into one picture: some milliseconds
 * on any machine, where a canvas path or a graphics card may take tens.
 */

/** Places between pixels at which discs are prepared, per axis. */
const PHASES = 4;

/**
 * How far a shape covers each pixel, 0 to 256.
 * @typedef {{side: number, reach: number, coverage: Uint16Array}} Mask
 */

/** @type {Map<string, Mask>} */
const made = new Map();

/**
 * @param {number} radius in pixels @param {number} hole radius of the hole of a ring, 0 for a disc
 * @param {number} px phase, 0 to PHASES − 1 @param {number} py @returns {Mask}
 */
export function mask(radius, hole, px, py) {
  const key = `${radius} ${hole} ${px} ${py}`;
  let found = made.get(key);
  if (!found) {
    const reach = Math.ceil(radius + 0.5);
    const side = 2 * reach + 1;
    const coverage = new Uint16Array(side * side);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const distance = Math.hypot(x - reach - px / PHASES, y - reach - py / PHASES);
        const outer = Math.min(1, Math.max(0, radius + 0.5 - distance));
        const inner = hole > 0 ? Math.min(1, Math.max(0, distance - hole + 0.5)) : 1;
        coverage[y * side + x] = Math.round(256 * outer * inner);
      }
    }
    found = { side, reach, coverage };
    if (made.size > 4000) made.clear();
    made.set(key, found);
  }
  return found;
}

/** A picture's pixels, as four bytes each: red, green, blue, alpha from the lowest. @typedef {{data: Uint32Array, width: number, height: number}} Picture */

/** @param {readonly number[]} rgb */
export const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/**
 * Draws a disc or ring; what lies outside the picture is left out.
 * @param {Picture} picture @param {number} x @param {number} y centre in pixels
 * @param {number} radius @param {number} hole @param {number} colour packed @param {number} opacity 0 to 256
 */
export function stamp({ data, width, height }, x, y, radius, hole, colour, opacity) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const { side, reach, coverage } = mask(
    radius,
    hole,
    Math.floor((x - left) * PHASES),
    Math.floor((y - top) * PHASES),
  );
  const [x0, y0] = [left - reach, top - reach];
  if (x0 >= width || y0 >= height || x0 + side <= 0 || y0 + side <= 0) return;
  const [firstX, firstY] = [Math.max(0, -x0), Math.max(0, -y0)];
  const [endX, endY] = [Math.min(side, width - x0), Math.min(side, height - y0)];
  const [redBlue, green] = [colour & 0xff00ff, colour & 0x00ff00];
  for (let my = firstY; my < endY; my++) {
    let at = (y0 + my) * width + x0 + firstX;
    for (let mx = firstX; mx < endX; mx++, at++) {
      const covered = (coverage[my * side + mx] * opacity) >> 8;
      if (covered === 0) continue;
      if (covered >= 255) {
        data[at] = colour;
        continue;
      }
      const below = data[at];
      const rb = below & 0xff00ff;
      const g = below & 0x00ff00;
      data[at] =
        0xff000000 |
        ((rb + (Math.imul(redBlue - rb, covered) >>> 8)) & 0xff00ff) |
        ((g + (Math.imul(green - g, covered) >>> 8)) & 0x00ff00);
    }
  }
}
