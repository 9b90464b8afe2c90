/** Two scores of all components against each other; a rectangle of it can be brushed, by hand or by keys. */

import { fill, h, s } from "../shared/dom.js";
import { plural, score as written } from "../shared/format.js";
import { step as stepped } from "../shared/grid.js";
import { pixelCanvas } from "../shared/pixels.js";
import { capture, placeIn } from "../shared/pointer.js";
import { packed, stamp } from "../shared/raster.js";
import { linear, ticks } from "../shared/scales.js";
import { opened, resized, shifted } from "./rectangle.js";

const HEIGHT = 236;
const EDGE = { left: 34, right: 8, top: 8, bottom: 20 };
/** How far the pointer may be from the point it means, and by which a press becomes a drag, in px. */
const PICK = 12;
const DRAG = 4;
/** What lies on an edge of the rectangle is in it, however its share of the plane is rounded. */
const ROUNDING = 1e-6;
const KEYS =
  "Arrows move a rectangle, Shift sizes it, Enter selects the components in it. Page Down steps through them, Escape takes it away.";

/** @typedef {Record<"background" | "mark" | "strong" | "accent", import("../semantic_map/colours.js").Colour>} Inks */
/** @typedef {import("./rectangle.js").Rectangle} Rectangle */

/**
 * @typedef {object} Points
 * @property {Float32Array} x @property {Float32Array} y
 * @property {[number, number]} across @property {[number, number]} up
 * @property {[string, string]} names of the scores, across and up
 * @property {(row: number) => boolean} seen @property {(row: number) => boolean} says
 * @property {string} about what else screen readers are told
 */

/**
 * @param {object} options
 * @param {(rows: number[], event: MouseEvent | KeyboardEvent) => void} options.onBrush
 * @param {(row: number) => string} options.nameOf
 * @param {(text: string) => void} options.say
 */
