/** `ScoreView`: the scores alone. */

import "../shared/theme.css";
import "../shared/layout.css";
import "../shared/heading.css";
import "../shared/parts.css";
import "./view.css";
import { html } from "../shared/dom.js";
import { mount } from "../shared/mount.js";
import { scoreView } from "./view.js";

const TRAITS = ["layers", "layer", "selection", "own_labels", "labels_version", "evaluation_version"];

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
function render(widget) {
  return mount(widget, TRAITS, ({ source, ask, set, say, fail }) => {
    const view = scoreView({
      source,
      ask,
      say,
      fail,
      onSelect: (selection) => set({ selection }),
      onLayer: (layer) => set({ layer }),
    });
    return { ...view, node: html`<div class="sl-alone">${view.node}</div>` };
  });
}

export default { render };
