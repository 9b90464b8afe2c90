/** Both models on one map: the semantic map over the components of A followed by those of B. */

import { semanticMapView } from "../semantic_map/view.js";
import { button, fill, html } from "../shared/dom.js";
import { countRows, idOf } from "../shared/labels.js";
import { kernelSource } from "../shared/source.js";

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {[string, string]} options.names of the models
 * @param {[import("../shared/labels.js").Layer[], import("../shared/labels.js").Layer[]]} options.layers of each
 * @param {(a: number[], b: number[]) => void} options.onSelect rows of A and rows of B
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 * @returns {{node: HTMLElement, select: (a: readonly number[], b: readonly number[]) => void, destroy: () => void}}
 */
export function overlayView({ ask, names, layers, onSelect, announce, fail }) {
  /** @type {import("../shared/channel.js").Channel["ask"]} */
  const askOverlay = (verb, args, options) => ask(`overlay_${verb}`, args, options);
  const source = kernelSource(askOverlay);
  const components = layers.map(countRows);
  const [ofA] = components;
  const choose = (/** @type {number[]} */ rows) =>
    onSelect(
      rows.filter((row) => row < ofA),
      rows.filter((row) => row >= ofA).map((row) => row - ofA),
    );
  const map = semanticMapView(
    {
      source,
      ask: askOverlay,
      announce,
      fail,
      showPython: () => {},
      act(trait, value) {
        if (trait === "selection") choose(value);
        else if (trait === "layer") map.update({ layer: value });
      },
    },
    { name: (row) => (row < ofA ? `A ${idOf(layers[0], row)}` : `B ${idOf(layers[1], row - ofA)}`) },
  );
  map.update({
    layers: names.map((name, i) => ({ name: `${"AB"[i]} ${name}`, count: components[i] })),
    layer: null,
    map_colour: "layer",
    own_labels: {},
    selection: [],
  });
  return {
    node: html`<div class="sl-overlay sl-stack sl-grows" data-testid="overlay">${map.node}</div>`,
    select: (a, b) => map.update({ selection: [...a, ...b.map((row) => row + ofA)] }),
    destroy: map.destroy,
  };
}

const WAYS = { columns: "Columns", map: "One map" };

/**
 * The choice between columns and one map, which is made when it is first looked at.
 * @param {object} options
 * @param {HTMLElement} options.columns @param {() => ReturnType<typeof overlayView> | null} options.makeMap
 * @param {() => void} options.onChange
 */
export function eitherWay({ columns, makeMap, onChange }) {
  let way = "columns";
  /** @type {ReturnType<typeof overlayView> | null} */
  let overlay = null;
  /** @type {[readonly number[], readonly number[]]} of A and of B */
  let selected = [[], []];
  const choice = html`<div class="sl-toggle" role="group" aria-label="Shown as" />`;
  const map = html`<div class="sl-stack sl-grows" hidden />`;

  /** @param {string} next */
  function show(next) {
    way = next;
    fill(
      choice,
      ...Object.entries(WAYS).map(([name, text]) =>
        button({
          text,
          "aria-pressed": String(name === way),
          "data-testid": `compare-${name}`,
          onclick: () => show(name),
        }),
      ),
    );
    columns.hidden = way === "map";
    map.hidden = way !== "map";
    if (way === "map" && !overlay) {
      overlay = makeMap();
      fill(map, overlay?.node);
      overlay?.select(...selected);
    }
    onChange();
  }

  return {
    choice,
    map,
    get isMap() {
      return way === "map";
    },
    /** @param {readonly number[]} a @param {readonly number[]} b */
    select(a, b) {
      selected = [a, b];
      overlay?.select(a, b);
    },
    /** Other models are compared. */
    renew() {
      overlay?.destroy();
      overlay = null;
      show(way);
    },
    destroy: () => overlay?.destroy(),
  };
}
