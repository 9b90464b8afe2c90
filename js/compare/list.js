/** A long list of components with their crops: of one model, or pairs of both. Only what is in sight is drawn. */

import { button, fill, h, icon } from "../shared/dom.js";
import { count, score } from "../shared/format.js";
import * as grid from "../shared/grid.js";
import * as icons from "../shared/icons.js";
import { imagePixels, paint, sprites } from "../shared/sprites.js";

const CROP = 40;
const EXAMPLES = 10;
const SPARE = 3;
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
  let total = 0;
  let active = 0;
  /** Whether a line is the chosen one. @type {(item: Item) => boolean} */
  let isChosen = () => false;
  let scheduled = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;

  const sides = [a, b].filter((side) => side !== null);
  const strips = new Map(
    sides.map((side) => [
      side,
      sprites({
        source: side.source,
        examples: EXAMPLES,
        size: imagePixels(CROP),
        onArrive: paintAll,
        onError: fail,
        capacity: 200,
      }),
    ]),
  );
  const stops = sides.map((side) => side.catalog.onArrive(draw));
  const number = h("span", { class: "sl-number sl-quiet", "data-testid": `${testid}-count` });
  const find = h("input", {
    type: "search",
    class: "sl-find",
    placeholder: "filter by label or id",
    "aria-label": `Filter ${title}`,
    "data-testid": `${testid}-find`,
    oninput: () => {
      clearTimeout(typing);
      typing = setTimeout(() => onFind?.(find.value), 150);
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape" || !find.value) return;
      event.stopPropagation();
      find.value = "";
      onFind?.("");
    },
  });
  const body = h("div", { class: "sl-lines-rows", role: "list" });
  const nothing = h("p", { class: "sl-quiet sl-lines-empty", hidden: true }, empty);
  const scroller = h("div", { class: "sl-lines-scroll", onscroll: schedule, tabindex: "-1" }, body, nothing);
  const heading = h("h3", { class: "sl-ellipsis" }, title);
  const subtitle = h("p", { class: "sl-quiet sl-small-text" }, hint);
  const node = h(
    "section",
    { class: "sl-lines", "aria-label": title, "data-testid": testid, onclick: onClick, onkeydown: onKey },
    h(
      "header",
      { class: "sl-lines-head" },
      h("div", { class: "sl-lines-title" }, heading, number),
      subtitle,
      onFind && h("label", { class: "sl-find-box" }, icon(icons.search), find),
    ),
    scroller,
  );
  const resized = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => schedule());
  resized?.observe(scroller);

  const layout = () => ({ count: lines().length, row: height, cut: null, divider: 0 });

  /** Pinned lines, then the others. @returns {Item[]} */
  function lines() {
    return pinned.length ? [...pinned, ...items.filter((item) => !isPinned(item))] : items;
  }

  /** @param {Item} item */
  const isPinned = (item) => pinned.some((other) => other.a === item.a && other.b === item.b);

  /** @param {Side} side @param {number} row */
  function strip(side, row) {
    const line = h(
      "div",
      { class: "sl-lines-strip", "data-strip": row, "data-side": side === a ? "a" : "b" },
      ...Array.from({ length: EXAMPLES }, () => h("i", { class: "sl-crop" })),
    );
    paintStrip(line);
    return line;
  }

  /** @param {HTMLElement} line */
  function paintStrip(line) {
    const side = line.dataset.side === "a" ? a : b;
    const sheet = side && strips.get(side)?.get(Number(line.dataset.strip));
    if (!sheet || line.dataset.painted === sheet.url) return;
    line.dataset.painted = sheet.url;
    for (const [rank, crop] of /** @type {HTMLElement[]} */ ([...line.children]).entries()) {
      if (rank < sheet.count) paint(crop, sheet, rank);
      else crop.hidden = true;
    }
  }

  function paintAll() {
    for (const line of /** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll("[data-strip]")))
      paintStrip(line);
  }

  /** @param {Side | null} side @param {number | null} row */
  const known = (side, row) => (side && row !== null ? side.catalog.get(row) : undefined);

  /** The words of the components of a line, those that are believed; null where nobody described them. @param {Item} item */
  function wordsOf(item) {
    const labels = [known(a, item.a)?.label, known(b, item.b)?.label].filter((label) => label != null);
    if (!labels.length) return null;
    const believed = labels.flatMap((label) => (label.confident === false ? [] : [label.text]));
    return believed.length ? [...new Set(believed)].join(" · ") : "unexplained";
  }

  /** @param {Item} item @param {number} position */
  function drawLine(item, position) {
    const [first, second] = [known(a, item.a), known(b, item.b)];
    const ids = [item.a !== null && (first?.id ?? "…"), item.b !== null && (second?.id ?? "…")].filter(
      Boolean,
    );
    const labels = wordsOf(item) ?? "";
    const quiet = labels === "unexplained" ? " sl-quiet" : "";
    const chosen = isChosen(item);
    const line = h(
      "div",
      {
        class: `sl-lines-line${chosen ? " sl-lines-chosen" : ""}`,
        role: "listitem",
        tabindex: position === active ? 0 : -1,
        "aria-current": chosen ? "true" : null,
        "aria-label": `${ids.join(" and ")}, ${labels ? `${labels}, ` : ""}cosine ${score(item.score, 2)}`,
        "data-position": position,
        "data-testid": `${testid}-line`,
        "data-ids": ids.join(" "),
      },
      h(
        "div",
        { class: "sl-lines-names" },
        h("span", { class: "sl-id" }, ids.join(" ↔ ")),
        h("span", { class: `sl-ellipsis${quiet}`, title: labels }, paired ? "" : labels),
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
          }),
        h("span", { class: "sl-number" }, score(item.score, 2)),
      ),
      height > PAIR && h("div", { class: `sl-lines-words sl-ellipsis${quiet}`, title: labels }, labels),
      item.a !== null && strip(a, item.a),
      b && item.b !== null && strip(b, item.b),
    );
    line.style.top = `${position * height}px`;
    line.style.height = `${height}px`;
    return line;
  }

  function schedule() {
    if (scheduled) return;
    scheduled = requestAnimationFrame(() => {
      scheduled = 0;
      draw();
    });
  }

  function draw() {
    const all = lines();
    const hadFocus = body.contains(document.activeElement);
    const [first, end] = grid.visible(layout(), scroller.scrollTop, scroller.clientHeight || 480, SPARE);
    active = Math.min(active, Math.max(0, all.length - 1));
    const shown = all.slice(first, end);
    const rowsOf = (/** @type {"a" | "b"} */ key) =>
      shown.map((item) => item[key]).filter((row) => row !== null);
    if (paired) {
      const labelled = shown.some((item) => wordsOf(item) !== null);
      height = labelled || (height > PAIR && shown.length > 0) ? PAIR + WORDS : PAIR;
    }
    body.style.height = `${all.length * height}px`;
    fill(body, ...shown.map((item, i) => drawLine(item, first + i)));
    nothing.hidden = all.length > 0;
    if (hadFocus) lineAt(active)?.focus({ preventScroll: true });
    for (const [side, key] of /** @type {[Side | null, "a" | "b"][]} */ ([
      [a, "a"],
      [b, "b"],
    ])) {
      if (!side) continue;
      side.catalog.want(rowsOf(key));
      strips.get(side)?.want(rowsOf(key));
    }
    fill(number, items.length === total ? count(total) : `${count(items.length)} of ${count(total)}`);
  }

  /** @param {number} position @returns {HTMLElement | null} */
  const lineAt = (position) => body.querySelector(`[data-position="${position}"]`);

  /** @param {number} position */
  function bringIntoSight(position) {
    scroller.scrollTop = grid.scrollTo(layout(), position, scroller.scrollTop, scroller.clientHeight || 480);
  }

  /** @param {Item} item */
  function togglePin(item) {
    pinned = isPinned(item)
      ? pinned.filter((other) => other.a !== item.a || other.b !== item.b)
      : [...pinned, item];
    draw();
  }

  /** @param {Event} event @returns {Item | null} */
  function itemOf(event) {
    const line = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-position]")
    );
    if (!line) return null;
    active = Number(line.dataset.position);
    return lines()[active] ?? null;
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const item = itemOf(event);
    if (!item) return;
    onChoose(item);
    lineAt(active)?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.target === find || event.altKey || event.ctrlKey || event.metaKey) return;
    const item = itemOf(event);
    if (!item) return;
    const page = Math.max(1, Math.floor((scroller.clientHeight || 480) / height) - 1);
    const next = grid.step(event.key, active, lines().length, page);
    if (next !== null) {
      active = next;
      bringIntoSight(next);
      draw();
      lineAt(next)?.focus({ preventScroll: true });
    } else if (event.key === "Enter") onChoose(item);
    else if (event.key === " " && pins) togglePin(item);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    node,
    draw,
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
      active = 0;
      draw();
    },
    /** Marks the chosen lines, and brings the first into sight if `reveal`. @param {(item: Item) => boolean} chosen @param {boolean} [reveal] */
    mark(chosen, reveal = false) {
      isChosen = chosen;
      const at = reveal ? lines().findIndex(chosen) : -1;
      if (at >= 0) {
        active = at;
        bringIntoSight(at);
      }
      draw();
    },
    destroy() {
      cancelAnimationFrame(scheduled);
      clearTimeout(typing);
      resized?.disconnect();
      for (const stop of stops) stop();
      for (const kept of strips.values()) kept.clear();
    },
  };
}
