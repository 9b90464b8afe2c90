/** Everything about one concept, to be changed in place: its words, its place, its components. */

import { arrange, button, fill, h } from "../shared/dom.js";
import { count, signed, z } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { SECTIONS } from "./concepts.js";
import { CROP, verdictButtons } from "./glyphs.js";

/** @typedef {import("./source.js").Concept} Concept */

/** Components listed; the rest is counted. */
const LISTED = 6;
const CROPS = 4;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(name: string, change: Partial<Concept>) => void} options.onChange
 * @param {(name: string, by: 1 | -1) => void} options.onMove @param {(name: string) => void} options.onRemove
 * @param {(rows: number[]) => void} options.onSelect
 * @param {(subjects: import("./source.js").Subject[], decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {() => void} options.onClose @param {(error: unknown) => void} options.fail
 */
export function editorView({
  source,
  catalog,
  onChange,
  onMove,
  onRemove,
  onSelect,
  onDecide,
  onClose,
  fail,
}) {
  /** @type {Concept | null} */
  let concept = null;
  /** @type {import("./source.js").Finding | null} */
  let finding = null;
  /** @type {Map<import("./source.js").Subject, import("./source.js").Verdict>} */
  let verdicts = new Map();
  let weighted = false;
  /** @type {(row: number) => number} */
  let relevanceOf = () => Number.NaN;

  const thumbnails = sprites({
    source,
    examples: CROPS,
    size: imagePixels(CROP),
    capacity: 100,
    onArrive: paintAll,
    onError: fail,
  });
  const stopListening = catalog.onArrive(drawComponents);

  /** What stands in a field goes into the concept once the person is done with it.
   * @template {HTMLInputElement | HTMLTextAreaElement} Field @param {Field} field @param {() => void} take @returns {Field} */
  function committed(field, take) {
    field.addEventListener("change", take);
    field.addEventListener("keydown", (/** @type {Event} */ event) => {
      const { key, shiftKey } = /** @type {KeyboardEvent} */ (event);
      if (key === "Enter" && !(field instanceof HTMLTextAreaElement && shiftKey)) {
        event.preventDefault();
        field.blur();
        field.focus();
      }
    });
    return field;
  }
  const change = (/** @type {Partial<Concept>} */ values) => concept && onChange(concept.name, values);

  const name = committed(
    h("input", { type: "text", id: "", "aria-label": "Name", class: "sl-field", "data-testid": "edit-name" }),
    () => {
      const typed = name.value.trim();
      if (typed && concept && typed !== concept.name) change({ name: typed });
      else name.value = concept?.name ?? "";
    },
  );
  const kind = h(
    "select",
    {
      "aria-label": "Kind",
      class: "sl-field",
      "data-testid": "edit-kind",
      onchange: () => change({ kind: SECTIONS[kind.selectedIndex].kind }),
    },
    ...SECTIONS.map(({ title }) => h("option", {}, title)),
  );
  const group = committed(
    h("input", { type: "text", "aria-label": "Group", class: "sl-field", "data-testid": "edit-group" }),
    () => change({ group: group.value.trim() }),
  );
  const note = committed(
    h("textarea", {
      "aria-label": "Note",
      class: "sl-field",
      rows: "3",
      placeholder: "What a reader should know",
      "data-testid": "edit-note",
    }),
    () => change({ note: note.value }),
  );
  const prompts = h("ul", { class: "sl-prompts", "data-testid": "prompts" });
  const fresh = committed(
    h("input", {
      type: "text",
      "aria-label": "Add a prompt",
      class: "sl-field",
      placeholder: "add a prompt",
      "data-testid": "add-prompt",
    }),
    () => {
      const typed = fresh.value.trim();
      fresh.value = "";
      if (typed && concept && !concept.prompts.includes(typed))
        change({ prompts: [...concept.prompts, typed] });
    },
  );
  const classes = h("div", { class: "sl-classes" });
  const components = h("div", { class: "sl-found-in", "data-testid": "found-in" });
  const classField = h(
    "div",
    { class: "sl-editor-part" },
    h("h3", { class: "sl-heading" }, "Holds for"),
    classes,
  );
  const node = h(
    "div",
    { class: "sl-editor", role: "row", "data-testid": "editor" },
    h(
      "div",
      { role: "gridcell", "aria-colspan": "6" },
      h(
        "div",
        { class: "sl-editor-line" },
        name,
        kind,
        button({
          label: "Move up (Alt ↑)",
          icon: icons.up,
          class: "sl-outlined sl-square",
          "data-testid": "move-up",
          onclick: () => concept && onMove(concept.name, -1),
        }),
        button({
          label: "Move down (Alt ↓)",
          icon: icons.down,
          class: "sl-outlined sl-square",
          "data-testid": "move-down",
          onclick: () => concept && onMove(concept.name, 1),
        }),
        button({
          label: "Remove this concept (Delete)",
          icon: icons.bin,
          class: "sl-outlined sl-square",
          "data-testid": "remove-concept",
          onclick: () => concept && onRemove(concept.name),
        }),
        button({
          label: "Close (Esc)",
          icon: icons.cross,
          class: "sl-square",
          "data-testid": "close-editor",
          onclick: onClose,
        }),
      ),
      h(
        "div",
        { class: "sl-editor-columns" },
        h(
          "div",
          { class: "sl-editor-part" },
          h(
            "h3",
            { class: "sl-heading" },
            "Prompts",
            h("span", { class: "sl-quiet" }, "same meaning, searched as one"),
          ),
          prompts,
          fresh,
        ),
        h(
          "div",
          { class: "sl-editor-part" },
          h("h3", { class: "sl-heading" }, "Note"),
          note,
          h("label", { class: "sl-group-field" }, h("span", { class: "sl-quiet" }, "Group"), group),
          classField,
        ),
      ),
      components,
    ),
  );
  node.addEventListener("keydown", (event) => {
    if (event.key === "Escape") onClose();
    // The keys of rows (1, 2, 3, Delete, letters) are text in here.
    if (event.key === "Escape") event.preventDefault();
    event.stopPropagation();
  });
  node.addEventListener("click", (event) => event.stopPropagation());
  node.addEventListener("dblclick", (event) => event.stopPropagation());

  /** Sets a field unless somebody is typing in it. @param {HTMLInputElement | HTMLTextAreaElement} field @param {string} value */
  function show(field, value) {
    if (field !== document.activeElement || field.value === field.defaultValue) field.value = value;
    field.defaultValue = value;
  }

  function drawPrompts() {
    const { prompts: texts } = /** @type {Concept} */ (concept);
    const lines = /** @type {HTMLElement[]} */ ([...prompts.children]);
    arrange(
      prompts,
      texts.map((text, i) => {
        const line = lines[i] ?? promptLine();
        line.dataset.number = String(i);
        show(/** @type {HTMLInputElement} */ (line.querySelector("input")), text);
        const up = /** @type {HTMLButtonElement} */ (line.querySelector("[data-testid='prompt-up']"));
        up.disabled = i === 0;
        return line;
      }),
    );
    if (!texts.length)
      fill(prompts, h("li", { class: "sl-quiet sl-small-text" }, "none: cannot be seen in one image"));
  }

  function promptLine() {
    const number = () => Number(line.dataset.number);
    const now = () => [.../** @type {Concept} */ (concept).prompts];
    const field = committed(
      h("input", { type: "text", "aria-label": "Prompt", class: "sl-field", "data-testid": "prompt" }),
      () => {
        const typed = field.value.trim();
        const texts = now();
        if (typed === texts[number()]) return;
        if (typed) texts[number()] = typed;
        else texts.splice(number(), 1);
        change({ prompts: [...new Set(texts)] });
      },
    );
    field.addEventListener("keydown", (event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      swap(number(), event.key === "ArrowUp" ? -1 : 1);
    });
    const line = h(
      "li",
      {},
      field,
      button({
        label: "Move the prompt up (Alt ↑)",
        icon: icons.up,
        class: "sl-square sl-small",
        "data-testid": "prompt-up",
        onclick: () => swap(number(), -1),
      }),
      button({
        label: "Remove the prompt",
        icon: icons.cross,
        class: "sl-square sl-small",
        "data-testid": "remove-prompt",
        onclick: () => change({ prompts: now().filter((_, i) => i !== number()) }),
      }),
    );
    return line;
  }

  /** @param {number} at @param {1 | -1} by */
  function swap(at, by) {
    const texts = [.../** @type {Concept} */ (concept).prompts];
    if (!texts[at + by]) return;
    [texts[at], texts[at + by]] = [texts[at + by], texts[at]];
    change({ prompts: texts });
    const line = prompts.children[at + by];
    /** @type {HTMLElement | null} */ (line?.querySelector("input"))?.focus();
  }

  /** @param {string[]} known */
  function drawClasses(known) {
    const { classes: chosen } = /** @type {Concept} */ (concept);
    const all = [...new Set([...known, ...chosen])];
    classField.hidden = all.length === 0;
    fill(
      classes,
      ...all.map((label) => {
        const box = h("input", { type: "checkbox", onchange: take });
        box.checked = chosen.length === 0 || chosen.includes(label);
        return h("label", { title: label.slice(0, 200) }, box, h("span", { class: "sl-ellipsis" }, label));
      }),
    );
    function take() {
      const boxes = /** @type {HTMLInputElement[]} */ ([...classes.querySelectorAll("input")]);
      const picked = all.filter((_, i) => boxes[i].checked);
      if (picked.length) change({ classes: picked.length === all.length ? [] : picked });
      else drawClasses(known);
    }
  }

  function drawComponents() {
    if (!finding || !concept) return fill(components);
    const rows = finding.rows.slice(0, LISTED);
    const { rows: all, zs } = finding;
    if (!rows.length) return fill(components, h("p", { class: "sl-quiet sl-small-text" }, finding.message));
    catalog.want(rows);
    const decided = new Set(all.map((row) => verdicts.get(row)?.decision ?? null));
    fill(
      components,
      h(
        "div",
        { class: "sl-heading" },
        h("span", {}, `Leads in ${count(all.length)} component${all.length === 1 ? "" : "s"}`),
        all.length > 1 &&
          h(
            "span",
            { class: "sl-all", "data-testid": "decide-all" },
            h("span", { class: "sl-quiet" }, `all ${count(all.length)}`),
            verdictButtons({
              value: decided.size === 1 ? ([...decided][0] ?? null) : null,
              of: `all components of ${concept.name.slice(0, 80)}`,
              onDecide: (decision) => onDecide([...all], decision),
            }),
          ),
      ),
      h(
        "p",
        { class: "sl-quiet sl-small-text" },
        finding.state === "weak" ? `${finding.message}; ` : "",
        finding.use,
      ),
      ...rows.map((row, i) => {
        const component = catalog.get(row);
        return h(
          "div",
          { class: "sl-found-row", "data-testid": "found-component" },
          h(
            "button",
            {
              type: "button",
              class: "sl-link sl-id",
              title: "Select this component",
              onclick: () => onSelect([row]),
            },
            component?.id ?? "…",
          ),
          cropStrip(row, CROPS),
          h(
            "span",
            { class: "sl-ellipsis sl-quiet" },
            verdicts.get(row)?.label || (component?.label?.text ?? ""),
          ),
          h("span", { class: "sl-number" }, `z ${z(zs[i])}`),
          h("span", { class: "sl-number" }, weighted ? `${signed(relevanceOf(row))} %` : ""),
          verdictButtons({
            value: verdicts.get(row)?.decision ?? null,
            of: component?.id ?? "component",
            onDecide: (decision) => onDecide([row], decision),
          }),
        );
      }),
      all.length > LISTED &&
        h(
          "button",
          {
            type: "button",
            class: "sl-link sl-small-text",
            "data-testid": "select-all-found",
            onclick: () => onSelect([...all]),
          },
          `and ${count(all.length - LISTED)} more: select all`,
        ),
    );
    thumbnails.want(rows);
    paintAll();
  }

  function paintAll() {
    paintStrips(components, thumbnails.get);
  }

  return {
    node,
    /** @param {"name" | "note" | "prompt"} at */
    focus(at) {
      const field = { name, note, prompt: fresh }[at];
      field.focus();
      if (at === "name") name.select();
    },
    /** @param {{concept: Concept, finding: import("./source.js").Finding | null, verdicts: Map<import("./source.js").Subject, import("./source.js").Verdict>, classes: string[], weighted: boolean, relevanceOf: (row: number) => number}} facts */
    update(facts) {
      if (
        concept &&
        facts.concept.name !== concept.name &&
        document.activeElement &&
        node.contains(document.activeElement)
      ) {
        const typing = /** @type {HTMLInputElement} */ (document.activeElement);
        typing.defaultValue = typing.value;
      }
      ({ concept, finding, verdicts, weighted, relevanceOf } = facts);
      show(name, concept.name);
      show(group, concept.group);
      show(note, concept.note);
      kind.selectedIndex = SECTIONS.findIndex((section) => section.kind === facts.concept.kind);
      drawPrompts();
      drawClasses(facts.classes);
      drawComponents();
    },
    destroy() {
      stopListening();
      thumbnails.clear();
    },
  };
}
