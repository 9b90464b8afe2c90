/** The map itself: points, crops and words, from the ground up, with what can be done to them and what colours mean. */

import { button, fill, html, svg } from "../shared/dom.js";
import * as icons from "../shared/icons.js";
import { placeIn } from "../shared/pointer.js";
import { scatterPlot } from "../shared/scatter/plot.js";
import { onResize, onTheme } from "../shared/surroundings.js";
import { camera as cameraOf } from "./camera.js";
import { captionMarks } from "./caption_marks.js";
import { paletteOf } from "./colours.js";
import { cropMarks } from "./crops.js";
import { mapGestures, ZOOM_STEP } from "./gestures.js";
import { legendOf } from "./legend.js";
import { marksOf, radiiOf, radiusOf } from "./points.js";

/** How far the pointer may be from the point it means, in px. */
const PICK = 14;
/** Crops stand in for points from this closeness on. */
const CROPS_FROM = 1.8;
const NOTHING = "No component is ever active in these images: there is nothing to place.";

/** Puts a ring on a point, or takes it away. @param {SVGElement} ring @param {[number, number] | null} place */
function placeRing(ring, place) {
  ring.toggleAttribute("hidden", !place);
  if (!place) return;
  ring.setAttribute("cx", String(place[0]));
  ring.setAttribute("cy", String(place[1]));
}

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/names.js").componentNames>} options.names
 * @param {ReturnType<typeof import("./shades.js").shades>} options.shade what colours show
 * @param {(row: number) => (Node | string | false)[]} options.words about a component
 * @param {(row: number, event: PointerEvent) => void} options.onPress on a component
 * @param {(rows: number[], event: MouseEvent) => void} options.onLasso also by a word that stands for them
 * @param {() => void} options.onNone nothing is to be selected
 * @param {(error: unknown) => void} options.fail
 */
