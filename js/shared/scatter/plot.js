/** Points that are painted, pointed at, pressed and lassoed: what the audit, the scores and the map have in common. */

import "./scatter.css";
import { pixelCanvas } from "./canvas.js";
import { plotGestures } from "./gestures.js";
import { placesOf, seenAt } from "./places.js";
import { pointTip } from "./tip.js";

/** @typedef {import("./places.js").Projection} Projection */
/** @typedef {Omit<import("./marks.js").Scene, "places" | "view"> & {places?: Float32Array}} Marks */

/**
 * Points are numbered as their places are.
 * @param {object} options
 * @param {Element} options.area @param {HTMLElement} [options.focus] what takes the focus, else the area
 * @param {() => Projection} options.view @param {(point: number) => boolean} options.seen
 * @param {() => number} options.reach how far the pointer may be from the point it means, in px
 * @param {Parameters<typeof pointTip>[0]} options.tip
 * @param {(point: number, event: PointerEvent) => void} options.onPress the point that is meant, −1 for none
 * @param {(points: number[], event: PointerEvent) => void} options.onLasso
 * @param {(point: number) => void} [options.onPoint] the one under the pointer, −1 for none
 * @param {Pick<Parameters<typeof plotGestures>[0], "onDrag" | "onDrop" | "onStop" | "lassoes">} [options.drags]
 */
export function scatterPlot({ area, view, seen, reach, tip: about, onPress, onLasso, onPoint, ...rest }) {
  /** @type {Float32Array} */
  let places = new Float32Array(0);
  let index = placesOf(places);
  const canvas = pixelCanvas();
  const tip = pointTip(about);
  /** @param {[number, number]} place */
  const near = ([x, y]) => index.nearest(view(), x, y, reach(), seen);
  const { lasso, stop, dragging } = plotGestures({
    area,
    focus: rest.focus ?? /** @type {HTMLElement} */ (area),
    onPress: (place, event) => onPress(near(place), event),
    onLasso: (path, event) => onLasso(index.within(view(), path, seen), event),
    onPoint(place) {
      const point = place ? near(place) : -1;
      onPoint?.(point);
      tip.point(point, seenAt(places, view(), point));
    },
    ...rest.drags,
  });
  return {
    canvas: canvas.node,
    tip,
    lasso,
    /** Gives up what a hand has begun. @returns {boolean} whether there was something */
    stop,
    dragging,
    near,
    get bounds() {
      return index.bounds;
    },
    /** @param {Float32Array} next x and y of each point */
    place(next) {
      places = next;
      index = placesOf(next);
      tip.close();
    },
    /** Where a point is seen, in px; null for one without a place. @param {number} point */
    seenAt: (point) => seenAt(places, view(), point),
    resize: canvas.resize,
    /** Paints another scene. @param {Marks} scene */
    paint: (scene) => canvas.paint({ places, ...scene, view: view() }),
    /** The same scene, while a hand moves it: true until it is painted from where one looks now. @param {Marks} scene */
    follow: (scene) => canvas.follow({ places, ...scene, view: view() }),
  };
}
