/** The semantic map: components as points, alike ones near each other; with a list that says the same. */

import "./view.css";
import { button, fill, html } from "../shared/dom.js";
import { count as counted, score } from "../shared/format.js";
import { layerFilter } from "../shared/layer_filter.js";
import { componentNames } from "../shared/names.js";
import { adds, brushed, same, toggled } from "../shared/selection.js";
import { mapArea } from "./area.js";
import { COLOURS } from "./colours.js";
import { mapFacts } from "./facts.js";
import { layoutStatus } from "./layout_status.js";
import { shades } from "./shades.js";
import { mapSide } from "./side.js";

/** Changes that give points other places, words or numbers. */
const PLACED = ["layout_version", "evaluation_version", "relevance_version", "labels_version", "own_labels"];

/**
 * @param {Pick<import("../shared/alone.js").ViewContext, "source" | "ask" | "act" | "showPython" | "announce" | "fail">} context
 * @param {{name?: (row: number) => string}} [options] `name`: the id of a component, where it does not follow from the layers
 * @returns {import("../shared/alone.js").TabView}
 */
export function semanticMapView({ source, ask, act, showPython, announce, fail }, { name } = {}) {
  /** @type {readonly number[]} */
  let selection = [];
  /** Relevance is the size of points where there is some. @type {Float32Array | null} */
  let sizes = null;
  /** @type {string[]} */
  let available = [];
  let started = false;

  const names = componentNames({ ask, onChange: gather, fail });
  const shade = shades({ names });
  const facts = mapFacts({
    ask,
    fail,
    colour: () => shade.colour,
    onPlaces(answer) {
      available = answer.colours;
      drawColours();
      map.moveTo(answer.places);
      gather();
      layoutLine.update(answer);
    },
    onValues(values) {
      shade.fill(values);
      repaint();
    },
    onSizes(next) {
      sizes = next;
      map.size(next);
    },
  });
  const layoutLine = layoutStatus({ ask, showPython, fail, onDone: facts.start });
  const nameOf = name ?? names.idOf;
  const map = mapArea({
    source,
    names,
    shade,
    words: cardLines,
    onPress: press,
    onLasso: combine,
    onNone: () => choose([]),
    fail,
  });
  const colourSelect = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Colour by" data-testid="map-colour" onchange=${() => act("map_colour", colourSelect.value)} />`
  );
  const filter = layerFilter({ onLayer: (layer) => act("layer", layer) });
  const lassoButton = button({
    text: "Lasso",
    label: "Lasso: drag around components (or hold Shift)",
    class: "sl-outlined",
    "aria-pressed": "false",
    "data-testid": "map-lasso",
    onclick: () => lassoButton.setAttribute("aria-pressed", String(map.toggleLasso())),
  });
  const side = mapSide({ source, names, allRows, describe, onChoose: choose, onPoint: map.point, fail });
  const node = html`<div class="sl-map sl-view sl-panes" data-testid="semantic-map">
    <div class="sl-stack sl-banner-place">
      <div class="sl-map-bar sl-line sl-wraps sl-pad sl-under">
        <label class="sl-select"><span class="sl-quiet">Colour by</span>${colourSelect}</label>
        ${filter.node}<span class="sl-spring" />${layoutLine.node}${lassoButton}
      </div>
      ${map.node}
    </div>
    ${side.node}
  </div>`;

  function drawColours() {
    const shown = Object.keys(COLOURS).filter((key) => available.includes(key) || key === shade.colour);
    fill(colourSelect, ...shown.map((value) => html`<option value=${value}>${COLOURS[value]}</option>`));
    colourSelect.value = shade.colour;
  }

  /** Colours show something else now. */
  function repaint() {
    map.repaint();
    side.draw(true);
  }

  /** Words are others now, or stand at other places. */
  function gather() {
    map.gather();
    side.draw(true);
  }

  /** All rows that the layer filter lets be seen, the highest numbers first where numbers are shown. */
  function allRows() {
    const [first, end] = names.span;
    return shade.ordered(Array.from({ length: end - first }, (_, i) => first + i));
  }

  /** @param {number} row */
  function wordOf(row) {
    const word = names.wordOf(row);
    return word.quiet && !map.has(row) ? { text: "never active", quiet: true } : word;
  }

  /** A line of the list. @param {number} row */
  function describe(row) {
    return { id: nameOf(row), ...wordOf(row), value: shade.textOf(row) };
  }

  /** @param {number} row */
  function cardLines(row) {
    const { id, text, quiet, value } = describe(row);
    const size = sizes && Number.isFinite(sizes[row]) ? `relevance ${score(100 * sizes[row], 1)} %` : "";
    return [
      html`<div class="sl-id">${id}</div>`,
      text && (quiet ? html`<span class="sl-quiet">${text}</span>` : html`<b>${text}</b>`),
      value && html`<div class="sl-quiet">${shade.about} ${value}</div>`,
      size && shade.shown !== "relevance" && html`<div class="sl-quiet">${size}</div>`,
    ].filter(Boolean);
  }

  /** @param {readonly number[]} next */
  function choose(next) {
    if (same(next, selection)) return;
    setSelection(next);
    act("selection", [...next]);
    announce(`${counted(next.length)} selected`);
  }

  /** @param {readonly number[]} next */
  function setSelection(next) {
    selection = next;
    map.select(next);
    side.select(next);
  }

  /** Many become the selection, join it or leave it; those with the highest numbers first. @param {number[]} rows @param {MouseEvent} event */
  function combine(rows, event) {
    choose(brushed(selection, shade.ordered(rows, sizes), event));
    if (selection.length > 1) side.list(false);
    side.draw(true);
  }

  /** @param {number} row @param {PointerEvent} event */
  function press(row, event) {
    choose(adds(event) ? toggled(selection, row) : brushed(selection, [row], event));
  }

  return {
    node,
    keys: { Escape: () => selection.length > 0 && choose([]) },
    update(changed) {
      filter.update(changed);
      names.update(changed);
      if ("hits" in changed) shade.search(changed.hits);
      if ("map_colour" in changed && changed.map_colour !== shade.colour) {
        shade.choose(changed.map_colour);
        drawColours();
        if (started) facts.startValues();
      }
      if ("selection" in changed && !same(changed.selection ?? [], selection)) {
        side.list((changed.selection ?? []).length < 2);
        setSelection(changed.selection ?? []);
      } else if ("layers" in changed) setSelection(selection);
      if (!started) {
        started = names.count > 0;
        if (started) facts.start();
        return;
      }
      if (PLACED.some((trait) => trait in changed)) facts.start();
      if ("layer" in changed || "hits" in changed || "map_colour" in changed) repaint();
    },
    destroy() {
      for (const asking of [names, facts, layoutLine]) asking.stop();
      for (const part of [map, side, filter]) part.destroy();
    },
  };
}