export function mapArea({ source, names, shade, words, onPress, onLasso, onNone, fail }) {
  /** @type {readonly number[]} */
  let selection = [];
  let chosen = new Uint8Array(0);
  /** Sizes of points by relevance, where there is some. @type {Float32Array | null} */
  let radii = null;
  /** @type {import("./colours.js").Palette | null} */
  let palette = null;
  /** @type {import("./colours.js").Painted | null} */
  let painted = null;
  /** The one that is pointed at. @type {number | null} */
  let hovered = null;
  /** Whether something changed while the map was not in the document, which alone knows its colours. */
  let stale = false;
  /** What is painted, until something of it is another. @type {import("../shared/scatter/plot.js").Marks | null} */
  let scene = null;
  let frame = 0;

  const camera = cameraOf({ onChange: schedule });
  const crops = cropMarks({ source, onArrive: schedule, fail });
  const ring = svg`<circle class="sl-point-ring" r="9" />`;
  const primaryRing = svg`<circle class="sl-primary-ring" r="8" />`;
  const captions = captionMarks({ onChoose: (rows, event) => onLasso(rows.filter(seen), event) });
  const empty = html`<div class="sl-map-hint sl-box sl-map-over sl-text sl-quiet" hidden data-testid="map-empty">${NOTHING}</div>`;
  const area = html`<div class="sl-map-area sl-inward" tabindex="0" role="application" aria-roledescription="map"
    aria-label="Map of components. Arrows move it, plus and minus zoom, 0 shows all. The list beside it says the same."
    data-testid="map-area" />`;
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
    tip: { source, words, crops: 1, side: 128, testid: "map-card", fail },
    onPress: (row, event) => row >= 0 && onPress(row, event),
    onLasso,
    onPoint(row) {
      area.classList.toggle("sl-pointing", row >= 0);
      point(row < 0 ? null : row);
    },
    drags: gestures.drags,
  });
  area.addEventListener("dblclick", (event) => {
    if (plot.near(placeIn(area, event)) < 0) onNone();
  });
  area.append(
    plot.canvas,
    crops.node,
    svg`<svg class="sl-map-over sl-fill" aria-hidden="true">${plot.lasso}${primaryRing}${ring}</svg>`,
    captions.node,
    empty,
    gestures.hint,
    plot.tip.node,
  );
  const legend = html`<div class="sl-map-legend sl-map-over sl-line sl-wraps sl-small-text sl-quiet sl-tabular" data-testid="map-legend" />`;
  const zooms = [
    { label: "Zoom in (+)", icon: icons.plus, onclick: () => gestures.zoom(ZOOM_STEP) },
    { label: "Zoom out (−)", icon: icons.minus, onclick: () => gestures.zoom(1 / ZOOM_STEP) },
    { label: "Show all (0)", text: "⤢", "data-testid": "map-fit", onclick: camera.showAll },
  ];
  const stops = [
    onResize(area, resize),
    onTheme(() => {
      palette = null;
      repaint();
    }),
  ];

  function schedule() {
    frame ||= requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    camera.step();
    const { sight, closeness, moving } = camera;
    let still = true;
    if (palette && painted) {
      const isNew = !scene || moving;
      scene ??= { ...marksOf(painted, palette, chosen, seen), radii, radius: 1 };
      scene = { ...scene, places: sight.places, radius: radiusOf(sight, names.count, closeness) };
      if (isNew) plot.paint(scene);
      else still = !plot.follow(scene);
    }
    drawRings();
    captions.draw(camera);
    crops.draw(
      { ...sight, chosen, seen, selecting: selection.length > 0 },
      closeness >= CROPS_FROM && !moving,
      still,
    );
    if (moving || !still) schedule();
  }

  /** Something else is to be painted. */
  function renew() {
    scene = null;
    schedule();
  }

  function drawRings() {
    placeRing(ring, camera.seenAt(hovered));
    placeRing(primaryRing, camera.seenAt(selection[0]));
  }

  function resize() {
    const [wide, high] = [area.clientWidth, area.clientHeight];
    if (stale && wide) repaint();
    if (!wide || !high || !plot.resize(wide, high)) return;
    scene = null;
    camera.resize(wide, high);
  }

  /** The colours of the points are others now. */
  function repaint() {
    stale = !area.isConnected;
    if (stale) return;
    palette ??= paletteOf(area);
    const of = shade.paint(palette);
    painted = of;
    captions.colour((row) => (shade.colour === "label" ? of.of[row] : -1));
    const byWord = shade.shown === "label";
    fill(
      legend,
      ...legendOf(of.legend, { byWord, noLabels: shade.colour === "label" && !byWord, palette }),
      radii && html`<span>size: relevance</span>`,
    );
    renew();
  }

  /** Whether the layer filter lets a component be seen, and it has a place. @param {number} row */
  function seen(row) {
    const { span } = names;
    return row >= span[0] && row < span[1] && camera.has(row);
  }

  /** @param {number | null} row that is pointed at */
  function point(row) {
    hovered = row;
    drawRings();
  }

  return {
    node: html`<div class="sl-map-frame sl-grows sl-place">
      ${area}
      <div class="sl-map-zoom sl-box sl-stack" data-browser>
        ${zooms.map((zoom) => button({ ...zoom, class: "sl-square" }))}
      </div>
      ${legend}
    </div>`,
    repaint,
    point,
    toggleLasso: gestures.toggleLasso,
    /** Whether a component has a place. */
    has: camera.has,
    /** The labels are others now, or stand at other places. */
    gather() {
      captions.gather(camera.target, names.named);
      repaint();
    },
    /** @param {Float32Array} places */
    moveTo(places) {
      scene = null;
      camera.moveTo(places);
      plot.place(places);
      empty.hidden = !places.length || Number.isFinite(places.find(Number.isFinite) ?? Number.NaN);
    },
    /** @param {Float32Array | null} sizes by relevance */
    size(sizes) {
      radii = sizes && radiiOf(sizes);
      renew();
    },
    /** @param {readonly number[]} next */
    select(next) {
      selection = next;
      chosen = new Uint8Array(names.count);
      for (const row of next) chosen[row] = 1;
      renew();
    },
    destroy() {
      cancelAnimationFrame(frame);
      for (const stop of stops) stop();
      for (const part of [crops, plot.tip, gestures]) part.destroy();
    },
  };
}
