/** The gallery: components as rows, by score, each with its strongest examples. */

import "../shared/rows.css";
import "./view.css";
import { chosenRows, rowTable } from "../shared/chosen_rows.js";
import { fill, html } from "../shared/dom.js";
import { count, plural } from "../shared/format.js";
import { layerFilter } from "../shared/layer_filter.js";
import { layout as sizes } from "../shared/palette.js";
import { preview } from "../shared/preview.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { onResize } from "../shared/surroundings.js";
import { positionOf } from "../shared/virtual_rows.js";
import { rowKeys } from "./keys.js";
import { listOf } from "./list.js";
import { nullStrip } from "./null_strip.js";
import { rowCrops } from "./room.js";
import { hitRow } from "./row.js";
import { CLOSEST, dividerText, galleryState, uncheckedNote } from "./states.js";
import { wayFinder } from "./ways.js";

const ROW = sizes.row;
const DIVIDER = 26;

/** @typedef {import("../shared/source.js").Hits} Hits */

/** How many there are, above the heads of the crops. @param {Hits | null} hits @returns {(Node | string)[]} */
function foundWords(hits) {
  if (!hits?.scores) return [hits ? plural(hits.count, "component") : ""];
  return [
    html`<b>${count(hits.n_above_null)}</b>`,
    ` of ${count(hits.count)} above the null${unchecked(hits)}${byExamples(hits)}`,
  ];
}

/** The same for who cannot see it. @param {Hits} hits */
function announcement(hits) {
  const all = plural(hits.count, "component");
  if (!hits.query) return all;
  if (hits.not_found)
    return `${hits.query} ${hits.unknown_words.length ? "cannot be searched" : "is not found"}`;
  return `${hits.query}: ${count(hits.n_above_null)} of ${all} above the null${unchecked(hits)}`;
}

/** Where responses are not kept, or are not read: in a page. @param {Hits} hits */
const byExamples = ({ by }) => (by === "examples" ? ", by examples only" : "");

/** @param {Hits} hits */
const unchecked = ({ state }) => (state === "unchecked" ? ", unchecked" : "");

/** The heads and the place of the rows, which a line parts. @param {Record<string, (event: any) => void>} listeners */
function tableParts(listeners) {
  const found = html`<span class="sl-nowrap" data-testid="found" />`;
  const columns = [
    html`<span role="columnheader">Component</span>`,
    html`<span role="columnheader" aria-sort="descending" title="Ranked by score; those above the null first">Score<i class="sl-sorted" aria-hidden="true"> ↓</i></span>`,
    html`<span role="columnheader" class="sl-number">z</span>`,
    html`<span role="columnheader">Label</span>`,
    html`<span role="columnheader" class="sl-line sl-ends sl-slim"><span class="sl-ellipsis">Strongest examples</span>${found}</span>`,
  ];
  const words = html`<span role="gridcell" aria-colspan="5" />`;
  const divider = html`<div class="sl-divider sl-line sl-under sl-sunk sl-quiet sl-small-text sl-placed" role="row" data-testid="null-divider">${words}</div>`;
  const heads = html`<div role="rowgroup">
    <div class="sl-item sl-row sl-head sl-sunk sl-quiet" role="row" aria-rowindex="1">${columns}</div>
  </div>`;
  const parts = rowTable({ label: "Components", columns: columns.length, name: "gallery", heads }, listeners);
  return {
    ...parts,
    columns,
    found,
    /** Which heads say something of these rows. @param {import("./listing.js").Listed} hits */
    tellOrder({ scores, by_column: by }) {
      parts.table.classList.toggle("sl-unscored", !scores);
      parts.table.classList.toggle("sl-resorted", Boolean(by));
      if (by) parts.table.classList.remove("sl-unlabelled");
      columns[1].setAttribute("aria-sort", by ? "none" : "descending");
    },
    /** @param {number | null} cut the first row below the line, null: there is none @param {number} rest how many are below */
    cutAt(cut, rest) {
      if (cut === null) return divider.remove();
      divider.style.top = `${cut * ROW}px`;
      fill(words, dividerText(rest));
      parts.body.append(divider);
    },
  };
}

