/** The gallery: components as rows, by score, each with its strongest examples. */

import { fill, h } from "../shared/dom.js";
import { count, pEquals, plural, score, z } from "../shared/format.js";
import * as grid from "../shared/grid.js";
import { layout as sizes } from "../shared/palette.js";
import { preferences } from "../shared/preferences.js";
import { linear } from "../shared/scales.js";
import { same, toggled } from "../shared/selection.js";
import { imagePixels, paint, sprites } from "../shared/sprites.js";
import { nullStrip } from "./null_strip.js";
import { preview } from "./preview.js";
import { dividerText, emptyState, loadingState, notFoundState, plainState } from "./states.js";

const ROW = sizes.row;
const DIVIDER = 26;
/** Side of a crop in px. */
const CROP = sizes.crop;
/** Rows drawn beyond each edge of what is seen. */
const SPARE = 4;
/** While scrolling, names and crops are asked for at most this often, in ms. */
const ASK_EVERY = 100;
/** How many of the closest components a negative answer shows. */
const CLOSEST = 3;

/** @typedef {import("../shared/source.js").Hits} Hits */

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(selection: number[]) => void} options.onSelect
 * @param {(query: string) => void} options.onQuery
 * @param {(layer: string | null) => void} options.onLayer
 * @param {(row: number) => void} [options.onOpen] Enter or a double click on a row
 * @param {(row: number) => void} [options.onPin] Space on a row
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 * @returns {import("../shared/mount.js").View & {focus: () => void}}
 */
