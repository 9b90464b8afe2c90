/** A hand on a plot: pointing, pressing, dragging, and with Shift a lasso around points. Places are in px of the plot. */

import { assign, svg } from "../dom.js";
import { capture, placeIn } from "../pointer.js";

/** By how many px a press becomes a drag. */
const DRAG = 4;

/** @typedef {[number, number]} Place */

/**
 * @param {object} options
 * @param {Element} options.area @param {HTMLElement | SVGElement} options.focus what takes the focus
 * @param {(place: Place, event: PointerEvent) => void} options.onPress
 * @param {(path: Place[], event: PointerEvent) => void} options.onLasso
 * @param {(place: Place | null) => void} options.onPoint where the pointer is, null where it points at nothing
 * @param {(to: Place, before: Place, from: Place) => void} [options.onDrag]
 * @param {(event: PointerEvent) => void} [options.onDrop] a drag is over
 * @param {() => void} [options.onStop] what was begun is given up
 * @param {() => boolean} [options.lassoes] whether a drag is a lasso also without Shift
 */
export function plotGestures({
  area,
  focus,
  onPress,
  onLasso,
  onPoint,
  onDrag = () => {},
  onDrop = () => {},
  onStop = () => {},
  lassoes = () => false,
}) {
  const lasso = svg`<path class="sl-lasso" />`;
  /** @type {{mode: "press" | "drag" | "lasso", path: Place[]} | null} `path` goes from where it began to where it is */
  let drag = null;

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (event.button !== 0) return;
    focus.focus({ preventScroll: true });
    drag = { mode: lassoes() || event.shiftKey ? "lasso" : "press", path: [placeIn(area, event)] };
    capture(area, event);
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    const place = placeIn(area, event);
    if (!drag) return onPoint(place);
    const { mode, path } = drag;
    const [from, before] = [path[0], path[path.length - 1]];
    if (mode === "press" && Math.hypot(place[0] - from[0], place[1] - from[1]) < DRAG) return;
    if (mode === "press") {
      drag.mode = "drag";
      onPoint(null);
    }
    if (mode === "lasso") path.push(place);
    else path[1] = place;
    if (mode === "lasso")
      lasso.setAttribute("d", `M${path.map((at) => at.map((px) => px.toFixed(1)).join(" ")).join("L")}Z`);
    else onDrag(place, before, from);
  }

  /** @param {PointerEvent} event */
  function onUp(event) {
    if (!drag) return;
    const { mode, path } = drag;
    end();
    if (mode === "drag") onDrop(event);
    else if (mode === "lasso" && path.length > 2) onLasso(path, event);
    else onPress(placeIn(area, event), event);
  }

  function end() {
    drag = null;
    lasso.removeAttribute("d");
  }

  /** Gives up what was begun. @returns {boolean} whether there was something */
  function stop() {
    const was = drag !== null;
    end();
    if (was) onStop();
    return was;
  }

  assign(area, {
    onpointerdown: onDown,
    onpointermove: onMove,
    onpointerup: onUp,
    onpointercancel: stop,
    onpointerleave: () => onPoint(null),
  });
  return {
    lasso,
    stop,
    /** Whether something is dragged, or drawn. */
    dragging: () => drag !== null,
  };
}