/** Whether an element is not what it was before. @param {HTMLElement} element @param {string} name of a class @param {boolean} has */
function turn(element, name, has) {
  const had = element.classList.contains(name);
  element.classList.toggle(name, has);
  return had !== has;
}

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(selection: number[]) => void} options.onSelect
 * @param {(query: string) => void} options.onQuery
 * @param {(layer: string | null) => void} options.onLayer
 * @param {(row: number) => void} [options.onOpen] Enter or a double click on a row
 * @param {(row: number) => void} [options.onPin] Space on a row
 * @param {import("../shared/channel.js").Channel["ask"]} [options.ask] for what there is to sort and filter by
 * @param {(python: string) => void} [options.showPython]
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 * @returns {import("../shared/mount.js").View & {focus: () => void}}
 */
export function galleryView({
  source,
  catalog,
  ask,
  onSelect,
  onQuery,
  onLayer,
  onOpen,
  onPin,
  showPython = () => {},
  announce,
  fail,
}) {
  let searching = false;
  let browsing = false;
  /** @type {{state: string, message?: string | null}} */
  let status = { state: "ready" };
  /** @type {string | null} */
  let layer = null;
  const strip = nullStrip();
  const parts = tableParts({
    onclick: onClick,
    ondblclick: (event) => positionOf(event) !== null && onOpen?.(rowAt(rows.active)),
    onkeydown: (event) => onKey(event),
  });
  const { table, scroller, body, columns } = parts;
  const list = listOf({ ask, onChange: fromTop, showPython, fail });
  const state = html`<div class="sl-states sl-over" hidden />`;
  const doubt = html`<p class="sl-pad-low sl-under sl-quiet" role="note" data-testid="unchecked" hidden />`;
  const node = html`<div class="sl-gallery sl-view sl-stack sl-spring" data-testid="gallery">${strip.node}${doubt}${list.node}${table}${state}</div>`;
  const crops = rowCrops({
    source,
    node,
    room: columns.slice(3),
    labelled: () => !table.classList.contains("sl-unlabelled"),
    onArrive: () => paintStrips(node, crops.get),
    fail,
  });
  const large = preview({
    area: node,
    source,
    known: (row) => ({ of: catalog.get(row)?.responses.length }),
    announce,
    fail,
  });
  const stopListening = catalog.onArrive(nameRows);
  const beyond = wayFinder({ source, fail, onArrive: () => !showsRows() && arrange() });
  const chosen = chosenRows({
    scroller,
    body,
    table,
    rowAt,
    placeOf: (row) => /** @type {Hits} */ (list.hits).rows.indexOf(row),
    onSelect,
    draw: drawRow,
    brief: (position) => drawRow(position, html`<span />`),
    ask(positions) {
      const wanted = positions.map(rowAt);
      catalog.want(wanted);
      crops.want(list.withBeside(wanted));
    },
  });
  const { rows } = chosen;
  const onKey = rowKeys({ chosen, large, rowAt, onOpen, onPin });
  const stopResizing = onResize(table, () => {
    if (crops.fit() && showsRows()) rows.lay();
  });

  /** @param {number} position */
  function rowAt(position) {
    return /** @type {Hits} */ (list.hits).rows[position];
  }

  /** The rows, instead of which a state may stand. */
  const showsRows = () => wantsRows() && (list.hits?.count ?? 0) > 0;

  /** Whether there would be rows, if no filter left them out. */
  function wantsRows() {
    const { found } = list;
    if (!found?.count || status.state === "error" || status.state === "not-fitted") return false;
    return found.query ? !found.not_found : browsing || layer !== null;
  }

  /** Other components are listed, or in another order. */
  function fromTop() {
    rows.active = 0;
    scroller.scrollTop = 0;
    arrange();
  }

  /** @param {number} position @param {HTMLElement} [places] of crops */
  function drawRow(position, places) {
    const [row, result] = [rowAt(position), /** @type {Hits} */ (list.hits)];
    const element = hitRow(result, position, catalog.get(row), places ?? cropsOf(row));
    paintStrips(element, crops.get);
    return element;
  }

  /** A component's examples; beside them those of its other end, where that is wished. @param {number} row */
  function cropsOf(row) {
    const other = list.beside(row);
    if (other === null) return cropStrip(row, crops.count);
    const half = Math.max(1, Math.floor((crops.count - 1) / 2));
    return html`<span class="sl-line sl-gap-12" data-testid="both-ends-row">${cropStrip(row, half)}${cropStrip(other, half)}</span>`;
  }

  const isLabelled = (/** @type {HTMLElement} */ { dataset }) =>
    catalog.get(rowAt(Number(dataset.position)))?.label;

  /** Fills in names that have come; rows that have theirs are left alone, with what is hovered in them. */
  function nameRows() {
    if (!showsRows()) {
      if (state.querySelector("[data-unnamed]")) arrange();
      return;
    }
    const shown = /** @type {HTMLElement[]} */ ([...body.querySelectorAll(".sl-row")]);
    // What rows are sorted by stands below their labels.
    const bare = !list.hits?.by_column && !shown.some(isLabelled);
    if (turn(table, "sl-unlabelled", bare) && crops.fit()) return rows.lay();
    for (const element of shown) {
      const position = Number(element.dataset.position);
      if (!element.dataset.id && catalog.get(rowAt(position))) rows.redraw(position);
    }
  }

  /** Lays everything out anew: rows or a state. */
  function arrange() {
    const sight = showsRows();
    const { hits } = list;
    list.place(wantsRows());
    table.hidden = !sight;
    state.hidden = sight;
    doubt.hidden = !sight || hits?.state !== "unchecked";
    fill(doubt, doubt.hidden ? "" : uncheckedNote(/** @type {Hits} */ (hits)));
    large.close();
    if (!sight) {
      rows.clear();
      if (hits?.query && hits.not_found) crops.want(hits.rows.subarray(0, CLOSEST));
      const onAll = wantsRows() ? list.reset : null;
      const what = { hits, status, searching, browsing, layer, onAll, ...beyond.known };
      const onBrowse = () => {
        browsing = true;
        arrange();
        rows.focus();
      };
      fill(state, galleryState(what, catalog, { onQuery, onLayer, onBrowse }));
      paintStrips(state, crops.get);
      return;
    }
    const result = /** @type {import("./listing.js").Listed} */ (hits);
    const { length } = result.rows; // the others are on their way
    const parted = result.scores && !result.by_column && result.n_above_null < length;
    const cut = parted ? result.n_above_null : null;
    parts.tellOrder(result);
    table.setAttribute("aria-rowcount", String(result.count + 1));
    parts.cutAt(cut, result.count - result.n_above_null);
    drawFound();
    crops.fit();
    rows.lay({ count: length, row: ROW, cut, divider: DIVIDER });
  }

  const drawFound = () => fill(parts.found, ...(searching ? ["Searching…"] : foundWords(list.found)));

  /** @param {MouseEvent} event */
  function onClick(event) {
    const position = positionOf(event);
    if (position !== null) chosen.click(position, event);
  }

  return {
    node,
    focus: rows.focus,
    update(changed) {
      if ("layer" in changed) layer = changed.layer;
      if ("status" in changed) status = changed.status ?? { state: "ready" };
      beyond.update(changed);
      if ("searching" in changed) searching = changed.searching;
      const moved = "selection" in changed && chosen.take(changed.selection ?? []);
      list.update(changed);
      if ("hits" in changed) {
        const isNew = list.take(changed.hits);
        const { found } = list;
        if (found?.query) browsing = false;
        if (isNew) {
          rows.active = 0;
          scroller.scrollTop = 0;
        }
        // The scores of a word that the CLIP does not know mean nothing: they are not drawn.
        strip.update({ hits: found?.unknown_words.length ? null : found });
        if (found) announce(announcement(found));
      }
      node.setAttribute("aria-busy", String(searching));
      drawFound();
      const anew = ["hits", "status", "vocabulary_hint", "layer", "relabelled"].some(
        (name) => name in changed,
      );
      if (anew || ("searching" in changed && !showsRows())) arrange();
      else if (moved && showsRows()) chosen.reveal();
    },
    destroy() {
      stopListening();
      stopResizing();
      beyond.stop();
      list.destroy();
      crops.clear();
      for (const part of [rows, large, strip]) part.destroy();
    },
  };
}

/** The gallery alone, with its layer filter. @type {import("../shared/alone.js").CreateView} */
export function galleryAlone({ source, catalog, ask, act, showPython, announce, fail }) {
  const onLayer = (/** @type {string | null} */ layer) => act("layer", layer);
  const filter = layerFilter({ onLayer });
  const gallery = galleryView({
    source,
    catalog,
    ask,
    showPython,
    announce,
    fail,
    onLayer,
    onSelect: (selection) => act("selection", selection),
    onQuery: (query) => act("query", query),
  });
  return {
    node: html`<div><div class="sl-alone-bar sl-tall sl-pad">${filter.node}</div>${gallery.node}</div>`,
    update(changed) {
      filter.update(changed);
      gallery.update(changed);
    },
    destroy: gallery.destroy,
  };
}
