/** `Gallery`: the gallery alone, with its layer filter. */

import "../shared/theme.css";
import "../shared/rows.css";
import "./view.css";
import { withCatalog } from "../shared/catalog.js";
import { html } from "../shared/dom.js";
import { layerFilter } from "../shared/layer_filter.js";
import { mount } from "../shared/mount.js";
import { galleryView } from "./view.js";

const TRAITS = ["hits_version", "layer", "layers", "selection", "status", "vocabulary_hint"];

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
const render = (widget) =>
  mount(
    widget,
    TRAITS,
    withCatalog(({ source, catalog, set, say, fail }) => {
      const filter = layerFilter({ onLayer: (layer) => set({ layer }) });
      const gallery = galleryView({
        source,
        catalog,
        say,
        fail,
        onSelect: (selection) => set({ selection }),
        onQuery: (query) => set({ query }),
        onLayer: (layer) => set({ layer }),
      });
      return {
        node: html`<div class="sl-alone"><div class="sl-alone-bar">${filter.node}</div>${gallery.node}</div>`,
        update(changed) {
          filter.update(changed);
          gallery.update(changed);
        },
        destroy: gallery.destroy,
      };
    }),
  );

export default { render };
