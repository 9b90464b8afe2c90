/** The checklist itself: sections, one row per concept, and the editor under the open row. */

import { html } from "../shared/dom.js";
import { linear } from "../shared/scales.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { paintStrips } from "../shared/strips.js";
import {
  letterOf,
  moved,
  ordered,
  renamed,
  replaced,
  SECTIONS,
  stepped,
  titleOf,
  without,
} from "./concepts.js";
import { drawnRows } from "./drawn_rows.js";
import { editorView } from "./editor.js";
import { CROP } from "./glyphs.js";
import { dragRows, listHands } from "./hands.js";
import { CHART, CROPS, conceptRow, conflictRow, headRow, isShown, markRow, sectionRow } from "./row.js";

/** @typedef {import("./source.js").Concept} Concept */
/** @typedef {import("./source.js").Finding} Finding */
/** @typedef {import("./source.js").Subject} Subject */
/** @typedef {import("./source.js").Verdict} Verdict */
/** @typedef {import("./source.js").Report} Report */

/**
 * What the list shows.
 * @typedef {object} Listed
 * @property {Concept[]} concepts in the order of the list @property {Map<string, Finding>} findings
 * @property {Map<Subject, Verdict>} verdicts @property {Report | null} report @property {string[]} classes
 * @property {boolean} [blind] whether two readers decide about the concepts
 */

/**
 * What a row's verdict is about: the component that shows the concept best, or the concept itself where none does.
 * Readers decide about concepts: two of these may have the same best component.
 * @param {Listed} listed @param {string} name @returns {Subject}
 */
function subjectOf({ findings, verdicts, blind }, name) {
  const finding = findings.get(name);
  const own = `@${name}`;
  if (blind || !finding || !isShown(finding) || finding.best === null) return own;
  return !verdicts.has(finding.best) && verdicts.has(own) ? own : finding.best;
}

/** Whether a component is one of a concept's. @param {Listed} listed @param {string} name @param {number} row */
const holds = ({ findings }, name, row) =>
  findings.get(name)?.best === row || findings.get(name)?.rows.includes(row) === true;

/** The concept of a component, before others one that it is the best of. @param {Listed} listed @param {number} row */
const conceptOf = (listed, row) =>
  listed.concepts.find(({ name }) => listed.findings.get(name)?.best === row) ??
  listed.concepts.find(({ name }) => holds(listed, name, row));

/** @param {Listed} listed @param {string} name */
const isDecided = (listed, name) => Boolean(listed.verdicts.get(subjectOf(listed, name))?.decision);

/** The first without a verdict after a concept, or from the top on. @param {Listed} listed @param {string} name */
function undecidedAfter(listed, name) {
  const { concepts } = listed;
  const at = concepts.findIndex((concept) => concept.name === name);
  const after = [...concepts.slice(at + 1), ...concepts.slice(0, at)];
  return after.find((concept) => !isDecided(listed, concept.name));
}

/** From z to px of the chart, as far as the greatest goes. @param {Listed} listed */
function zScale({ findings, report }) {
  let high = Math.max(6, (report?.z ?? 0) * 1.5);
  for (const { z } of findings.values()) if (z !== null && Number.isFinite(z)) high = Math.max(high, z);
  return linear([0, high * 1.06], [0, CHART]);
}

/**
 * What the rows of a section say. @param {Listed} listed @param {Concept[]} section
 * @param {(row: number) => string} idOf a component @returns {import("./row.js").Facts[]}
 */
function factsOf(listed, section, idOf) {
  const { findings, verdicts, report } = listed;
  const most = Math.max(1, ...[...findings.values()].map(({ relevance }) => Math.abs(relevance ?? 0)));
  return section.map((concept, i) => {
    const before = section[i - 1];
    const [letter, above] = [letterOf(concept.group), letterOf(before?.group ?? "")];
    const finding = findings.get(concept.name) ?? null;
    return {
      concept,
      letter: letter === above ? "" : letter,
      ruled: i > 0 && concept.group !== before.group && Boolean(letter || above),
      finding,
      id: finding?.best === null || !finding ? "" : idOf(finding.best),
      verdict: verdicts.get(subjectOf(listed, concept.name)) ?? null,
      weighted: report?.weighted ?? false,
      level: report?.z ?? 0,
      most,
    };
  });
}

