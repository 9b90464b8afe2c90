/** Hands and keys on the map: pressing, dragging it, a lasso around points, the wheel, and pointing. */

import { assign, h, s } from "../shared/dom.js";
import { capture, placeIn } from "../shared/pointer.js";

/** By how many px a press becomes a drag. */
const DRAG = 4;
/** What an arrow moves the map by, in px, and a key or button zooms it by. */
const STEP = 40;
export const ZOOM_STEP = 1.5;
/** How long the hint stays that the map wants a click before the wheel, in ms. */
const HINT_MS = 1500;

/**
 * Places are in px of the map.
 * @param {object} options
 * @param {HTMLElement} options.area @param {ReturnType<typeof import("./camera.js").camera>} options.camera
 * @param {(x: number, y: number, event: PointerEvent) => void} options.onPress
 * @param {(path: [number, number][], event: PointerEvent) => void} options.onLasso
 * @param {(place: [number, number] | null) => void} options.onPoint where the pointer is, null where it points at nothing
 * @param {() => void} options.onMove the map is moved under the pointer
 * @param {(x: number, y: number) => void} options.onTwice a double click
 */
export function mapGestures({ area, camera, onPress, onLasso, onPoint, onMove, onTwice }) {
  const lasso = s("path", { class: "sl-lasso" });
  const hint = h(
    "div",
    { class: "sl-map-hint sl-quiet", hidden: true },
    "Click the map, then the wheel zooms",
  );
  let lassoing = false;
  /** @type {{x: number, y: number, mode: "press" | "pan" | "lasso", path: [number, number][]} | null} */
  let drag = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const at = (/** @type {MouseEvent} */ event) => placeIn(area, event);

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (event.button !== 0) return;
    area.focus({ preventScroll: true });
    hint.hidden = true;
    const [x, y] = at(event);
    drag = { x, y, mode: lassoing || event.shiftKey ? "lasso" : "press", path: [[x, y]] };
    capture(area, event);
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  function onDrag(event) {
    const [x, y] = at(event);
    if (!drag) return onPoint([x, y]);
    if (drag.mode === "lasso") {
      drag.path.push([x, y]);
      const line = drag.path.map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L");
      lasso.setAttribute("d", `M${line}Z`);
      return;
    }
    if (drag.mode === "press" && Math.hypot(x - drag.x, y - drag.y) < DRAG) return;
    if (drag.mode === "press") {
      drag.mode = "pan";
      onPoint(null);
      onMove();
      area.classList.add("sl-dragging");
    }
    camera.pan(x - drag.x, y - drag.y);
    [drag.x, drag.y] = [x, y];
  }

  /** @param {PointerEvent} event */
  function onUp(event) {
    if (!drag) return;
    const { mode, path } = drag;
    end();
    if (mode === "lasso" && path.length > 2) onLasso(path, event);
    else if (mode !== "pan") onPress(...at(event), event);
  }

  function end() {
    drag = null;
    lasso.removeAttribute("d");
    area.classList.remove("sl-dragging");
  }

  /** @param {WheelEvent} event */
  function onWheel(event) {
    if (!area.contains(document.activeElement)) {
      hint.hidden = false;
      clearTimeout(timer);
      timer = setTimeout(() => {
        hint.hidden = true;
      }, HINT_MS);
      return;
    }
    event.preventDefault();
    const turned = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    zoom(Math.exp(-Math.max(-200, Math.min(200, turned)) / 400), ...at(event));
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== area) return;
    const by = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[
      event.key
    ];
    if (by) camera.pan(by[0], by[1]);
    else if (event.key === "+" || event.key === "=") zoom(ZOOM_STEP);
    else if (event.key === "-") zoom(1 / ZOOM_STEP);
    else if (event.key === "0") camera.showAll();
    else if (event.key === "Escape" && drag) end();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] */
  function zoom(factor, x, y) {
    if (camera.zoom(factor, x, y)) onMove();
  }

  assign(area, {
    onkeydown: onKey,
    onpointerdown: onDown,
    onpointermove: onDrag,
    onpointerup: onUp,
    onpointercancel: end,
    onpointerleave: () => onPoint(null),
    ondblclick: (/** @type {MouseEvent} */ event) => onTwice(...at(event)),
  });
  area.addEventListener("wheel", onWheel, { passive: false });

  return {
    lasso,
    hint,
    zoom,
    /** A drag draws a lasso from now on, also without Shift, or no longer. @returns {boolean} whether it does */
    toggleLasso() {
      lassoing = area.classList.toggle("sl-lassoing");
      return lassoing;
    },
    destroy: () => clearTimeout(timer),
  };
}
