/** A long list of components with their crops: of one model, or pairs of both. Only what is in sight is drawn. */

import "./list.css";
import { button, fill, html, icon } from "../shared/dom.js";
import { count, score } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { used } from "../shared/keyboard.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { positionOf, virtualRows } from "../shared/virtual_rows.js";

const CROP = 40;
const EXAMPLES = 10;
/** Heights of a line: of one component, of a pair, and of the words of a pair where there are any. */
const SINGLE = 78;
const PAIR = 120;
const WORDS = 20;

/**
 * What a component is, in the words of one model.
 * @typedef {object} Side
 * @property {string} name of the model
 * @property {import("../shared/source.js").Source} source
 * @property {ReturnType<typeof import("../shared/catalog.js").catalog>} catalog
 */

/** One line: a component of A, of B, or a pair of both. @typedef {{a: number | null, b: number | null, score: number}} Item */

/** @param {Side | null} side @param {number | null} row */
const known = (side, row) => (side && row !== null ? side.catalog.get(row) : undefined);

/** The words of the components of a line, those that are believed; null where nobody described them. @param {Item} item @param {Side} a @param {Side | null} b */
function wordsOf(item, a, b) {
  const labels = [known(a, item.a)?.label, known(b, item.b)?.label].filter((label) => label != null);
  if (!labels.length) return null;
  const believed = labels.flatMap((label) => (label.confident === false ? [] : [label.text]));
  return believed.length ? [...new Set(believed)].join(" · ") : "unexplained";
}

/**
 * The crops of lines, of either model.
 * @param {{a: Side, b: Side | null, onArrive: () => void, fail: (error: unknown) => void}} options
 */
function pairCrops({ a, b, onArrive, fail }) {
  const ofModel = (/** @type {Side | null} */ side) =>
    side &&
    sprites({
      source: side.source,
      examples: EXAMPLES,
      size: imagePixels(CROP),
      onArrive,
      onError: fail,
      capacity: 200,
    });
  const crops = { a: ofModel(a), b: ofModel(b) };
  const keys = /** @type {const} */ (["a", "b"]);
  return {
    /** @param {Item[]} items */
    want(items) {
      for (const key of keys) crops[key]?.want(items.map((item) => item[key]).filter((row) => row !== null));
    },
    /** The places of an item's crops, one line a model. @param {Item} item */
    strips: (item) =>
      keys.map(
        (key) =>
          crops[key] &&
          item[key] !== null &&
          cropStrip(item[key], EXAMPLES, { class: "sl-lines-strip", "data-side": key }),
      ),
    /** @param {Element} place */
    paint: (place) =>
      paintStrips(place, (row, { dataset }) => crops[dataset.side === "a" ? "a" : "b"]?.get(row)),
    clear() {
      for (const key of keys) crops[key]?.clear();
    },
  };
}

/** Keeps the list to what has a text in it. @param {string} title @param {string} testid @param {(text: string) => void} onFind */
function findField(title, testid, onFind) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const field = /** @type {HTMLInputElement} */ (
    html`<input type="search" class="sl-bare-input sl-text" placeholder="filter by label or id" aria-label="Filter ${title}"
      data-testid="${testid}-find"
      oninput=${() => {
        clearTimeout(typing);
        typing = setTimeout(() => onFind(field.value), 150);
      }}
      onkeydown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape" || !field.value) return;
        event.stopPropagation();
        field.value = "";
        onFind("");
      }} />`
  );
  return {
    node: html`<label class="sl-find-box sl-line sl-box">${icon(icons.search)}${field}</label>`,
    field,
    stop: () => clearTimeout(typing),
  };
}

/**
 * @param {object} options
 * @param {string} options.title @param {string} options.hint what stands in this list
 * @param {string} options.empty what an empty list says
 * @param {string} options.testid
 * @param {Side} options.a @param {Side | null} options.b
 * @param {boolean} options.paired both models in every line
 * @param {(item: Item) => void} options.onChoose
 * @param {((text: string) => void) | null} [options.onFind] the text in the filter changed
 * @param {boolean} [options.pins] whether lines can be pinned to the top
 * @param {(error: unknown) => void} options.fail
 */
