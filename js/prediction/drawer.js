/** What stands beside the prediction now and then: a component's card, and the words around choosing an image. */

import { button, html } from "../shared/dom.js";
import * as icons from "../shared/icons.js";
import { statePane } from "../shared/state.js";

/**
 * A component's card beside the bars.
 * @param {{card: import("../shared/mount.js").View, onToggle: (open: boolean) => void}} options
 */
export function cardDrawer({ card, onToggle }) {
  /** @type {number | null} */
  let row = null;
  const close = button({
    label: "Close the card (Esc)",
    icon: icons.cross,
    class: "sl-square",
    "data-testid": "close-card",
    onclick: () => open(null),
  });
  const node = html`<aside class="sl-card-pane sl-beside sl-scrolls sl-sunk" aria-label="Component card" hidden data-testid="card-pane">
    <div class="sl-card-close">${close}</div>
    ${card.node}
  </aside>`;

  /** @param {number | null} next null: it is closed */
  function open(next) {
    const turned = (next === null) !== (row === null);
    row = next;
    node.hidden = next === null;
    card.update({ row: next });
    if (next !== null) close.focus();
    if (turned) onToggle(next !== null);
  }

  return {
    node,
    open,
    get isOpen() {
      return row !== null;
    },
    /** Another component while it is open. @param {readonly number[]} selection */
    follow([primary]) {
      if (row !== null && primary !== undefined) open(primary);
    },
    update: card.update,
    destroy: card.destroy,
  };
}

export const whichPrediction = () =>
  statePane(
    "prediction-empty",
    "Which prediction should be explained?",
    "Choose an image of the data set, or open or drop one of your own. Then this list shows the components behind the prediction, where in the image each acts, and how they connect.",
    html`<p class="sl-quiet sl-id">lens.image = 0</p>`,
  );

/** @param {string} message */
export const noModel = (message) => statePane("prediction-no-model", "No model at hand", message);

/** @param {() => void} onBack */
export const browseHead = (onBack) =>
  html`<div class="sl-picture-bar sl-line sl-gap-6">
    <h3 class="sl-heading">Choose an image</h3>
    <span class="sl-spring" />
    ${button({ text: "Back", class: "sl-outlined", "data-testid": "browse-back", onclick: onBack })}
  </div>`;
