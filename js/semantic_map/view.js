/** The semantic map: components as points, alike ones near each other; with a list that says the same. */

import { button, fill, h, s } from "../shared/dom.js";
import { count as counted, score } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { layerFilter } from "../shared/layer_filter.js";
import { componentNames } from "../shared/names.js";
import { placeIn } from "../shared/pointer.js";
import { scatterPlot } from "../shared/scatter/plot.js";
import { adds, brushed, same, toggled } from "../shared/selection.js";
import { onResize, onTheme } from "../shared/surroundings.js";
import { camera as cameraOf } from "./camera.js";
import { captionMarks } from "./caption_marks.js";
import { COLOURS, paletteOf } from "./colours.js";
import { cropMarks } from "./crops.js";
import { mapFacts } from "./facts.js";
import { mapGestures, ZOOM_STEP } from "./gestures.js";
import { layOutLine } from "./lay_out.js";
import { legendOf } from "./legend.js";
import { marksOf, radiiOf, radiusOf } from "./points.js";
import { shades } from "./shades.js";
import { mapSide } from "./side.js";

/** How far the pointer may be from the point it means, in px. */
const PICK = 14;
/** Crops stand in for points from this closeness on. */
const CROPS_FROM = 1.8;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {(selection: number[]) => void} options.onSelect
 * @param {(layer: string | null) => void} options.onLayer
 * @param {(colour: string) => void} options.onColour
 * @param {(row: number) => string} [options.name] the id of a component, where it does not follow from the layers
 * @param {(python: string) => void} [options.tell] a line of Python for a gesture that sets no trait
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 * @returns {import("../shared/mount.js").View & {clear: () => boolean}}
 */
