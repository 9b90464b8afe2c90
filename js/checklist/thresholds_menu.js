/** The thresholds of the audit beside its level, in a small box that opens below its word. */

import { html } from "../shared/dom.js";

/** The thresholds that a person can set: as shown, `scale` times as large as the kernel's. */
const SHOWN = /** @type {const} */ ([
  { name: "margin", scale: 1, step: 0.5, max: 100, text: "Minimum lead between valid and spurious, z" },
  { name: "used", scale: 100, step: 0.5, max: 100, text: "Minimum share of relevance of a used concept, %" },
  { name: "min_effect", scale: 1, step: 0.01, max: 1, text: "Minimum effect of a used concept, ±" },
]);

/** @typedef {import("./source.js").Thresholds} Thresholds */

/** @param {(thresholds: Partial<Thresholds>) => void} onChange */
export function thresholdsMenu(onChange) {
  /** @type {Thresholds | null} */
  let drawn = null;
  const inputs = SHOWN.map(({ name, scale, step, max }) => {
    const input = /** @type {HTMLInputElement} */ (
      html`<input type="number" class="sl-input sl-box sl-tabular" min="0" max=${max} step=${step} data-testid="threshold-${name}"
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
    html`<details class="sl-menu-holder sl-place sl-audit-thresholds" data-testid="thresholds" onkeydown=${onKey} onfocusout=${onLeave}>
      <summary class="sl-text sl-quiet">Thresholds</summary>
      <div class="sl-menu sl-box sl-pile sl-text">${SHOWN.map(({ text }, i) => html`<label><span>${text}</span>${inputs[i]}</label>`)}</div>
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
    for (const [i, { name, scale }] of SHOWN.entries())
      inputs[i].value = drawn ? String(Number((drawn[name] * scale).toPrecision(6))) : "";
  }

  return {
    node,
    /** @param {Thresholds | null} now null: there are none to set @param {boolean} alive whether there is a kernel */
    update(now, alive) {
      node.hidden = !now;
      drawn = now;
      for (const input of inputs) input.disabled = !alive;
      if (!node.contains(document.activeElement)) fillIn();
    },
  };
}
