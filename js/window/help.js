/** The keys, on one sheet. */

import { used } from "../shared/keyboard.js";
import "../shared/title.css";
import { button, html } from "../shared/dom.js";
import * as icons from "../shared/icons.js";

const KEYS = [
  ["/", "go to the search box"],
  ["Enter or ,", "make the word a chip"],
  ["-word", "push away from a word"],
  ["Backspace", "edit the last chip"],
  ["Esc", "clear the query, or close what is open"],
  ["↑ ↓ or k j", "step through components"],
  ["Page Up/Down, Home, End", "step further"],
  ["← →", "step through the examples of a component"],
  ["← → ↑ ↓ in a circuit", "walk along the strongest edge, or the layer"],
  ["Enter", "go to the card"],
  ["Space", "pin the card beside the next"],
  ["Ctrl or ⌘ + click, Space", "add to the selection"],
  ["1 2 3", "in an audit: valid, spurious, unsure"],
  ["Ctrl or ⌘ Z, Shift Z", "undo, redo, whatever it was"],
  ["u, Shift u", "in an audit: undo, redo of the audit"],
  ["Alt ↑ ↓, Delete", "in a checklist: move or remove the concept"],
  ["Shift + drag", "a lasso, in the map and in the audit; Ctrl or ⌘ adds, Alt takes out"],
  ["+ − 0 on the map", "zoom, show all"],
  ["Enter, u in Describe", "edit the label, undo"],
  ["?", "this sheet"],
];

/** @param {{onClose: () => void}} options @returns {HTMLElement} */
export function helpSheet({ onClose }) {
  const close = button({
    label: "Close",
    icon: icons.cross,
    class: "sl-square",
    "data-testid": "help-close",
    onclick: onClose,
  });
  const node = html`<div class="sl-help sl-box" role="dialog" aria-label="Keys" data-browser data-testid="help">
    <div class="sl-card-head sl-line"><h2 class="sl-card-title sl-ellipsis">Keys</h2>${close}</div>
    <dl class="sl-text">
      ${KEYS.flatMap(([key, what]) => [html`<dt class="sl-id">${key}</dt>`, html`<dd>${what}</dd>`])}
    </dl>
  </div>`;
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && event.key !== "?") return;
    used(event);
    onClose();
  });
  return node;
}
