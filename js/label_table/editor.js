/** The field in which a label is written: Enter and leaving it keep what was changed, Escape does not. */

import { html } from "../shared/dom.js";
import { believed } from "./row.js";

/**
 * @param {object} options
 * @param {string} options.id of the component @param {string} options.text what stands there first
 * @param {(text: string | null, focused: boolean) => void} options.onClose once: with the new text, null where it is to stay
 *   as it was; and whether the field had the focus
 */
function labelEditor({ id, text, onClose }) {
  let closed = false;
  const input = /** @type {HTMLInputElement} */ (
    html`<input class="sl-input sl-box" value=${text} maxlength="200"
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

/**
 * The one label that is being written.
 * @param {object} options
 * @param {ReturnType<typeof import("../shared/names.js").componentNames>} options.names
 * @param {(id: string, text: string) => void} options.rewrite
 * @param {(row: number) => void} options.redraw the row of a component @param {(row: number) => HTMLElement | undefined} options.rowOf
 */
export function labelEditing({ names, rewrite, redraw, rowOf }) {
  /** @type {number | null} */
  let row = null;
  return {
    /** The component whose label it is. */
    get row() {
      return row;
    },
    /** The field in the row of a component, if it is the one. @param {number} drawn */
    draw(drawn) {
      if (drawn !== row) return null;
      return labelEditor({
        id: names.idOf(drawn),
        text: believed(names, drawn),
        onClose(text, focused) {
          if (row !== drawn) return;
          row = null;
          if (text !== null) rewrite(names.idOf(drawn), text);
          redraw(drawn);
          if (focused) rowOf(drawn)?.focus({ preventScroll: true });
        },
      });
    },
    /** @param {number} next */
    start(next) {
      row = next;
      redraw(next);
      const input = /** @type {HTMLInputElement | null | undefined} */ (rowOf(next)?.querySelector("input"));
      input?.focus();
      input?.select();
    },
  };
}
