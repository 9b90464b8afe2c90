/** Hands and keys on the rows of the checklist: pressed, dragged to another place, stepped through. */

import { used } from "../shared/keyboard.js";
import { decisionOf } from "./glyphs.js";

const STEPS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };
/** What ends a press; a drag cancels the pointer. */
const RELEASES = ["pointerup", "pointercancel", "dragend"];

/** @typedef {import("./source.js").Concept} Concept */
/** @typedef {import("./source.js").Kind} Kind */

/** The concept that an event is on. @param {Event} event @returns {string | null} */
export function nameAt({ target }) {
  const row = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest?.("[data-name]"));
  return row?.dataset.name ?? null;
}

/**
 * @param {object} options
 * @param {HTMLElement} options.area @param {HTMLElement} options.editor in it, whose presses are its own
 * @param {() => readonly Concept[]} options.concepts as listed
 * @param {(name: string, kind: Kind, before: string | null) => void} options.onMove a concept goes before another of a kind, or last in it
 * @param {() => void} options.onRelease rows may be replaced again
 */
export function dragRows({ area, editor, concepts, onMove, onRelease }) {
  /** @type {string | null} */
  let dragged = null;
  /** Whether a row is pressed: one that is replaced then can be neither clicked nor dragged. */
  let pressed = false;

  /** Where a drop would put the dragged concept. @param {DragEvent} event */
  function landing(event) {
    const target = /** @type {Element} */ (event.target);
    const others = (/** @type {Kind} */ kind) =>
      concepts().filter((concept) => concept.kind === kind && concept.name !== dragged);
    const section = /** @type {HTMLElement | null} */ (target.closest(".sl-check-section"));
    if (section) {
      const kind = /** @type {Kind} */ (section.dataset.kind);
      return { row: section, kind, below: true, before: others(kind)[0]?.name ?? null };
    }
    const row = /** @type {HTMLElement | null} */ (target.closest("[data-name]"));
    const over = concepts().find(({ name }) => name === row?.dataset.name);
    if (!row || !over) return null;
    const box = row.getBoundingClientRect();
    const below = event.clientY > box.top + box.height / 2;
    const peers = others(over.kind);
    const next = below && over.name !== dragged ? peers[peers.indexOf(over) + 1] : over;
    return { row, kind: over.kind, below, before: next?.name ?? null };
  }

  /** Shows where a drop would land. @param {ReturnType<typeof landing>} place */
  function mark(place) {
    for (const row of area.querySelectorAll(".sl-drop-above, .sl-drop-below"))
      row.classList.remove("sl-drop-above", "sl-drop-below");
    place?.row.classList.add(place.below ? "sl-drop-below" : "sl-drop-above");
  }

  /** @param {PointerEvent} event */
  function onPress(event) {
    if (event.button !== 0 || nameAt(event) === null) return;
    if (editor.contains(/** @type {Node} */ (event.target))) return;
    pressed = true;
    const release = () => {
      for (const kind of RELEASES) document.removeEventListener(kind, release, true);
      pressed = false;
      setTimeout(onRelease); // after the click that this may become
    };
    for (const kind of RELEASES) document.addEventListener(kind, release, true);
  }

  area.addEventListener("pointerdown", onPress);
  area.addEventListener("dragstart", (event) => {
    dragged = nameAt(event);
    event.dataTransfer?.setData("text/plain", dragged ?? "");
    if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
  });
  area.addEventListener("dragover", (event) => {
    const place = dragged === null ? null : landing(event);
    mark(place);
    if (!place) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "move";
  });
  area.addEventListener("dragleave", () => mark(null));
  area.addEventListener("drop", (event) => {
    const place = dragged === null ? null : landing(event);
    mark(null);
    if (!place || dragged === null) return;
    event.preventDefault();
    const name = dragged;
    dragged = null;
    if (place.before !== name) onMove(name, place.kind, place.before);
  });
  area.addEventListener("dragend", () => {
    dragged = null;
    mark(null);
    onRelease();
  });

  return {
    /** Whether rows must be left as they are: one that is replaced ends the drag. */
    busy: () => dragged !== null || pressed,
  };
}

/**
 * What a press or a key on a row does.
 * @param {object} options
 * @param {HTMLElement} options.area @param {(name: string) => HTMLElement | undefined} options.rowOf
 * @param {() => readonly Concept[]} options.concepts as listed
 * @param {{activate: (name: string) => void, edit: (name: string) => void, step: (name: string, by: 1 | -1) => void,
 *   remove: (name: string) => void, decide: (name: string, decision: import("./source.js").Decision) => void}} options.does
 */
export function listHands({ area, rowOf, concepts, does }) {
  area.addEventListener("click", (event) => {
    const name = nameAt(event);
    if (name !== null) does.activate(name);
  });
  area.addEventListener("dblclick", (event) => {
    const name = nameAt(event);
    if (name !== null && !(/** @type {Element} */ (event.target).closest("button"))) does.edit(name);
  });
  area.addEventListener("keydown", (event) => {
    const name = nameAt(event);
    if (name === null) return;
    const { key } = event;
    const all = concepts();
    const at = all.findIndex((concept) => concept.name === name);
    const by = STEPS[/** @type {keyof typeof STEPS} */ (key)];
    const decision = decisionOf(event);
    const onRow = event.target === rowOf(name);
    if (event.altKey && key.startsWith("Arrow") && by) does.step(name, by > 0 ? 1 : -1);
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (by) does.activate(all[Math.min(all.length - 1, Math.max(0, at + by))].name);
    else if (key === "Home") does.activate(all[0].name);
    else if (key === "End") does.activate(all[all.length - 1].name);
    else if (decision) does.decide(name, decision);
    else if (key === "Enter" && onRow) does.edit(name);
    else if (key === "Delete" && onRow) does.remove(name);
    else return;
    used(event);
  });
}
