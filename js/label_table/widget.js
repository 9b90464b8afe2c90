/** `LabelTable`: the table of labels alone. */

import "../shared/theme.css";
import "../shared/rows.css";
import "./view.css";
import { html } from "../shared/dom.js";
import { mount } from "../shared/mount.js";
import { labelTableView } from "./view.js";

const TRAITS = ["layers", "layer", "selection", "own_labels", "labels_version"];

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
function render(widget) {
  return mount(widget, TRAITS, ({ source, ask, set, say, fail }) => {
    const table = labelTableView({
      source,
      ask,
      say,
      fail,
      onSelect: (selection) => set({ selection }),
      onLayer: (layer) => set({ layer }),
      onOwn: (own_labels) => set({ own_labels }),
    });
    return { ...table, node: html`<div class="sl-alone">${table.node}</div>` };
  });
}

export default { render };
