/** How one score is distributed in one layer, against random images; a range of it can be brushed. */

import { fill, html, svg } from "../shared/dom.js";
import { plural, score as written } from "../shared/format.js";
import { used } from "../shared/keyboard.js";
import { capture, placeIn } from "../shared/pointer.js";
import { linear } from "../shared/scales.js";

const BINS = 36;
/** Room below the axis for the marks of the selection. */
const FOOT = 8;
const RUG = 400;

/**
 * @typedef {object} Distribution
 * @property {string} title what is distributed, for screen readers
 * @property {[number, number]} domain @property {number} start @property {number} end rows of the layer, [start, end)
 * @property {Float32Array} numbers of all components, some without
 * @property {(row: number) => boolean} isMeaningful whether a number means something
 * @property {import("./scores.js").Summary} summary
 */

/** The width of a bin. @param {Distribution} shown */
const stepOf = ({ domain: [low, high] }) => (high - low) / BINS || 1;

/** Whether a row stands in it. @param {Distribution} shown @param {number} row */
const holds = ({ start, end, numbers }, row) => row >= start && row < end && Number.isFinite(numbers[row]);

/** How many stand in each bin: above chance, and the others. @param {Distribution} shown */
function counted(shown) {
  const { domain, start, end, numbers, isMeaningful, summary } = shown;
  const [step, level] = [stepOf(shown), summary.null_high ?? Number.NEGATIVE_INFINITY];
  const above = new Array(BINS).fill(0);
  const below = new Array(BINS).fill(0);
  for (let row = start; row < end; row++) {
    const number = numbers[row];
    if (!Number.isFinite(number)) continue;
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor((number - domain[0]) / step)));
    (number > level && isMeaningful(row) ? above : below)[bin] += 1;
  }
  return { above, below };
}

/**
 * @param {object} options
 * @param {(rows: number[], event: MouseEvent | KeyboardEvent) => void} options.onBrush
 * @param {(text: string) => void} options.announce @param {number} options.height in px
 */
