/** Two scores of all components against each other; a rectangle of it can be brushed, by hand or by keys, or a lasso drawn. */

import { fill, html, svg } from "../shared/dom.js";
import { plural, score as written } from "../shared/format.js";
import { step as stepped } from "../shared/grid.js";
import { used } from "../shared/keyboard.js";
import { linear } from "../shared/scales.js";
import { axes, spanning } from "../shared/scatter/axes.js";
import { colourReader } from "../shared/scatter/canvas.js";
import { LEVEL } from "../shared/scatter/marks.js";
import { scatterPlot } from "../shared/scatter/plot.js";
import { between, inPixels, opened, resized, shifted } from "./rectangle.js";
import { extent, isMeaningful } from "./scores.js";

const HEIGHT = 236;
const EDGE = { left: 34, right: 8, top: 22, bottom: 34 };
/** How far the pointer may be from the point it means, in px. */
const PICK = 12;
const OPACITY = 0.78;
/** Radius of a point in px, and the smaller one that it has from so many on. */
const [RADIUS, SMALL, MANY] = [3, 1.8, 3000];
/** What lies on an edge of the rectangle is in it, however its share of the plane is rounded. */
const ROUNDING = 1e-6;
const KEYS =
  "Arrows move a rectangle, Shift sizes it, Enter selects the components in it. Page Down steps through them, Escape takes it away.";

/** @typedef {import("./rectangle.js").Rectangle} Rectangle */

/**
 * @typedef {object} Points
 * @property {Float32Array} x @property {Float32Array} y
 * @property {[number, number]} across @property {[number, number]} up
 * @property {[string, string]} names of the scores, across and up
 * @property {(row: number) => boolean} seen @property {(row: number) => boolean} isMeaningful
 * @property {string} about what else screen readers are told
 */

/**
 * Two scores as points. Where a component is not clear, its polysemanticity means nothing.
 * @param {import("./scores.js").Evaluation} scores @param {[string, string]} names across and up @param {[Float32Array, Float32Array]} numbers
 * @returns {Omit<Points, "seen">}
 */
export function pointsOf(scores, names, [x, y]) {
  const needsClarity = names.includes("polysemanticity");
  return {
    x,
    y,
    across: extent(x) ?? [0, 1],
    up: extent(y) ?? [0, 1],
    names,
    isMeaningful: (row) => !needsClarity || isMeaningful(scores, "polysemanticity", row),
    about: needsClarity ? "rings are not clear: their polysemanticity means nothing" : "",
  };
}

/** Which mark each row has: of a number that says something, of one that does not, or none. @param {Points} points */
function kindsOf({ x, isMeaningful, seen }) {
  const [meaningful, meaningless, hidden] = [0, 1, 2];
  const kinds = new Uint8Array(x.length);
  for (let row = 0; row < x.length; row++)
    kinds[row] = seen(row) ? (isMeaningful(row) ? meaningful : meaningless) : hidden;
  return kinds;
}

/** The rows in a rectangle. @param {Points} points @param {Rectangle} rectangle */
function rowsIn({ x: xs, y: ys, seen, across, up }, [left, top, right, bottom]) {
  const { sx, sy, ox, oy } = spanning(across, up, { left: 0, top: 0, right: 1, bottom: 1 });
  const rows = [];
  for (let row = 0; row < xs.length; row++) {
    const [x, y] = [xs[row] * sx + ox, ys[row] * sy + oy];
    const is = x > left - ROUNDING && x < right + ROUNDING && y > top - ROUNDING && y < bottom + ROUNDING;
    if (is && seen(row)) rows.push(row);
  }
  return rows;
}

/** What a rectangle spans. @param {Points} points @param {Rectangle} rectangle */
function inWords({ across, up, names }, [left, top, right, bottom]) {
  const [x, y] = [linear([0, 1], across), linear([1, 0], up)];
  const range = (/** @type {number} */ low, /** @type {number} */ high) =>
    `${written(low, 2)} to ${written(high, 2)}`;
  return `${names[0]} ${range(x(left), x(right))}, ${names[1]} ${range(y(bottom), y(top))}`;
}

