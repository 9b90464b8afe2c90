/** Everything about one concept, to be changed in place: its words, its place, its components. */

import { button, html } from "../shared/dom.js";
import * as icons from "../shared/icons.js";
import { SECTIONS } from "./concepts.js";
import { classBoxes, field, promptFields, show } from "./fields.js";
import { foundIn } from "./found_in.js";

/** @typedef {import("./source.js").Concept} Concept */
/** @typedef {Omit<import("./found_in.js").Found, "name"> & {concept: Concept, classes: string[]}} Edited `classes`: those there are */

/**
 * @param {Parameters<typeof foundIn>[0] & {
 *   onChange: (name: string, change: Partial<Concept>) => void, onMove: (name: string, by: 1 | -1) => void,
 *   onRemove: (name: string) => void, onClose: () => void}} options
 */
export function editorView({ onChange, onMove, onRemove, onClose, ...parts }) {
  /** @type {Concept | null} */
  let concept = null;
  /** @param {Partial<Concept>} values */
  const change = (values) => concept && onChange(concept.name, values);

  const name = field(
    html`<input type="text" class="sl-spring sl-bold" aria-label="Name" data-testid="edit-name" />`,
    (input) => {
      const typed = input.value.trim();
      if (typed && concept && typed !== concept.name) change({ name: typed });
      else input.value = concept?.name ?? "";
    },
  );
  const kind = /** @type {HTMLSelectElement} */ (
    html`<select class="sl-input sl-box" aria-label="Kind" data-testid="edit-kind"
      onchange=${() => change({ kind: SECTIONS[kind.selectedIndex].kind })}>
      ${SECTIONS.map(({ title }) => html`<option>${title}</option>`)}
    </select>`
  );
  const group = field(html`<input type="text" aria-label="Group" data-testid="edit-group" />`, ({ value }) =>
    change({ group: value.trim() }),
  );
  const note = field(
    html`<textarea aria-label="Note" rows="3" placeholder="What a reader should know" data-testid="edit-note" />`,
    ({ value }) => change({ note: value }),
  );
  const prompts = promptFields((texts) => change({ prompts: texts }));
  const classes = classBoxes((chosen) => change({ classes: chosen }));
  const components = foundIn(parts);

  /** @param {string} label @param {import("../shared/icons.js").Icon} drawing @param {string} id @param {(name: string) => void} act */
  const tool = (label, drawing, id, act) =>
    button({
      label,
      icon: drawing,
      class: "sl-outlined sl-square",
      "data-testid": id,
      onclick: () => concept && act(concept.name),
    });
  const close = {
    label: "Close (Esc)",
    icon: icons.cross,
    class: "sl-square",
    "data-testid": "close-editor",
  };
  const node = html`<div class="sl-editor sl-sunk sl-text" role="row" data-testid="editor">
    <div role="gridcell" aria-colspan="6">
      <div class="sl-editor-line sl-line sl-gap-6">
        ${name}${kind}
        ${tool("Move up (Alt ↑)", icons.up, "move-up", (of) => onMove(of, -1))}
        ${tool("Move down (Alt ↓)", icons.down, "move-down", (of) => onMove(of, 1))}
        ${tool("Remove this concept (Delete)", icons.bin, "remove-concept", onRemove)}
        ${button({ ...close, onclick: onClose })}
      </div>
      <div class="sl-editor-columns">
        <div class="sl-pile">
          <h3 class="sl-heading">Prompts<span class="sl-quiet">same meaning, searched as one</span></h3>
          ${prompts.node}${prompts.fresh}
        </div>
        <div class="sl-pile">
          <h3 class="sl-heading">Note</h3>
          ${note}
          <label class="sl-line sl-gap-6"><span class="sl-quiet">Group</span>${group}</label>
          ${classes.node}
        </div>
      </div>
      ${components.node}
    </div>
  </div>`;
  node.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      onClose();
      event.preventDefault();
    }
    // The keys of rows (1, 2, 3, Delete, letters) are text in here.
    event.stopPropagation();
  });
  for (const press of ["click", "dblclick"]) node.addEventListener(press, (event) => event.stopPropagation());

  return {
    node,
    /** @param {"name" | "note" | "prompt"} at */
    focus(at) {
      ({ name, note, prompt: prompts.fresh })[at].focus();
      if (at === "name") name.select();
    },
    /** @param {Edited} edited */
    update({ concept: next, classes: known, ...found }) {
      const typing = /** @type {import("./fields.js").Field | null} */ (document.activeElement);
      // What was begun in the fields of another concept is not of this one.
      if (concept && next.name !== concept.name && typing && node.contains(typing))
        typing.defaultValue = typing.value;
      concept = next;
      show(name, next.name);
      show(group, next.group);
      show(note, next.note);
      kind.selectedIndex = SECTIONS.findIndex((section) => section.kind === next.kind);
      prompts.update(next.prompts);
      classes.update(known, next.classes);
      components.update({ name: next.name, ...found });
    },
    destroy: components.destroy,
  };
}
