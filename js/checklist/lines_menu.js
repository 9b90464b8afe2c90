/** The lines of the audit beside its level, in a small box that opens below its word. */

import { html } from "../shared/dom.js";

/** The lines that a person can move: as shown, `scale` times as large as the kernel's. */
const LINES = /** @type {const} */ ([
  { name: "margin", scale: 1, step: 0.5, max: 100, text: "One of valid and spurious leads by, in z" },
  { name: "used", scale: 100, step: 0.5, max: 100, text: "Used from this share of relevance, %" },
  { name: "still", scale: 1, step: 0.01, max: 1, text: "Not used where relevance moves by less than ±" },
]);

/** @typedef {import("./source.js").Lines} Lines */

/** @param {(lines: Partial<Lines>) => void} onChange */
export function linesMenu(onChange) {
  /** @type {Lines | null} */
  let drawn = null;
  const inputs = LINES.map(({ name, scale, step, max }) => {
    const input = /** @type {HTMLInputElement} */ (
      html`<input type="number" class="sl-field" min="0" max=${max} step=${step} data-testid="line-${name}"
        onchange=${take} />`
    );
    function take() {
      const value = Number(input.value) / scale;
      const good = input.value !== "" && value >= 0 && Number(input.value) <= max;
      if (good && value !== drawn?.[name]) onChange({ [name]: value });
      else fillIn();
    }
    return input;
  });
  const node = /** @type {HTMLDetailsElement} */ (
    html`<details class="sl-menu-holder sl-audit-lines" data-testid="lines" onkeydown=${onKey} onfocusout=${onLeave}>
      <summary>More lines</summary>
      <div class="sl-menu">${LINES.map(({ text }, i) => html`<label><span>${text}</span>${inputs[i]}</label>`)}</div>
    </details>`
  );

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === "Escape" && node.open) {
      node.open = false;
      node.querySelector("summary")?.focus();
    }
    event.stopPropagation();
  }

  /** @param {FocusEvent} event */
  function onLeave({ relatedTarget }) {
    if (relatedTarget && !node.contains(/** @type {Node} */ (relatedTarget))) node.open = false;
  }

  function fillIn() {
    for (const [i, { name, scale }] of LINES.entries())
      inputs[i].value = drawn ? String(Number((drawn[name] * scale).toPrecision(6))) : "";
  }

  return {
    node,
    /** @param {Lines | null} now null: there are none to move @param {boolean} alive whether there is a kernel */
    update(now, alive) {
      node.hidden = !now;
      drawn = now;
      for (const input of inputs) input.disabled = !alive;
      if (!node.contains(document.activeElement)) fillIn();
    },
  };
}