/** What the tip says of a component. @param {Points} points @param {number} row @param {{id: string, text: string}} name */
const tipWords = ({ names, x, y }, row, { id, text }) => [
  html`<b class="sl-id">${id}</b>`,
  text && html`<span>${text}</span>`,
  ...names.map(
    (name, i) => html`<div class="sl-line sl-gap-6 sl-ends">
      <span class="sl-quiet">${name}</span><span class="sl-number">${written([x, y][i][row], 2)}</span>
    </div>`,
  ),
];

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {(rows: number[], event: MouseEvent | KeyboardEvent) => void} options.onBrush
 * @param {(row: number) => {id: string, text: string}} options.nameOf
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 */
export function scatterView({ source, onBrush, nameOf, announce, fail }) {
  /** @type {Points | null} */
  let shown = null;
  /** @type {ReadonlySet<number>} */
  let selected = new Set();
  /** @type {Rectangle | null} */
  let box = null;
  let hovered = -1;
  /** Whether keys step through points: Enter then selects the one they are at, not the rectangle. */
  let stepping = false;
  let width = 376;

  const marks = svg`<svg class="sl-fill" height=${HEIGHT} aria-hidden="true" />`;
  const hint = html`<div class="sl-plane-hint sl-small-text sl-quiet" aria-hidden="true">
    Arrows move, Shift sizes, Enter selects, PgDn steps
  </div>`;
  const node = html`<div class="sl-plane sl-drawn-on" tabindex="0" role="application" aria-roledescription="scatter plot"
    data-testid="scatter" onkeydown=${onKey} />`;
  const plot = scatterPlot({
    area: node,
    view: () => spanning(shown?.across ?? [0, 1], shown?.up ?? [0, 1], frame()),
    seen: (row) => shown?.seen(row) === true,
    reach: () => PICK,
    tip: {
      source,
      words: (row) => tipWords(/** @type {Points} */ (shown), row, nameOf(row)),
      crops: 3,
      side: 44,
      testid: "scatter-tip",
      fail,
    },
    onPress(row, event) {
      stop();
      if (row >= 0) onBrush([row], event);
    },
    onLasso(rows, event) {
      stop();
      onBrush(rows, event);
    },
    onPoint: point,
    drags: {
      onDrag(to, _, from) {
        box = between(from, to, frame());
        stepping = false;
        drawFrame();
      },
      onDrop: (event) => onBrush(within(), event),
      onStop: stop,
    },
  });
  node.append(plot.canvas, marks, hint, plot.tip.node);

  const frame = () => ({ ...EDGE, right: width - EDGE.right, bottom: HEIGHT - EDGE.bottom });
  /** The components in the rectangle, or all without one. */
  const within = () => (shown ? rowsIn(shown, box ?? [0, 0, 1, 1]) : []);

  function draw() {
    width = node.clientWidth || width;
    plot.resize(width, HEIGHT);
    drawPoints();
    drawFrame();
  }

  function drawPoints() {
    if (!shown || !node.isConnected) return;
    const ink = colourReader(node);
    const count = shown.x.length;
    const levels = new Uint8Array(count);
    for (let row = 0; row < count; row++) levels[row] = selected.has(row) ? LEVEL.chosen : LEVEL.usual;
    plot.paint({
      kinds: kindsOf(shown),
      styles: [{ colour: ink("--sl-seq-4") }, { colour: ink("--sl-line-strong"), line: 1 }],
      radii: null,
      radius: count > MANY ? SMALL : RADIUS,
      levels,
      opacity: OPACITY,
      fades: true,
      inks: { ground: ink("--sl-bg"), ink: ink("--sl-ink"), accent: ink("--sl-accent") },
    });
  }

  function drawFrame() {
    if (!shown) return;
    hint.hidden = box !== null || stepping;
    const { across, up, names, about } = shown;
    const seen = plot.seenAt(hovered);
    marks.setAttribute("width", String(width));
    node.setAttribute(
      "aria-label",
      `${[`${names[1]} against ${names[0]}`, about].filter(Boolean).join("; ")}. ${KEYS}`,
    );
    fill(
      marks,
      svg`<text class="sl-quiet" x="4" y="14">${names[1]}</text>`,
      svg`<text class="sl-quiet" x=${width - EDGE.right} y=${HEIGHT - 4} text-anchor="end">${names[0]}</text>`,
      ...axes({
        across,
        up,
        frame: frame(),
        wanted: [5, 5],
        gap: [15, 5],
        label: (value) => written(value, 2).replace(/0$/, "") || "0",
      }),
      box && svg`<rect class="sl-brush" ...${inPixels(box, frame())} />`,
      seen && svg`<circle class="sl-point-ring" cx=${seen[0]} cy=${seen[1]} r="6" />`,
      plot.lasso,
    );
  }

  /** @param {number} row the one that is pointed at, −1 for none */
  function point(row) {
    if (row === hovered) return;
    hovered = row;
    drawFrame();
  }

  function stop() {
    [box, stepping] = [null, false];
    drawFrame();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (!shown) return;
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (by) moveBox(by[0], by[1], event.shiftKey);
    else if (event.key === "Enter" && stepping && hovered >= 0) onBrush([hovered], event);
    else if (event.key === "Enter" && box) onBrush(within(), event);
    else if (event.key === "Escape" && (plot.stop() || box || stepping)) {
      stop();
      leave();
    } else if (!stepThrough(event)) return;
    used(event);
  }

  /** No point is looked at. */
  function leave() {
    point(-1);
    plot.tip.close();
  }

  /** @param {number} dx @param {number} dy steps @param {boolean} sizes whether the size changes, not the place */
  function moveBox(dx, dy, sizes) {
    if (!shown) return;
    box = box ? (sizes ? resized(box, dx, dy) : shifted(box, dx, dy)) : opened();
    stepping = false;
    leave();
    drawFrame();
    announce(`${inWords(shown, box)}: ${plural(within().length, "component")}`);
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
    plot.tip.point(row, plot.seenAt(row));
    const values = [x, y].map((of, i) => `${names[i]} ${written(of[row], 2)}`).join(", ");
    const { id, text } = nameOf(row);
    announce(`${[id, text].filter(Boolean).join("  ")}, ${values}; ${next + 1} of ${rows.length}`);
    return true;
  }

  return {
    node,
    point,
    /** @param {Points} next */
    show(next) {
      const places = new Float32Array(2 * next.x.length);
      for (let row = 0; row < next.x.length; row++) {
        places[2 * row] = next.x[row];
        places[2 * row + 1] = next.y[row];
      }
      plot.place(places);
      shown = next;
      [box, stepping] = [null, false];
      leave();
      draw();
    },
    /** @param {ReadonlySet<number>} rows that are selected */
    mark(rows) {
      selected = rows;
      drawPoints();
    },
    /** Takes the brush away: the selection is another now. */
    clear() {
      if (box && !plot.dragging()) stop();
    },
    destroy: plot.tip.destroy,
  };
}