export function scatterView({ onBrush, nameOf, say }) {
  const canvas = pixelCanvas({ class: "sl-plane-canvas" });
  const svg = s("svg", { class: "sl-plane-svg", height: HEIGHT, "aria-hidden": "true" });
  const name = h("div", { class: "sl-plane-name sl-quiet" });
  const hint = h(
    "div",
    { class: "sl-plane-hint sl-quiet", "aria-hidden": "true" },
    "Arrows move, Shift sizes, Enter selects, PgDn steps",
  );
  const node = h(
    "div",
    {
      class: "sl-plane",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "scatter plot",
      "data-testid": "scatter",
      onpointerdown: onDown,
      onpointermove: onMove,
      onpointerup: onUp,
      onpointercancel: stop,
      onpointerleave: () => point(-1),
      onkeydown: onKey,
    },
    canvas.node,
    svg,
    name,
    hint,
  );
  /** @type {Points | null} */
  let shown = null;
  /** @type {ReadonlySet<number>} */
  let selected = new Set();
  /** @type {Inks | null} */
  let palette = null;
  /** @type {Rectangle | null} */
  let box = null;
  /** Where a drag began, in px. @type {[number, number] | null} */
  let from = null;
  let hovered = -1;
  /** Whether keys step through points: Enter then selects the one they are at, not the rectangle. */
  let stepping = false;
  let width = 376;

  /** @param {[number, number]} [x] range that the domain is drawn on @param {[number, number]} [y] */
  const scales = (x = [EDGE.left, width - EDGE.right], y = [HEIGHT - EDGE.bottom, EDGE.top]) => ({
    x: linear(shown?.across ?? [0, 1], x),
    y: linear(shown?.up ?? [0, 1], y),
  });

  /** @param {number} row */
  const there = (row) =>
    shown?.seen(row) === true && Number.isFinite(shown.x[row]) && Number.isFinite(shown.y[row]);

  /** The components in the rectangle, or all without one. */
  function within() {
    if (!shown) return [];
    const [left, top, right, bottom] = box ?? [0, 0, 1, 1];
    const { x, y } = scales([0, 1], [1, 0]);
    const rows = [];
    for (let row = 0; row < shown.x.length; row++) {
      if (!there(row)) continue;
      const [px, py] = [x(shown.x[row]), y(shown.y[row])];
      if (px > left - ROUNDING && px < right + ROUNDING && py > top - ROUNDING && py < bottom + ROUNDING)
        rows.push(row);
    }
    return rows;
  }

  function draw() {
    if (!shown) return;
    width = node.clientWidth || width;
    canvas.resize(width, HEIGHT);
    drawPoints();
    drawFrame();
  }

  function drawPoints() {
    if (!palette || !shown) return;
    const { x: xs, y: ys, says } = shown;
    const { x, y } = scales();
    const [ground, usual, weak, accent] = [
      palette.background,
      palette.mark,
      palette.strong,
      palette.accent,
    ].map(packed);
    canvas.paint((picture, ratio) => {
      picture.data.fill(ground);
      const radius = (xs.length > 3000 ? 1.8 : 3) * ratio;
      for (const pass of selected.size ? [0, 1] : [0]) {
        for (let row = 0; row < xs.length; row++) {
          if (Number(selected.has(row)) !== pass || !there(row)) continue;
          const [px, py] = [x(xs[row]) * ratio, y(ys[row]) * ratio];
          const hole = says(row) ? 0 : Math.max(0.5, radius - ratio);
          const opacity = selected.size && !pass ? 70 : 200;
          if (pass) stamp(picture, px, py, radius + 2 * ratio, radius + ratio * 0.8, accent, 256);
          stamp(picture, px, py, radius, hole, hole ? weak : usual, opacity);
        }
      }
    });
  }

  function drawFrame() {
    if (!shown) return;
    hint.hidden = box !== null || stepping;
    const { x, y } = scales();
    const [bottom, left] = [HEIGHT - EDGE.bottom, EDGE.left];
    const [across, up] = shown.names;
    const label = (/** @type {number} */ value) => written(value, 2).replace(/0$/, "") || "0";
    svg.setAttribute("width", String(width));
    node.setAttribute(
      "aria-label",
      `${[`${up} against ${across}`, shown.about].filter(Boolean).join("; ")}. ${KEYS}`,
    );
    fill(
      svg,
      s("path", { class: "sl-axis", d: `M${left - 0.5} ${EDGE.top}V${bottom + 0.5}H${width - EDGE.right}` }),
      ...ticks(shown.across, 5).values.map((value) =>
        s("text", { class: "sl-quiet", x: x(value), y: HEIGHT - 5, "text-anchor": "middle" }, label(value)),
      ),
      ...ticks(shown.up, 5).values.map((value) =>
        s("text", { class: "sl-quiet", x: left - 5, y: y(value) + 4, "text-anchor": "end" }, label(value)),
      ),
      box && s("rect", { class: "sl-brush", ...inPixels(box) }),
      hovered >= 0 &&
        there(hovered) &&
        s("circle", { class: "sl-map-ring", cx: x(shown.x[hovered]), cy: y(shown.y[hovered]), r: 6 }),
    );
  }

  /** @param {Rectangle} rectangle */
  function inPixels([left, top, right, bottom]) {
    const [wide, high] = [width - EDGE.left - EDGE.right, HEIGHT - EDGE.top - EDGE.bottom];
    return {
      x: EDGE.left + left * wide,
      y: EDGE.top + top * high,
      width: (right - left) * wide,
      height: (bottom - top) * high,
    };
  }

  /** @param {[number, number]} a @param {[number, number]} b corners in px @returns {Rectangle} */
  function rectangleOf(a, b) {
    const [wide, high] = [width - EDGE.left - EDGE.right, HEIGHT - EDGE.top - EDGE.bottom];
    const xs = [a, b].map(([px]) => (px - EDGE.left) / wide);
    const ys = [a, b].map(([, py]) => (py - EDGE.top) / high);
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
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

  /** @param {number} row the one that is pointed at, −1 for none */
  function point(row) {
    if (row === hovered) return;
    hovered = row;
    name.textContent = row < 0 ? "" : nameOf(row);
    drawFrame();
  }

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (event.button !== 0) return;
    node.focus({ preventScroll: true });
    from = placeIn(node, event);
    capture(node, event);
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    const to = placeIn(node, event);
    if (!from) return point(nearest(...to));
    box = rectangleOf(from, to);
    stepping = false;
    drawFrame();
  }

  /** @param {PointerEvent} event */
  function onUp(event) {
    if (!from || !shown) return;
    const to = placeIn(node, event);
    const short = Math.abs(to[0] - from[0]) < DRAG && Math.abs(to[1] - from[1]) < DRAG;
    from = null;
    if (box && !short) return onBrush(within(), event);
    stop();
    const row = nearest(...to);
    if (row >= 0) onBrush([row], event);
  }

  function stop() {
    [from, box, stepping] = [null, null, false];
    drawFrame();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (!shown) return;
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (by) moveBox(by[0], by[1], event.shiftKey);
    else if (event.key === "Enter" && stepping && hovered >= 0) onBrush([hovered], event);
    else if (event.key === "Enter" && box) onBrush(within(), event);
    else if (event.key === "Escape" && (box || stepping)) {
      stop();
      point(-1);
    } else if (!stepThrough(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} dx @param {number} dy steps @param {boolean} sizes whether the size changes, not the place */
  function moveBox(dx, dy, sizes) {
    if (!shown) return;
    box = box ? (sizes ? resized(box, dx, dy) : shifted(box, dx, dy)) : opened();
    stepping = false;
    point(-1);
    drawFrame();
    const [left, top, right, bottom] = box;
    const [x, y] = [linear([0, 1], shown.across), linear([1, 0], shown.up)];
    const range = (/** @type {number} */ low, /** @type {number} */ high) =>
      `${written(low, 2)} to ${written(high, 2)}`;
    const [across, up] = shown.names;
    const count = plural(within().length, "component");
    say(`${across} ${range(x(left), x(right))}, ${up} ${range(y(bottom), y(top))}: ${count}`);
  }

  /** Goes to another component of the rectangle, from left to right. @param {KeyboardEvent} event @returns {boolean} whether the key does */
  function stepThrough({ key }) {
    if (!shown || key.length === 1) return false;
    const { x, y, names } = shown;
    const rows = within().sort((a, b) => x[a] - x[b] || y[a] - y[b] || a - b);
    const at = stepping ? rows.indexOf(hovered) : -1;
    const to = stepped(key, Math.max(0, at), rows.length, 1);
    if (to === null) return false;
    stepping = true;
    const next = at < 0 ? 0 : to;
    const row = rows[next];
    point(row);
    const values = [x, y].map((of, i) => `${names[i]} ${written(of[row], 2)}`).join(", ");
    say(`${nameOf(row)}, ${values}; ${next + 1} of ${rows.length}`);
    return true;
  }

  return {
    node,
    point,
    /** @param {Points} next @param {Inks} colours */
    show(next, colours) {
      [shown, palette] = [next, colours];
      [box, stepping, hovered, name.textContent] = [null, false, -1, ""];
      draw();
    },
    /** @param {ReadonlySet<number>} rows that are selected */
    mark(rows) {
      selected = rows;
      draw();
    },
    /** Takes the brush away: the selection is another now. */
    clear() {
      if (box && !from) stop();
    },
  };
}
