/** Crops as marks: close enough, a point is seen as its strongest example. */

import { html } from "../shared/dom.js";
import { imagePixels, paint, sprites } from "../shared/sprites.js";

/** No more than so many are shown: where more points are in sight, they stay points. */
const MOST = 60;
const SIDE = 34;
/** How much of its side a crop keeps for itself. */
const OWN = 0.8;
const ASK_AFTER = 80;

/** @typedef {ReturnType<typeof import("./camera.js").camera>["sight"] & {chosen: Uint8Array, selecting: boolean, seen: (row: number) => boolean}} Sight */

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {() => void} options.onArrive pictures have come: draw again
 * @param {(error: unknown) => void} options.fail
 */
export function cropMarks({ source, onArrive, fail }) {
  const node = html`<div class="sl-map-over sl-fill" aria-hidden="true" />`;
  const thumbnails = sprites({
    source,
    examples: 1,
    size: imagePixels(SIDE),
    capacity: 400,
    onArrive,
    onError: fail,
  });
  /** @type {Map<number, HTMLElement>} by row */
  const drawn = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  return {
    node,
    /** How far from its place a crop can be pointed at, in px; 0 where there are none. */
    reach: () => (drawn.size ? SIDE / 2 : 0),
    /**
     * @param {Sight} sight @param {boolean} near whether the map is close enough for crops
     * @param {boolean} still whether it is at rest; else those that are there move along
     */
    draw(sight, near, still) {
      const { places, view, chosen, selecting } = sight;
      const few = near ? (still ? apart(inSight(sight), sight) : [...drawn.keys()]) : [];
      const kept = new Set(few);
      for (const [row, element] of drawn) {
        if (kept.has(row)) continue;
        element.remove();
        drawn.delete(row);
      }
      for (const row of few) {
        let element = drawn.get(row);
        if (!element) {
          element = html`<i class="sl-crop sl-map-crop" data-testid="map-crop" />`;
          drawn.set(row, element);
          node.append(element);
        }
        const strip = thumbnails.get(row);
        if (strip && element.dataset.painted !== strip.url) {
          element.dataset.painted = strip.url;
          paint(element, strip, 0);
        }
        element.hidden = !strip;
        element.classList.toggle("sl-chosen", chosen[row] === 1);
        element.classList.toggle("sl-faded", selecting && !chosen[row]);
        const [x, y] = [places[2 * row] * view.sx + view.ox, places[2 * row + 1] * view.sy + view.oy];
        element.style.transform = `translate(${x - SIDE / 2}px, ${y - SIDE / 2}px)`;
      }
      if (!few.length) return;
      clearTimeout(timer);
      timer = setTimeout(() => thumbnails.want(few), ASK_AFTER);
    },
    destroy() {
      clearTimeout(timer);
      thumbnails.clear();
    },
  };
}

/** The rows in sight, none where there are too many. @param {Sight} sight */
function inSight({ places, view, width, height, chosen, seen }) {
  const rows = [];
  for (let row = 0; row < chosen.length; row++) {
    const [x, y] = [places[2 * row] * view.sx + view.ox, places[2 * row + 1] * view.sy + view.oy];
    if (!(x > 0 && y > 0 && x < width && y < height) || !seen(row)) continue;
    if (rows.length === MOST) return [];
    rows.push(row);
  }
  return rows;
}

/** Rows whose crops do not cover each other, the selected first. @param {number[]} rows @param {Sight} sight */
export function apart(rows, { places, view, chosen }) {
  /** @type {number[]} */
  const kept = [];
  for (const row of rows.sort((a, b) => chosen[b] - chosen[a] || a - b)) {
    const free = kept.every(
      (other) =>
        Math.abs((places[2 * row] - places[2 * other]) * view.sx) > SIDE * OWN ||
        Math.abs((places[2 * row + 1] - places[2 * other + 1]) * view.sy) > SIDE * OWN,
    );
    if (free) kept.push(row);
  }
  return kept;
}
