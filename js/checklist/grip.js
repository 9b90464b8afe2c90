/** A grip on a threshold line, for pointer and arrow keys. */

import { html } from "../shared/dom.js";
import { used } from "../shared/keyboard.js";
import { capture, placeIn } from "../shared/pointer.js";

const [LEAST, MOST] = [0.5, 6];
const within = (/** @type {number} */ z) => Math.min(MOST, Math.max(LEAST, z));

/**
 * @param {object} options
 * @param {"x" | "y"} options.along the axis it moves on @param {number} options.threshold z
 * @param {[number, number]} options.place in px of the plot @param {(px: number) => number} options.toZ
 * @param {HTMLElement} options.plot @param {(dragging: boolean) => void} options.onDrag it begins, or is over
 * @param {(z: number) => void} options.onThreshold
 */
export function grip({ along, threshold, place, toZ, plot, onDrag, onThreshold }) {
  let dragging = false;
  const at = (/** @type {PointerEvent} */ event) => placeIn(plot, event)[along === "x" ? 0 : 1];
  const text = threshold.toFixed(2);
  const node = html`<div class="sl-grip" role="slider" tabindex="0"
    aria-label="A component matches above z" aria-valuenow=${text} aria-valuemin=${LEAST} aria-valuemax=${MOST}
    aria-orientation=${along === "x" ? "horizontal" : "vertical"}
    title="A component matches above z = ${text}; drag to change" data-testid="threshold-${along}"
    onkeydown=${onKey} onpointerdown=${onDown} onpointermove=${onMove} onpointerup=${onUp}
    onpointercancel=${letGo} />`;

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const by = { ArrowRight: 0.1, ArrowUp: 0.1, ArrowLeft: -0.1, ArrowDown: -0.1 }[event.key];
    if (!by) return;
    used(event);
    onThreshold(within(threshold + by));
  }

  /** @param {PointerEvent} event */
  function onDown(event) {
    event.preventDefault();
    capture(node, event);
    dragging = true;
    onDrag(true);
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    if (dragging) node.style.setProperty(along === "x" ? "left" : "top", `${at(event)}px`);
  }

  /** @param {PointerEvent} event */
  function onUp(event) {
    if (!dragging) return;
    const z = toZ(at(event));
    letGo();
    onThreshold(within(z));
  }

  function letGo() {
    dragging = false;
    onDrag(false);
  }

  node.style.left = `${place[0]}px`;
  node.style.top = `${place[1]}px`;
  return node;
}
