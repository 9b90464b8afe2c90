/** The semantic map: components as points, alike ones near each other; with a list that says the same. */

import { button, copyButton, fill, h, s } from "../shared/dom.js";
import { count as counted, plural, score } from "../shared/format.js";
import { askLabels, bestOf, countRows, idOf, labelsOfRows } from "../shared/labels.js";
import { latest } from "../shared/latest.js";
import { layerFilter } from "../shared/layer_filter.js";
import { same, toggled } from "../shared/selection.js";
import { bytes } from "../shared/source.js";
import { clusters, placed } from "./captions.js";
import { byLabel, byLayer, byNumber, COLOURS, paletteOf, plain } from "./colours.js";
import { cropMarks } from "./crops.js";
import { hoverCard } from "./hover_card.js";
import { legendOf } from "./legend.js";
import { componentList } from "./list.js";
import { gridIndex } from "./nearest.js";
import { paintPoints } from "./points.js";
import { bounds, enclosed, fitted, moved, unprojected, zoomed } from "./projection.js";

/** Distances in px: from the pointer to the point it means, and by which a press becomes a drag. */
const PICK = 14;
const DRAG = 4;
/** Crops stand in for points from this zoom on. */
const CROPS_FROM = 1.8;
const CAPTIONS = 26;
const MOVE_MS = 700;
const ZOOM_STEP = 1.5;

