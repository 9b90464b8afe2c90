/**
 * Without a kernel the controls of a window are switched off, all but those that work in the browser alone: these say so
 * with `data-browser`, on themselves or on what they stand in.
 */

import { used } from "./keyboard.js";

const CONTROLS = "button,select,input,textarea,summary";
const ALONE = "[data-browser]";
const OFF = "aria-disabled";

/**
 * @param {HTMLElement} root @param {() => void} refuse says why nothing happens
 * @returns {(alive: boolean) => void}
 */
export function kernelSwitch(root, refuse) {
  let gone = false;
  const update = () => {
    for (const control of root.querySelectorAll(CONTROLS))
      if (gone && !control.closest(ALONE)) control.setAttribute(OFF, "true");
      else control.removeAttribute(OFF);
  };
  // Views go on drawing, from what they know.
  const observer = new MutationObserver(update);

  /** @param {Event} event */
  function stop(event) {
    const control = gone && /** @type {Element} */ (event.target).closest(CONTROLS);
    if (!control || control.closest(ALONE)) return;
    // A list of choices opens by these; buttons and fields keep them, with the focus.
    const { type, key } = /** @type {KeyboardEvent} */ (event);
    if (/down/.test(type) && (control.tagName !== "SELECT" || key === "Tab" || key === "Escape")) return;
    used(event);
    refuse();
  }
  for (const gesture of ["click", "mousedown", "keydown", "beforeinput"])
    root.addEventListener(gesture, stop, true);

  return (alive) => {
    gone = !alive;
    observer.disconnect();
    if (gone) observer.observe(root, { childList: true, subtree: true });
    update();
  };
}
