/**
 * From places in the unit square to pixels and back: `x · sx + ox`, `y · sy + oy`, y upwards in the square.
 * @typedef {{sx: number, sy: number, ox: number, oy: number}} Projection
 */

const MARGIN = 36;
/** One axis may be stretched against the other to fill the room, but only so far. */
const STRETCH = 1.6;
const MOST = 400;

/** The bounds of all places that are numbers: [left, bottom, right, top]. @param {Float32Array} places */
export function bounds(places) {
  const found = [1, 1, 0, 0];
  for (let i = 0; i < places.length; i += 2) {
    const [x, y] = [places[i], places[i + 1]];
    if (Number.isNaN(x)) continue;
    found[0] = Math.min(found[0], x);
    found[1] = Math.min(found[1], y);
    found[2] = Math.max(found[2], x);
    found[3] = Math.max(found[3], y);
  }
  return found[0] > found[2] ? [0, 0, 1, 1] : found;
}

/**
 * The projection that shows everything.
 * @param {number[]} box as of `bounds` @param {number} width @param {number} height @returns {Projection}
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

/** @param {Projection} view @param {number} px @param {number} py @returns {[number, number]} */
export const unprojected = ({ sx, sy, ox, oy }, px, py) => [(px - ox) / sx, (py - oy) / sy];

/**
 * The row whose place is nearest to a point of the screen and not farther than `reach` px, or −1. All are looked at: a
 * hundred thousand take about a millisecond.
 * @param {Float32Array} places @param {Projection} view @param {number} px @param {number} py
 * @param {number} reach @param {(row: number) => boolean} seen
 */
export function nearest(places, view, px, py, reach, seen) {
  const [x, y] = unprojected(view, px, py);
  let best = -1;
  let closest = reach * reach;
  for (let row = 0; row < places.length / 2; row++) {
    const dx = (places[2 * row] - x) * view.sx;
    const dy = (places[2 * row + 1] - y) * view.sy;
    const distance = dx * dx + dy * dy;
    if (distance > closest || Number.isNaN(distance) || !seen(row)) continue;
    best = row;
    closest = distance;
  }
  return best;
}

/** Whether a place lies inside a polygon (even-odd). @param {readonly [number, number][]} polygon @param {number} x @param {number} y */
export function inside(polygon, x, y) {
  let is = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i];
    const [bx, by] = polygon[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) is = !is;
  }
  return is;
}

/**
 * The rows whose places lie inside a polygon.
 * @param {Float32Array} places @param {readonly [number, number][]} polygon @param {(row: number) => boolean} seen
 */
export function enclosed(places, polygon, seen) {
  const [xs, ys] = [polygon.map(([x]) => x), polygon.map(([, y]) => y)];
  const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const rows = [];
  for (let row = 0; row < places.length / 2; row++) {
    const [x, y] = [places[2 * row], places[2 * row + 1]];
    if (x >= left && x <= right && y >= bottom && y <= top && seen(row) && inside(polygon, x, y))
      rows.push(row);
  }
  return rows;
}
