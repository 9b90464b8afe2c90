/** Keys, only while the focus is inside the widget. */

import { preferences } from "./preferences.js";

/** Whether the event comes from a place where keys are text. @param {Event} event */
export function isTyping(event) {
  const target = /** @type {Element | null} */ (event.target);
  return Boolean(target?.closest?.("input, textarea, select, [contenteditable='true']"));
}

/** The event is used up: neither the browser nor the host sees it. @param {Event} event */
export function used(event) {
  event.preventDefault();
  event.stopPropagation();
}

/**
 * Calls the action of a key. While typing only keys listed in `whileTyping` work; keys held with Ctrl, Cmd
 * or Alt belong to the browser and the host. A person may have letters and signs switched off (see
 * `preferences`). An action that returns false did not use the key.
 * @param {HTMLElement} node @param {Record<string, (event: KeyboardEvent) => unknown>} actions
 * @param {{whileTyping?: readonly string[]}} [options]
 */
export function bindKeys(node, actions, { whileTyping = [] } = {}) {
  node.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event) && !whileTyping.includes(event.key)) return;
    if (event.key.length === 1 && event.key !== " " && !preferences().keys) return;
    if (action(event) !== false) used(event);
  });
}
