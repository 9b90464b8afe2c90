/** The choice of one layer, or all. */

import { fill, html } from "./dom.js";
import { count } from "./format.js";

/**
 * @param {{onLayer: (layer: string | null) => void}} options
 * @returns {import("./mount.js").View}
 */
export function layerFilter({ onLayer }) {
  const select = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Layer" data-testid="layer-filter"
      onchange=${() => onLayer(select.selectedIndex === 0 ? null : layers[select.selectedIndex - 1].name)} />`
  );
  const node = html`<label class="sl-select"><span class="sl-quiet">Layers</span>${select}</label>`;
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
          html`<option>${layers.length > 1 ? `all ${layers.length}` : "all"}</option>`,
          ...layers.map(({ name, count: size }) => html`<option>${name} (${count(size)})</option>`),
        );
      }
      select.selectedIndex = 1 + layers.findIndex(({ name }) => name === layer);
    },
    destroy() {},
  };
}
