/** Two axes with their numbers, as SVG. */

import { s } from "../shared/dom.js";
import { linear, ticks } from "../shared/scales.js";

/** Where a plot stands in its picture, in px. @typedef {{left: number, top: number, right: number, bottom: number}} Frame */

/**
 * @param {object} options
 * @param {[number, number]} options.across domain @param {[number, number]} options.up @param {Frame} options.frame
 * @param {[number, number]} options.wanted about how many numbers, across and up
 * @param {[number, number]} options.gap of the numbers from the line below, and from the one on the left, in px
 * @param {(value: number) => string} options.label
 */
export function axes({ across, up, frame: { left, top, right, bottom }, wanted, gap, label }) {
  const [x, y] = [linear(across, [left, right]), linear(up, [bottom, top])];
  return [
    s("path", { class: "sl-axis", d: `M${left - 0.5} ${top}V${bottom + 0.5}H${right}` }),
    ...ticks(across, wanted[0]).values.map((value) =>
      s(
        "text",
        { class: "sl-quiet", x: x(value), y: bottom + gap[0], "text-anchor": "middle" },
        label(value),
      ),
    ),
    ...ticks(up, wanted[1]).values.map((value) =>
      s("text", { class: "sl-quiet", x: left - gap[1], y: y(value) + 4, "text-anchor": "end" }, label(value)),
    ),
  ];
}
