/** Describe: components and what they are called, how sure that is, and a person's own words. */

import "../shared/rows.css";
import "./view.css";
import { chosenRows, rowTable } from "../shared/chosen_rows.js";
import { fill, html } from "../shared/dom.js";
import { bindKeys, isTyping, used } from "../shared/keyboard.js";
import { componentNames } from "../shared/names.js";
import { preview } from "../shared/preview.js";
import { adds } from "../shared/selection.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { positionOf } from "../shared/virtual_rows.js";
import { tableActions } from "./actions.js";
import { tableBar } from "./bar.js";
import { labelEditing } from "./editor.js";
import { tableFilters } from "./filters.js";
import { tableHeads } from "./heads.js";
import { meaningParts } from "./meanings.js";
import { tableRows } from "./order.js";
import { ownLabels } from "./own_labels.js";
import { briefRow, labelRow } from "./row.js";
import { tableState } from "./states.js";

const ROW = 56;
const CROP = 48;
const EXAMPLES = 6;

/** Rows of a table on paper. */
const ON_PAPER = 15;

/**
 * What the table is on paper: as it is usually, or the first rows of what is shown where a person chose them.
 * @param {ReturnType<typeof tableFilters>["wanted"]} wanted @param {ReturnType<typeof componentNames>} names
 * @param {ReturnType<typeof tableHeads>["sorting"]} sorting @param {number[]} listed
 */
function tableFigures({ kind, text, word }, names, sorting, listed) {
  const chosen =
    kind !== "all" || text.trim() || word !== null || names.layer !== null || sorting.key !== "row";
  const options = chosen ? { components: listed.slice(0, ON_PAPER).map(names.idOf) } : {};
  return [{ view: "describe", title: "Table", options }];
}

/** What the button says that it does, on which was clicked. @param {MouseEvent} event */
const actAt = ({ target }) =>
  /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("[data-act]"))?.dataset.act;

/** @param {ReturnType<typeof componentNames>} names */
const factsOf = ({ idOf, labels, named, count, ownOf }) => ({
  labels,
  named,
  count,
  idOf,
  isOwn: (/** @type {number} */ row) => ownOf(row) !== undefined,
});

/**
 * The strongest examples of each row, and all of the one whose meanings are open.
 * @param {{source: import("../shared/source.js").Source, onArrive: () => void, fail: (error: unknown) => void}} options
 */
function labelCrops({ source, onArrive, fail }) {
  const options = { source, size: imagePixels(CROP), onArrive, onError: fail };
  const strongest = sprites({ ...options, examples: EXAMPLES });
  const all = sprites({ ...options, examples: 40, capacity: 20 });
  return {
    /** @param {number[]} rows @param {number | null} open */
    want(rows, open) {
      strongest.want(rows);
      if (open !== null) all.want([open]);
    },
    /** @param {Element} place */
    paint: (place) =>
      paintStrips(place, (row, { dataset }) => (dataset.all === undefined ? strongest : all).get(row)),
    clear() {
      strongest.clear();
      all.clear();
    },
  };
}

