/** Thumbnails: one picture per batch of components, shown piece by piece as backgrounds. */

import { batches } from "./batches.js";
import { addressOf } from "./held.js";

/** @typedef {{url: string, line: number, lines: number, columns: number, count: number, sheet: {users: number, url: string}}} Strip a component's line in a sheet */

/**
 * @param {object} options
 * @param {import("./source.js").Source} options.source
 * @param {number} options.examples crops per component @param {number} options.size of a crop in image pixels
 * @param {(rows: number[]) => void} options.onArrive @param {(error: Error) => void} options.onError
 * @param {number} [options.capacity] components kept
 */
export function sprites({ source, examples, size, onArrive, onError, capacity = 600 }) {
  return batches({
    capacity,
    onArrive,
    onError,
    async load(rows, signal) {
      const sprite = await source.sprite(rows, examples, size, signal);
      const sheet = { users: rows.length, url: await addressOf(sprite.image, signal) };
      return new Map(
        rows.map((row, line) => [
          row,
          {
            url: sheet.url,
            line,
            lines: rows.length,
            columns: sprite.columns,
            count: sprite.counts[line],
            sheet,
          },
        ]),
      );
    },
    onForget({ sheet }) {
      sheet.users -= 1;
      if (sheet.users === 0) URL.revokeObjectURL(sheet.url);
    },
  });
}

/** Shows crop `rank` of a strip on an element of any size. @param {HTMLElement} node @param {Omit<Strip, "sheet">} strip @param {number} rank */
export function paint(node, strip, rank) {
  const across = strip.columns > 1 ? (100 * rank) / (strip.columns - 1) : 0;
  const down = strip.lines > 1 ? (100 * strip.line) / (strip.lines - 1) : 0;
  node.style.backgroundImage = `url("${strip.url}")`;
  node.style.backgroundSize = `${strip.columns * 100}% ${strip.lines * 100}%`;
  node.style.backgroundPosition = `${across}% ${down}%`;
}

/** Image pixels for a crop of `css` px on this screen. @param {number} css */
export const imagePixels = (css) =>
  Math.round(css * Math.min(2, Math.max(1, globalThis.devicePixelRatio || 1)));