export function distributionView({ onBrush, announce, height }) {
  const base = height - FOOT;
  const drawing = svg`<svg class="sl-distribution-svg" height=${height} aria-hidden="true" />`;
  const node = html`<div class="sl-drawn-on" tabindex="0" role="group" data-testid="distribution"
    onpointerdown=${onDown} onpointermove=${onMove} onpointerup=${onUp} onpointercancel=${stop}
    onkeydown=${onKey}>${drawing}</div>`;
  node.style.height = `${height}px`;
  /** @type {Distribution | null} */
  let shown = null;
  /** @type {ReturnType<typeof counted>} */
  let counts = { above: [], below: [] };
  /** @type {ReadonlySet<number>} */
  let selected = new Set();
  /** The brushed part, in numbers. @type {[number, number] | null} */
  let range = null;
  let from = 0;
  let dragging = false;
  /** Bins under the keyboard: first and last. @type {[number, number] | null} */
  let cursor = null;
  let width = 240;

  const across = () => linear(shown?.domain ?? [0, 1], [1, width - 1]);
  const back = (/** @type {number} */ x) => {
    const [low, high] = shown?.domain ?? [0, 1];
    return low + ((x - 1) / Math.max(1, width - 2)) * (high - low);
  };

  /** @param {[number, number]} part */
  function within([low, high]) {
    if (!shown) return [];
    const { start, end, numbers, isMeaningful } = shown;
    const rows = [];
    for (let row = start; row < end; row++)
      if (numbers[row] >= low && numbers[row] <= high && isMeaningful(row)) rows.push(row);
    return rows;
  }

  function draw() {
    if (!shown) return;
    width = node.clientWidth || 240;
    const { domain, numbers, summary, title } = shown;
    const { above, below } = counts;
    const x = across();
    const step = stepOf(shown);
    const most = Math.max(1, ...above.map((n, i) => n + below[i]));
    const y = linear([0, most], [0, base - 4]);
    /** @param {number[]} counts @param {number[] | null} under */
    const bars = (counts, under) =>
      counts
        .map((n, i) => {
          if (!n) return "";
          const foot = base - y(under?.[i] ?? 0);
          const left = x(domain[0] + i * step);
          return `M${left.toFixed(1)} ${foot.toFixed(1)}V${(foot - Math.max(1, y(n))).toFixed(1)}H${Math.max(left + 1, x(domain[0] + (i + 1) * step) - 0.8).toFixed(1)}V${foot.toFixed(1)}Z`;
        })
        .join("");
    const all = shown;
    const marked = [...selected].filter((row) => holds(all, row)).slice(0, RUG);
    drawing.setAttribute("width", String(width));
    const line = (/** @type {number | null} */ value, /** @type {string} */ name) =>
      value !== null &&
      value >= domain[0] &&
      value <= domain[1] &&
      svg`<path class=${name} d="M${x(value).toFixed(1)} 2V${base}" />`;
    fill(
      drawing,
      range &&
        svg`<rect class="sl-brush" x=${x(range[0])} y="0" width=${Math.max(1, x(range[1]) - x(range[0]))}
          height=${base} />`,
      svg`<path class="sl-histogram-rest" d=${bars(below, null)} />`,
      svg`<path class="sl-histogram-top" d=${bars(above, below)} />`,
      svg`<path class="sl-axis" d="M0 ${base + 0.5}H${width}" />`,
      line(summary.null_high, "sl-null-threshold"),
      marked.length > 0 &&
        svg`<path class="sl-rug"
          d=${marked.map((row) => `M${x(numbers[row]).toFixed(1)} ${base + 1}v6`).join("")} />`,
    );
    node.setAttribute(
      "aria-label",
      `${title}. Arrows move over the range, Shift widens, Enter selects the components in it; or drag.`,
    );
  }

  const xOf = (/** @type {PointerEvent} */ event) => placeIn(node, event)[0];

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (event.button !== 0) return;
    dragging = true;
    from = back(xOf(event));
    range = [from, from];
    capture(node, event);
    draw();
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    if (!dragging) return;
    const to = back(xOf(event));
    range = [Math.min(from, to), Math.max(from, to)];
    draw();
  }

  /** @param {PointerEvent} event */
  function onUp(event) {
    if (!dragging || !range) return;
    dragging = false;
    const drawn = across();
    if (drawn(range[1]) - drawn(range[0]) < 3) {
      range = null;
      draw();
      return;
    }
    onBrush(within(range), event);
  }

  function stop() {
    dragging = false;
    range = null;
    draw();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (!shown || event.altKey) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const [low, high] = shown.domain;
    const step = (high - low) / BINS;
    if (by) {
      const [first, last] = cursor ?? [by > 0 ? -1 : BINS, by > 0 ? -1 : BINS];
      const move = (/** @type {number} */ bin) => Math.min(BINS - 1, Math.max(0, bin + by));
      if (!event.shiftKey || !cursor) cursor = [move(first), move(last)];
      else cursor = by > 0 ? [first, move(last)] : [move(first), last];
      range = [low + cursor[0] * step, low + (cursor[1] + 1) * step];
      draw();
      announce(
        `${written(range[0], 2)} to ${written(range[1], 2)}: ${plural(within(range).length, "component")}`,
      );
    } else if (event.key === "Enter" && range) onBrush(within(range), event);
    else if (event.key === "Escape" && range) {
      range = null;
      cursor = null;
      draw();
    } else return;
    used(event);
  }

  return {
    node,
    draw,
    /** @param {Distribution} next */
    show(next) {
      shown = next;
      counts = counted(next);
      if (node.isConnected) draw();
    },
    /** @param {ReadonlySet<number>} rows */
    mark(rows) {
      selected = rows;
      draw();
    },
    /** Takes the brush away: the selection is another now. */
    clear() {
      if (!range || dragging) return;
      range = null;
      cursor = null;
      draw();
    },
  };
}
