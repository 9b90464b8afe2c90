/** The twin of a picture for the keyboard and for screen readers: its components as a list that can be stepped through. */

import { used } from "./keyboard.js";
import "./component_list.css";
import { html } from "./dom.js";
import { adds, showChosen } from "./selection.js";
import { imagePixels, paint, sprites } from "./sprites.js";
import { positionOf, virtualRows } from "./virtual_rows.js";

const ROW = 42;
const CROP = 32;

/**
 * @param {object} options
 * @param {import("./source.js").Source} options.source
 * @param {string} options.label @param {string} options.testid @param {(row: number) => {id: string, text: string, quiet: boolean, value: string}} options.describe
 * @param {(row: number, how: "only" | "first" | "toggle") => void} options.onChoose
 * @param {(row: number | null) => void} options.onPoint the row under the pointer or the focus
 * @param {(error: unknown) => void} options.fail
 */
export function componentList({ source, label, testid, describe, onChoose, onPoint, fail }) {
  const own = `sl-list-${Math.random().toString(36).slice(2)}`;
  /** @type {ArrayLike<number>} */
  let listed = [];
  /** @type {readonly number[]} */
  let selection = [];
  /** Whether the rows are the selection: stepping then moves the primary and leaves the rest. */
  let keeps = false;

  const crops = sprites({
    source,
    examples: 1,
    size: imagePixels(CROP),
    onArrive: paintCrops,
    onError: fail,
  });
  const body = html`<div class="sl-place" role="presentation" />`;
  const node = html`<div class="sl-contained sl-scrolls" role="listbox" tabindex="0" aria-label=${label}
    aria-multiselectable="true" data-testid=${testid} onkeydown=${onKey} onclick=${onClick}
    onpointerover=${(/** @type {Event} */ event) => onPoint(rowOf(event))}
    onpointerleave=${() => onPoint(null)}>${body}</div>`;
  const rows = virtualRows({
    scroller: node,
    body,
    roving: false,
    spare: 5,
    draw: drawRow,
    mark: markRow,
    ask(positions) {
      crops.want(positions.map((position) => listed[position]));
      paintCrops();
    },
  });

  /** @param {Event} event */
  function rowOf(event) {
    const position = positionOf(event);
    return position === null ? null : listed[position];
  }

  /** @param {number} position */
  function drawRow(position) {
    const row = listed[position];
    const { id, text, quiet, value } = describe(row);
    return html`<div class="sl-component sl-item sl-pick" role="option" id="${own}-${position}" data-id=${id}
      data-testid="${testid}-row">
      <i class="sl-crop" data-crop=${row} />
      <span class="sl-stack">
        <span class="sl-id">${id}</span>
        <span class="sl-ellipsis${quiet ? " sl-quiet" : ""}" title=${text}>${text}</span>
      </span>
      <span class="sl-number">${value}</span>
    </div>`;
  }

  /** @param {HTMLElement} element @param {number} position */
  function markRow(element, position) {
    showChosen(element, selection, listed[position]);
    element.classList.toggle("sl-active", position === rows.active);
    if (position === rows.active) node.setAttribute("aria-activedescendant", element.id);
  }

  function paintCrops() {
    for (const crop of /** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll("[data-crop]"))) {
      const strip = crops.get(Number(crop.dataset.crop));
      if (!strip || crop.dataset.painted === strip.url) continue;
      crop.dataset.painted = strip.url;
      if (strip.count > 0) paint(crop, strip, 0);
    }
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const position = positionOf(event);
    if (position === null) return;
    rows.active = position;
    onChoose(listed[position], adds(event) ? "toggle" : keeps ? "first" : "only");
    rows.mark();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.altKey || !listed.length) return;
    const next = rows.stepOf(event);
    if (next !== null) {
      rows.goTo(next);
      onPoint(listed[next]);
      if (!adds(event)) onChoose(listed[next], keeps ? "first" : "only");
    } else if (event.key === " ") onChoose(listed[rows.active], "toggle");
    else if (event.key === "Enter") onChoose(listed[rows.active], keeps ? "first" : "only");
    else return;
    used(event);
  }

  return {
    node,
    /**
     * @param {{rows?: ArrayLike<number>, selection: readonly number[], keeps: boolean}} next `rows` only where they changed
     */
    update(next) {
      ({ selection, keeps } = next);
      const [primary] = selection;
      if (next.rows) {
        listed = next.rows;
        if (node.scrollTop > listed.length * ROW) node.scrollTop = 0;
        node.removeAttribute("aria-activedescendant");
        rows.lay({ count: listed.length, row: ROW, cut: null, divider: 0 });
      }
      const at =
        primary === undefined || listed[rows.active] === primary
          ? -1
          : Array.prototype.indexOf.call(listed, primary);
      if (at >= 0) rows.reveal(at);
      else rows.mark();
    },
    destroy() {
      rows.destroy();
      crops.clear();
    },
  };
}
