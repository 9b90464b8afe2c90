/** Describe: components and what they are called, how sure that is, and a person's own words. */

import { button, fill, html } from "../shared/dom.js";
import { count as counted, plural } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { bindKeys, isTyping } from "../shared/keyboard.js";
import { componentNames } from "../shared/names.js";
import { preview } from "../shared/preview.js";
import { adds, pointed, same, showChosen, toggled } from "../shared/selection.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { positionOf, virtualRows } from "../shared/virtual_rows.js";
import { tableActions } from "./actions.js";
import { labelEditor } from "./editor.js";
import { tableFilters } from "./filters.js";
import { tableHeads } from "./heads.js";
import { meaningParts } from "./meanings.js";
import { tableRows } from "./order.js";
import { ownLabels } from "./own_labels.js";
import { believed, labelRow } from "./row.js";
import { askingState, nothingState, undescribedState } from "./states.js";

const ROW = 56;
const CROP = 48;
const EXAMPLES = 6;

/** Rows of a table on paper. */
const ON_PAPER = 15;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {(selection: number[]) => void} options.onSelect
 * @param {(layer: string | null) => void} options.onLayer
 * @param {(own: Record<string, string>, python: string) => void} options.onOwn a person's own labels changed
 * @param {(python: string) => void} [options.tell] a line of Python for a gesture that sets no trait
 * @param {import("../shared/work.js").Work} [options.work] where long work is told; without it, here
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 * @returns {import("../shared/mount.js").View & {undo: () => boolean, find: () => void}}
 */
