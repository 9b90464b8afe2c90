/** The gallery: components as rows, by score, each with its strongest examples. */

import { fill, html } from "../shared/dom.js";
import { count, plural, score, z } from "../shared/format.js";
import { layout as sizes } from "../shared/palette.js";
import { preferences } from "../shared/preferences.js";
import { preview } from "../shared/preview.js";
import { adds, pointed, same, showChosen, toggled } from "../shared/selection.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { onResize } from "../shared/surroundings.js";
import { positionOf, virtualRows } from "../shared/virtual_rows.js";
import { nullStrip } from "./null_strip.js";
import { cropsThatFit, lineWidth } from "./room.js";
import { hitRow } from "./row.js";
import { dividerText, emptyState, loadingState, notFoundState, plainState, uncheckedNote } from "./states.js";

const ROW = sizes.row;
const DIVIDER = 26;
/** Side of a crop in px. */
const CROP = sizes.crop;
/** How many of the closest components a negative answer shows. */
const CLOSEST = 3;
/** Crops of each of those. */
const CLOSEST_CROPS = 6;
/** Crops in a row that was not laid out yet. */
const USUAL = 8;

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
  const most = preferences().columns ?? Number.POSITIVE_INFINITY;
  /** Crops in a row. */
  let examples = Math.min(most, USUAL);
  /** Crops that are fetched of a component: those of the widest row so far. */
  let fetched = Math.max(examples, CLOSEST_CROPS);
  let thumbnails = fetchCrops();
  const strip = nullStrip();
  const found = html`<span class="sl-found" data-testid="found" />`;
  const columns = [
    html`<span role="columnheader">Component</span>`,
    html`<span role="columnheader">Score</span>`,
    html`<span role="columnheader" class="sl-number">z</span>`,
    html`<span role="columnheader">Label</span>`,
    html`<span role="columnheader" class="sl-head-crops"><span>Strongest examples</span>${found}</span>`,
  ];
  const divider = html`<div class="sl-divider" role="row" data-testid="null-divider">
    <span role="gridcell" aria-colspan="5" />
  </div>`;
  const body = html`<div class="sl-rows" role="rowgroup" />`;
  const scroller = html`<div class="sl-scroll" role="presentation" data-testid="gallery-scroll">${body}</div>`;
  const table = html`<div class="sl-grid" role="grid" aria-label="Components" aria-multiselectable="true"
    aria-colcount="5" data-testid="gallery-grid" onclick=${onClick} ondblclick=${onDoubleClick}
    onkeydown=${onKey}>
    <div role="rowgroup">
      <div class="sl-row sl-head" role="row" aria-rowindex="1">${columns}</div>
    </div>
    ${scroller}
  </div>`;
  const state = html`<div class="sl-states" hidden />`;
  const unchecked = html`<p class="sl-unchecked" role="note" data-testid="unchecked" hidden />`;
  const node = html`<div class="sl-gallery" data-testid="gallery">${strip.node}${unchecked}${table}${state}</div>`;
  node.style.setProperty("--sl-strip", `${lineWidth(examples)}px`);
  const large = preview({
    area: node,
    source,
    known: (row) => ({ of: catalog.get(row)?.responses.length }),
    say,
    fail,
  });
  const stopListening = catalog.onArrive(nameRows);
  const rows = virtualRows({
    scroller,
    body,
    table,
    draw: drawRow,
    mark: (element, position) => showChosen(element, selection, rowAt(position)),
    ask(positions) {
      catalog.want(positions.map(rowAt));
      thumbnails.want(positions.map(rowAt));
    },
  });

  const stopResizing = onResize(table, refit);

  function fetchCrops() {
    return sprites({
      source,
      examples: fetched,
      size: imagePixels(CROP),
      onArrive: paintAll,
      onError: fail,
    });
  }

  /** Whether the rows have room for more crops or fewer, which they then take. */
  function takeRoom() {
    const width = columns[3].offsetWidth + columns[4].offsetWidth;
    const next = width ? Math.min(most, cropsThatFit(width)) : examples;
    if (next === examples) return false;
    examples = next;
    node.style.setProperty("--sl-strip", `${lineWidth(examples)}px`);
    if (examples > fetched) {
      fetched = examples;
      thumbnails.clear();
      thumbnails = fetchCrops();
    }
    return true;
  }

  function refit() {
    if (takeRoom() && showsRows()) rows.lay();
  }

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
    if (searching) return loadingState(hits ? "Searching…" : "Scoring components…");
    if (!hits) return html`<div />`;
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
          rows.focus();
        },
      });
    return plainState(
      "No component here",
      layer === null ? "This lens holds no components." : `Layer ${layer} holds no components in this lens.`,
    );
  }

  /** @param {Hits} result */
  function drawClosest(result) {
    const nearest = [...result.rows.subarray(0, CLOSEST)];
    catalog.want(nearest);
    return html`<div class="sl-closest sl-inside">
      ${nearest.map((row, i) => {
        const component = catalog.get(row);
        return html`<div class="sl-near" data-testid="closest" data-unnamed=${!component}>
          <span class="sl-id">${component?.id ?? ""}</span>
          <span class="sl-number">${result.scores ? score(result.scores[i]) : ""}</span>
          <span class="sl-number sl-quiet">${result.z ? `z ${z(result.z[i])}` : ""}</span>
          <span class="sl-ellipsis">${component?.label?.text ?? ""}</span>
          ${cropStrip(row, CLOSEST_CROPS)}
        </div>`;
      })}
    </div>`;
  }

  /** @param {number} position */
  function drawRow(position) {
    const row = rowAt(position);
    const element = hitRow(/** @type {Hits} */ (hits), position, catalog.get(row), cropStrip(row, examples));
    paintStrips(element, thumbnails.get);
    return element;
  }

  function paintAll() {
    paintStrips(node, thumbnails.get);
  }

  /** Fills in names that have come; rows that have theirs are left alone, with what is hovered in them. */
  function nameRows() {
    if (!showsRows()) {
      if (state.querySelector("[data-unnamed]")) arrange();
      return;
    }
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll(".sl-row"))) {
      const position = Number(element.dataset.position);
      if (!element.dataset.id && catalog.get(rowAt(position))) rows.redraw(position);
    }
  }

  /** Lays everything out anew: rows or a state. */
  function arrange() {
    const sight = showsRows();
    table.hidden = !sight;
    state.hidden = sight;
    unchecked.hidden = !sight || hits?.state !== "unchecked";
    fill(unchecked, unchecked.hidden ? "" : uncheckedNote(/** @type {Hits} */ (hits)));
    large.close();
    if (!sight) {
      rows.clear();
      if (hits?.query && hits.not_found) thumbnails.want(hits.rows.subarray(0, CLOSEST));
      fill(state, drawState());
      paintAll();
      return;
    }
    const result = /** @type {Hits} */ (hits);
    const cut = result.scores && result.found < result.count ? result.found : null;
    table.classList.toggle("sl-unscored", !result.scores);
    table.setAttribute("aria-rowcount", String(result.count + 1));
    if (cut === null) divider.remove();
    else {
      divider.style.top = `${cut * ROW}px`;
      fill(/** @type {Element} */ (divider.firstElementChild), dividerText(result.count - result.found));
      body.append(divider);
    }
    drawFound();
    takeRoom();
    rows.lay({ count: result.count, row: ROW, cut, divider: DIVIDER });
  }

  function drawFound() {
    if (searching) fill(found, "Searching…");
    else if (hits?.scores)
      fill(
        found,
        html`<b>${count(hits.found)}</b>`,
        ` of ${count(hits.count)} above the null${hits.state === "unchecked" ? ", unchecked" : ""}`,
      );
    else fill(found, hits ? plural(hits.count, "component") : "");
  }

  function announce() {
    if (!hits) return;
    if (!hits.query) say(plural(hits.count, "component"));
    else if (hits.not_found)
      say(`${hits.query} ${hits.unknown_words.length ? "cannot be searched" : "is not found"}`);
    else
      say(
        `${hits.query}: ${count(hits.found)} of ${plural(hits.count, "component")} above the null${hits.state === "unchecked" ? ", unchecked" : ""}`,
      );
  }

  /** @param {readonly number[]} next */
  function choose(next) {
    if (same(next, selection)) return;
    selection = next;
    rows.mark();
    onSelect([...next]);
  }

  /** Shows the primary of a selection that was made elsewhere. The focus stays where it is. */
  function reveal() {
    if (!showsRows()) return;
    const position = /** @type {Hits} */ (hits).rows.indexOf(selection[0]);
    if (position >= 0) rows.reveal(position);
    else rows.mark();
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const position = positionOf(event);
    if (position === null) return;
    rows.active = position;
    choose(pointed(selection, rowAt(position), event));
    rows.mark();
    rows.focus();
  }

  /** @param {MouseEvent} event */
  function onDoubleClick(event) {
    const position = positionOf(event);
    if (position !== null) onOpen?.(rowAt(position));
  }

  /** Steps the large crop along the active row. @param {number} by */
  function stepCrop(by) {
    const crops = /** @type {HTMLElement[]} */ ([
      ...(rows.at(rows.active)?.querySelectorAll("[data-rank]") ?? []),
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
    const next = rows.stepOf(event);
    const row = rowAt(rows.active);
    if (next !== null) {
      large.close();
      rows.goTo(next);
      // With Ctrl or Cmd the focus moves alone, so that Ctrl+Space can add what it finds.
      if (!adds(event)) choose([rowAt(next)]);
    } else if (event.key === " " && adds(event)) choose(toggled(selection, row));
    else if (event.key === " ") onPin?.(row);
    else if (event.key === "Enter") {
      if (!selection.includes(row)) choose([row]);
      onOpen?.(row);
    } else if (event.key === "ArrowRight") stepCrop(1);
    else if (event.key === "ArrowLeft") stepCrop(-1);
    else if (event.key === "Escape" && large.isOpen) large.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    node,
    focus: rows.focus,
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
          rows.active = 0;
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
        ("searching" in changed && !showsRows())
      )
        arrange();
      else if ("selection" in changed) {
        if (moved) reveal();
      } else if ("relabelled" in changed) {
        if (showsRows()) rows.lay();
        else arrange();
      }
    },
    destroy() {
      stopListening();
      stopResizing();
      rows.destroy();
      thumbnails.clear();
      large.destroy();
      strip.destroy();
    },
  };
}
