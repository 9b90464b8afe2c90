/** Describe: components and what they are called, how sure that is, and a person's own words. */

import { preview } from "../gallery/preview.js";
import { batches } from "../shared/batches.js";
import { busyWork } from "../shared/busy.js";
import { button, fill, h, icon } from "../shared/dom.js";
import { download } from "../shared/download.js";
import { count as counted, plural, score } from "../shared/format.js";
import * as grid from "../shared/grid.js";
import { bindKeys, isTyping } from "../shared/keyboard.js";
import { askLabels, bestOf, countRows, idOf, labelsOfRows } from "../shared/labels.js";
import { latest } from "../shared/latest.js";
import { layerFilter } from "../shared/layer_filter.js";
import { literal } from "../shared/python.js";
import { same, toggled } from "../shared/selection.js";
import { blob } from "../shared/source.js";
import { imagePixels, paint, sprites } from "../shared/sprites.js";
import { KINDS, tableRows } from "./order.js";

const ROW = 56;
const CROP = 48;
const EXAMPLES = 6;
/** Height of one meaning in the part that opens below a row, and of the padding around them. */
const MEANING = 52;
const PADDING = 8;
const SPARE = 4;
const ASK_EVERY = 100;

/** @typedef {{examples: number[], word: string | null, closest: string, score: number, confidence: number, reach: number}} Meaning */

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
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 * @returns {import("../shared/mount.js").View & {undo: () => boolean, find: () => void}}
 */