export function labelTableView({ source, ask, onSelect, onLayer, onOwn, tell = () => {}, work, say, fail }) {
  /** @type {readonly number[]} */
  let selection = [];
  /** The components that are shown, in their order. @type {number[]} */
  let listed = [];
  /** The component whose label is being written. @type {number | null} */
  let editing = null;
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
    say,
    onChange(next, python) {
      onOwn(next, python);
      names.call(next);
    },
  });
  const filters = tableFilters({ onChange: rearrange, onLayer });
  const actions = tableActions({ ask, tell, fail, onChange: arrange, work });
  const heads = tableHeads({
    onSort() {
      scroller.scrollTop = 0;
      rearrange();
    },
  });
  const meanings = meaningParts({ ask, idOf: names.idOf, onArrive: fillMeanings, fail });
  const undoButton = button({
    label: "Undo the last own label (u)",
    icon: icons.undo,
    class: "sl-square",
    "data-testid": "label-undo",
    onclick: own.undo,
  });
  const message = html`<p class="sl-labels-message sl-quiet" data-testid="labels-message" />`;
  const bar = html`<div class="sl-labels-bar" />`;
  const body = html`<div class="sl-rows" role="rowgroup" />`;
  const scroller = html`<div class="sl-scroll" role="presentation" data-testid="label-scroll">${body}</div>`;
  const table = html`<div class="sl-grid" role="grid" aria-label="Labels of components" aria-multiselectable="true"
    aria-colcount="7" data-testid="label-grid" onclick=${onClick} ondblclick=${onDoubleClick}
    onkeydown=${onKey}>
    ${heads.node}
    ${scroller}
  </div>`;
  table.hidden = true;
  const state = html`<div class="sl-states" />`;
  const node = html`<div class="sl-labels sl-banner-place" data-testid="label-table">
    ${bar}
    ${message}
    ${table}
    ${state}
  </div>`;
  bindKeys(node, { u: own.undo, "/": () => filters.find.focus() });
  const large = preview({ area: node, source, known: () => ({}), say, fail });
  const crops = { source, size: imagePixels(CROP), onArrive: () => paint(node), onError: fail };
  const thumbnails = sprites({ ...crops, examples: EXAMPLES });
  /** All examples of the row whose meanings are open. */
  const allExamples = sprites({ ...crops, examples: 40, capacity: 20 });
  const rows = virtualRows({
    scroller,
    body,
    table,
    draw: drawRow,
    mark: (element, position) => showChosen(element, selection, listed[position]),
    holds: (position) => listed[position] === editing,
    ask(positions) {
      const seen = positions.map((position) => listed[position]);
      thumbnails.want(seen);
      if (meanings.open !== null) allExamples.want([meanings.open]);
      if (names.labels?.made) meanings.want(seen);
    },
  });

  /** @param {Element} place */
  const paint = (place) =>
    paintStrips(place, (row, { dataset }) => (dataset.all === undefined ? thumbnails : allExamples).get(row));

  // which rows

  function rearrange() {
    const kept = listed[rows.active];
    const { idOf, labels, named, count, span } = names;
    const isOwn = (/** @type {number} */ row) => names.ownOf(row) !== undefined;
    const facts = { labels, named, count, idOf, isOwn };
    listed = tableRows(facts, { ...filters.wanted, span, sorting: heads.sorting });
    rows.active = Math.max(0, listed.indexOf(kept));
    if (meanings.open !== null && !listed.includes(meanings.open)) meanings.open = null;
    arrange();
  }

  /** @returns {import("../shared/grid.js").Grid} */
  function layout() {
    const at = meanings.open === null ? -1 : listed.indexOf(meanings.open);
    return {
      count: listed.length,
      row: ROW,
      cut: at < 0 ? null : at + 1,
      divider: at < 0 ? 0 : meanings.height,
    };
  }

  function arrange() {
    const described = names.labels?.made === true;
    const made = described || Object.keys(names.own).length > 0;
    const sight = made && listed.length > 0;
    table.hidden = !sight;
    state.hidden = sight;
    undoButton.disabled = !own.undoable;
    actions.update(described);
    drawBar(made);
    if (!sight) {
      large.close();
      rows.clear();
      fill(state, drawState(made));
      return;
    }
    table.setAttribute("aria-rowcount", String(listed.length + 1));
    rows.lay(layout());
    placeMeanings();
  }

  /** @param {boolean} made whether there is any label */
  function drawBar(made) {
    const spring = html`<span class="sl-spring" />`;
    if (made) fill(bar, ...filters.nodes, spring, undoButton, ...actions.describing, ...actions.exports);
    else fill(bar, filters.layers.node, spring);
    message.hidden = !made;
    const { count } = names;
    message.textContent = [
      names.labels?.message,
      listed.length < count && `${counted(listed.length)} of ${plural(count, "component")} shown`,
    ]
      .filter(Boolean)
      .join(" · ");
  }

  /** @param {boolean} made */
  function drawState(made) {
    if (names.labels === null) return askingState();
    if (!made) return undescribedState(names.count, actions.describing);
    return nothingState(() => {
      if (names.layer !== null) onLayer(null);
      filters.reset();
    });
  }

  // rows

  /** @param {number} position */
  function drawRow(position) {
    const row = listed[position];
    const element = labelRow(names, row, {
      editor: editing === row ? drawEditor(row) : null,
      meanings: meanings.cell(row),
      crops: cropStrip(row, EXAMPLES),
    });
    paint(element);
    return element;
  }

  /** @param {number} row */
  const redraw = (row) => rows.redraw(listed.indexOf(row));

  /** @param {number} row */
  function drawEditor(row) {
    return labelEditor({
      id: names.idOf(row),
      text: believed(names, row),
      onClose(text, focused) {
        if (editing !== row) return;
        editing = null;
        if (text !== null) own.rewrite(names.idOf(row), text);
        redraw(row);
        if (focused) rows.at(listed.indexOf(row))?.focus({ preventScroll: true });
      },
    });
  }

  /** @param {number} row */
  function edit(row) {
    editing = row;
    redraw(row);
    const input = /** @type {HTMLInputElement | null} */ (body.querySelector('[data-testid="label-editor"]'));
    input?.focus();
    input?.select();
  }

  // meanings

  /** @param {number[]} arrived */
  function fillMeanings(arrived) {
    meanings.fillCells(body);
    if (meanings.open === null || !arrived.includes(meanings.open)) return;
    rows.shift(layout());
    placeMeanings();
  }

  /** @param {number | null} row */
  function openMeanings(row) {
    meanings.open = row;
    rows.shift(layout());
    placeMeanings();
    meanings.fillCells(body);
  }

  /** The open part stands below its row. */
  function placeMeanings() {
    const { cut, divider } = rows.layout;
    if (cut === null) return meanings.node.remove();
    meanings.draw();
    meanings.node.style.top = `${cut * ROW}px`;
    meanings.node.style.height = `${divider}px`;
    body.append(meanings.node);
    paint(meanings.node);
  }

  // choosing

  /** @param {readonly number[]} next */
  function choose(next) {
    if (same(next, selection)) return;
    selection = next;
    rows.mark();
    onSelect([...next]);
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const position = positionOf(event);
    if (position === null) return;
    const row = listed[position];
    const control = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest("[data-act]")
    );
    const act = control?.dataset.act;
    if (act === "edit") return edit(row);
    if (act === "meanings") return openMeanings(meanings.open === row ? null : row);
    if (act === "word") return filters.showOnly(names.wordOf(row).text);
    rows.active = position;
    choose(pointed(selection, row, event));
    rows.mark();
    rows.focus();
  }

  /** @param {MouseEvent} event */
  function onDoubleClick(event) {
    const position = positionOf(event);
    const cell = /** @type {Element} */ (event.target).closest?.(".sl-label-cell");
    if (position !== null && cell && editing === null) edit(listed[position]);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (positionOf(event) === null || event.altKey || isTyping(event)) return;
    const row = listed[rows.active];
    const next = rows.stepOf(event);
    if (next !== null) {
      large.close();
      rows.goTo(next);
      if (!adds(event)) choose([listed[next]]);
    } else if (event.key === " " && adds(event)) choose(toggled(selection, row));
    else if (event.key === "Enter" || event.key === "F2") edit(row);
    else if (event.key === "ArrowRight" && meanings.countOf(row) > 1) openMeanings(row);
    else if (event.key === "ArrowLeft" && meanings.open === row) openMeanings(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Shows the primary of a selection that was made elsewhere. */
  function reveal() {
    const position = listed.indexOf(selection[0]);
    if (position >= 0 && !table.hidden) rows.reveal(position);
    else rows.mark();
  }

  /** What the table is on paper: as it is usually, or the first rows of what is shown where a person chose them. */
  function figures() {
    const { kind, text, word } = filters.wanted;
    const chosen =
      kind !== "all" || text.trim() || word !== null || names.layer !== null || heads.sorting.key !== "row";
    const options = chosen ? { components: listed.slice(0, ON_PAPER).map(names.idOf) } : {};
    return [{ view: "describe", title: "Table", options }];
  }

  return {
    node,
    undo: own.undo,
    figures,
    find: () => filters.find.focus(),
    update(changed) {
      filters.layers.update(changed);
      const moved = "selection" in changed && !same(changed.selection ?? [], selection);
      if (moved) selection = changed.selection ?? [];
      names.update(changed);
      if (!names.count) return;
      if (!started) {
        started = true;
        actions.start();
      } else if ("layer" in changed) rearrange();
      if (moved) reveal();
    },
    destroy() {
      names.stop();
      actions.stop();
      rows.destroy();
      for (const facts of [thumbnails, allExamples, meanings]) facts.clear();
      large.destroy();
      filters.destroy();
    },
  };
}
