/** Both models on one map: the semantic map over the components of A followed by those of B. */

import { semanticMapView } from "../semantic_map/view.js";
import { html } from "../shared/dom.js";
import { countRows, idOf } from "../shared/labels.js";
import { kernelSource } from "../shared/source.js";

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {[string, string]} options.names of the models
 * @param {[import("../shared/labels.js").Layer[], import("../shared/labels.js").Layer[]]} options.layers of each
 * @param {(a: number[], b: number[]) => void} options.onSelect rows of A and rows of B
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 * @returns {{node: HTMLElement, select: (a: readonly number[], b: readonly number[]) => void, destroy: () => void}}
 */
export function overlayView({ ask, names, layers, onSelect, say, fail }) {
  /** @type {import("../shared/channel.js").Channel["ask"]} */
  const askOverlay = (verb, args, options) => ask(`overlay_${verb}`, args, options);
  const source = kernelSource(askOverlay);
  const components = layers.map(countRows);
  const [ofA] = components;
  const map = semanticMapView({
    source,
    ask: askOverlay,
    say,
    fail,
    name: (row) => (row < ofA ? `A ${idOf(layers[0], row)}` : `B ${idOf(layers[1], row - ofA)}`),
    onSelect: (rows) =>
      onSelect(
        rows.filter((row) => row < ofA),
        rows.filter((row) => row >= ofA).map((row) => row - ofA),
      ),
    onLayer: (layer) => map.update({ layer }),
    onColour: () => {},
  });
  map.update({
    layers: names.map((name, i) => ({ name: `${"AB"[i]} ${name}`, count: components[i] })),
    layer: null,
    map_colour: "layer",
    own_labels: {},
    selection: [],
  });
  return {
    node: html`<div class="sl-overlay" data-testid="overlay">${map.node}</div>`,
    select: (a, b) => map.update({ selection: [...a, ...b.map((row) => row + ofA)] }),
    destroy: map.destroy,
  };
}