export function labelTableView({ source, ask, onSelect, onLayer, onOwn, tell = () => {}, say, fail }) {
  /** @type {import("../shared/labels.js").Layer[]} */
  let layers = [];
  let count = 0;
  /** @type {string | null} */
  let layer = null;
  /** @type {readonly number[]} */
  let selection = [];
  /** @type {import("../shared/labels.js").Labels | null} */
  let labels = null;
  /** @type {Record<string, string>} */
  let own = {};
  /** @type {Record<string, string>[]} */
  const before = [];
  let named = labelsOfRows(null, {}, [], 0);
  let kind = "all";
  /** The one label that is shown, or null. @type {string | null} */
  let word = null;
  /** @type {import("./order.js").Sorting} */
  let sorting = { key: "row", descending: false };
  /** @type {number[]} */
  let rows = [];
  let active = 0;
  /** The row whose meanings are open. @type {number | null} */
  let open = null;
  /** @type {number | null} */
  let editing = null;
  let started = false;
  let scheduled = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Map<number, HTMLElement>} drawn rows by position */
  const drawn = new Map();

  const work = busyWork({ ask, fail, onChange: arrange });
  const find = h("input", {
    type: "search",
    class: "sl-input",
    placeholder: "Search within",
    "aria-label": "Search ids, labels and closest words",
    "data-testid": "label-search",
    oninput: filterSoon,
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape" || !find.value) return;
      event.stopPropagation();
      find.value = "";
      rearrange();
    },
  });
  const kinds = h(
    "select",
    {
      "aria-label": "Components shown",
      "data-testid": "label-kind",
      onchange: () => {
        kind = kinds.value;
        rearrange();
      },
    },
    ...Object.entries(KINDS).map(([value, text]) => h("option", { value }, text)),
  );
  const filter = layerFilter({ onLayer });
  const wordChip = h("span", { class: "sl-word-filter" });
  const undoButton = button({
    label: "Undo the last own label (u)",
    icon: "undo",
    class: "sl-square",
    "data-testid": "label-undo",
    onclick: undo,
  });
  const vocabularySelect = h("select", { "aria-label": "Vocabulary", "data-testid": "vocabulary" });
  const vocabularyBox = h(
    "label",
    { class: "sl-select" },
    h("span", { class: "sl-quiet" }, "Words"),
    vocabularySelect,
  );
  const describeButton = button({
    text: "Describe",
    class: "sl-outlined sl-main-action",
    "data-testid": "describe",
    onclick: describeNow,
  });
  const exports = ["csv", "json"].map((format) =>
    button({
      text: format.toUpperCase(),
      icon: "download",
      label: `Download the labels as ${format.toUpperCase()}`,
      class: "sl-outlined",
      "data-testid": `export-${format}`,
      onclick: () => exported(format),
    }),
  );
  const message = h("p", { class: "sl-labels-message sl-quiet", "data-testid": "labels-message" });
  const bar = h("div", { class: "sl-labels-bar" });
  const heads = {
    row: head("Component", "row"),
    label: head("Label", "label"),
    confidence: head("Confidence", "confidence"),
    margin: head("Margin", "margin"),
    shared: head("Shared by", "shared"),
  };
  const body = h("div", { class: "sl-rows", role: "rowgroup" });
  const scroller = h(
    "div",
    { class: "sl-scroll", role: "presentation", "data-testid": "label-scroll", onscroll: schedule },
    body,
  );
  const meaningsPart = h("div", { class: "sl-meanings", role: "row", "data-testid": "meanings" });
  const table = h(
    "div",
    {
      class: "sl-grid",
      role: "grid",
      "aria-label": "Labels of components",
      "aria-multiselectable": "true",
      "aria-colcount": "7",
      "data-testid": "label-grid",
      onclick: onClick,
      ondblclick: onDoubleClick,
      onkeydown: onKey,
    },
    h(
      "div",
      { role: "rowgroup" },
      h(
        "div",
        { class: "sl-row sl-head", role: "row", "aria-rowindex": "1" },
        ...Object.values(heads),
        h("span", { role: "columnheader" }, "Meanings"),
        h("span", { role: "columnheader" }, "Strongest examples"),
      ),
    ),
    scroller,
  );
  table.hidden = true;
  const state = h("div", { class: "sl-states" });
  const node = h(
    "div",
    { class: "sl-labels sl-banner-place", "data-testid": "label-table" },
    bar,
    message,
    table,
    state,
  );
  bindKeys(node, { u: undo, "/": () => find.focus() });
  const large = preview({ area: node, source, known: () => ({}), say, fail });
  const thumbnails = sprites({
    source,
    examples: EXAMPLES,
    size: imagePixels(CROP),
    onArrive: paintStrips,
    onError: fail,
  });
  /** All examples of the row whose meanings are open. */
  const allExamples = sprites({
    source,
    examples: 40,
    size: imagePixels(CROP),
    capacity: 20,
    onArrive: paintStrips,
    onError: fail,
  });
  const meanings = batches({
    /** @returns {Promise<Map<number, Meaning[]>>} */
    async load(wanted, signal) {
      const { result } = await ask("meanings", { rows: wanted }, { signal });
      return new Map(wanted.map((row, i) => [row, result.meanings[i]]));
    },
    onArrive: fillMeanings,
    onError: fail,
  });
  const resized = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(schedule);
  resized?.observe(scroller);

  const labelsWanted = latest(
    (signal) => askLabels(ask, signal),
    (answer) => {
      labels = answer;
      meanings.clear();
      open = null;
      rename();
    },
    fail,
  );
  const vocabulariesWanted = latest(
    async (signal) => (await ask("vocabularies", {}, { signal })).result.vocabularies,
    (/** @type {{name: string | null, title: string, count: number}[]} */ found) => {
      fill(
        vocabularySelect,
        ...found.map(({ name, title, count: size }) =>
          h("option", { value: name ?? "" }, `${title} (${counted(size)})`),
        ),
      );
      arrange();
    },
    fail,
  );

  // work

  function describeNow() {
    const name = vocabularySelect.value || null;
    tell(name === null ? "lens.describe()" : `lens.describe(${literal(name)})`);
    work.start("describe", { vocabulary: name }, "Embedding words");
  }

  /** @param {string} format */
  async function exported(format) {
    try {
      const { result, buffers } = await ask("labels_file", { format });
      download(blob(buffers[0], result.type), result.name);
      tell(`open(${literal(result.name)}, "w").write(lens.labels.to_${format}(lens.own_labels))`);
    } catch (error) {
      fail(error);
    }
  }

  /** A person's own label for a row; an empty text takes it away. @param {number} row @param {string} text */
  function rewrite(row, text) {
    const id = idOf(layers, row);
    const words = text.trim().replace(/\s+/g, " ");
    if (words === (own[id] ?? "")) return;
    const { [id]: _, ...others } = own;
    before.push(own);
    if (before.length > 100) before.shift();
    const python = words
      ? `lens.own_labels = {**lens.own_labels, ${literal(id)}: ${literal(words)}}`
      : `lens.own_labels = {c: w for c, w in lens.own_labels.items() if c != ${literal(id)}}`;
    change(words ? { ...others, [id]: words } : others, python);
    say(words ? `${id} is called ${words}` : `own label of ${id} removed`);
  }

  /** @param {Record<string, string>} next @param {string} python */
  function change(next, python) {
    own = next;
    onOwn(next, python);
    rename();
  }

  function undo() {
    const last = before.pop();
    if (!last) return false;
    change(last, `lens.own_labels = ${literal(last)}`);
    say("undone");
    return true;
  }

  function rename() {
    named = labelsOfRows(labels, own, layers, count);
    rearrange();
  }

  // rows

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let filterTimer;
  function filterSoon() {
    clearTimeout(filterTimer);
    filterTimer = setTimeout(rearrange, 120);
  }

  function rearrange() {
    let start = 0;
    /** @type {number[] | null} */
    let span = null;
    for (const { name, count: size } of layers) {
      if (name === layer) span = [start, start + size];
      start += size;
    }
    const kept = rows[active];
    rows = tableRows(
      {
        labels,
        named,
        isOwn: (row) => own[idOf(layers, row)] !== undefined,
        idOf: (row) => idOf(layers, row),
        count,
      },
      { kind, text: find.value, word, span, sorting },
    );
    const at = rows.indexOf(kept);
    active = Math.max(0, at);
    if (open !== null && !rows.includes(open)) open = null;
    arrange();
  }

  /** @returns {grid.Grid} */
  function layout() {
    const at = open === null ? -1 : rows.indexOf(open);
    const parts = open === null ? 0 : (meanings.get(open)?.length ?? 1);
    return {
      count: rows.length,
      row: ROW,
      cut: at < 0 ? null : at + 1,
      divider: at < 0 ? 0 : parts * MEANING + PADDING,
    };
  }

  const made = () => labels?.made === true || Object.keys(own).length > 0;

  function arrange() {
    const sight = made() && rows.length > 0;
    table.hidden = !sight;
    state.hidden = sight;
    undoButton.disabled = before.length === 0;
    describeButton.disabled = work.running;
    describeButton.classList.toggle("sl-main-action", !labels?.made);
    describeButton.querySelector("span")?.replaceChildren(labels?.made ? "Describe again" : "Describe");
    for (const button of exports) button.disabled = !labels?.made;
    fill(
      wordChip,
      word !== null &&
        button({
          text: `label: ${word}`,
          label: `Show all labels again, not only ${word}`,
          icon: "cross",
          class: "sl-outlined",
          "data-testid": "word-filter",
          onclick: () => {
            word = null;
            rearrange();
          },
        }),
    );
    const words = [work.node, vocabularyBox, describeButton];
    if (made()) {
      fill(
        bar,
        find,
        h("label", { class: "sl-select" }, h("span", { class: "sl-quiet" }, "Show"), kinds),
        filter.node,
        wordChip,
        h("span", { class: "sl-spring" }),
        undoButton,
        ...words,
        ...exports,
      );
      message.textContent = [
        labels?.message,
        rows.length < count && `${counted(rows.length)} of ${plural(count, "component")} shown`,
      ]
        .filter(Boolean)
        .join(" · ");
    } else fill(bar, filter.node, h("span", { class: "sl-spring" }));
    message.hidden = !made();
    if (!sight) {
      large.close();
      undraw();
      fill(state, drawState(words));
      return;
    }
    for (const [key, element] of Object.entries(heads))
      element.setAttribute(
        "aria-sort",
        sorting.key === key ? (sorting.descending ? "descending" : "ascending") : "none",
      );
    table.setAttribute("aria-rowcount", String(rows.length + 1));
    undraw();
    settle();
    draw();
    table.style.setProperty(
      "--sl-scrollbar",
      `${Math.min(12, scroller.offsetWidth - scroller.clientWidth)}px`,
    );
  }

  /** @param {Element[]} words */
  function drawState(words) {
    if (labels === null) return h("p", { class: "sl-state sl-quiet" }, "Asking for labels…");
    if (!made())
      return h(
        "div",
        { class: "sl-state", "data-testid": "labels-empty" },
        h("h2", {}, "What do these components stand for?"),
        h(
          "p",
          { class: "sl-quiet" },
          `${plural(count, "component")} get the best words of a vocabulary each, with the lead over the second best and how sure the label is. Where no word is good enough, the component stays unexplained.`,
        ),
        h("div", { class: "sl-words" }, ...words),
        h(
          "p",
          { class: "sl-quiet" },
          "A list of your own words or a text file: ",
          h("code", { class: "sl-id" }, 'lens.describe(["ruler", "hair"])'),
          ".",
        ),
      );
    return h(
      "div",
      { class: "sl-state", "data-testid": "labels-none" },
      h("h2", {}, "No component fits"),
      h("p", { class: "sl-quiet" }, "Nothing here has that word, id or kind."),
      h(
        "div",
        { class: "sl-words" },
        button({
          text: "Show all",
          class: "sl-outlined",
          "data-testid": "show-all",
          onclick: () => {
            [find.value, kinds.value, kind, word] = ["", "all", "all", null];
            if (layer !== null) onLayer(null);
            rearrange();
          },
        }),
      ),
    );
  }

  function undraw() {
    for (const element of drawn.values()) element.remove();
    drawn.clear();
  }

  /** Heights of everything, and the open part at its place. */
  function settle() {
    const now = layout();
    body.style.height = `${grid.totalHeight(now)}px`;
    for (const [position, element] of drawn) element.style.top = `${grid.topOf(now, position)}px`;
    if (now.cut === null || open === null) return meaningsPart.remove();
    drawMeanings(open);
    meaningsPart.style.top = `${now.cut * ROW}px`;
    meaningsPart.style.height = `${now.divider}px`;
    body.append(meaningsPart);
  }

  function schedule() {
    if (!scheduled)
      scheduled = requestAnimationFrame(() => {
        scheduled = 0;
        if (!table.hidden) draw();
      });
  }

  function inSight() {
    const [first, end] = grid.visible(layout(), scroller.scrollTop, scroller.clientHeight || 448, SPARE);
    return [...new Set([active, ...Array.from({ length: end - first }, (_, i) => first + i)])];
  }

  function draw() {
    const hadFocus = body.contains(document.activeElement);
    const wanted = new Set(inSight());
    for (const [position, element] of drawn) {
      if (wanted.has(position) || rows[position] === editing) continue;
      element.remove();
      drawn.delete(position);
    }
    for (const position of wanted) {
      if (drawn.has(position)) continue;
      const element = drawRow(position);
      drawn.set(position, element);
      body.append(element);
    }
    if (hadFocus && !body.contains(document.activeElement)) drawn.get(active)?.focus({ preventScroll: true });
    timer ??= setTimeout(askNow, ASK_EVERY);
  }

  function askNow() {
    timer = undefined;
    const seen = inSight().map((position) => rows[position]);
    thumbnails.want(seen);
    if (open !== null) allExamples.want([open]);
    if (labels?.made) meanings.want(open === null ? seen : [...seen, open]);
    paintStrips();
  }

  /** @param {string} text @param {import("./order.js").Sorting["key"]} key */
  function head(text, key) {
    return h(
      "span",
      { role: "columnheader", class: `sl-sort sl-col-${key}` },
      h(
        "button",
        {
          type: "button",
          class: "sl-head-button",
          "data-testid": `sort-${key}`,
          onclick: (/** @type {Event} */ event) => {
            event.stopPropagation();
            const numbers = key !== "row" && key !== "label";
            sorting = { key, descending: sorting.key === key ? !sorting.descending : numbers };
            scroller.scrollTop = 0;
            rearrange();
          },
        },
        text,
      ),
    );
  }

  /** @param {number} row */
  function wordsOf(row) {
    const k = labels?.k ?? 0;
    return Array.from({ length: k }, (_, rank) => labels?.numbers[row * k + rank] ?? -1)
      .filter((number) => number >= 0)
      .map((number) => labels?.words[number] ?? "");
  }

  /** @param {number} position */
  function drawRow(position) {
    const row = rows[position];
    const id = idOf(layers, row);
    const chosen = selection.indexOf(row);
    const best = labels ? bestOf(labels, row) : null;
    const mine = own[id];
    const dead = labels?.alive[row] === 0;
    const text = mine ?? (best?.accepted ? best.text : dead ? "never active" : "unexplained");
    const sharing = named.words[row] >= 0 ? named.sizes[named.words[row]] : 0;
    const sure = labels?.made ? labels.confidence[row * labels.k] : Number.NaN;
    const margin = labels?.made ? labels.margins[row] : Number.NaN;
    const element = h(
      "div",
      {
        class: `sl-row${chosen === 0 ? " sl-primary" : ""}${chosen >= 0 ? " sl-selected" : ""}`,
        role: "row",
        tabindex: position === active ? 0 : -1,
        "aria-rowindex": position + 2,
        "aria-selected": String(chosen >= 0),
        "aria-label": `${id}, ${text}${mine ? ", own label" : ""}`,
        "data-testid": "label-row",
        "data-position": position,
        "data-id": id,
      },
      h("span", { role: "gridcell", class: "sl-id" }, id),
      h(
        "span",
        { role: "gridcell", class: "sl-label-cell" },
        editing === row
          ? drawEditor(row, mine ?? (best?.accepted ? best.text : ""))
          : drawLabel(row, text, mine !== undefined, Boolean(mine ?? best?.accepted)),
      ),
      h(
        "span",
        { role: "gridcell", class: "sl-score sl-col-confidence" },
        Number.isFinite(sure) && h("span", { class: "sl-number" }, `${Math.floor(sure * 100)} %`),
        Number.isFinite(sure) && confidenceBar(sure, best?.accepted === true),
      ),
      h(
        "span",
        { role: "gridcell", class: "sl-number sl-col-margin" },
        Number.isFinite(margin) ? score(margin, 2) : "",
      ),
      h(
        "span",
        { role: "gridcell", class: "sl-number sl-col-shared" },
        sharing > 1 &&
          h(
            "button",
            {
              type: "button",
              class: "sl-word-link",
              tabindex: -1,
              title: `Show the ${plural(sharing, "component")} called ${text}`,
              "data-testid": "shared-by",
              "data-act": "word",
            },
            counted(sharing),
          ),
      ),
      h("span", { role: "gridcell", class: "sl-col-meanings", "data-meanings": row }),
      h("span", { role: "gridcell" }, cropStrip(row)),
    );
    element.style.top = `${grid.topOf(layout(), position)}px`;
    fillMeaningCell(/** @type {HTMLElement} */ (element.querySelector("[data-meanings]")), row);
    return element;
  }

  /** @param {number} row @param {string} text @param {boolean} mine @param {boolean} confident */
  function drawLabel(row, text, mine, confident) {
    const words = wordsOf(row);
    const others = confident && !mine ? words.slice(1) : words;
    const about = mine ? "without it" : confident ? "then" : "closest";
    // Sure to be no chance, and yet far from what the images could show of the word.
    const far =
      !confident && labels?.made && labels.confidence[row * labels.k] >= (labels.level ?? 1)
        ? `, only ${Math.max(0, Math.round(100 * labels.reach[row * labels.k]))} % of the way to its best images`
        : "";
    const meta = `${about}: ${others.join(", ")}${far}`;
    return h(
      "span",
      { class: "sl-label" },
      h(
        "span",
        { class: "sl-label-line" },
        h("span", { class: `sl-ellipsis${confident ? "" : " sl-quiet"}`, title: text }, text),
        mine &&
          h("span", { class: "sl-badge", title: "a label of your own", "data-testid": "own-mark" }, "own"),
        h(
          "button",
          {
            type: "button",
            class: "sl-edit",
            tabindex: -1,
            title: "Edit (Enter)",
            "aria-label": `Edit the label of ${idOf(layers, row)}`,
            "data-testid": "edit-label",
            "data-act": "edit",
          },
          icon("note"),
        ),
      ),
      others.length > 0 && h("span", { class: "sl-meta", title: meta }, meta),
    );
  }

  /** @param {number} row @param {string} text */
  function drawEditor(row, text) {
    const input = h("input", {
      class: "sl-input",
      value: text,
      maxlength: "200",
      "aria-label": `Label of ${idOf(layers, row)}; empty for the computed one`,
      "data-testid": "label-editor",
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        event.stopPropagation();
        if (event.key === "Enter") close(true);
        else if (event.key === "Escape") close(false);
      },
      onblur: () => close(input.value !== text),
      onclick: (/** @type {Event} */ event) => event.stopPropagation(),
    });
    /** @param {boolean} keep */
    function close(keep) {
      if (editing !== row) return;
      editing = null;
      const focused = document.activeElement === input;
      // An accepted word left as it is stays computed.
      if (keep && input.value !== text) rewrite(row, input.value);
      redraw(row);
      if (focused) drawn.get(rows.indexOf(row))?.focus({ preventScroll: true });
    }
    return input;
  }

  /** @param {number} row */
  function redraw(row) {
    const position = rows.indexOf(row);
    const old = drawn.get(position);
    if (!old) return;
    const element = drawRow(position);
    drawn.set(position, element);
    old.replaceWith(element);
    paintStrips();
  }

  /** @param {number} row */
  function edit(row) {
    editing = row;
    redraw(row);
    const input = /** @type {HTMLInputElement | null} */ (body.querySelector('[data-testid="label-editor"]'));
    input?.focus();
    input?.select();
  }

  /** @param {number} sure @param {boolean} accepted */
  function confidenceBar(sure, accepted) {
    const bar = h("span", { class: "sl-bar", "aria-hidden": "true" }, h("i"), h("u"));
    const [fillPart, tick] = /** @type {HTMLElement[]} */ ([...bar.children]);
    fillPart.style.width = `${100 * sure}%`;
    bar.classList.toggle("sl-weak", !accepted);
    tick.style.left = `${100 * (labels?.level ?? 0)}%`;
    return bar;
  }

  /** @param {number} row */
  function cropStrip(row) {
    return h(
      "span",
      { class: "sl-strip", "data-strip": row },
      ...Array.from({ length: EXAMPLES }, (_, rank) =>
        h("i", { class: "sl-crop", "data-row": row, "data-rank": rank }),
      ),
    );
  }

  function paintStrips() {
    for (const strip of /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll("[data-strip]"))) {
      const sheets = strip.dataset.all === undefined ? thumbnails : allExamples;
      const sheet = sheets.get(Number(strip.dataset.strip));
      if (!sheet || strip.dataset.painted === sheet.url) continue;
      strip.dataset.painted = sheet.url;
      for (const crop of /** @type {HTMLElement[]} */ ([...strip.children])) {
        const rank = Number(crop.dataset.rank);
        if (rank < sheet.count) paint(crop, sheet, rank);
        else {
          crop.classList.add("sl-void");
          crop.removeAttribute("data-rank");
        }
      }
    }
  }

  // meanings

  /** @param {number[]} arrived */
  function fillMeanings(arrived) {
    for (const cell of /** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll("[data-meanings]")))
      fillMeaningCell(cell, Number(cell.dataset.meanings));
    if (open !== null && arrived.includes(open)) settle();
  }

  /** @param {HTMLElement} cell @param {number} row */
  function fillMeaningCell(cell, row) {
    const parts = meanings.get(row);
    if (!parts) return fill(cell);
    if (parts.length < 2) return fill(cell, h("span", { class: "sl-quiet" }, parts.length ? "1" : ""));
    const node = button({
      text: String(parts.length),
      icon: open === row ? "up" : "down",
      label: `${parts.length} meanings of ${idOf(layers, row)} (→)`,
      class: "sl-outlined",
      tabindex: -1,
      "aria-expanded": String(open === row),
      "data-testid": "open-meanings",
      "data-act": "meanings",
      onclick: () => {},
    });
    fill(cell, node);
  }

  /** @param {number | null} row */
  function openMeanings(row) {
    open = row;
    settle();
    fillMeanings([]);
    draw();
  }

  /** @param {number} row */
  function drawMeanings(row) {
    const parts = meanings.get(row) ?? [];
    fill(
      meaningsPart,
      h(
        "div",
        { role: "gridcell", "aria-colspan": "7" },
        ...parts.map((part, number) =>
          h(
            "div",
            { class: "sl-meaning", "data-testid": "meaning" },
            h("span", { class: "sl-number sl-quiet" }, String(number + 1)),
            h(
              "span",
              { class: "sl-label" },
              h(
                "span",
                { class: `sl-ellipsis${part.word === null ? " sl-quiet" : ""}`, title: part.closest },
                part.word ?? `unexplained (${part.closest}?)`,
              ),
              h("span", { class: "sl-meta" }, `confidence ${Math.floor(part.confidence * 100)} %`),
            ),
            h("span", { class: "sl-quiet" }, plural(part.examples.length, "example")),
            h(
              "span",
              { class: "sl-strip", "data-strip": row, "data-all": "" },
              ...part.examples
                .slice(0, 12)
                .map((rank) => h("i", { class: "sl-crop", "data-row": row, "data-rank": rank })),
            ),
          ),
        ),
      ),
    );
    paintStrips();
  }

  // choosing

  /** @param {readonly number[]} next */
  function choose(next) {
    if (same(next, selection)) return;
    selection = next;
    mark();
    onSelect([...next]);
  }

  function mark() {
    for (const [position, element] of drawn) {
      const chosen = selection.indexOf(rows[position]);
      element.classList.toggle("sl-primary", chosen === 0);
      element.classList.toggle("sl-selected", chosen >= 0);
      element.setAttribute("aria-selected", String(chosen >= 0));
      element.tabIndex = position === active ? 0 : -1;
    }
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
    const row = rows[position];
    const act = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest("[data-act]")
    )?.dataset.act;
    if (act === "edit") return edit(row);
    if (act === "meanings") return openMeanings(open === row ? null : row);
    if (act === "word") {
      word = named.names[named.words[row]];
      return rearrange();
    }
    active = position;
    choose(event.ctrlKey || event.metaKey ? toggled(selection, row) : [row]);
    mark();
    drawn.get(position)?.focus({ preventScroll: true });
  }

  /** @param {MouseEvent} event */
  function onDoubleClick(event) {
    const position = positionOf(event);
    const cell = /** @type {Element} */ (event.target).closest?.(".sl-label-cell");
    if (position !== null && cell && editing === null) edit(rows[position]);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (positionOf(event) === null || event.altKey || isTyping(event)) return;
    const adds = event.ctrlKey || event.metaKey;
    const row = rows[active];
    const page = Math.max(1, Math.floor((scroller.clientHeight || 448) / ROW) - 1);
    const next =
      adds && event.key.length === 1 && event.key !== " "
        ? null
        : grid.step(event.key, active, rows.length, page);
    if (next !== null) {
      large.close();
      active = next;
      scroller.scrollTop = grid.scrollTo(layout(), next, scroller.scrollTop, scroller.clientHeight || 448);
      draw();
      drawn.get(next)?.focus({ preventScroll: true });
      if (!adds) choose([rows[next]]);
      mark();
    } else if (event.key === " " && adds) choose(toggled(selection, row));
    else if (event.key === "Enter" || event.key === "F2") edit(row);
    else if (event.key === "ArrowRight" && (meanings.get(row)?.length ?? 0) > 1) openMeanings(row);
    else if (event.key === "ArrowLeft" && open === row) openMeanings(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Shows the primary of a selection that was made elsewhere. */
  function reveal() {
    const position = rows.indexOf(selection[0]);
    if (position >= 0 && !table.hidden) {
      active = position;
      scroller.scrollTop = grid.scrollTo(
        layout(),
        position,
        scroller.scrollTop,
        scroller.clientHeight || 448,
      );
      draw();
    }
    mark();
  }

  /** What the table is on paper: as it is usually, or the first rows of what is shown where a person chose them. */
  function figures() {
    const chosen =
      kind !== "all" || find.value.trim() || word !== null || layer !== null || sorting.key !== "row";
    const options = chosen ? { components: rows.slice(0, ON_PAPER).map((row) => idOf(layers, row)) } : {};
    return [{ view: "describe", title: "Table", options }];
  }

  return {
    node,
    undo,
    figures,
    find: () => find.focus(),
    update(changed) {
      filter.update(changed);
      if ("layers" in changed) {
        layers = changed.layers ?? [];
        count = countRows(layers);
      }
      if ("layer" in changed) layer = changed.layer ?? null;
      const moved = "selection" in changed && !same(changed.selection ?? [], selection);
      if (moved) selection = changed.selection ?? [];
      if ("own_labels" in changed) own = changed.own_labels ?? {};
      if (!started && count) {
        started = true;
        labelsWanted.start();
        vocabulariesWanted.start();
        return;
      }
      if (!started) return;
      if ("labels_version" in changed) labelsWanted.start();
      else if ("own_labels" in changed) rename();
      else if ("layer" in changed) rearrange();
      if (moved) reveal();
    },
    destroy() {
      cancelAnimationFrame(scheduled);
      clearTimeout(timer);
      clearTimeout(filterTimer);
      for (const asked of [labelsWanted, vocabulariesWanted, work]) asked.stop();
      resized?.disconnect();
      for (const facts of [thumbnails, allExamples, meanings]) facts.clear();
      large.destroy();
      filter.destroy();
    },
  };
}