export function galleryView({ source, catalog, onSelect, onQuery, onLayer, onOpen, onPin, say, fail }) {
  /** @type {Hits | null} */
  let hits = null;
  let searching = false;
  let browsing = false;
  /** @type {{state: string, message?: string | null}} */
  let status = { state: "ready" };
  /** @type {string[]} */
  let vocabulary = [];
  /** @type {string | null} */
  let layer = null;
  /** @type {readonly number[]} */
  let selection = [];
  /** Position of the row that takes the focus. */
  let active = 0;
  /** @type {grid.Grid} */
  let layout = { count: 0, row: ROW, cut: null, divider: DIVIDER };
  /** @type {Map<number, HTMLElement>} drawn rows by position */
  const drawn = new Map();
  let scheduled = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let askTimer;
  let lastAsked = Number.NEGATIVE_INFINITY;

  const examples = preferences().columns;
  const thumbnails = sprites({
    source,
    examples,
    size: imagePixels(CROP),
    onArrive: paintRows,
    onError: fail,
  });
  const strip = nullStrip();
  const found = h("span", { class: "sl-found", "data-testid": "found" });
  const columns = [
    h("span", { role: "columnheader" }, "Component"),
    h("span", { role: "columnheader" }, "Score"),
    h("span", { role: "columnheader", class: "sl-number" }, "z"),
    h("span", { role: "columnheader" }, "Label"),
    h("span", { role: "columnheader", class: "sl-head-crops" }, h("span", {}, "Strongest examples"), found),
  ];
  const divider = h(
    "div",
    { class: "sl-divider", role: "row", "data-testid": "null-divider" },
    h("span", { role: "gridcell", "aria-colspan": "5" }),
  );
  const body = h("div", { class: "sl-rows", role: "rowgroup" });
  const scroller = h(
    "div",
    { class: "sl-scroll", role: "presentation", "data-testid": "gallery-scroll", onscroll: schedule },
    body,
  );
  const table = h(
    "div",
    {
      class: "sl-grid",
      role: "grid",
      "aria-label": "Components",
      "aria-multiselectable": "true",
      "aria-colcount": "5",
      "data-testid": "gallery-grid",
      onclick: onClick,
      ondblclick: onDoubleClick,
      onkeydown: onKey,
    },
    h(
      "div",
      { role: "rowgroup" },
      h("div", { class: "sl-row sl-head", role: "row", "aria-rowindex": "1" }, ...columns),
    ),
    scroller,
  );
  const state = h("div", { class: "sl-states", hidden: true });
  const node = h("div", { class: "sl-gallery", "data-testid": "gallery" }, strip.node, table, state);
  node.style.setProperty("--sl-strip", `${examples * (CROP + 2) - 2}px`);
  const large = preview({
    area: node,
    source,
    known: (row) => ({ of: catalog.get(row)?.responses.length }),
    say,
    fail,
  });
  const stopListening = catalog.onArrive(nameRows);
  const resized = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => schedule());
  resized?.observe(scroller);

  const rowAt = (/** @type {number} */ position) => /** @type {Hits} */ (hits).rows[position];

  /** The rows, instead of which a state may stand. */
  function showsRows() {
    if (!hits || status.state === "error" || status.state === "not-fitted") return false;
    if (hits.query) return !hits.not_found && hits.count > 0;
    return (browsing || layer !== null) && hits.count > 0;
  }

  /** @returns {HTMLElement} */
  function drawState() {
    if (status.state === "not-fitted")
      return plainState(
        "This lens is not fitted yet",
        status.message || "Run lens.fit() in a cell; this window follows.",
      );
    if (status.state === "error")
      return plainState(
        "The lens cannot answer",
        status.message || "See the cell's output for what went wrong.",
      );
    if (!hits) return searching ? loadingState("Scoring components…") : h("div");
    if (hits.query && hits.not_found)
      return notFoundState({
        hits,
        onClear: () => onQuery(""),
        onLayers: layer === null ? null : () => onLayer(null),
        closest: drawClosest(hits),
      });
    if (!hits.query && !browsing && layer === null)
      return emptyState({
        words: vocabulary,
        total: hits.total,
        onWord: onQuery,
        onBrowse: () => {
          browsing = true;
          arrange();
          focus();
        },
      });
    return plainState(
      "No component here",
      layer === null ? "This lens holds no components." : `Layer ${layer} holds no components in this lens.`,
    );
  }

  /** @param {Hits} result */
  function drawClosest(result) {
    const rows = [...result.rows.subarray(0, CLOSEST)];
    catalog.want(rows);
    return h(
      "div",
      { class: "sl-closest sl-inside" },
      ...rows.map((row, i) => {
        const component = catalog.get(row);
        return h(
          "div",
          { class: "sl-near", "data-testid": "closest", "data-unnamed": !component },
          h("span", { class: "sl-id" }, component?.id ?? ""),
          h("span", { class: "sl-number" }, result.scores ? score(result.scores[i]) : ""),
          h("span", { class: "sl-number sl-quiet" }, result.z ? `z ${z(result.z[i])}` : ""),
          h("span", { class: "sl-ellipsis" }, component?.label?.text ?? ""),
          cropStrip(row, 6),
        );
      }),
    );
  }

  /** @param {number} row @param {number} [shown] */
  function cropStrip(row, shown = examples) {
    const node = h(
      "span",
      { class: "sl-strip", "data-strip": row },
      ...Array.from({ length: shown }, (_, rank) =>
        h("i", { class: "sl-crop", "data-row": row, "data-rank": rank }),
      ),
    );
    paintStrip(node, row);
    return node;
  }

  /** @param {HTMLElement} node @param {number} row */
  function paintStrip(node, row) {
    const sheet = thumbnails.get(row);
    if (!sheet || node.dataset.painted === sheet.url) return;
    node.dataset.painted = sheet.url;
    for (const [rank, crop] of /** @type {HTMLElement[]} */ ([...node.children]).entries()) {
      if (rank < sheet.count) paint(crop, sheet, rank);
      else {
        crop.classList.add("sl-void");
        crop.removeAttribute("data-rank");
      }
    }
  }

  function paintRows() {
    for (const strip of /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll("[data-strip]")))
      paintStrip(strip, Number(strip.dataset.strip));
  }

  /** @param {number} position */
  function drawRow(position) {
    const result = /** @type {Hits} */ (hits);
    const row = rowAt(position);
    const component = catalog.get(row);
    const inside = result.scores !== null && position >= result.found;
    const chosen = selection.indexOf(row);
    const label = component?.label;
    const confident = label && label.confident !== false;
    const value = result.scores?.[position];
    const facts = [
      component?.id,
      value !== undefined && `score ${score(value)}`,
      result.z && `z ${z(result.z[position])}`,
      result.p && pEquals(result.p[position]),
      label?.text,
      inside && "inside the null",
    ];
    const element = h(
      "div",
      {
        class: `sl-row${inside ? " sl-inside" : ""}${chosen === 0 ? " sl-primary" : ""}${chosen >= 0 ? " sl-selected" : ""}`,
        role: "row",
        tabindex: position === active ? 0 : -1,
        "aria-rowindex": position + 2,
        "aria-selected": String(chosen >= 0),
        "aria-label": facts.filter(Boolean).join(", "),
        "data-testid": "gallery-row",
        "data-position": position,
        "data-row-number": row,
        "data-id": component?.id,
      },
      h("span", { role: "gridcell", class: "sl-id" }, component?.id ?? "…"),
      h(
        "span",
        { role: "gridcell", class: "sl-score" },
        value === undefined ? "" : h("span", { class: "sl-number" }, score(value)),
        value !== undefined && scoreBar(value),
      ),
      h("span", { role: "gridcell", class: "sl-number" }, result.z ? z(result.z[position]) : ""),
      h(
        "span",
        { role: "gridcell", class: "sl-label" },
        component?.dead
          ? h("span", { class: "sl-ellipsis sl-quiet" }, "never active")
          : label &&
              h(
                "span",
                { class: `sl-ellipsis${confident ? "" : " sl-quiet"}`, title: label.text },
                confident ? label.text : "unexplained",
              ),
        label &&
          !component?.dead &&
          h(
            "span",
            { class: "sl-meta" },
            confident
              ? typeof label.margin === "number"
                ? `margin ${score(label.margin, 2)}`
                : ""
              : "below confidence",
          ),
      ),
      h("span", { role: "gridcell" }, cropStrip(row)),
    );
    element.style.top = `${grid.topOf(layout, position)}px`;
    return element;
  }

  /** @param {number} value */
  function scoreBar(value) {
    const result = /** @type {Hits} */ (hits);
    const threshold = result.null?.score_at_p01;
    const top = Math.max(result.scores?.[0] ?? 0, (threshold ?? 0) * 1.25, 1e-6) * 1.08;
    const across = linear([0, top], [0, 100]);
    const bar = h(
      "span",
      { class: "sl-bar", "aria-hidden": "true" },
      h("i"),
      threshold !== undefined && h("u"),
    );
    const [fillPart, tick] = /** @type {HTMLElement[]} */ ([...bar.children]);
    fillPart.style.width = `${Math.max(0, Math.min(100, across(value)))}%`;
    if (tick) tick.style.left = `${Math.max(0, Math.min(100, across(threshold ?? 0)))}%`;
    return bar;
  }

  function schedule() {
    if (scheduled) return;
    scheduled = requestAnimationFrame(() => {
      scheduled = 0;
      draw(true);
    });
  }

  /** Draws the rows in sight. @param {boolean} [keep] rows that are drawn already are left as they are */
  function draw(keep = false) {
    if (!showsRows()) {
      if (!keep) arrange();
      return;
    }
    const hadFocus = body.contains(document.activeElement);
    const [first, end] = grid.visible(layout, scroller.scrollTop, scroller.clientHeight || 448, SPARE);
    // The active row stays drawn wherever it is: the focus must not fall out of the document.
    const wanted = new Set([active, ...Array.from({ length: end - first }, (_, i) => first + i)]);
    for (const [position, element] of drawn) {
      if (keep && wanted.has(position)) continue;
      element.remove();
      drawn.delete(position);
    }
    askSoon();
    for (const position of wanted) {
      if (drawn.has(position)) continue;
      const element = drawRow(position);
      drawn.set(position, element);
      body.append(element);
    }
    if (hadFocus && !body.contains(document.activeElement)) drawn.get(active)?.focus({ preventScroll: true });
  }

  /** Asks for what the rows in sight show: at once, but while the list flies past only so often. */
  function askSoon() {
    if (askTimer) return;
    const wait = lastAsked + ASK_EVERY - performance.now();
    if (wait > 0) askTimer = setTimeout(ask, wait);
    else ask();
  }

  function ask() {
    clearTimeout(askTimer);
    askTimer = undefined;
    if (!showsRows()) return;
    lastAsked = performance.now();
    const [first, end] = grid.visible(layout, scroller.scrollTop, scroller.clientHeight || 448, SPARE);
    const rows = [...new Set([active, ...Array.from({ length: end - first }, (_, i) => first + i)])].map(
      rowAt,
    );
    catalog.want(rows);
    thumbnails.want(rows);
  }

  /** Fills in names that have come; rows that have theirs are left alone, with what is hovered in them. */
  function nameRows() {
    if (!showsRows()) {
      if (state.querySelector("[data-unnamed]")) arrange();
      return;
    }
    for (const [position, element] of drawn) {
      if (element.dataset.id || !catalog.get(rowAt(position))) continue;
      const named = drawRow(position);
      const hadFocus = element === document.activeElement;
      element.replaceWith(named);
      drawn.set(position, named);
      if (hadFocus) named.focus({ preventScroll: true });
    }
  }

  /** Lays everything out anew: rows or a state. */
  function arrange() {
    const rows = showsRows();
    table.hidden = !rows;
    state.hidden = rows;
    large.close();
    if (!rows) {
      for (const element of drawn.values()) element.remove();
      drawn.clear();
      if (hits?.query && hits.not_found) thumbnails.want(hits.rows.subarray(0, CLOSEST));
      fill(state, drawState());
      return;
    }
    const result = /** @type {Hits} */ (hits);
    layout = {
      count: result.count,
      row: ROW,
      cut: result.scores && result.found < result.count ? result.found : null,
      divider: DIVIDER,
    };
    active = Math.min(active, Math.max(0, result.count - 1));
    table.classList.toggle("sl-unscored", !result.scores);
    table.setAttribute("aria-rowcount", String(result.count + 1));
    body.style.height = `${grid.totalHeight(layout)}px`;
    if (layout.cut === null) divider.remove();
    else {
      divider.style.top = `${layout.cut * ROW}px`;
      fill(/** @type {Element} */ (divider.firstElementChild), dividerText(result.count - result.found));
      body.append(divider);
    }
    drawFound();
    draw();
    table.style.setProperty(
      "--sl-scrollbar",
      `${Math.min(12, scroller.offsetWidth - scroller.clientWidth)}px`,
    );
  }

  function drawFound() {
    if (searching) fill(found, "Searching…");
    else if (hits?.scores)
      fill(found, h("b", {}, count(hits.found)), ` of ${count(hits.count)} above the null`);
    else fill(found, hits ? plural(hits.count, "component") : "");
  }

  function announce() {
    if (!hits) return;
    if (!hits.query) say(plural(hits.count, "component"));
    else if (hits.not_found)
      say(`${hits.query} ${hits.unknown_words.length ? "cannot be searched" : "is not found"}`);
    else say(`${hits.query}: ${count(hits.found)} of ${plural(hits.count, "component")} above the null`);
  }

  /** @param {readonly number[]} next */
  function choose(next) {
    if (same(next, selection)) return;
    selection = next;
    mark();
    onSelect([...next]);
  }

  function mark() {
    for (const [position, element] of drawn) {
      const chosen = selection.indexOf(rowAt(position));
      element.classList.toggle("sl-primary", chosen === 0);
      element.classList.toggle("sl-selected", chosen >= 0);
      element.setAttribute("aria-selected", String(chosen >= 0));
      element.tabIndex = position === active ? 0 : -1;
    }
  }

  /** Makes a row the active one, whole in sight, with the focus. @param {number} position */
  function goTo(position) {
    active = position;
    scroller.scrollTop = grid.scrollTo(layout, position, scroller.scrollTop, scroller.clientHeight || 448);
    draw(true);
    mark();
    drawn.get(position)?.focus({ preventScroll: true });
  }

  /** Shows the primary of a selection that was made elsewhere. The focus stays where it is. */
  function reveal() {
    if (!showsRows()) return;
    const position = /** @type {Hits} */ (hits).rows.indexOf(selection[0]);
    if (position >= 0) {
      active = position;
      scroller.scrollTop = grid.scrollTo(layout, position, scroller.scrollTop, scroller.clientHeight || 448);
      draw(true);
    }
    mark();
  }

  /** @param {Event} event @returns {number | null} */
  function positionOf(event) {
    const element = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-position]")
    );
    return element ? Number(element.dataset.position) : null;
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const position = positionOf(event);
    if (position === null) return;
    active = position;
    choose(event.ctrlKey || event.metaKey ? toggled(selection, rowAt(position)) : [rowAt(position)]);
    mark();
    drawn.get(position)?.focus({ preventScroll: true });
  }

  /** @param {MouseEvent} event */
  function onDoubleClick(event) {
    const position = positionOf(event);
    if (position !== null) onOpen?.(rowAt(position));
  }

  /** Steps the large crop along the active row. @param {number} by */
  function stepCrop(by) {
    const crops = /** @type {HTMLElement[]} */ ([
      ...(drawn.get(active)?.querySelectorAll("[data-rank]") ?? []),
    ]);
    if (!crops.length) return;
    const at = crops.findIndex((crop) => crop.classList.contains("sl-ring"));
    large.open(
      crops[Math.min(crops.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : crops.length - 1) : at + by))],
    );
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (positionOf(event) === null || event.altKey) return;
    if (event.key.length === 1 && event.key !== " " && !preferences().keys) return;
    const adds = event.ctrlKey || event.metaKey;
    const page = Math.max(1, Math.floor((scroller.clientHeight || 448) / ROW) - 1);
    const next =
      adds && event.key.length === 1 && event.key !== " "
        ? null
        : grid.step(event.key, active, layout.count, page);
    if (next !== null) {
      large.close();
      goTo(next);
      // With Ctrl or Cmd the focus moves alone, so that Ctrl+Space can add what it finds.
      if (!adds) choose([rowAt(next)]);
    } else if (event.key === " " && adds) choose(toggled(selection, rowAt(active)));
    else if (event.key === " ") onPin?.(rowAt(active));
    else if (event.key === "Enter") {
      if (!selection.includes(rowAt(active))) choose([rowAt(active)]);
      onOpen?.(rowAt(active));
    } else if (event.key === "ArrowRight") stepCrop(1);
    else if (event.key === "ArrowLeft") stepCrop(-1);
    else if (event.key === "Escape" && large.isOpen) large.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function focus() {
    drawn.get(active)?.focus({ preventScroll: true });
  }

  return {
    node,
    focus,
    update(changed) {
      if ("layer" in changed) layer = changed.layer;
      if ("status" in changed) status = changed.status ?? { state: "ready" };
      if ("vocabulary_hint" in changed) vocabulary = changed.vocabulary_hint ?? [];
      if ("searching" in changed) searching = changed.searching;
      const moved = "selection" in changed && !same(changed.selection ?? [], selection);
      if (moved) selection = changed.selection ?? [];
      if ("hits" in changed) {
        const isNew = changed.hits?.query !== hits?.query || changed.hits?.count !== hits?.count;
        hits = changed.hits;
        if (hits?.query) browsing = false;
        if (isNew) {
          active = 0;
          scroller.scrollTop = 0;
        }
        // The scores of a word that the CLIP does not know mean nothing: they are not drawn.
        strip.update({ hits: hits?.unknown_words.length ? null : hits });
        announce();
      }
      node.setAttribute("aria-busy", String(searching));
      drawFound();
      if (
        "hits" in changed ||
        "status" in changed ||
        "vocabulary_hint" in changed ||
        "layer" in changed ||
        (!hits && "searching" in changed)
      )
        arrange();
      else if ("selection" in changed) {
        if (moved) reveal();
      } else if ("relabelled" in changed) draw();
    },
    destroy() {
      cancelAnimationFrame(scheduled);
      clearTimeout(askTimer);
      stopListening();
      resized?.disconnect();
      thumbnails.clear();
      large.destroy();
      strip.destroy();
    },
  };
}
