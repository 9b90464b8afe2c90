/** The map's components as marks: their colours, their sizes by relevance, and those outside the layer that is shown. */

import { LEVEL } from "../shared/scatter/marks.js";

/** Opacity of a point, and width of an open one's line in px. */
const OPACITY = 0.82;
const LINE = 1.2;
/** Radii in px: as the room allows, and at most when one is close. */
const RADII = [1.7, 5, 9];
/** How much of the room of one point it takes. */
const ROOM = 0.16;

/** Radius of a point in px, without its own size. @param {{width: number, height: number}} room @param {number} count @param {number} closeness */
export function radiusOf({ width, height }, count, closeness) {
  const fits = ROOM * Math.sqrt((width * height) / Math.max(1, count));
  return Math.min(RADII[2], Math.max(RADII[0], Math.min(RADII[1], fits)) * closeness ** 0.4);
}

/** Sizes by relevance, by its value: the larger the more. @param {Float32Array} sizes */
export function radiiOf(sizes) {
  const largest = sizes.reduce((most, size) => Math.max(most, Math.abs(size) || 0), 1e-9);
  return sizes.map((size) => 0.7 + 1.3 * Math.sqrt(Math.abs(size) / largest || 0));
}

/**
 * @param {import("./colours.js").Painted} painted @param {import("./colours.js").Palette} palette
 * @param {Uint8Array} chosen one for the selected @param {(row: number) => boolean} seen whether the layer filter lets it be seen
 */
export function marksOf({ colours, of }, palette, chosen, seen) {
  return {
    kinds: of.map((kind) => (kind < 0 ? colours.length : kind)),
    styles: [...colours.map((colour) => ({ colour })), { colour: palette.strong, line: LINE }],
    levels: chosen.map((is, row) => (seen(row) ? (is ? LEVEL.chosen : LEVEL.usual) : LEVEL.away)),
    opacity: OPACITY,
    fades: true,
    inks: { ground: palette.background, ink: palette.ink, accent: palette.accent },
  };
}