/** @typedef {import("./projection.js").Projection} Projection */

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
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
  catalog,
  onSelect,
  onLayer,
  onColour,
  name,
  tell = () => {},
  say,
  fail,
}) {
  /** @type {import("../shared/labels.js").Layer[]} */
  let layers = [];
  const nameOf = name ?? ((/** @type {number} */ row) => idOf(layers, row));
  let count = 0;
  /** @type {string | null} */
  let layer = null;
  /** @type {readonly number[]} */
  let selection = [];
  let chosen = new Uint8Array(0);
  let colour = "label";
  /** @type {string[]} */
  let available = [];
  /** @type {import("../shared/source.js").Hits | null} */
  let hits = null;
  /** @type {import("../shared/labels.js").Labels | null} */
  let labels = null;
  /** @type {Record<string, string>} */
  let own = {};
  /** @type {import("./colours.js").Values | null} */
  let values = null;
  /** Relevance is the size of points where there is some. @type {Float32Array | null} */
  let sizes = null;
  /** Places as they are drawn. @type {Float32Array} */
  let places = new Float32Array(0);
  /** Where they go, and where they came from. */
  let target = places;
  let origin = places;
  let movedAt = 0;
  let index = gridIndex(places);
  let method = "";
  let better = false;
  /** @type {Projection} */
  let view = { sx: 1, sy: -1, ox: 0, oy: 0 };
  let home = view;
  let atHome = true;
  let [width, height] = [0, 0];
  /** @type {ImageData | null} */
  let image = null;
  let pixels = new Uint32Array(0);
  let ratio = 1;
  /** @type {import("./colours.js").Palette | null} */
  let palette = null;
  /** @type {import("./colours.js").Painted | null} */
  let painted = null;
  let named = labelsOfRows(null, {}, [], 0);
  /** @type {import("./captions.js").Cluster[]} */
  let regions = [];
  /** @type {number | null} */
  let hovered = null;
  let lassoing = false;
  let showsAll = true;
  let started = false;
  /** Whether something changed while the map was not in the document, which alone knows its colours. */
  let stale = false;
  let frame = 0;

  const canvas = h("canvas", { class: "sl-map-canvas", "aria-hidden": "true" });
  const pen = canvas.getContext?.("2d") ?? null;
  const captionLayer = h("div", { class: "sl-map-captions", "aria-hidden": "true" });
  const crops = cropMarks({ source, onArrive: schedule, fail });
  const lassoPath = s("path", { class: "sl-lasso" });
  const ring = s("circle", { class: "sl-map-ring", r: 9 });
  const primaryRing = s("circle", { class: "sl-map-primary", r: 8 });
  const marks = s("svg", { class: "sl-map-marks", "aria-hidden": "true" }, lassoPath, primaryRing, ring);
  const card = hoverCard({ source, words: cardLines, fail });
  const hint = h(
    "div",
    { class: "sl-map-hint sl-quiet", hidden: true },
    "Click the map, then the wheel zooms",
  );
  const legend = h("div", { class: "sl-map-legend", "data-testid": "map-legend" });
  const empty = h("div", { class: "sl-map-empty sl-quiet", hidden: true, "data-testid": "map-empty" });
  const area = h(
    "div",
    {
      class: "sl-map-area",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "map",
      "aria-label":
        "Map of components. Arrows move it, plus and minus zoom, 0 shows all. The list beside it says the same.",
      "data-testid": "map-area",
      onkeydown: onKey,
      onpointerdown: onDown,
      onpointermove: onMove,
      onpointerup: onUp,
      onpointercancel: endDrag,
      onpointerleave: () => point(null),
      ondblclick: onDoubleClick,
    },
    canvas,
    crops.node,
    marks,
    captionLayer,
    empty,
    hint,
    card.node,
  );
  area.addEventListener("wheel", onWheel, { passive: false });
  const zoomButtons = h(
    "div",
    { class: "sl-map-zoom" },
    button({ label: "Zoom in (+)", icon: "plus", class: "sl-square", onclick: () => zoom(ZOOM_STEP) }),
    button({ label: "Zoom out (−)", icon: "minus", class: "sl-square", onclick: () => zoom(1 / ZOOM_STEP) }),
    button({
      label: "Show all (0)",
      text: "⤢",
      class: "sl-square",
      "data-testid": "map-fit",
      onclick: showAll,
    }),
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
    onclick: () => setLasso(!lassoing),
  });
  const status = h("div", { class: "sl-map-status sl-quiet", "data-testid": "map-status" });
  const heading = h("h2", { class: "sl-card-title", "data-testid": "map-heading" });
  const common = h("p", { class: "sl-quiet sl-small-text", "data-testid": "map-common" });
  const tabs = h("div", { class: "sl-map-choice", role: "group", "aria-label": "Listed" });
  const list = componentList({
    source,
    catalog,
    label: "Components on the map",
    describe: listLine,
    onChoose: fromList,
    onPoint: (row) => {
      hovered = row;
      drawMarks();
    },
    fail,
  });
  const clearButton = button({
    text: "Clear",
    label: "Clear the selection",
    class: "sl-outlined",
    "data-testid": "map-clear",
    onclick: () => choose([]),
  });
  const copyIds = copyButton({
    label: "Copy the ids of the selection",
    text: () => selection.map(nameOf).join("\n"),
    "data-testid": "map-copy",
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
        status,
        lassoButton,
      ),
      h("div", { class: "sl-map-frame" }, area, zoomButtons, legend),
    ),
    h(
      "aside",
      { class: "sl-map-side", "aria-label": "Components on the map" },
      h("div", { class: "sl-map-head" }, heading, copyIds, clearButton),
      common,
      tabs,
      list.node,
    ),
  );

  // what the kernel knows

  const placesWanted = latest(
    async (signal) => {
      const { result, buffers } = await ask("map", {}, { signal });
      return { ...result, places: new Float32Array(bytes(buffers[0])) };
    },
    (answer) => {
      ({ method, better } = answer);
      available = answer.colours;
      drawColours();
      moveTo(answer.places);
      if (better && !layOutWanted.running) layOut();
      drawStatus();
      valuesWanted.start();
      sizesWanted.start();
    },
    fail,
  );
  const labelsWanted = latest(
    (signal) => askLabels(ask, signal),
    (answer) => {
      labels = answer;
      nameRows();
    },
    fail,
  );
  const valuesWanted = latest(
    async (signal) => {
      const wanted = colour;
      if (["label", "layer", "search"].includes(wanted)) return null;
      return { wanted, ...(await askValues(wanted, signal)) };
    },
    (answer) => {
      values = answer;
      repaint();
      drawList(true);
    },
    fail,
  );
  const sizesWanted = latest(
    async (signal) => (available.includes("relevance") ? askValues("relevance", signal) : null),
    (answer) => {
      sizes = answer?.numbers ?? null;
      schedule();
    },
    fail,
  );
  /** @type {string} */
  let progress = "";
  const layOutWanted = latest(
    (signal) =>
      ask(
        "lay_out",
        {},
        {
          signal,
          onProgress: ({ done, what }) => {
            progress = `${what}: ${done} s`;
            drawStatus();
          },
        },
      ),
    () => {
      progress = "";
      better = false;
      drawStatus();
      placesWanted.start();
    },
    (error) => {
      progress = "";
      drawStatus();
      fail(error);
    },
  );

  /** @param {string} wanted @param {AbortSignal} signal */
  async function askValues(wanted, signal) {
    const { result, buffers } = await ask("map_values", { colour: wanted }, { signal });
    return { ...result, numbers: result.there ? new Float32Array(bytes(buffers[0])) : null };
  }

  function layOut() {
    progress = "UMAP begins";
    layOutWanted.start();
    drawStatus();
  }

  function stopLayOut() {
    layOutWanted.stop();
    progress = "";
    drawStatus();
  }

  function drawStatus() {
    if (progress)
      fill(
        status,
        progress,
        button({
          text: "Stop",
          label: "Stop UMAP",
          class: "sl-outlined",
          "data-testid": "map-stop",
          onclick: stopLayOut,
        }),
      );
    else if (better)
      fill(
        status,
        "principal coordinates",
        button({
          text: "UMAP",
          label: "Lay out with UMAP",
          class: "sl-outlined",
          "data-testid": "map-umap",
          onclick: () => {
            tell("lens.lay_out()");
            layOut();
          },
        }),
      );
    else fill(status, method === "pca" ? "principal coordinates" : method.toUpperCase());
  }

  // places

  /** @param {Float32Array} next */
  function moveTo(next) {
    const still =
      places.length !== next.length || globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
    origin = still ? next : places.slice();
    target = next;
    places = still ? next : places.slice();
    movedAt = still ? 0 : performance.now();
    index = gridIndex(target);
    regions = clusters(target, named.words, named.names.length);
    const box = bounds(target);
    empty.hidden = !target.length || Number.isFinite(target.find(Number.isFinite) ?? Number.NaN);
    empty.textContent = "No component is ever active in these images: there is nothing to place.";
    home = fitted(box, width, height);
    if (atHome) view = home;
    repaint();
    drawList(true);
  }

  /** @param {number} now */
  function step(now) {
    const share = Math.min(1, (now - movedAt) / MOVE_MS);
    const eased = share * share * (3 - 2 * share);
    for (let i = 0; i < places.length; i++) places[i] = origin[i] + (target[i] - origin[i]) * eased;
    if (share === 1) {
      places = target;
      movedAt = 0;
    }
  }

  // drawing

  function schedule() {
    frame ||= requestAnimationFrame(draw);
  }

  function resize() {
    const [wide, high] = [area.clientWidth, area.clientHeight];
    const dense = Math.min(2, Math.max(1, globalThis.devicePixelRatio || 1));
    if (stale && wide) repaint();
    if (!wide || !high || (wide === width && high === height && dense === ratio)) return;
    [width, height, ratio] = [wide, high, dense];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    image = pen?.createImageData(canvas.width, canvas.height) ?? null;
    pixels = image ? new Uint32Array(image.data.buffer) : new Uint32Array(0);
    home = fitted(bounds(target), width, height);
    if (atHome) view = home;
    schedule();
  }

  /** Radius of a point in px of the screen, without its own size. */
  function radius() {
    const room = Math.sqrt((width * height) / Math.max(1, count));
    const zoomedBy = (view.sx / home.sx) ** 0.4;
    return Math.min(9, Math.max(1.7, Math.min(5, room * 0.16)) * zoomedBy);
  }

  /** @param {number} row */
  function seen(row) {
    if (Number.isNaN(target[2 * row])) return false;
    return layer === null || (row >= span[0] && row < span[1]);
  }
  /** The rows of the layer that is shown. */
  let span = [0, 0];

  function draw() {
    frame = 0;
    if (movedAt) step(performance.now());
    drawPoints();
    drawMarks();
    drawCaptions();
    drawCrops();
    if (movedAt) schedule();
  }

  function drawPoints() {
    if (!pen || !image || !palette || !painted) return;
    const picture = { data: pixels, width: image.width, height: image.height };
    const scene = { places, view, width, height, ratio, chosen, seen, sizes, painted, palette };
    paintPoints(picture, { ...scene, radius: radius(), selecting: selection.length > 0 });
    pen.putImageData(image, 0, 0);
  }

  /** @param {SVGElement} mark @param {number | null | undefined} row */
  function placeMark(mark, row) {
    const there = row !== null && row !== undefined && Number.isFinite(places[2 * row]);
    mark.toggleAttribute("hidden", !there);
    if (!there) return;
    mark.setAttribute("cx", String(places[2 * row] * view.sx + view.ox));
    mark.setAttribute("cy", String(places[2 * row + 1] * view.sy + view.oy));
  }

  function drawMarks() {
    placeMark(ring, hovered);
    placeMark(primaryRing, selection[0]);
  }

  /** @type {Map<number, HTMLElement>} captions by word */
  const captions = new Map();

  /** @param {import("./captions.js").Cluster} cluster */
  const widthOf = ({ word, count: members }) =>
    7 * Math.min(34, named.names[word].length) + 7 * String(members).length + 10;

  function drawCaptions() {
    const least = regions.length > CAPTIONS && view.sx / home.sx < 2.5 ? 2 : 1;
    const wanted = regions.filter(({ count: members }) => members >= least);
    const shown = width && !movedAt ? placed(wanted, view, width, height, widthOf, CAPTIONS) : [];
    const kept = new Set(shown.map(({ cluster }) => cluster.word));
    for (const [word, element] of captions)
      if (!kept.has(word)) {
        element.remove();
        captions.delete(word);
      }
    for (const { cluster, left, right, top } of shown) {
      let element = captions.get(cluster.word);
      if (!element) {
        element = drawCaption(cluster);
        captions.set(cluster.word, element);
        captionLayer.append(element);
      }
      element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
      element.style.width = `${Math.round(right - left)}px`;
    }
  }

  /** @param {import("./captions.js").Cluster} cluster */
  function drawCaption({ word, count: members, rows }) {
    const text = named.names[word];
    const element = h(
      "button",
      {
        type: "button",
        class: "sl-caption",
        tabindex: "-1",
        title: `${text}: select ${plural(members, "component")}`,
        "data-testid": "map-caption",
        onpointerdown: (/** @type {Event} */ event) => event.stopPropagation(),
        onclick: (/** @type {MouseEvent} */ event) =>
          combine(
            rows.filter((row) => seen(row)),
            event,
          ),
      },
      h("b", { class: "sl-ellipsis" }, text),
      h("span", { class: "sl-quiet" }, counted(members)),
    );
    const hue = painted && colour === "label" ? painted.of[rows[0]] : -1;
    if (hue >= 0 && hue < 11)
      /** @type {HTMLElement} */ (element.firstElementChild).style.color = `var(--sl-cat-${hue + 1})`;
    return element;
  }

  function dropCaptions() {
    for (const element of captions.values()) element.remove();
    captions.clear();
  }

  function drawCrops() {
    const near = view.sx / home.sx >= CROPS_FROM && !movedAt;
    crops.draw({ places, view, width, height, chosen, seen, selecting: selection.length > 0 }, near);
  }

  // colours and words

  function nameRows() {
    named = labelsOfRows(labels, own, layers, count);
    regions = clusters(target, named.words, named.names.length);
    dropCaptions();
    repaint();
    drawList(true);
  }

  /** What is really shown: labels that are not there yet leave the colours to the layers. */
  const shownColour = () => (colour === "label" && !named.names.length ? "layer" : colour);

  function repaint() {
    stale = !node.isConnected;
    if (stale) return;
    palette ??= paletteOf(area);
    const what = shownColour();
    if (what === "label") painted = byLabel(named, palette);
    else if (what === "layer") painted = byLayer(layers, count, palette);
    else if (what === "search")
      painted = hits?.scores
        ? byNumber(searched(), palette, true)
        : plain(count, "nothing is searched", palette);
    else if (values?.numbers) painted = byNumber(values, palette);
    else painted = plain(count, values ? `no ${COLOURS[what]} yet` : "", palette);
    dropCaptions();
    drawLegend();
    schedule();
  }

  /** @returns {import("./colours.js").Values} */
  function searched() {
    const numbers = new Float32Array(count).fill(Number.NaN);
    const result = /** @type {import("../shared/source.js").Hits} */ (hits);
    for (let at = 0; at < result.rows.length; at++)
      numbers[result.rows[at]] = result.scores?.[at] ?? Number.NaN;
    return {
      there: true,
      about: `score for ${result.query}`,
      mark: result.null?.score_at_p01 ?? null,
      signed: false,
      numbers,
    };
  }

  function drawLegend() {
    if (!painted || !palette) return;
    const byWord = shownColour() === "label";
    fill(legend, ...legendOf(painted.legend, { byWord, noLabels: colour === "label" && !byWord, palette }));
    if (sizes) legend.append(h("span", {}, "size: relevance"));
  }

  function drawColours() {
    const names = Object.keys(COLOURS);
    const shown = names.filter((name) => available.includes(name) || name === colour);
    fill(colourSelect, ...shown.map((name) => h("option", { value: name }, COLOURS[name])));
    colourSelect.value = colour;
  }

  // the list

  /** @param {number} row */
  function wordOf(row) {
    const word = named.words[row];
    if (word >= 0) return { text: named.names[word], quiet: false };
    if (Number.isNaN(target[2 * row])) return { text: "never active", quiet: true };
    const best = labels ? bestOf(labels, row) : null;
    return { text: best ? `unexplained (${best.text}?)` : "", quiet: true };
  }

  /** @param {number} row */
  function numberOf(row) {
    const what = shownColour();
    const numbers = what === "search" ? (hits?.scores ? searchedOnce() : null) : values?.numbers;
    const number = numbers?.[row];
    if (number === undefined || !Number.isFinite(number)) return "";
    if (!values?.signed) return score(number, 2);
    return `${number > 0 ? "+" : ""}${(100 * number).toFixed(1).replace("-", "−")} %`;
  }

  /** @type {{hits: any, numbers: Float32Array | null}} */
  let searchedFor = { hits: null, numbers: null };
  function searchedOnce() {
    if (searchedFor.hits !== hits) searchedFor = { hits, numbers: searched().numbers };
    return searchedFor.numbers;
  }

  /** @param {number} row */
  function listLine(row) {
    return { id: nameOf(row), ...wordOf(row), value: numberOf(row) };
  }

  /** @param {number} row */
  function cardLines(row) {
    const { text, quiet } = wordOf(row);
    const value = numberOf(row);
    const about = shownColour() === "search" ? "score" : COLOURS[shownColour()];
    const size = sizes && Number.isFinite(sizes[row]) ? `relevance ${score(100 * sizes[row], 1)} %` : "";
    return [
      h("div", { class: "sl-id" }, nameOf(row)),
      text ? h(quiet ? "span" : "b", { class: quiet ? "sl-quiet" : "" }, text) : "",
      value ? h("div", { class: "sl-quiet" }, `${about} ${value}`) : "",
      size && shownColour() !== "relevance" ? h("div", { class: "sl-quiet" }, size) : "",
    ];
  }

  /** All rows in sight of the filter, the highest numbers first where numbers are shown. */
  function allRows() {
    const rows = [];
    for (let row = 0; row < count; row++)
      if (layer === null || (row >= span[0] && row < span[1])) rows.push(row);
    const what = shownColour();
    const numbers = what === "search" ? (hits?.scores ? searchedOnce() : null) : values?.numbers;
    return numbers && !["label", "layer"].includes(what) ? byValue(rows, numbers) : rows;
  }

  /** @param {number[]} rows @param {Float32Array} numbers largest first, those without a number last */
  function byValue(rows, numbers) {
    const worth = (/** @type {number} */ row) =>
      Number.isFinite(numbers[row]) ? numbers[row] : Number.NEGATIVE_INFINITY;
    return rows.sort((a, b) => worth(b) - worth(a) || a - b);
  }

  /** The selection as it stands in the list: stepping through it changes the primary, but not the order. @type {number[]} */
  let listed = [];
  let listsSelection = false;

  /** @param {boolean} [anew] */
  function drawList(anew = false) {
    const selectedOnly = !showsAll && selection.length > 0;
    anew ||= selectedOnly !== listsSelection;
    listsSelection = selectedOnly;
    const kept = new Set(listed);
    if (listed.length !== selection.length || !selection.every((row) => kept.has(row))) {
      listed = [...selection];
      anew ||= selectedOnly;
    }
    heading.textContent = selection.length
      ? `${counted(selection.length)} selected`
      : plural(count, "component");
    clearButton.hidden = copyIds.hidden = !selection.length;
    const title = (/** @type {boolean} */ all, /** @type {string} */ text, /** @type {string} */ id) =>
      button({
        text,
        class: "sl-outlined",
        "aria-pressed": String(all === !selectedOnly),
        "data-testid": id,
        onclick: () => {
          showsAll = all;
          drawList(true);
        },
      });
    fill(
      tabs,
      selection.length > 0 && title(true, "All", "map-list-all"),
      selection.length > 0 && title(false, `Selected ${counted(selection.length)}`, "map-list-selected"),
    );
    common.textContent = selection.length ? shared() : "Click a point, or drag around several with Shift.";
    list.update({
      rows: anew ? (selectedOnly ? listed : allRows()) : undefined,
      selection,
      keeps: selectedOnly,
    });
  }

  function shared() {
    /** @type {Map<number, number>} */
    const times = new Map();
    for (const row of selection)
      if (named.words[row] >= 0) times.set(named.words[row], (times.get(named.words[row]) ?? 0) + 1);
    const [word, most] = [...times].sort((a, b) => b[1] - a[1])[0] ?? [-1, 0];
    if (most < 2) return selection.length === 1 ? wordOf(selection[0]).text : "no label in common";
    return `${named.names[word]}: ${counted(most)} of ${counted(selection.length)}`;
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
    chosen = new Uint8Array(count);
    for (const row of next) chosen[row] = 1;
    drawList();
    schedule();
  }

  /** Rows become the selection, join it (Ctrl, Cmd) or leave it (Alt). @param {number[]} rows @param {MouseEvent} event */
  function combine(rows, event) {
    const numbers = shownColour() === "search" ? (hits?.scores ? searchedOnce() : null) : values?.numbers;
    const ordered = numbers ? byValue([...rows], numbers) : sizes ? byValue([...rows], sizes) : rows;
    const set = new Set(rows);
    if (event.altKey) choose(selection.filter((row) => !set.has(row)));
    else if (event.ctrlKey || event.metaKey) {
      const had = new Set(selection);
      choose([...selection, ...ordered.filter((row) => !had.has(row))]);
    } else choose(ordered);
    if (selection.length > 1) showsAll = false;
    drawList(true);
  }

  /** @param {number} row @param {"only" | "first" | "toggle"} how */
  function fromList(row, how) {
    if (how === "toggle") choose(toggled(selection, row));
    else if (how === "first") choose([row, ...selection.filter((other) => other !== row)]);
    else choose([row]);
  }

  // gestures

  /** @type {{x: number, y: number, mode: "press" | "pan" | "lasso", path: [number, number][]} | null} */
  let drag = null;

  /** @param {MouseEvent} event @returns {[number, number]} */
  function at(event) {
    const box = area.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {number} x @param {number} y */
  const pick = (x, y) => index.near(view, ...unprojected(view, x, y), Math.max(PICK, crops.reach()), seen);

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (event.button !== 0) return;
    area.focus({ preventScroll: true });
    hint.hidden = true;
    const [x, y] = at(event);
    drag = { x, y, mode: lassoing || event.shiftKey ? "lasso" : "press", path: [[x, y]] };
    try {
      area.setPointerCapture?.(event.pointerId);
    } catch {
      // a pointer that is gone already needs no capture
    }
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    const [x, y] = at(event);
    if (!drag) return point(pick(x, y));
    if (drag.mode === "lasso") {
      drag.path.push([x, y]);
      lassoPath.setAttribute(
        "d",
        `M${drag.path.map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L")}Z`,
      );
      return;
    }
    if (drag.mode === "press" && Math.hypot(x - drag.x, y - drag.y) < DRAG) return;
    if (drag.mode === "press") {
      drag.mode = "pan";
      point(null);
      card.close();
      area.classList.add("sl-dragging");
    }
    show(moved(view, x - drag.x, y - drag.y));
    [drag.x, drag.y] = [x, y];
  }

  /** @param {PointerEvent} event */
  function onUp(event) {
    if (!drag) return;
    const { mode, path } = drag;
    const [x, y] = at(event);
    endDrag();
    if (mode === "pan") return;
    if (mode === "lasso" && path.length > 2) {
      combine(
        enclosed(
          target,
          path.map(([px, py]) => unprojected(view, px, py)),
          seen,
        ),
        event,
      );
      return;
    }
    const row = pick(x, y);
    if (row < 0) return;
    if (event.altKey) choose(selection.filter((other) => other !== row));
    else if (event.ctrlKey || event.metaKey) choose(toggled(selection, row));
    else choose([row]);
  }

  function endDrag() {
    drag = null;
    lassoPath.removeAttribute("d");
    area.classList.remove("sl-dragging");
  }

  /** @param {MouseEvent} event */
  function onDoubleClick(event) {
    const [x, y] = at(event);
    if (pick(x, y) < 0) choose([]);
  }

  /** @param {WheelEvent} event */
  function onWheel(event) {
    if (!area.contains(document.activeElement)) {
      hint.hidden = false;
      clearTimeout(hintTimer);
      hintTimer = setTimeout(() => {
        hint.hidden = true;
      }, 1500);
      return;
    }
    event.preventDefault();
    const pixelsMoved = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    zoom(Math.exp(-Math.max(-200, Math.min(200, pixelsMoved)) / 400), ...at(event));
  }
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hintTimer;

  /** @param {number | null} row */
  function point(row) {
    const next = row === null || row < 0 ? null : row;
    if (next === hovered) return;
    hovered = next;
    area.classList.toggle("sl-pointing", hovered !== null);
    drawMarks();
    if (next === null) card.point(null);
    else card.point(next, places[2 * next] * view.sx + view.ox, places[2 * next + 1] * view.sy + view.oy);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== area) return;
    const by = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    if (by) show(moved(view, by[0], by[1]));
    else if (event.key === "+" || event.key === "=") zoom(ZOOM_STEP);
    else if (event.key === "-") zoom(1 / ZOOM_STEP);
    else if (event.key === "0") showAll();
    else if (event.key === "Escape" && drag) endDrag();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {Projection} next */
  function show(next) {
    view = next;
    atHome = false;
    schedule();
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] */
  function zoom(factor, x = width / 2, y = height / 2) {
    const scale = (view.sx * factor) / home.sx;
    if (scale > 200 || scale < 0.4) return;
    card.close();
    show(zoomed(view, factor, x, y));
  }

  function showAll() {
    view = home;
    atHome = true;
    schedule();
  }

  /** @param {boolean} on */
  function setLasso(on) {
    lassoing = on;
    lassoButton.setAttribute("aria-pressed", String(on));
    area.classList.toggle("sl-lassoing", on);
  }

  const resized = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(resize);
  resized?.observe(area);
  const themed = new MutationObserver(() => {
    palette = null;
    repaint();
  });
  for (const place of [document.documentElement, document.body])
    themed.observe(place, {
      attributes: true,
      attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"],
    });
  drawStatus();

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
      if ("layers" in changed) {
        layers = changed.layers ?? [];
        count = countRows(layers);
        chosen = new Uint8Array(count);
      }
      if ("layers" in changed || "layer" in changed) {
        if ("layer" in changed) layer = changed.layer ?? null;
        let start = 0;
        for (const { name, count: size } of layers) {
          if (name === layer) span = [start, start + size];
          start += size;
        }
      }
      if ("own_labels" in changed) own = changed.own_labels ?? {};
      if ("map_colour" in changed && changed.map_colour !== colour) {
        colour = changed.map_colour;
        values = null;
        drawColours();
        if (started) valuesWanted.start();
      }
      if ("hits" in changed) hits = changed.hits;
      if ("selection" in changed && !same(changed.selection ?? [], selection)) {
        showsAll = (changed.selection ?? []).length < 2;
        setSelection(changed.selection ?? []);
      }
      if (!started && count) {
        started = true;
        chosen = new Uint8Array(count);
        for (const row of selection) chosen[row] = 1;
        placesWanted.start();
        labelsWanted.start();
        return;
      }
      if (!started) return;
      if ("layout_version" in changed || "evaluation_version" in changed) placesWanted.start();
      if ("relevance_version" in changed) placesWanted.start();
      if ("labels_version" in changed) {
        placesWanted.start();
        labelsWanted.start();
      } else if ("own_labels" in changed) {
        placesWanted.start();
        nameRows();
      } else if ("layer" in changed || "hits" in changed || "map_colour" in changed) {
        repaint();
        drawList(true);
      }
    },
    destroy() {
      cancelAnimationFrame(frame);
      for (const asked of [placesWanted, labelsWanted, valuesWanted, sizesWanted, layOutWanted]) asked.stop();
      clearTimeout(hintTimer);
      resized?.disconnect();
      themed.disconnect();
      crops.destroy();
      card.close();
      list.destroy();
      filter.destroy();
    },
  };
}
