/** How many crops a row has room for, and the crops. */

import { layout } from "../shared/palette.js";
import { preferences } from "../shared/preferences.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { CLOSEST_CROPS } from "./states.js";

/** From one crop of a line to the next, in px. */
const STEP = layout.crop + 2;
/** The least crops of a line, and the width of the label beside it: a share of what they have together, within bounds. */
const [FEWEST, SHARE, NARROW, WIDE] = [3, 0.29, 120, 240];

/** How many crops a row has room for beside its label. @param {number} width of the two together, in px @param {boolean} [labelled] whether there are labels */
export function cropsThatFit(width, labelled = true) {
  const label = labelled ? Math.min(WIDE, Math.max(NARROW, SHARE * width)) : 0;
  return Math.max(FEWEST, Math.floor((width - label + 2) / STEP));
}

/** The width of a line of so many crops, in px. @param {number} crops */
export const lineWidth = (crops) => crops * STEP - 2;

/** Crops in a row that was not laid out yet. */
const USUAL = 8;

/**
 * The crops of rows, as many in each as it has room for.
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {HTMLElement} options.node whose rows they are @param {HTMLElement[]} options.room the columns they share
 * @param {() => boolean} options.labelled whether there are labels beside them
 * @param {() => void} options.onArrive @param {(error: unknown) => void} options.fail
 */
export function rowCrops({ source, node, room, labelled, onArrive, fail }) {
  const most = preferences().columns ?? Number.POSITIVE_INFINITY;
  let count = Math.min(most, USUAL);
  /** Crops that are fetched of a component: those of the widest row so far. */
  let fetched = Math.max(count, CLOSEST_CROPS);
  const fetchAll = () =>
    sprites({ source, examples: fetched, size: imagePixels(layout.crop), onArrive, onError: fail });
  let thumbnails = fetchAll();
  const setWidth = () => node.style.setProperty("--sl-strip", `${lineWidth(count)}px`);
  setWidth();
  return {
    get count() {
      return count;
    },
    /** Takes the room there is. @returns {boolean} whether there is room for more crops or fewer than before */
    fit() {
      const width = room.reduce((sum, column) => sum + column.offsetWidth, 0);
      const next = width ? Math.min(most, cropsThatFit(width, labelled())) : count;
      if (next === count) return false;
      count = next;
      setWidth();
      if (count > fetched) {
        fetched = count;
        thumbnails.clear();
        thumbnails = fetchAll();
      }
      return true;
    },
    get: (/** @type {number} */ row) => thumbnails.get(row),
    want: (/** @type {Iterable<number>} */ rows) => thumbnails.want(rows),
    clear: () => thumbnails.clear(),
  };
}