/** @type {import("../shared/alone.js").CreateView} */
export function labelTableView({ source, ask, act, showPython, work, announce, fail }) {
  const onSelect = (/** @type {number[]} */ selection) => act("selection", selection);
  const onLayer = (/** @type {string | null} */ layer) => act("layer", layer);
  /** The components that are shown, in their order. @type {number[]} */
  let listed = [];
  let started = false;

  const names = componentNames({
    ask,
    fail,
    onChange(computed) {
      if (computed) meanings.clear();
      rearrange();
    },
  });
  const own = ownLabels({
    present: () => names.own,
    announce,
    onChange(next, python) {
      act("own_labels", next, python);
      names.call(next);
    },
  });
  const filters = tableFilters({ onChange: rearrange, onLayer });
  const actions = tableActions({ ask, showPython, fail, onChange: arrange, work });
  const heads = tableHeads({
    onSort() {
      scroller.scrollTop = 0;
      rearrange();
    },
  });
  const meanings = meaningParts({ ask, idOf: names.idOf, onArrive: fillMeanings, fail });
  const bar = tableBar({ names, filters, actions, own });
  const { table, scroller, body } = rowTable(
    { label: "Labels of components", columns: 7, name: "label", heads: heads.node },
    { onclick: onClick, ondblclick: onDoubleClick, onkeydown: onKey },
  );
  table.hidden = true;
  const state = html`<div class="sl-states sl-over" />`;
  const node = html`<div class="sl-labels sl-view sl-stack sl-banner-place" data-testid="label-table">
    ${bar.node}
    ${bar.message}
    ${table}
    ${state}
  </div>`;
  bindKeys(node, { u: own.undo, "/": () => filters.find.focus() });
  const large = preview({ area: node, source, known: () => ({}), announce, fail });
  const crops = labelCrops({ source, onArrive: () => crops.paint(node), fail });
  const chosen = chosenRows({
    scroller,
    body,
    table,
    rowAt: (position) => listed[position],
    placeOf: (row) => listed.indexOf(row),
    onSelect,
    draw: drawRow,
    brief: (position) => briefRow(names, listed[position]),
    holds: (position) => listed[position] === editing.row,
    ask(positions) {
      const seen = positions.map((position) => listed[position]);
      crops.want(seen, meanings.open);
      if (names.labels?.made) meanings.want(seen);
    },
  });
  const { rows } = chosen;
  const editing = labelEditing({
    names,
    rewrite: own.rewrite,
    redraw: (row) => rows.redraw(listed.indexOf(row)),
    rowOf: (row) => rows.at(listed.indexOf(row)),
  });

  function rearrange() {
    const kept = listed[rows.active];
    listed = tableRows(factsOf(names), { ...filters.wanted, span: names.span, sorting: heads.sorting });
    rows.active = Math.max(0, listed.indexOf(kept));
    if (meanings.open !== null && !listed.includes(meanings.open)) meanings.open = null;
    arrange();
  }

  /** @returns {import("../shared/grid.js").Grid} */
  function layout() {
    const at = meanings.open === null ? -1 : listed.indexOf(meanings.open);
    const [cut, divider] = at < 0 ? [null, 0] : [at + 1, meanings.height];
    return { count: listed.length, row: ROW, cut, divider };
  }

  function arrange() {
    const described = names.labels?.made === true;
    const made = described || Object.keys(names.own).length > 0;
    const sight = made && listed.length > 0;
    table.hidden = !sight;
    state.hidden = sight;
    actions.update(described);
    bar.update(made, listed.length);
    if (!sight) {
      large.close();
      rows.clear();
      fill(state, tableState({ names, made, actions }, showAll));
      return;
    }
    table.setAttribute("aria-rowcount", String(listed.length + 1));
    rows.lay(layout());
    placeMeanings();
  }

  function showAll() {
    if (names.layer !== null) onLayer(null);
    filters.reset();
  }

  /** @param {number} position */
  function drawRow(position) {
    const row = listed[position];
    const element = labelRow(names, row, {
      editor: editing.draw(row),
      meanings: meanings.cell(row),
      crops: cropStrip(row, EXAMPLES),
    });
    crops.paint(element);
    return element;
  }

  /** @param {number[]} arrived */
  function fillMeanings(arrived) {
    meanings.fillCells(body);
    if (meanings.open !== null && arrived.includes(meanings.open)) placeMeanings();
  }

  /** @param {number | null} row */
  function openMeanings(row) {
    meanings.open = row;
    placeMeanings();
    meanings.fillCells(body);
  }

  /** The open part stands below its row. */
  function placeMeanings() {
    rows.shift(layout());
    const { cut } = rows.layout;
    meanings.place(body, cut === null ? null : cut * ROW);
    crops.paint(meanings.node);
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const position = positionOf(event);
    if (position === null) return;
    const row = listed[position];
    const act = actAt(event);
    if (act === "edit") return editing.start(row);
    if (act === "meanings") return openMeanings(meanings.open === row ? null : row);
    if (act === "word") return filters.showOnly(names.wordOf(row).text);
    chosen.click(position, event);
  }

  /** @param {MouseEvent} event */
  function onDoubleClick(event) {
    const position = positionOf(event);
    const cell = /** @type {Element} */ (event.target).closest?.(".sl-label-cell");
    if (position !== null && cell && editing.row === null) editing.start(listed[position]);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (positionOf(event) === null || event.altKey || isTyping(event)) return;
    const row = listed[rows.active];
    if (chosen.step(event)) large.close();
    else if (event.key === " " && adds(event)) chosen.toggle();
    else if (event.key === "Enter" || event.key === "F2") editing.start(row);
    else if (event.key === "ArrowRight" && meanings.countOf(row) > 1) openMeanings(row);
    else if (event.key === "ArrowLeft" && meanings.open === row) openMeanings(null);
    else return;
    used(event);
  }

  return {
    node,
    figures: () => tableFigures(filters.wanted, names, heads.sorting, listed),
    keys: { "/": () => filters.find.focus() },
    update(changed) {
      filters.layers.update(changed);
      const moved = "selection" in changed && chosen.take(changed.selection ?? []);
      names.update(changed);
      if (!names.count) return;
      if (!started) {
        started = true;
        actions.start();
      } else if ("layer" in changed) rearrange();
      if (moved && !table.hidden) chosen.reveal();
    },
    destroy() {
      names.stop();
      actions.stop();
      for (const facts of [crops, meanings]) facts.clear();
      for (const part of [rows, large, filters]) part.destroy();
    },
  };
}
