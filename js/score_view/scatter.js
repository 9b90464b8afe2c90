/** Two scores of all components against each other; a rectangle of it can be brushed. */

import { fill, h, s } from "../shared/dom.js";
import { score as written } from "../shared/format.js";
import { packed, stamp } from "../shared/raster.js";
import { linear, ticks } from "../shared/scales.js";

const HEIGHT = 236;
const EDGE = { left: 34, right: 8, top: 8, bottom: 20 };
const PICK = 12;

/**
 * @typedef {object} Points
 * @property {Float32Array} x @property {Float32Array} y
 * @property {[number, number]} across @property {[number, number]} up
 * @property {(row: number) => boolean} seen @property {(row: number) => boolean} says
 * @property {string} title for screen readers
 */

/**
 * @param {object} options
 * @param {(rows: number[], event: MouseEvent) => void} options.onBrush
 * @param {(row: number) => string} options.nameOf
 */
export function scatterView({ onBrush, nameOf }) {
  const canvas = h("canvas", { class: "sl-plane-canvas", "aria-hidden": "true" });
  const pen = canvas.getContext?.("2d") ?? null;
  const svg = s("svg", { class: "sl-plane-svg", height: HEIGHT, role: "img" });
  const name = h("div", { class: "sl-plane-name sl-quiet" });
  const node = h(
    "div",
    {
      class: "sl-plane",
      "data-testid": "scatter",
      onpointerdown: onDown,
      onpointermove: onMove,
      onpointerup: onUp,
      onpointercancel: stop,
      onpointerleave: () => point(-1),
    },
    canvas,
    svg,
    name,
  );
  /** @type {Points | null} */
  let shown = null;
  /** @type {ReadonlySet<number>} */
  let selected = new Set();
  /** @type {import("../semantic_map/colours.js").Palette | null} */
  let palette = null;
  /** Brushed rectangle in px: left, top, right, bottom. @type {number[] | null} */
  let box = null;
  /** @type {[number, number] | null} */
  let from = null;
  let hovered = -1;
  let width = 376;

  const scales = () => ({
    x: linear(shown?.across ?? [0, 1], [EDGE.left, width - EDGE.right]),
    y: linear(shown?.up ?? [0, 1], [HEIGHT - EDGE.bottom, EDGE.top]),
  });

  /** @param {number} row */
  const there = (row) =>
    shown?.seen(row) === true && Number.isFinite(shown.x[row]) && Number.isFinite(shown.y[row]);

  function draw() {
    if (!shown) return;
    width = node.clientWidth || 376;
    drawPoints();
    drawFrame();
  }

  function drawPoints() {
    if (!pen || !palette || !shown) return;
    const ratio = Math.min(2, Math.max(1, globalThis.devicePixelRatio || 1));
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(HEIGHT * ratio);
    const image = pen.createImageData(canvas.width, canvas.height);
    const picture = { data: new Uint32Array(image.data.buffer), width: image.width, height: image.height };
    picture.data.fill(packed(palette.background));
    const { x, y } = scales();
    const [usual, weak, accent] = [palette.seq[3], palette.strong, palette.accent].map(packed);
    const radius = (shown.x.length > 3000 ? 1.8 : 3) * ratio;
    for (const pass of selected.size ? [0, 1] : [0]) {
      for (let row = 0; row < shown.x.length; row++) {
        if (Number(selected.has(row)) !== pass || !there(row)) continue;
        const [px, py] = [x(shown.x[row]) * ratio, y(shown.y[row]) * ratio];
        const open = !shown.says(row);
        const opacity = selected.size && !pass ? 70 : 200;
        if (pass) stamp(picture, px, py, radius + 2 * ratio, radius + ratio * 0.8, accent, 256);
        stamp(
          picture,
          px,
          py,
          radius,
          open ? Math.max(0.5, radius - ratio) : 0,
          open ? weak : usual,
          opacity,
        );
      }
    }
    pen.putImageData(image, 0, 0);
  }

  function drawFrame() {
    if (!shown) return;
    const { x, y } = scales();
    const [bottom, left] = [HEIGHT - EDGE.bottom, EDGE.left];
    const label = (/** @type {number} */ value) => written(value, 2).replace(/0$/, "") || "0";
    svg.setAttribute("width", String(width));
    svg.setAttribute("aria-label", shown.title);
    fill(
      svg,
      s("path", { class: "sl-axis", d: `M${left - 0.5} ${EDGE.top}V${bottom + 0.5}H${width - EDGE.right}` }),
      ...ticks(shown.across, 5).values.map((value) =>
        s("text", { class: "sl-quiet", x: x(value), y: HEIGHT - 5, "text-anchor": "middle" }, label(value)),
      ),
      ...ticks(shown.up, 5).values.map((value) =>
        s("text", { class: "sl-quiet", x: left - 5, y: y(value) + 4, "text-anchor": "end" }, label(value)),
      ),
      box &&
        s("rect", {
          class: "sl-brush",
          x: box[0],
          y: box[1],
          width: box[2] - box[0],
          height: box[3] - box[1],
        }),
      hovered >= 0 &&
        s("circle", { class: "sl-map-ring", cx: x(shown.x[hovered]), cy: y(shown.y[hovered]), r: 6 }),
    );
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  function at(event) {
    const place = node.getBoundingClientRect();
    return [event.clientX - place.left, event.clientY - place.top];
  }

  /** @param {number} px @param {number} py */
  function nearest(px, py) {
    if (!shown) return -1;
    const { x, y } = scales();
    let [best, closest] = [-1, PICK];
    for (let row = 0; row < shown.x.length; row++) {
      if (!there(row)) continue;
      const distance = Math.hypot(x(shown.x[row]) - px, y(shown.y[row]) - py);
      if (distance < closest) [best, closest] = [row, distance];
    }
    return best;
  }

  /** @param {number} row */
  function point(row) {
    if (row === hovered) return;
    hovered = row;
    name.textContent = row < 0 ? "" : nameOf(row);
    drawFrame();
  }

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (event.button !== 0) return;
    from = at(event);
    try {
      node.setPointerCapture?.(event.pointerId);
    } catch {
      // a pointer that is gone already needs no capture
    }
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    const [px, py] = at(event);
    if (!from) return point(nearest(px, py));
    box = [Math.min(px, from[0]), Math.min(py, from[1]), Math.max(px, from[0]), Math.max(py, from[1])];
    drawFrame();
  }

  /** @param {PointerEvent} event */
  function onUp(event) {
    if (!from || !shown) return;
    const [px, py] = at(event);
    from = null;
    if (!box || (box[2] - box[0] < 4 && box[3] - box[1] < 4)) {
      const row = nearest(px, py);
      stop();
      if (row >= 0) onBrush([row], event);
      return;
    }
    const { x, y } = scales();
    const [left, top, right, bottom] = box;
    const rows = [];
    for (let row = 0; row < shown.x.length; row++) {
      if (!there(row)) continue;
      const [cx, cy] = [x(shown.x[row]), y(shown.y[row])];
      if (cx >= left && cx <= right && cy >= top && cy <= bottom) rows.push(row);
    }
    onBrush(rows, event);
  }

  function stop() {
    from = null;
    box = null;
    drawFrame();
  }

  return {
    node,
    draw,
    /** @param {Points} next @param {import("../semantic_map/colours.js").Palette} colours */
    show(next, colours) {
      [shown, palette, box, hovered] = [next, colours, null, -1];
      draw();
    },
    /** @param {ReadonlySet<number>} rows */
    mark(rows) {
      selected = rows;
      draw();
    },
    clear() {
      if (box && !from) stop();
    },
  };
}