export function componentList({
  title,
  hint,
  empty,
  testid,
  a,
  b,
  paired,
  onChoose,
  onFind = null,
  pins = false,
  fail,
}) {
  let height = paired ? PAIR : SINGLE;
  /** @type {Item[]} */
  let items = [];
  /** Lines pinned to the top, whatever the filter. @type {Item[]} */
  let pinned = [];
  /** Pinned lines, then the others. @type {Item[]} */
  let lines = [];
  let total = 0;
  /** Whether a line is the chosen one. @type {(item: Item) => boolean} */
  let isChosen = () => false;
  const sides = [a, b].filter((side) => side !== null);
  const crops = pairCrops({ a, b, onArrive: () => crops.paint(body), fail });
  const stops = sides.map((side) => side.catalog.onArrive(arrange));
  const number = html`<span class="sl-number sl-quiet" data-testid="${testid}-count" />`;
  const find = onFind && findField(title, testid, onFind);
  const body = html`<div class="sl-place" role="list" />`;
  const nothing = html`<p class="sl-quiet sl-pad-all" hidden>${empty}</p>`;
  const scroller = html`<div class="sl-contained sl-scrolls" tabindex="-1">${body}${nothing}</div>`;
  const heading = html`<h3 class="sl-ellipsis">${title}</h3>`;
  const subtitle = html`<p class="sl-quiet sl-small-text">${hint}</p>`;
  const node = html`<section class="sl-lines sl-stack" aria-label=${title} data-testid=${testid} onclick=${onClick}
    onkeydown=${onKey}>
    <header class="sl-pile sl-fixed sl-pad sl-under sl-sunk">
      <div class="sl-line sl-ends">${heading}${number}</div>
      ${subtitle}
      ${find?.node}
    </header>
    ${scroller}
  </section>`;
  const rows = virtualRows({
    scroller,
    body,
    spare: 3,
    draw: (position) => drawLine(lines[position]),
    mark(line, position) {
      const chosen = isChosen(lines[position]);
      line.classList.toggle("sl-lines-chosen", chosen);
      if (chosen) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    },
    ask(positions) {
      const seen = positions.map((position) => lines[position]);
      for (const [side, key] of /** @type {[Side | null, "a" | "b"][]} */ ([
        [a, "a"],
        [b, "b"],
      ]))
        side?.catalog.want(seen.map((line) => line[key]).filter((row) => row !== null));
      crops.want(seen);
      if (paired && height === PAIR && seen.some((line) => wordsOf(line, a, b) !== null)) {
        height = PAIR + WORDS;
        lay();
      }
    },
  });

  /** @param {Item} item */
  const isPinned = (item) => pinned.some((other) => other.a === item.a && other.b === item.b);

  /** @param {Item} item */
  function drawLine(item) {
    const [first, second] = [known(a, item.a), known(b, item.b)];
    const ids = [item.a !== null && (first?.id ?? "…"), item.b !== null && (second?.id ?? "…")].filter(
      Boolean,
    );
    const labels = wordsOf(item, a, b) ?? "";
    const quiet = labels === "unexplained" ? " sl-quiet" : "";
    const line = html`<div class="sl-item sl-pick sl-lines-line sl-stack" role="listitem"
      aria-label="${ids.join(" and ")}, ${labels ? `${labels}, ` : ""}cosine ${score(item.score, 2)}"
      data-testid="${testid}-line" data-ids=${ids.join(" ")}>
      <div class="sl-lines-names sl-line">
        <span class="sl-id">${ids.join(" ↔ ")}</span>
        <span class="sl-ellipsis sl-grows${quiet}" title=${labels}>${paired ? "" : labels}</span>
        ${
          pins &&
          button({
            label: isPinned(item) ? "Unpin (Space)" : "Pin to the top (Space)",
            icon: icons.pin,
            class: "sl-square sl-small",
            "aria-pressed": String(isPinned(item)),
            "data-testid": "pin-pair",
            tabindex: -1,
            onclick: (event) => {
              event.stopPropagation();
              togglePin(item);
            },
          })
        }
        <span class="sl-number">${score(item.score, 2)}</span>
      </div>
      ${height > PAIR && html`<div class="sl-lines-words sl-ellipsis${quiet}" title=${labels}>${labels}</div>`}
      ${crops.strips(item)}
    </div>`;
    line.style.height = `${height}px`;
    crops.paint(line);
    return line;
  }

  function lay() {
    rows.lay({ count: lines.length, row: height, cut: null, divider: 0 });
  }

  /** Everything is drawn anew: other lines, or other words in them. */
  function arrange() {
    lines = pinned.length ? [...pinned, ...items.filter((item) => !isPinned(item))] : items;
    if (!lines.length && paired) height = PAIR;
    nothing.hidden = lines.length > 0;
    fill(number, items.length === total ? count(total) : `${count(items.length)} of ${count(total)}`);
    lay();
  }

  /** @param {Item} item */
  function togglePin(item) {
    pinned = isPinned(item)
      ? pinned.filter((other) => other.a !== item.a || other.b !== item.b)
      : [...pinned, item];
    arrange();
  }

  /** @param {Event} event @returns {Item | null} */
  function itemOf(event) {
    const position = positionOf(event);
    if (position === null) return null;
    rows.active = position;
    return lines[position] ?? null;
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const item = itemOf(event);
    if (!item) return;
    onChoose(item);
    rows.mark();
    rows.focus();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.target === find?.field || event.altKey || event.ctrlKey || event.metaKey) return;
    const item = itemOf(event);
    if (!item) return;
    const next = rows.stepOf(event);
    if (next !== null) rows.goTo(next);
    else if (event.key === "Enter") onChoose(item);
    else if (event.key === " " && pins) togglePin(item);
    else return;
    used(event);
  }

  return {
    node,
    draw: arrange,
    /** @param {{title: string, hint?: string}} words */
    name(words) {
      heading.textContent = words.title;
      heading.title = words.title;
      if (words.hint !== undefined) subtitle.textContent = words.hint;
    },
    /** @param {Item[]} next @param {number} ofAll how many there are without the filter */
    show(next, ofAll = next.length) {
      items = next;
      total = ofAll;
      scroller.scrollTop = 0;
      rows.active = 0;
      arrange();
    },
    /** Marks the chosen lines, and brings the first into sight if `reveal`. @param {(item: Item) => boolean} chosen @param {boolean} [reveal] */
    mark(chosen, reveal = false) {
      isChosen = chosen;
      const at = reveal ? lines.findIndex(chosen) : -1;
      if (at >= 0) rows.reveal(at);
      else rows.mark();
    },
    destroy() {
      find?.stop();
      rows.destroy();
      for (const stop of stops) stop();
      crops.clear();
    },
  };
}
