/** WebP pictures from a file: only such are shown, and none that would take more memory than a picture should. */

import { LONGEST_SIDE } from "./format.js";

/** @param {DataView} view @param {number} at @param {string} letters */
const reads = (view, at, letters) =>
  view.byteLength >= at + 4 &&
  [...letters].every((letter, i) => view.getUint8(at + i) === letter.charCodeAt(0));

/**
 * Width and height of a still WebP picture by its first bytes, or null for anything else.
 * @param {ArrayBuffer} bytes @returns {[number, number] | null}
 */
export function webpSize(bytes) {
  const view = new DataView(bytes);
  if (view.byteLength < 30 || !reads(view, 0, "RIFF") || !reads(view, 8, "WEBP")) return null;
  const short = (/** @type {number} */ at) => view.getUint16(at, true);
  if (reads(view, 12, "VP8 ")) return [short(26) & 0x3fff, short(28) & 0x3fff];
  if (reads(view, 12, "VP8L")) {
    const bits = view.getUint32(21, true);
    return view.getUint8(20) === 0x2f ? [1 + (bits & 0x3fff), 1 + ((bits >>> 14) & 0x3fff)] : null;
  }
  const animated = view.getUint8(20) & 2;
  if (!reads(view, 12, "VP8X") || animated) return null;
  const side = (/** @type {number} */ at) => 1 + short(at) + (view.getUint8(at + 2) << 16);
  return [side(24), side(27)];
}

/** Whether bytes may be given to the browser as a picture. @param {ArrayBuffer | null} bytes */
export function showable(bytes) {
  const size = bytes ? webpSize(bytes) : null;
  return size?.every((side) => side > 0 && side <= LONGEST_SIDE) ?? false;
}
