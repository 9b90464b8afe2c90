/** Fields of the editor: what stands in one goes into the concept once the person is done with it. */

import { arrange, button, fill, html } from "../shared/dom.js";
import * as icons from "../shared/icons.js";

/** @typedef {HTMLInputElement | HTMLTextAreaElement} Field */

/** @param {Element} node @param {(field: Field) => void} take @returns {any} */
export function field(node, take) {
  const input = /** @type {Field} */ (node);
  input.classList.add("sl-input", "sl-box");
  input.addEventListener("change", () => take(input));
  input.addEventListener("keydown", (/** @type {Event} */ event) => {
    const { key, shiftKey } = /** @type {KeyboardEvent} */ (event);
    if (key !== "Enter" || (input instanceof HTMLTextAreaElement && shiftKey)) return;
    event.preventDefault();
    input.blur();
    input.focus();
  });
  return input;
}

/** Sets a field unless somebody is typing in it. @param {Field} input @param {string} value */
export function show(input, value) {
  if (input !== document.activeElement || input.value === input.defaultValue) input.value = value;
  input.defaultValue = value;
}

/** The prompts of a concept, one line each, and a line for another. @param {(prompts: string[]) => void} onChange */
export function promptFields(onChange) {
  /** @type {readonly string[]} */
  let prompts = [];
  const list = html`<ul class="sl-prompts sl-pile" data-testid="prompts" />`;
  const fresh = field(
    html`<input type="text" aria-label="Add a prompt" placeholder="add a prompt" data-testid="add-prompt" />`,
    (input) => {
      const typed = input.value.trim();
      input.value = "";
      if (typed && !prompts.includes(typed)) onChange([...prompts, typed]);
    },
  );

  function line() {
    const number = () => Number(node.dataset.number);
    const others = () => prompts.filter((_, i) => i !== number());
    const input = field(html`<input type="text" aria-label="Prompt" data-testid="prompt" />`, ({ value }) => {
      const typed = value.trim();
      if (typed === prompts[number()]) return;
      onChange(typed ? [...new Set(prompts.map((text, i) => (i === number() ? typed : text)))] : others());
    });
    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      swap(number(), event.key === "ArrowUp" ? -1 : 1);
    });
    const small = { class: "sl-square sl-small" };
    const up = { label: "Move the prompt up (Alt ↑)", icon: icons.up, "data-testid": "prompt-up" };
    const remove = { label: "Remove the prompt", icon: icons.cross, "data-testid": "remove-prompt" };
    const node = html`<li class="sl-line sl-gap-2">
      ${input}
      ${button({ ...small, ...up, onclick: () => swap(number(), -1) })}
      ${button({ ...small, ...remove, onclick: () => onChange(others()) })}
    </li>`;
    return node;
  }

  /** @param {number} at @param {1 | -1} by */
  function swap(at, by) {
    if (!prompts[at + by]) return;
    const texts = [...prompts];
    [texts[at], texts[at + by]] = [texts[at + by], texts[at]];
    onChange(texts);
    list.children[at + by]?.querySelector("input")?.focus();
  }

  return {
    node: list,
    fresh,
    /** @param {readonly string[]} next */
    update(next) {
      prompts = next;
      const lines = /** @type {HTMLElement[]} */ ([...list.children]).filter((node) => node.dataset.number);
      arrange(
        list,
        prompts.map((text, i) => {
          const node = lines[i] ?? line();
          node.dataset.number = String(i);
          show(/** @type {HTMLInputElement} */ (node.querySelector("input")), text);
          /** @type {HTMLButtonElement} */ (node.querySelector("[data-testid='prompt-up']")).disabled =
            i === 0;
          return node;
        }),
      );
      if (!prompts.length)
        fill(list, html`<li class="sl-quiet sl-small-text">none: cannot be seen in one image</li>`);
    },
  };
}

/** The classes that a concept holds for: none named are all. @param {(classes: string[]) => void} onChange */
export function classBoxes(onChange) {
  const boxes = html`<div class="sl-classes" />`;
  const node = html`<div class="sl-pile"><h3 class="sl-heading">Holds for</h3>${boxes}</div>`;
  /** @param {readonly string[]} known @param {readonly string[]} chosen */
  function update(known, chosen) {
    const all = [...new Set([...known, ...chosen])];
    node.hidden = all.length === 0;
    const take = () => {
      const inputs = [...boxes.querySelectorAll("input")];
      const picked = all.filter((_, i) => inputs[i].checked);
      if (picked.length) onChange(picked.length === all.length ? [] : picked);
      else update(known, chosen);
    };
    fill(
      boxes,
      ...all.map((label) => {
        const box = /** @type {HTMLInputElement} */ (html`<input type="checkbox" onchange=${take} />`);
        box.checked = chosen.length === 0 || chosen.includes(label);
        return html`<label class="sl-line sl-gap-4" title=${label.slice(0, 200)}>${box}<span class="sl-ellipsis">${label}</span></label>`;
      }),
    );
  }
  return { node, update };
}
