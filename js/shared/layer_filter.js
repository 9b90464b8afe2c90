/** The choice of one layer, or all. */

import { fill, h } from "./dom.js";
import { count } from "./format.js";

/**
 * @param {{onLayer: (layer: string | null) => void}} options
 * @returns {import("./mount.js").View}
 */
export function layerFilter({ onLayer }) {
  const select = h("select", {
    "aria-label": "Layer",
    "data-testid": "layer-filter",
    onchange: () => onLayer(select.selectedIndex === 0 ? null : layers[select.selectedIndex - 1].name),
  });
  const node = h("label", { class: "sl-select" }, h("span", { class: "sl-quiet" }, "Layers"), select);
  /** @type {{name: string, count: number}[]} */
  let layers = [];
  /** @type {string | null} */
  let layer = null;

  return {
    node,
    update(changed) {
      if ("layer" in changed) layer = changed.layer;
      if ("layers" in changed) {
        layers = changed.layers;
        fill(
          select,
          h("option", {}, layers.length > 1 ? `all ${layers.length}` : "all"),
          ...layers.map(({ name, count: size }) => h("option", {}, `${name} (${count(size)})`)),
        );
      }
      select.selectedIndex = 1 + layers.findIndex(({ name }) => name === layer);
    },
    destroy() {},
  };
}
