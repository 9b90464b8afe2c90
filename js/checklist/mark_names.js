/** Ids and concepts beside some marks, left out where they would cross. */

import { svg } from "../shared/dom.js";

/** How many are written beside the first. */
const NAMED = 3;

/** Left, top, right, bottom. @typedef {[number, number, number, number]} Box */

/**
 * @param {object} options
 * @param {{x: number, y: number, r: number, id: string, concept: string}[]} options.marks the most important first
 * @param {number} options.left of the axes @param {number} options.right names end before it where they can
 * @param {number} options.width of the plot
 * @param {Box[]} options.taken by other words
 */
export function markNames({ marks, left, right, width, taken }) {
  const boxes = [...taken];
  const written = [];
  for (const { x, y, r, id, concept } of marks) {
    if (written.length > NAMED) break;
    const text = concept ? `${id} ${clip(concept)}` : id;
    const length = text.length * 6.1;
    const start = x + r + 6 + length > right ? x - r - 6 - length : x + r + 6;
    const box = /** @type {Box} */ ([start, y - 8, start + length, y + 8]);
    if (start < left || box[2] > width || boxes.some((other) => crosses(other, box))) continue;
    boxes.push(box);
    written.push(
      svg`<text class="sl-halo" x=${start} y=${y + 4}>
        <tspan class="sl-mono">${id}</tspan>${concept && svg`<tspan dx="5">${clip(concept)}</tspan>`}
      </text>`,
    );
  }
  return written;
}

/** @param {string} text */
const clip = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);

/** @param {Box} a @param {Box} b */
const crosses = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