/**
 * @param {Listed} listed
 * @param {{active: string | null, open: string | null, primary: number | undefined}} at where one looks
 * @param {Parameters<Parameters<ReturnType<typeof drawnRows>["draw"]>[0]>[0]} keep @param {(node: HTMLElement) => void} put
 * @param {{editor: HTMLElement, idOf: (row: number) => string, onAdd: (kind: import("./source.js").Kind) => void,
 *   onDecide: (name: string, decision: import("./source.js").Decision | null) => void, onNote: (name: string) => void}} parts
 */
function drawSections(
  listed,
  { active, open, primary },
  keep,
  put,
  { editor, idOf, onAdd, onDecide, onNote },
) {
  const scale = zScale(listed);
  for (const { kind } of SECTIONS) {
    const section = listed.concepts.filter((concept) => concept.kind === kind);
    const letters = [...new Set(section.map(({ group }) => letterOf(group)))].join("");
    const [size, add] = [section.length, () => onAdd(kind)];
    keep(`section ${kind}`, [size, letters], () => sectionRow(kind, size, letters, add));
    for (const facts of factsOf(listed, section, idOf)) {
      const { name } = facts.concept;
      const does = { onDecide: onDecide.bind(null, name), onNote: () => onNote(name) };
      const row = keep(`row ${name}`, facts, () => conceptRow(facts, scale, does));
      const is = { active: name === active, open: name === open };
      markRow(row, { ...is, primary: is.active && primary !== undefined && holds(listed, name, primary) });
      const judgements = facts.verdict?.conflict ?? [];
      if (judgements.length) keep(`conflict ${name}`, judgements, () => conflictRow(judgements));
      if (is.open) put(editor);
    }
  }
}

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(rows: number[]) => void} options.onSelect
 * @param {(concepts: Concept[]) => void} options.onEdit
 * @param {(kind: import("./source.js").Kind) => void} options.onAdd
 * @param {(subjects: Subject[], decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 */
export function listView({ source, catalog, onSelect, onEdit, onAdd, onDecide, announce, fail }) {
  /** @type {Listed} */
  let listed = { concepts: [], findings: new Map(), verdicts: new Map(), report: null, classes: [] };
  /** @type {string | null} the row that takes the focus, and is the one looked at */
  let active = null;
  /** @type {string | null} whose editor is open */
  let open = null;
  /** @type {readonly number[]} */
  let selection = [];

  const thumbnails = sprites({
    source,
    examples: CROPS,
    size: imagePixels(CROP),
    onArrive: paintAll,
    onError: fail,
  });
  const stopListening = catalog.onArrive(draw);
  const editor = editorView({
    source,
    catalog,
    fail,
    onSelect,
    onDecide,
    onChange: change,
    onMove: step,
    onRemove: remove,
    onClose: () => toggle(null),
  });
  const body = html`<div class="sl-check-rows" role="rowgroup" />`;
  const node = html`<div class="sl-check" role="grid" aria-label="Checklist" aria-colcount="6"
    data-testid="checklist">${headRow()}${body}</div>`;
  const rows = drawnRows(body);
  const drag = dragRows({
    area: node,
    editor: editor.node,
    concepts: () => listed.concepts,
    onRelease: draw,
    onMove(name, kind, before) {
      active = name;
      onEdit(moved(listed.concepts, name, kind, before));
    },
  });

  listHands({
    area: node,
    rowOf: rows.of,
    concepts: () => listed.concepts,
    does: {
      activate,
      edit: (name) => toggle(open === name ? null : name),
      step,
      remove,
      decide: decideNext,
    },
  });

  const named = (/** @type {string | null} */ name) =>
    listed.concepts.find((concept) => concept.name === name);

  function draw() {
    if (drag.busy()) return;
    if (!named(active)) active = listed.concepts[0]?.name ?? null;
    rows.draw(
      (keep, put) => {
        const at = { active, open, primary: selection[0] };
        drawSections(listed, at, keep, put, {
          editor: editor.node,
          idOf: (row) => catalog.get(row)?.id ?? "",
          onAdd,
          onDecide: decide,
          onNote: (name) => toggle(open === name ? null : name, "note"),
        });
        drawEditor();
      },
      () => active,
    );
    const best = [...listed.findings.values()].flatMap((finding) => finding.best ?? []);
    catalog.want(best);
    thumbnails.want(best);
    paintAll();
  }

  function drawEditor() {
    const concept = named(open);
    if (!concept) return;
    const { findings, verdicts, classes, report } = listed;
    editor.update({ concept, finding: findings.get(concept.name) ?? null, verdicts, classes, report });
  }

  function paintAll() {
    rows.each((row) => {
      if (row.classList.contains("sl-check-item")) paintStrips(row, thumbnails.get);
    });
  }

  /** What somebody wrote in the editor. @param {string} name @param {Partial<Concept>} values */
  function change(name, values) {
    const { name: next = name } = values;
    // The kernel would refuse it, but by then the editor would show the other one.
    if (next !== name && named(next)) return fail(Error("another concept has this name"));
    const concept = /** @type {Concept} */ (named(name));
    if (active === name) active = next;
    if (open === name) open = next;
    onEdit(replaced(listed.concepts, name, renamed(concept, values)));
  }

  /** @param {string | null} name @param {"name" | "note" | "prompt"} [at] where the focus goes */
  function toggle(name, at = "name") {
    const closing = open;
    open = name;
    if (name) active = name;
    draw();
    if (name) {
      editor.node.scrollIntoView?.({ block: "nearest" });
      editor.focus(at);
    } else if (closing) rows.of(closing)?.focus({ preventScroll: true });
  }

  /** Makes a concept the one looked at; its best component becomes the selection. @param {string} name */
  function activate(name) {
    active = name;
    const best = listed.findings.get(name)?.best ?? null;
    if (best !== null && (selection.length !== 1 || selection[0] !== best)) onSelect([best]);
    draw();
    rows.of(name)?.scrollIntoView?.({ block: "nearest" });
    rows.of(name)?.focus({ preventScroll: true });
  }

  /** @param {string} name @param {import("./source.js").Decision | null} decision */
  function decide(name, decision) {
    active = name;
    onDecide([subjectOf(listed, name)], decision);
  }

  /** @param {string} name @param {import("./source.js").Decision} decision by a key: the next row without a verdict becomes the active one */
  function decideNext(name, decision) {
    decide(name, decision);
    const next = undecidedAfter(listed, name);
    if (next) activate(next.name);
  }

  /** @param {string} name @param {1 | -1} by */
  function step(name, by) {
    onEdit(stepped(listed.concepts, name, by));
    const concept = named(name);
    announce(`${name.slice(0, 80)}: ${concept ? titleOf(concept.kind) : ""}`);
    rows.of(name)?.scrollIntoView?.({ block: "nearest" });
  }

  /** @param {string} name */
  function remove(name) {
    const { concepts } = listed;
    const at = concepts.findIndex((concept) => concept.name === name);
    const hadFocus = node.contains(document.activeElement);
    if (open === name) open = null;
    active = (concepts[at + 1] ?? concepts[at - 1])?.name ?? null;
    onEdit(without(concepts, name));
    if (hadFocus) rows.of(active ?? "")?.focus({ preventScroll: true });
    announce(`${name.slice(0, 80)} removed; u takes it back`);
  }

  /** The concept of a component that was chosen elsewhere becomes the active one. @param {number | undefined} row */
  function follow(row) {
    if (row === undefined || (named(active) && holds(listed, /** @type {string} */ (active), row))) return;
    const found = conceptOf(listed, row);
    if (!found) return;
    active = found.name;
    queueMicrotask(() => rows.of(found.name)?.scrollIntoView?.({ block: "nearest" }));
  }

  return {
    node,
    editor,
    /** @param {string} name */
    openEditor: (name) => toggle(name),
    /** How many concepts have a verdict. */
    reviewed: () => listed.concepts.filter(({ name }) => isDecided(listed, name)).length,
    /** @param {Partial<Omit<Listed, "findings">> & {selection?: readonly number[]}} changed */
    update({ selection: chosen, ...changed }) {
      listed = { ...listed, ...changed };
      if (changed.concepts) listed.concepts = ordered(changed.concepts);
      if ("report" in changed) listed.findings = new Map(Object.entries(changed.report?.findings ?? {}));
      if (!named(open)) open = null;
      const before = selection;
      if (chosen) selection = chosen;
      if (before[0] !== selection[0]) follow(selection[0]);
      draw();
    },
    destroy() {
      stopListening();
      thumbnails.clear();
      editor.destroy();
    },
  };
}
