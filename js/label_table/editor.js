/** The field in which a label is written: Enter and leaving it keep what was changed, Escape does not. */

import { html } from "../shared/dom.js";

/**
 * @param {object} options
 * @param {string} options.id of the component @param {string} options.text what stands there first
 * @param {(text: string | null, focused: boolean) => void} options.onClose once: with the new text, null where it is to stay
 *   as it was; and whether the field had the focus
 */
export function labelEditor({ id, text, onClose }) {
  let closed = false;
  const input = /** @type {HTMLInputElement} */ (
    html`<input class="sl-input" value=${text} maxlength="200"
      aria-label="Label of ${id}; empty for the computed one" data-testid="label-editor"
      onkeydown=${(/** @type {KeyboardEvent} */ event) => {
        event.stopPropagation();
        if (event.key === "Enter") close(true);
        else if (event.key === "Escape") close(false);
      }} onblur=${() => close(true)} onclick=${(/** @type {Event} */ event) => event.stopPropagation()} />`
  );

  /** @param {boolean} keep */
  function close(keep) {
    if (closed) return;
    closed = true;
    onClose(keep && input.value !== text ? input.value : null, document.activeElement === input);
  }

  return input;
}
