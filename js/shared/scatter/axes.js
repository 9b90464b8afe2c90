/** Two axes with their numbers, as SVG, and the projection that they stand for. */

import { svg } from "../dom.js";
import { linear, ticks } from "../scales.js";

/** Where a plot stands in its picture, in px. @typedef {{left: number, top: number, right: number, bottom: number}} Frame */
/** @typedef {[number, number]} Domain */

/** @param {Domain} across @param {Domain} up @param {Frame} frame @returns {import("./places.js").Projection} */
export function spanning(across, up, { left, top, right, bottom }) {
  const along = (/** @type {Domain} */ [low, high], /** @type {Domain} */ range) => {
    const to = linear([low, high], range);
    const slope = high === low ? 0 : (range[1] - range[0]) / (high - low);
    return [slope, to(low) - slope * low];
  };
  const [[sx, ox], [sy, oy]] = [along(across, [left, right]), along(up, [bottom, top])];
  return { sx, sy, ox, oy };
}

/**
 * @param {object} options
 * @param {Domain} options.across @param {Domain} options.up @param {Frame} options.frame
 * @param {Domain} options.wanted about how many numbers, across and up
 * @param {Domain} options.gap of the numbers from the line below, and from the one on the left, in px
 * @param {(value: number) => string} options.label
 */
export function axes({ across, up, frame, wanted, gap, label }) {
  const { left, top, right, bottom } = frame;
  const { sx, sy, ox, oy } = spanning(across, up, frame);
  const number = (
    /** @type {number} */ value,
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {string} */ anchor,
  ) => svg`<text class="sl-quiet" x=${x} y=${y} text-anchor=${anchor}>${label(value)}</text>`;
  return [
    svg`<path class="sl-axis" d=${`M${left - 0.5} ${top}V${bottom + 0.5}H${right}`} />`,
    ...ticks(across, wanted[0]).values.map((value) =>
      number(value, value * sx + ox, bottom + gap[0], "middle"),
    ),
    ...ticks(up, wanted[1]).values.map((value) => number(value, left - gap[1], value * sy + oy + 4, "end")),
  ];
}
