/** `SemanticMap`: the map alone. */

import "../shared/theme.css";
import "../shared/layout.css";
import "../shared/parts.css";
import "./view.css";
import { html } from "../shared/dom.js";
import { mount } from "../shared/mount.js";
import { semanticMapView } from "./view.js";

export const TRAITS = [
  "layers",
  "layer",
  "selection",
  "hits_version",
  "map_colour",
  "own_labels",
  "layout_version",
  "labels_version",
  "evaluation_version",
  "relevance_version",
];

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
function render(widget) {
  return mount(widget, TRAITS, ({ source, ask, set, say, fail }) => {
    const map = semanticMapView({
      source,
      ask,
      say,
      fail,
      onSelect: (selection) => set({ selection }),
      onLayer: (layer) => set({ layer }),
      onColour: (colour) => set({ map_colour: colour }),
    });
    return { ...map, node: html`<div class="sl-alone">${map.node}</div>` };
  });
}

export default { render };
