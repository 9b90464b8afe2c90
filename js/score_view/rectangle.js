/** A rectangle of the plane that keys move and size: in shares of its width and height, from its upper left corner. */

/** Left, top, right, bottom. @typedef {[number, number, number, number]} Rectangle */

/** By how much a key moves an edge. */
const STEP = 1 / 20;

const within = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
  Math.min(high, Math.max(low, value));

/** The first one: in the middle, a fifth of the plane wide and high. @returns {Rectangle} */
export const opened = () => [0.4, 0.4, 0.6, 0.6];

/** Moved by some steps, not over the edge. @param {Rectangle} rectangle @param {number} dx @param {number} dy @returns {Rectangle} */
export function shifted([left, top, right, bottom], dx, dy) {
  const x = within(dx * STEP, Math.min(0, -left), Math.max(0, 1 - right));
  const y = within(dy * STEP, Math.min(0, -top), Math.max(0, 1 - bottom));
  return [left + x, top + y, right + x, bottom + y];
}

/**
 * Wider to the right and taller upwards, narrower and lower the other way; never less than a step. At the edge of the
 * plane it grows to the other side.
 * @param {Rectangle} rectangle @param {number} dx @param {number} dy steps, upwards is negative @returns {Rectangle}
 */
export function resized([left, top, right, bottom], dx, dy) {
  const wide = within(right - left + dx * STEP, STEP, 1);
  const high = within(bottom - top - dy * STEP, STEP, 1);
  const newRight = Math.min(1, left + wide);
  const newTop = Math.max(0, bottom - high);
  return [newRight - wide, newTop, newRight, newTop + high];
}

/** Where it is drawn, in px. @param {Rectangle} rectangle @param {import("../shared/scatter/axes.js").Frame} frame */
export function inPixels([left, top, right, bottom], frame) {
  const [wide, high] = [frame.right - frame.left, frame.bottom - frame.top];
  return {
    x: frame.left + left * wide,
    y: frame.top + top * high,
    width: (right - left) * wide,
    height: (bottom - top) * high,
  };
}

/** The one between two corners in px. @param {[number, number]} a @param {[number, number]} b @param {import("../shared/scatter/axes.js").Frame} frame @returns {Rectangle} */
export function between(a, b, frame) {
  const xs = [a, b].map(([px]) => (px - frame.left) / (frame.right - frame.left));
  const ys = [a, b].map(([, py]) => (py - frame.top) / (frame.bottom - frame.top));
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
