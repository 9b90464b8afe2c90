/** What stands above the table: which labels, what can be done, and how many there are. */

import { button, fill, html } from "../shared/dom.js";
import { count as counted, plural } from "../shared/format.js";
import * as icons from "../shared/icons.js";

/**
 * @param {object} options
 * @param {ReturnType<typeof import("../shared/names.js").componentNames>} options.names
 * @param {ReturnType<typeof import("./filters.js").tableFilters>} options.filters
 * @param {ReturnType<typeof import("./actions.js").tableActions>} options.actions
 * @param {ReturnType<typeof import("./own_labels.js").ownLabels>} options.own
 */
export function tableBar({ names, filters, actions, own }) {
  const undo = button({
    label: "Undo the last own label (u)",
    icon: icons.undo,
    class: "sl-square",
    "data-testid": "label-undo",
    onclick: own.undo,
  });
  const node = html`<div class="sl-line sl-wraps sl-pad" />`;
  const message = html`<p class="sl-pad-below sl-small-text sl-quiet" data-testid="labels-message" />`;
  return {
    node,
    message,
    /** @param {boolean} made whether there is any label @param {number} shown how many rows */
    update(made, shown) {
      const spring = html`<span class="sl-spring" />`;
      undo.disabled = !own.undoable;
      if (made) fill(node, ...filters.nodes, spring, undo, ...actions.describing, ...actions.exports);
      else fill(node, filters.layers.node, spring);
      const { count, labels } = names;
      const some = shown < count && `${counted(shown)} of ${plural(count, "component")} shown`;
      message.hidden = !made;
      message.textContent = [labels?.message, some].filter(Boolean).join(" · ");
    },
  };
}
