/** Where the map looks, and where its points are: they glide to new places, and the view stays unless all is shown. */

import { bounds, seenAt } from "../shared/scatter/places.js";
import { fitted, moved, zoomed } from "./projection.js";

/** How long points are on their way, in ms. */
const MOVE_MS = 700;
/** More points than these do not glide: that they are painted anew in each frame would show. */
const GLIDE = 10_000;
/** How far one can go in and out, against the view that shows everything. */
const CLOSEST = 200;
const FARTHEST = 0.4;

/** @typedef {import("./projection.js").Projection} Projection */

/** @param {{onChange: () => void}} options the view is another, or points have other places */
export function camera({ onChange }) {
  /** Places as they are drawn. @type {Float32Array} */
  let places = new Float32Array(0);
  /** Where they go, and where they came from. */
  let target = places;
  let origin = places;
  /** When they left, 0 where they are. */
  let left = 0;
  /** @type {Projection} */
  let view = { sx: 1, sy: -1, ox: 0, oy: 0 };
  let home = view;
  let atHome = true;
  let [width, height] = [0, 0];

  function refit() {
    home = fitted(bounds(target), width, height);
    if (atHome) view = home;
    onChange();
  }

  /** @param {Projection} next */
  function show(next) {
    view = next;
    atHome = false;
    onChange();
  }

  return {
    /** What is seen: places as they are drawn, from where, and in which room in px. */
    get sight() {
      return { places, view, width, height };
    },
    /** Whether points are on their way. */
    get moving() {
      return left > 0;
    },
    /** How much closer one is than where everything is shown. */
    get closeness() {
      return view.sx / home.sx;
    },
    /** Where points are, or go. */
    get target() {
      return target;
    },
    /** @param {number} row whether it has a place */
    has: (row) => !Number.isNaN(target[2 * row]),
    /** Where a point is seen, in px; null for one without a place. @param {number | null | undefined} row @returns {[number, number] | null} */
    seenAt: (row) => (row === null || row === undefined ? null : seenAt(places, view, row)),
    /** @param {number} wide @param {number} high of the map, in px */
    resize(wide, high) {
      [width, height] = [wide, high];
      refit();
    },

    /** Points glide to other places, or are there at once where motion is not wanted. @param {Float32Array} next */
    moveTo(next) {
      const still =
        places.length !== next.length ||
        places.length > 2 * GLIDE ||
        globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
      origin = still ? next : places.slice();
      target = next;
      places = still ? next : places.slice();
      left = still ? 0 : performance.now();
      refit();
    },

    /** Points that are on their way get on. */
    step() {
      if (!left) return;
      const share = Math.min(1, (performance.now() - left) / MOVE_MS);
      const eased = share * share * (3 - 2 * share);
      for (let i = 0; i < places.length; i++) places[i] = origin[i] + (target[i] - origin[i]) * eased;
      if (share < 1) return;
      places = target;
      left = 0;
    },

    /** @param {number} dx @param {number} dy in px */
    pan: (dx, dy) => show(moved(view, dx, dy)),

    /** Closer to the point at x, y, which stays; false where one cannot go there. @param {number} factor @param {number} [x] @param {number} [y] */
    zoom(factor, x = width / 2, y = height / 2) {
      const scale = (view.sx * factor) / home.sx;
      if (scale > CLOSEST || scale < FARTHEST) return false;
      show(zoomed(view, factor, x, y));
      return true;
    },

    showAll() {
      view = home;
      atHome = true;
      onChange();
    },
  };
}
