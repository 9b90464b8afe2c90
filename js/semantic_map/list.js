/** The map's twin for the keyboard and for screen readers: components as a list, in the order they were chosen. */

import { fill, h } from "../shared/dom.js";
import * as grid from "../shared/grid.js";
import { imagePixels, paint, sprites } from "../shared/sprites.js";

const ROW = 42;
const CROP = 32;
const SPARE = 5;
const ASK_EVERY = 100;

let lists = 0;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {string} options.label @param {(row: number) => {id: string, text: string, quiet: boolean, value: string}} options.describe
 * @param {(row: number, how: "only" | "first" | "toggle") => void} options.onChoose
 * @param {(row: number | null) => void} options.onPoint the row under the pointer or the focus
 * @param {(error: unknown) => void} options.fail
 */
export function componentList({ source, label, describe, onChoose, onPoint, fail }) {
  const own = `sl-list-${++lists}-${Math.random().toString(36).slice(2, 8)}`;
  /** @type {ArrayLike<number>} */
  let rows = [];
  /** @type {ReadonlySet<number>} */
  let chosen = new Set();
  /** @type {number | undefined} */
  let primary;
  let active = 0;
  /** Whether the rows are the selection: stepping then moves the primary and leaves the rest. */
  let keeps = false;
  let scheduled = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Map<number, HTMLElement>} by position */
  const drawn = new Map();
  const crops = sprites({
    source,
    examples: 1,
    size: imagePixels(CROP),
    onArrive: paintCrops,
    onError: fail,
  });
  const body = h("div", { class: "sl-map-list-rows", role: "presentation" });
  const node = h(
    "div",
    {
      class: "sl-map-list",
      role: "listbox",
      tabindex: "0",
      "aria-label": label,
      "aria-multiselectable": "true",
      "data-testid": "map-list",
      onscroll: schedule,
      onkeydown: onKey,
      onclick: onClick,
      onpointerover: (/** @type {Event} */ event) => onPoint(rowOf(event)),
      onpointerleave: () => onPoint(null),
    },
    body,
  );
  const resized = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(resize);
  resized?.observe(node);

  const layout = () => ({ count: rows.length, row: ROW, cut: null, divider: 0 });
  const height = () => node.clientHeight || 10 * ROW;
  /** The height for which the list was last scrolled. */
  let scrolledFor = height();

  /** The active row stays whole in sight where it was so before. */
  function resize() {
    const top = grid.topOf(layout(), active);
    if (top >= node.scrollTop && top + ROW <= node.scrollTop + scrolledFor)
      node.scrollTop = grid.scrollTo(layout(), active, node.scrollTop, height());
    scrolledFor = height();
    schedule();
  }

  /** @param {Event} event */
  function positionOf(event) {
    const element = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-position]")
    );
    return element ? Number(element.dataset.position) : null;
  }

  /** @param {Event} event */
  const rowOf = (event) => {
    const position = positionOf(event);
    return position === null ? null : rows[position];
  };

  function schedule() {
    if (!scheduled)
      scheduled = requestAnimationFrame(() => {
        scheduled = 0;
        draw();
      });
  }

  function draw() {
    const [first, end] = grid.visible(layout(), node.scrollTop, height(), SPARE);
    for (const [position, element] of drawn) {
      if (position >= first && position < end) continue;
      element.remove();
      drawn.delete(position);
    }
    for (let position = first; position < end; position++) {
      if (drawn.has(position)) continue;
      const element = drawRow(position);
      drawn.set(position, element);
      body.append(element);
    }
    mark();
    timer ??= setTimeout(ask, ASK_EVERY);
  }

  function ask() {
    timer = undefined;
    const [first, end] = grid.visible(layout(), node.scrollTop, height(), SPARE);
    crops.want(Array.from({ length: end - first }, (_, i) => rows[first + i]));
    paintCrops();
  }

  /** @param {number} position */
  function drawRow(position) {
    const row = rows[position];
    const { id, text, quiet, value } = describe(row);
    const element = h(
      "div",
      {
        class: "sl-map-row",
        role: "option",
        id: `${own}-${position}`,
        "aria-setsize": rows.length,
        "aria-posinset": position + 1,
        "data-position": position,
        "data-id": id,
        "data-testid": "map-list-row",
      },
      h("i", { class: "sl-crop", "data-crop": row }),
      h(
        "span",
        { class: "sl-map-words" },
        h("span", { class: "sl-id" }, id),
        h("span", { class: `sl-ellipsis${quiet ? " sl-quiet" : ""}`, title: text }, text),
      ),
      h("span", { class: "sl-number" }, value),
    );
    element.style.top = `${position * ROW}px`;
    return element;
  }

  function paintCrops() {
    for (const crop of /** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll("[data-crop]"))) {
      const strip = crops.get(Number(crop.dataset.crop));
      if (!strip || crop.dataset.painted === strip.url) continue;
      crop.dataset.painted = strip.url;
      if (strip.count > 0) paint(crop, strip, 0);
    }
  }

  function mark() {
    for (const [position, element] of drawn) {
      const row = rows[position];
      element.classList.toggle("sl-selected", chosen.has(row));
      element.classList.toggle("sl-primary", row === primary);
      element.classList.toggle("sl-active", position === active);
      element.setAttribute("aria-selected", String(chosen.has(row)));
    }
    if (drawn.has(active)) node.setAttribute("aria-activedescendant", `${own}-${active}`);
    else node.removeAttribute("aria-activedescendant");
  }

  /** @param {number} position */
  function goTo(position) {
    active = position;
    node.scrollTop = grid.scrollTo(layout(), position, node.scrollTop, height());
    draw();
    onPoint(rows[position] ?? null);
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const position = positionOf(event);
    if (position === null) return;
    active = position;
    onChoose(rows[position], event.ctrlKey || event.metaKey ? "toggle" : keeps ? "first" : "only");
    mark();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.altKey || !rows.length) return;
    const adds = event.ctrlKey || event.metaKey;
    const next =
      adds && event.key.length === 1 && event.key !== " "
        ? null
        : grid.step(event.key, active, rows.length, Math.max(1, Math.floor(height() / ROW) - 1));
    if (next !== null) {
      goTo(next);
      if (!adds) onChoose(rows[next], keeps ? "first" : "only");
    } else if (event.key === " ") onChoose(rows[active], "toggle");
    else if (event.key === "Enter") onChoose(rows[active], keeps ? "first" : "only");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    node,
    /**
     * @param {{rows?: ArrayLike<number>, selection: readonly number[], keeps: boolean}} next `rows` only where they changed
     */
    update(next) {
      chosen = new Set(next.selection);
      primary = next.selection[0];
      keeps = next.keeps;
      if (next.rows) {
        rows = next.rows;
        body.style.height = `${rows.length * ROW}px`;
        for (const element of drawn.values()) element.remove();
        drawn.clear();
        active = Math.min(active, Math.max(0, rows.length - 1));
        if (node.scrollTop > rows.length * ROW) node.scrollTop = 0;
      }
      if (primary !== undefined && rows[active] !== primary) {
        const at = Array.prototype.indexOf.call(rows, primary);
        if (at >= 0) {
          active = at;
          node.scrollTop = grid.scrollTo(layout(), at, node.scrollTop, height());
        }
      }
      draw();
    },
    /** What stands in the rows has changed. */
    redraw() {
      for (const element of drawn.values()) element.remove();
      drawn.clear();
      draw();
    },
    destroy() {
      cancelAnimationFrame(scheduled);
      clearTimeout(timer);
      resized?.disconnect();
      crops.clear();
      fill(body);
    },
  };
}