export function semanticMapView({
  source,
  ask,
  onSelect,
  onLayer,
  onColour,
  name,
  tell = () => {},
  say,
  fail,
}) {
  /** @type {readonly number[]} */
  let selection = [];
  let chosen = new Uint8Array(0);
  /** Relevance is the size of points where there is some. @type {Float32Array | null} */
  let sizes = null;
  /** @type {Float32Array | null} */
  let radii = null;
  /** @type {string[]} */
  let available = [];
  /** @type {import("./colours.js").Palette | null} */
  let palette = null;
  /** @type {import("./colours.js").Painted | null} */
  let painted = null;
  /** @type {number | null} */
  let hovered = null;
  let started = false;
  /** Whether something changed while the map was not in the document, which alone knows its colours. */
  let stale = false;
  let frame = 0;

  const names = componentNames({ ask, onChange: rename, fail });
  const shade = shades({ names });
  const camera = cameraOf({ onChange: schedule });
  const facts = mapFacts({
    ask,
    fail,
    colour: () => shade.colour,
    onPlaces(answer) {
      available = answer.colours;
      drawColours();
      moveTo(answer.places);
      layOut.update(answer);
    },
    onValues(values) {
      shade.fill(values);
      repaint();
      side.draw(true);
    },
    onSizes(next) {
      sizes = next;
      radii = next && radiiOf(next);
      schedule();
    },
  });
  const layOut = layOutLine({ ask, tell, fail, onDone: facts.start });
  const nameOf = name ?? names.idOf;

  // what is drawn, from the ground up

  const crops = cropMarks({ source, onArrive: schedule, fail });
  const ring = s("circle", { class: "sl-map-ring", r: 9 });
  const primaryRing = s("circle", { class: "sl-map-primary", r: 8 });
  const captions = captionMarks({
    onChoose: (rows, event) => combine(rows.filter(seen), event),
  });
  const empty = h("div", { class: "sl-map-empty sl-quiet", hidden: true, "data-testid": "map-empty" });
  const area = h("div", {
    class: "sl-map-area",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "map",
    "aria-label":
      "Map of components. Arrows move it, plus and minus zoom, 0 shows all. The list beside it says the same.",
    "data-testid": "map-area",
  });
  const gestures = mapGestures({
    area,
    camera,
    onMove: () => plot.tip.close(),
    onEscape: () => plot.stop(),
  });
  const plot = scatterPlot({
    area,
    view: () => camera.sight.view,
    seen,
    reach: () => Math.max(PICK, crops.reach()),
    tip: { source, words: cardLines, crops: 1, side: 128, testid: "map-card", fail },
    onPress: press,
    onLasso: combine,
    onPoint: point,
    drags: gestures.drags,
  });
  area.addEventListener("dblclick", (event) => {
    if (plot.near(placeIn(area, event)) < 0) choose([]);
  });
  area.append(
    plot.canvas,
    crops.node,
    s("svg", { class: "sl-map-marks", "aria-hidden": "true" }, plot.lasso, primaryRing, ring),
    captions.node,
    empty,
    gestures.hint,
    plot.tip.node,
  );

  // around it

  const legend = h("div", { class: "sl-map-legend", "data-testid": "map-legend" });
  const zoomButtons = h(
    "div",
    { class: "sl-map-zoom", "data-browser": true },
    zoomButton({ label: "Zoom in (+)", icon: icons.plus, onclick: () => gestures.zoom(ZOOM_STEP) }),
    zoomButton({ label: "Zoom out (−)", icon: icons.minus, onclick: () => gestures.zoom(1 / ZOOM_STEP) }),
    zoomButton({ label: "Show all (0)", text: "⤢", "data-testid": "map-fit", onclick: camera.showAll }),
  );
  const colourSelect = h("select", {
    "aria-label": "Colour",
    "data-testid": "map-colour",
    onchange: () => onColour(colourSelect.value),
  });
  const filter = layerFilter({ onLayer });
  const lassoButton = button({
    text: "Lasso",
    label: "Lasso: drag around components (or hold Shift)",
    class: "sl-outlined",
    "aria-pressed": "false",
    "data-testid": "map-lasso",
    onclick: () => lassoButton.setAttribute("aria-pressed", String(gestures.toggleLasso())),
  });
  const side = mapSide({
    source,
    names,
    allRows,
    describe,
    onChoose: choose,
    onPoint(row) {
      hovered = row;
      drawMarks();
    },
    fail,
  });
  const node = h(
    "div",
    { class: "sl-map", "data-testid": "semantic-map" },
    h(
      "div",
      { class: "sl-map-main sl-banner-place" },
      h(
        "div",
        { class: "sl-map-bar" },
        h("label", { class: "sl-select" }, h("span", { class: "sl-quiet" }, "Colour"), colourSelect),
        filter.node,
        h("span", { class: "sl-spring" }),
        layOut.node,
        lassoButton,
      ),
      h("div", { class: "sl-map-frame" }, area, zoomButtons, legend),
    ),
    side.node,
  );

  // drawing

  function schedule() {
    frame ||= requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    camera.step();
    drawPoints();
    drawMarks();
    captions.draw(camera);
    drawCrops();
    if (camera.moving) schedule();
  }

  function resize() {
    const [wide, high] = [area.clientWidth, area.clientHeight];
    if (stale && wide) repaint();
    if (wide && high && plot.resize(wide, high)) camera.resize(wide, high);
  }

  function drawPoints() {
    if (!palette || !painted) return;
    const radius = radiusOf(camera.sight, names.count, camera.closeness);
    const { places } = camera.sight;
    plot.paint({ ...marksOf(painted, palette, chosen, seen), places, radii, radius });
  }

  function drawMarks() {
    placeMark(ring, hovered);
    placeMark(primaryRing, selection[0]);
  }

  /** @param {SVGElement} mark @param {number | null | undefined} row */
  function placeMark(mark, row) {
    const place = camera.seenAt(row);
    mark.toggleAttribute("hidden", !place);
    if (!place) return;
    mark.setAttribute("cx", String(place[0]));
    mark.setAttribute("cy", String(place[1]));
  }

  function drawCrops() {
    crops.draw(
      { ...camera.sight, chosen, seen, selecting: selection.length > 0 },
      camera.closeness >= CROPS_FROM && !camera.moving,
    );
  }

  /** The colours of the points are others now. */
  function repaint() {
    stale = !node.isConnected;
    if (stale) return;
    palette ??= paletteOf(area);
    const of = shade.paint(palette);
    painted = of;
    captions.colour((row) => (shade.colour === "label" ? of.of[row] : -1));
    const byWord = shade.shown === "label";
    fill(legend, ...legendOf(of.legend, { byWord, noLabels: shade.colour === "label" && !byWord, palette }));
    if (sizes) legend.append(h("span", {}, "size: relevance"));
    schedule();
  }

  function drawColours() {
    const shown = Object.keys(COLOURS).filter((key) => available.includes(key) || key === shade.colour);
    fill(colourSelect, ...shown.map((value) => h("option", { value }, COLOURS[value])));
    colourSelect.value = shade.colour;
  }

  // places and words

  /** @param {Float32Array} places */
  function moveTo(places) {
    camera.moveTo(places);
    plot.place(places);
    captions.gather(places, names.named);
    empty.hidden = !places.length || Number.isFinite(places.find(Number.isFinite) ?? Number.NaN);
    empty.textContent = "No component is ever active in these images: there is nothing to place.";
    repaint();
    side.draw(true);
  }

  function rename() {
    captions.gather(camera.target, names.named);
    repaint();
    side.draw(true);
  }

  /** Whether the layer filter lets a component be seen, and it has a place. @param {number} row */
  function seen(row) {
    const { span } = names;
    return row >= span[0] && row < span[1] && camera.has(row);
  }

  /** All rows that the layer filter lets be seen, the highest numbers first where numbers are shown. */
  function allRows() {
    const [first, end] = names.span;
    return shade.ordered(Array.from({ length: end - first }, (_, i) => first + i));
  }

  /** @param {number} row */
  function wordOf(row) {
    const word = names.wordOf(row);
    return word.quiet && !camera.has(row) ? { text: "never active", quiet: true } : word;
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
      h("div", { class: "sl-id" }, id),
      text ? h(quiet ? "span" : "b", { class: quiet ? "sl-quiet" : "" }, text) : "",
      value ? h("div", { class: "sl-quiet" }, `${shade.about} ${value}`) : "",
      size && shade.shown !== "relevance" ? h("div", { class: "sl-quiet" }, size) : "",
    ];
  }

  // choosing

  /** @param {readonly number[]} next */
  function choose(next) {
    if (same(next, selection)) return;
    setSelection(next);
    onSelect([...next]);
    say(`${counted(next.length)} selected`);
  }

  /** @param {readonly number[]} next */
  function setSelection(next) {
    selection = next;
    chosen = new Uint8Array(names.count);
    for (const row of next) chosen[row] = 1;
    side.select(next);
    schedule();
  }

  /** Many become the selection, join it or leave it; those with the highest numbers first. @param {number[]} rows @param {MouseEvent} event */
  function combine(rows, event) {
    choose(brushed(selection, shade.ordered(rows, sizes), event));
    if (selection.length > 1) side.list(false);
    side.draw(true);
  }

  /** @param {number} row @param {PointerEvent} event */
  function press(row, event) {
    if (row >= 0) choose(adds(event) ? toggled(selection, row) : brushed(selection, [row], event));
  }

  /** @param {number} row under the pointer, −1 for none */
  function point(row) {
    hovered = row < 0 ? null : row;
    area.classList.toggle("sl-pointing", row >= 0);
    drawMarks();
  }

  const stopResizing = onResize(area, resize);
  const stopTheming = onTheme(() => {
    palette = null;
    repaint();
  });

  return {
    node,
    /** Empties the selection; false where it is empty. */
    clear() {
      if (!selection.length) return false;
      choose([]);
      return true;
    },
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
      const placed = ["layout", "evaluation", "relevance", "labels"].some((of) => `${of}_version` in changed);
      if (placed || "own_labels" in changed) facts.start();
      if ("layer" in changed || "hits" in changed || "map_colour" in changed) {
        repaint();
        side.draw(true);
      }
    },
    destroy() {
      cancelAnimationFrame(frame);
      for (const asking of [names, facts, layOut]) asking.stop();
      stopResizing();
      stopTheming();
      for (const part of [crops, plot.tip, gestures, side, filter]) part.destroy();
    },
  };
}

/** @param {Parameters<typeof button>[0]} options */
const zoomButton = (options) => button({ ...options, class: "sl-square" });
