/** The checklist itself: sections, one row per concept, and the editor under the open row. */

import { arrange, button, h, icon } from "../shared/dom.js";
import { plural, signed, z } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { linear } from "../shared/scales.js";
import { signedBar } from "../shared/signed.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { letterOf, moved, ordered, SECTIONS, stepped } from "./concepts.js";
import { editorView } from "./editor.js";
import { CROP, decisionOf, glyph, verdictButtons } from "./glyphs.js";

/** @typedef {import("./source.js").Concept} Concept */
/** @typedef {import("./source.js").Finding} Finding */

/** What ends a press; a drag cancels the pointer. */
const RELEASES = ["pointerup", "pointercancel", "dragend"];
const CROPS = 3;
const CHART = 50;
/** Each column's words, class and title. */
const HEADS = [
  ["Concept", "sl-check-concept"],
  ["Best component", "sl-check-best"],
  ["z against null"],
  ["Share of relevance, %", null, "Share of the class’s relevance, signed; pale: not used"],
  ["Verdict"],
];
const WORDS = {
  found: "found",
  weak: "weak",
  missing: "missing",
  unknown: "cannot be searched",
  unseen: "cannot be seen",
};

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(rows: number[]) => void} options.onSelect
 * @param {(concepts: Concept[]) => void} options.onEdit
 * @param {(kind: import("./source.js").Kind) => void} options.onAdd
 * @param {(subjects: import("./source.js").Subject[], decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 */
export function listView({ source, catalog, onSelect, onEdit, onAdd, onDecide, say, fail }) {
  /** @type {Concept[]} */
  let concepts = [];
  /** @type {Map<string, Finding>} */
  let findings = new Map();
  /** @type {Map<import("./source.js").Subject, import("./source.js").Verdict>} */
  let verdicts = new Map();
  /** @type {import("./source.js").Report | null} */
  let report = null;
  /** @type {string[]} */
  let classes = [];
  /** @type {string | null} the row that takes the focus, and is the one looked at */
  let active = null;
  /** @type {string | null} whose editor is open */
  let open = null;
  /** @type {readonly number[]} */
  let selection = [];
  /** @type {string | null} */
  let dragged = null;
  /** Whether a row is pressed: one that is replaced then can be neither clicked nor dragged. */
  let pressed = false;
  /** Drawn rows and what is drawn in them: a row is left alone as long as that is the same. @type {Map<string, {drawn: string, node: HTMLElement}>} */
  let rows = new Map();

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
    onChange: (name, change) => {
      if (change.name !== undefined && change.name !== name) {
        // The kernel would refuse it, but by then the editor would show the other one.
        if (named(change.name)) return fail(Error("another concept has this name"));
        const { prompts } = /** @type {Concept} */ (named(name));
        // A concept that is searched by its name alone still is after it was renamed.
        if (prompts.length === 1 && prompts[0] === name) change.prompts = [change.name];
        if (active === name) active = change.name;
        if (open === name) open = change.name;
      }
      onEdit(concepts.map((concept) => (concept.name === name ? { ...concept, ...change } : concept)));
    },
    onMove: (name, by) => step(name, by),
    onRemove: remove,
    onClose: () => toggle(null),
  });
  const body = h("div", { class: "sl-check-rows", role: "rowgroup" });
  const node = h(
    "div",
    {
      class: "sl-check",
      role: "grid",
      "aria-label": "Checklist",
      "aria-colcount": "6",
      "data-testid": "checklist",
      onclick: onClick,
      ondblclick: onDoubleClick,
      onkeydown: onKey,
      onpointerdown: onPress,
      ondragstart: onDragStart,
      ondragover: onDragOver,
      ondragleave: () => unmark(),
      ondrop: onDrop,
      ondragend: () => {
        dragged = null;
        unmark();
        draw();
      },
    },
    h(
      "div",
      { role: "rowgroup", class: "sl-check-head" },
      h(
        "div",
        { class: "sl-check-row", role: "row" },
        ...HEADS.map(([text, name = null, title = null]) =>
          h("span", { role: "columnheader", class: name, title }, text),
        ),
        h("span", { role: "columnheader" }, h("span", { class: "sl-unseen" }, "Note")),
      ),
    ),
    body,
  );

  const named = (/** @type {string | null} */ name) => concepts.find((concept) => concept.name === name);

  function draw() {
    if (dragged !== null || pressed) return; // a row that is replaced ends the drag
    const hadFocus = focused();
    const fresh = new Map();
    /** @type {HTMLElement[]} */
    const nodes = [];
    const scale = zScale();
    const best = new Set();
    if (active === null || !named(active)) active = concepts[0]?.name ?? null;
    for (const { kind, title } of SECTIONS) {
      const section = concepts.filter((concept) => concept.kind === kind);
      const letters = [...new Set(section.map(({ group }) => letterOf(group)).filter(Boolean))].join("");
      keep(`section ${kind}`, JSON.stringify([section.length, letters]), () =>
        drawSection(kind, title, section.length, letters),
      );
      let letter = "";
      for (const [i, concept] of section.entries()) {
        const own = letterOf(concept.group);
        const finding = findings.get(concept.name);
        if (finding?.best !== null && finding?.best !== undefined) best.add(finding.best);
        const first = i > 0 && concept.group !== section[i - 1].group && (own || letter) ? "sl-ruled" : "";
        const facts = {
          concept,
          letter: own === letter ? "" : own,
          ruled: first,
          finding: finding ?? null,
          id: finding?.best === null || finding === undefined ? "" : (catalog.get(finding.best)?.id ?? ""),
          verdict: verdicts.get(subjectOf(concept.name)) ?? null,
          weighted: report?.weighted ?? false,
          level: report?.z ?? 0,
          most: mostRelevance(),
        };
        letter = own;
        const row = keep(`row ${concept.name}`, JSON.stringify(facts), () => drawRow(facts, scale));
        const primary = isPrimary(concept);
        row.classList.toggle("sl-primary", primary);
        row.setAttribute("aria-selected", String(primary));
        row.querySelector(".sl-note")?.setAttribute("aria-expanded", String(concept.name === open));
        // Tab leads to the active row and what can be done in it, not through those of all.
        for (const stop of [row, .../** @type {HTMLElement[]} */ ([...row.querySelectorAll("button")])])
          stop.tabIndex = concept.name === active ? 0 : -1;
        const said = facts.verdict?.conflict ?? [];
        if (said.length) keep(`conflict ${concept.name}`, JSON.stringify(said), () => drawConflict(said));
        if (concept.name === open) nodes.push(editor.node);
      }
    }
    const opened = named(open);
    if (opened)
      editor.update({
        concept: opened,
        finding: findings.get(opened.name) ?? null,
        verdicts,
        classes,
        weighted: report?.weighted ?? false,
        relevanceOf,
      });
    rows = fresh;
    arrange(body, nodes);
    catalog.want([...best]);
    thumbnails.want(best);
    paintAll();
    if (hadFocus) refocus(hadFocus);

    /** @param {string} key @param {string} drawn what the node shows @param {() => HTMLElement} make */
    function keep(key, drawn, make) {
      const old = rows.get(key);
      const entry = old?.drawn === drawn ? old : { drawn, node: make() };
      fresh.set(key, entry);
      nodes.push(entry.node);
      return entry.node;
    }
  }

  /** Whether the primary component is one of a concept's. @param {Concept} concept */
  function isPrimary(concept) {
    const finding = findings.get(concept.name);
    return Boolean(
      finding &&
        selection.length &&
        (finding.best === selection[0] || finding.rows.includes(selection[0])) &&
        concept.name === active,
    );
  }

  function zScale() {
    let high = Math.max(6, (report?.z ?? 0) * 1.5);
    for (const { z: value } of findings.values())
      if (value !== null && Number.isFinite(value)) high = Math.max(high, value);
    return linear([0, high * 1.06], [0, CHART]);
  }

  const relevanceOf = (/** @type {number} */ row) =>
    report?.points.relevance[report.points.at.get(row) ?? -1] ?? Number.NaN;

  const mostRelevance = () =>
    Math.max(1, ...[...findings.values()].map(({ relevance }) => Math.abs(relevance ?? 0)));

  /** @param {import("./source.js").Kind} kind @param {string} title @param {number} size @param {string} letters */
  function drawSection(kind, title, size, letters) {
    return h(
      "div",
      { class: "sl-check-section", role: "row", "data-kind": kind, "data-testid": `section-${kind}` },
      h(
        "span",
        { role: "gridcell", "aria-colspan": "6" },
        glyph(kind),
        h("b", {}, title),
        h(
          "span",
          { class: "sl-quiet sl-small-text" },
          [letters, plural(size, "concept")].filter(Boolean).join(", "),
        ),
        h("span", { class: "sl-spring" }),
        button({
          label: `Add a concept to “${title}”`,
          icon: icons.plus,
          class: "sl-square sl-small",
          "data-testid": `add-${kind}`,
          onclick: () => onAdd(kind),
        }),
      ),
    );
  }

  /** @param {any} facts @param {(value: number) => number} scale */
  function drawRow({ concept, letter, ruled, finding, id, verdict, weighted, level, most }, scale) {
    const { name } = concept;
    const shown = finding && (finding.state === "found" || finding.state === "weak");
    const words = [
      name,
      titleText(concept),
      finding
        ? shown
          ? `${finding.state}, best ${id}, z ${z(finding.z)}${finding.refuted ? ", refuted by sampled images" : ""}, ${finding.use}`
          : finding.message
        : "being looked for",
      verdict?.decision && `verdict ${verdict.decision}`,
      verdict?.conflict?.length && "people disagree",
      concept.note && "has a note",
    ];
    const row = h(
      "div",
      {
        class: `sl-check-row sl-check-item ${ruled}`,
        role: "row",
        draggable: "true",
        "aria-label": words
          .filter(Boolean)
          .map((word) => String(word).slice(0, 200))
          .join(", "),
        "data-name": name,
        "data-focus": "row",
        "data-state": finding?.state ?? "asked",
        "data-testid": "concept-row",
      },
      h(
        "span",
        { role: "gridcell", class: "sl-check-name" },
        h("span", { class: "sl-letter" }, letter),
        finding
          ? glyph(finding.state, { label: WORDS[/** @type {keyof typeof WORDS} */ (finding.state)] })
          : h("span", { class: "sl-glyph" }),
        h(
          "span",
          {
            class: "sl-ellipsis",
            title: name.length > 12 ? name.slice(0, 300) : null,
            "data-testid": "concept-name",
          },
          name,
        ),
      ),
      ...(shown
        ? drawEvidence(finding, id, weighted, level, most, scale)
        : [
            h(
              "span",
              {
                role: "gridcell",
                "aria-colspan": "3",
                class: "sl-check-words sl-quiet sl-ellipsis",
                title: finding?.message,
                "data-testid": "concept-message",
              },
              finding?.message ?? "looking for it…",
            ),
          ]),
      h(
        "span",
        { role: "gridcell" },
        verdictButtons({
          value: verdict?.decision ?? null,
          of: name.slice(0, 80),
          onDecide: (decision) => decide(name, decision),
        }),
      ),
      h(
        "span",
        { role: "gridcell" },
        h(
          "button",
          {
            type: "button",
            class: `sl-note${concept.note || verdict?.note ? " sl-noted" : ""}`,
            title: (concept.note || verdict?.note || "Add a note, edit prompts").slice(0, 500),
            "aria-label": `Note and prompts of ${name.slice(0, 80)}`,
            "data-focus": "note",
            "data-testid": "note-button",
            onclick: (/** @type {Event} */ event) => {
              event.stopPropagation();
              toggle(open === name ? null : name, "note");
            },
          },
          icon(icons.note),
        ),
      ),
    );
    return row;
  }

  /** A line under a row where people disagree. @param {import("./source.js").Said[]} said the latest first */
  function drawConflict(said) {
    const voices = said.map(({ decision, label, who, when }) => {
      const what = [decision ?? "no verdict", label && `“${label.slice(0, 80)}”`].filter(Boolean).join(" ");
      return [what, (who || "somebody").slice(0, 60), when.slice(0, 16).replace("T", " ")];
    });
    return h(
      "div",
      { class: "sl-check-conflict", role: "row", "data-testid": "conflict" },
      h(
        "span",
        { role: "gridcell", "aria-colspan": "6" },
        h("b", {}, "People disagree"),
        ...voices.map(([what, who, when], i) =>
          h(
            "span",
            { title: `${when} UTC`, class: i ? "sl-quiet" : null },
            h("bdi", {}, what),
            " ",
            h("span", { class: "sl-quiet" }, h("bdi", {}, who), `, ${when}`),
          ),
        ),
        h("span", { class: "sl-quiet" }, "The latest counts."),
      ),
    );
  }

  /** @param {Finding} finding @param {string} id @param {boolean} weighted @param {number} level @param {number} most @param {(value: number) => number} scale */
  function drawEvidence(finding, id, weighted, level, most, scale) {
    const chart = h("span", { class: "sl-z-chart", "aria-hidden": "true" }, h("i"), h("u"));
    const [band, dot] = /** @type {HTMLElement[]} */ ([...chart.children]);
    band.style.width = `${scale(Math.max(0, level)).toFixed(1)}px`;
    dot.style.left = `${scale(Math.max(0, finding.z ?? 0)).toFixed(1)}px`;
    const share = finding.relevance;
    return [
      h(
        "span",
        { role: "gridcell", class: "sl-check-best" },
        h("span", { class: "sl-id", title: finding.message }, id || "…"),
        finding.best !== null && cropStrip(finding.best, CROPS),
      ),
      h(
        "span",
        { role: "gridcell", class: "sl-check-z" },
        chart,
        h(
          "span",
          {
            class: `sl-number${finding.refuted ? " sl-refuted" : ""}`,
            title: finding.refuted ? "refuted: sampled images speak against this component" : "",
          },
          finding.z === null ? "" : z(finding.z),
        ),
      ),
      h(
        "span",
        {
          role: "gridcell",
          class: `sl-check-relevance${finding.use && !finding.used ? " sl-unused" : ""}`,
          title: finding.use || null,
        },
        weighted ? signedBar(share ?? 0, most) : h("span"),
        h("span", { class: "sl-number", "data-testid": "relevance" }, weighted ? signed(share) : "–"),
      ),
    ];
  }

  /** @param {Concept} concept */
  const titleText = (concept) => SECTIONS.find(({ kind }) => kind === concept.kind)?.title ?? "";

  function paintAll() {
    for (const { node: row } of rows.values())
      if (row.classList.contains("sl-check-item")) paintStrips(row, thumbnails.get);
  }

  /** Which control of which row has the focus. */
  function focused() {
    const at = document.activeElement;
    const row = /** @type {HTMLElement | null} */ (at?.closest?.("[data-name]") ?? null);
    if (!at || !row || !body.contains(row)) return null;
    const decision = /** @type {HTMLElement} */ (at).dataset.decision;
    return {
      name: row.dataset.name,
      what: decision ? `[data-decision="${decision}"]` : at === row ? null : '[data-focus="note"]',
    };
  }

  /** @param {{name: string | undefined, what: string | null}} place */
  function refocus({ name, what }) {
    const row = rowOf(name ?? "") ?? rowOf(active ?? "");
    const target = /** @type {HTMLElement | null | undefined} */ (what ? row?.querySelector(what) : row);
    if (target && target !== document.activeElement) target.focus({ preventScroll: true });
  }

  /** @param {string} name @returns {HTMLElement | undefined} */
  const rowOf = (name) => rows.get(`row ${name}`)?.node;

  /** @param {string | null} name @param {"name" | "note" | "prompt"} [at] where the focus goes */
  function toggle(name, at = "name") {
    const closing = open;
    open = name;
    if (name) active = name;
    draw();
    if (name) {
      editor.node.scrollIntoView?.({ block: "nearest" });
      editor.focus(at);
    } else if (closing) rowOf(closing)?.focus({ preventScroll: true });
  }

  /** Makes a concept the one looked at; its best component becomes the selection. @param {string} name @param {{focus?: boolean}} [options] */
  function activate(name, { focus = true } = {}) {
    active = name;
    const best = findings.get(name)?.best;
    if (best !== null && best !== undefined) {
      if (selection.length !== 1 || selection[0] !== best) onSelect([best]);
    }
    draw();
    const row = rowOf(name);
    row?.scrollIntoView?.({ block: "nearest" });
    if (focus) row?.focus({ preventScroll: true });
  }

  /**
   * What a row's verdict is about: the component that shows the concept best, or the concept itself where none does.
   * @param {string} name @returns {import("./source.js").Subject}
   */
  function subjectOf(name) {
    const finding = findings.get(name);
    const shown = finding?.state === "found" || finding?.state === "weak";
    if (!shown || finding.best === null || (!verdicts.has(finding.best) && verdicts.has(`@${name}`)))
      return `@${name}`;
    return finding.best;
  }

  /** @param {string} name @param {import("./source.js").Decision | null} decision */
  function decide(name, decision) {
    active = name;
    onDecide([subjectOf(name)], decision);
  }

  /** The next row without a verdict becomes the active one. @param {string} name */
  function advance(name) {
    const at = concepts.findIndex((concept) => concept.name === name);
    const after = [...concepts.slice(at + 1), ...concepts.slice(0, at)];
    const next = after.find((concept) => !verdicts.get(subjectOf(concept.name))?.decision);
    if (next) activate(next.name);
  }

  /** @param {string} name @param {1 | -1} by */
  function step(name, by) {
    onEdit(stepped(concepts, name, by));
    const concept = named(name);
    say(`${name.slice(0, 80)}: ${concept ? titleText(concept) : ""}`);
    rowOf(name)?.scrollIntoView?.({ block: "nearest" });
  }

  /** @param {string} name */
  function remove(name) {
    const listed = ordered(concepts);
    const at = listed.findIndex((concept) => concept.name === name);
    const hadFocus = node.contains(document.activeElement);
    if (open === name) open = null;
    active = (listed[at + 1] ?? listed[at - 1])?.name ?? null;
    onEdit(listed.filter((concept) => concept.name !== name));
    if (hadFocus) rowOf(active ?? "")?.focus({ preventScroll: true });
    say(`${name.slice(0, 80)} removed; u takes it back`);
  }

  /** @param {Event} event @returns {string | null} */
  function nameAt(event) {
    const row = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-name]")
    );
    return row?.dataset.name ?? null;
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const name = nameAt(event);
    if (name !== null) activate(name);
  }

  /** @param {MouseEvent} event */
  function onDoubleClick(event) {
    const name = nameAt(event);
    if (name !== null && !(/** @type {Element} */ (event.target).closest("button")))
      toggle(open === name ? null : name);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const name = nameAt(event);
    if (name === null) return;
    const listed = ordered(concepts);
    const at = listed.findIndex((concept) => concept.name === name);
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };
    const by = steps[/** @type {keyof typeof steps} */ (event.key)];
    const decision = decisionOf(event);
    const onRow = event.target === rowOf(name);
    if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp"))
      step(name, event.key === "ArrowDown" ? 1 : -1);
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (by) activate(listed[Math.min(listed.length - 1, Math.max(0, at + by))].name);
    else if (event.key === "Home") activate(listed[0].name);
    else if (event.key === "End") activate(listed[listed.length - 1].name);
    else if (decision) {
      decide(name, decision);
      advance(name);
    } else if (event.key === "Enter" && onRow) toggle(open === name ? null : name);
    else if (event.key === "Delete" && onRow) remove(name);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {DragEvent} event */
  function onDragStart(event) {
    dragged = nameAt(event);
    event.dataTransfer?.setData("text/plain", dragged ?? "");
    if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
  }

  /** @param {PointerEvent} event */
  function onPress(event) {
    if (
      event.button !== 0 ||
      nameAt(event) === null ||
      editor.node.contains(/** @type {Node} */ (event.target))
    )
      return;
    pressed = true;
    const release = () => {
      for (const kind of RELEASES) document.removeEventListener(kind, release, true);
      pressed = false;
      setTimeout(draw); // after the click that this may become
    };
    for (const kind of RELEASES) document.addEventListener(kind, release, true);
  }

  /** Where a drop would put the dragged concept. @param {DragEvent} event */
  function landing(event) {
    const target = /** @type {Element} */ (event.target);
    const section = /** @type {HTMLElement | null} */ (target.closest(".sl-check-section"));
    if (section) {
      const kind = /** @type {import("./source.js").Kind} */ (section.dataset.kind);
      return {
        row: section,
        kind,
        below: true,
        before: concepts.find((concept) => concept.kind === kind && concept.name !== dragged)?.name ?? null,
      };
    }
    const row = /** @type {HTMLElement | null} */ (target.closest("[data-name]"));
    const over = named(row?.dataset.name ?? null);
    if (!row || !over) return null;
    const box = row.getBoundingClientRect();
    const below = event.clientY > box.top + box.height / 2;
    const peers = concepts.filter((concept) => concept.kind === over.kind && concept.name !== dragged);
    const at = peers.indexOf(over);
    const before = over.name === dragged ? over.name : below ? (peers[at + 1]?.name ?? null) : over.name;
    return { row, kind: over.kind, below, before };
  }

  function unmark() {
    for (const row of body.querySelectorAll(".sl-drop-above, .sl-drop-below"))
      row.classList.remove("sl-drop-above", "sl-drop-below");
  }

  /** @param {DragEvent} event */
  function onDragOver(event) {
    const place = dragged === null ? null : landing(event);
    unmark();
    if (!place) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "move";
    place.row.classList.add(place.below ? "sl-drop-below" : "sl-drop-above");
  }

  /** @param {DragEvent} event */
  function onDrop(event) {
    const place = dragged === null ? null : landing(event);
    unmark();
    if (!place || dragged === null) return;
    event.preventDefault();
    const name = dragged;
    dragged = null;
    if (place.before === name) return;
    active = name;
    onEdit(moved(concepts, name, place.kind, place.before));
  }

  return {
    node,
    editor,
    /** @param {string} name */
    openEditor: (name) => toggle(name),
    /** How many concepts have a verdict. */
    reviewed: () => concepts.filter(({ name }) => verdicts.get(subjectOf(name))?.decision).length,
    /** @param {{concepts?: Concept[], report?: import("./source.js").Report | null, verdicts?: Map<import("./source.js").Subject, import("./source.js").Verdict>, selection?: readonly number[], classes?: string[]}} changed */
    update(changed) {
      if (changed.concepts) concepts = ordered(changed.concepts);
      if ("report" in changed) {
        report = changed.report ?? null;
        findings = new Map(Object.entries(report?.findings ?? {}));
      }
      if (changed.verdicts) verdicts = changed.verdicts;
      if (changed.classes) classes = changed.classes;
      if (open !== null && !named(open)) open = null;
      if (changed.selection && changed.selection !== selection) {
        const moved = changed.selection[0] !== selection[0];
        selection = changed.selection;
        if (moved) follow();
      }
      draw();
    },
    destroy() {
      stopListening();
      thumbnails.clear();
      editor.destroy();
    },
  };

  /** The concept of a component that was chosen elsewhere becomes the active one. */
  function follow() {
    const row = selection[0];
    if (row === undefined) return;
    const holds = (/** @type {Concept} */ { name }) =>
      findings.get(name)?.best === row || findings.get(name)?.rows.includes(row);
    const now = named(active);
    if (now && holds(now)) return;
    const found = concepts.find(({ name }) => findings.get(name)?.best === row) ?? concepts.find(holds);
    if (!found) return;
    active = found.name;
    queueMicrotask(() => rowOf(found.name)?.scrollIntoView?.({ block: "nearest" }));
  }
}
