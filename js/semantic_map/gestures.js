/** Hands and keys on the map: dragging it, the wheel, and keys. */

import { assign, html } from "../shared/dom.js";
import { used } from "../shared/keyboard.js";
import { placeIn } from "../shared/pointer.js";

/** What an arrow moves the map by, in px, and a key or button zooms it by. */
const STEP = 40;
export const ZOOM_STEP = 1.5;
/** How long the hint stays that the map wants a click before the wheel, in ms. */
const HINT_MS = 1500;

/**
 * @param {object} options
 * @param {HTMLElement} options.area @param {ReturnType<typeof import("./camera.js").camera>} options.camera
 * @param {() => void} options.onMove the map is moved under the pointer
 * @param {() => boolean} options.onEscape whether there was something to give up
 */
export function mapGestures({ area, camera, onMove, onEscape }) {
  const hint = html`<div class="sl-map-hint sl-box sl-map-over sl-text sl-quiet" hidden>Click the map, then the wheel zooms</div>`;
  let lassoing = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const still = () => area.classList.remove("sl-dragging");
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
    zoom(Math.exp(-Math.max(-200, Math.min(200, turned)) / 400), ...placeIn(area, event));
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
    else if (event.key !== "Escape" || !onEscape()) return;
    used(event);
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] */
  function zoom(factor, x, y) {
    if (camera.zoom(factor, x, y)) onMove();
  }

  assign(area, {
    onkeydown: onKey,
    onfocusin: () => {
      hint.hidden = true;
    },
  });
  area.addEventListener("wheel", onWheel, { passive: false });

  return {
    /** What a plot does with drags. */
    drags: {
      lassoes: () => lassoing,
      /** @param {[number, number]} to @param {[number, number]} before */
      onDrag([x, y], before) {
        area.classList.add("sl-dragging");
        onMove();
        camera.pan(x - before[0], y - before[1]);
      },
      onDrop: still,
      onStop: still,
    },
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
