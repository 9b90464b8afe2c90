/** What stands above a comparison: both models, and how much each knows of the other; or how to make one. */

import { html } from "../shared/dom.js";
import { score } from "../shared/format.js";

/**
 * @param {import("./questions.js").Comparison} comparison @param {readonly string[]} others models that may be B
 * @param {HTMLElement} views the choice of how it is shown @param {(name: string) => void} onOther
 * @returns {import("../shared/dom.js").Child[]}
 */
export function barParts({ names, a_in_b, b_in_a, different_data }, others, views, onOther) {
  const chance = score(a_in_b.chance, 2);
  // Said once where it is the same for both.
  const one = chance === score(b_in_a.chance, 2);
  const directed = (
    /** @type {string} */ text,
    /** @type {import("./questions.js").Similarity} */ s,
    /** @type {string} */ testid,
  ) =>
    html`<span data-testid=${testid}
      title="95 % from ${score(s.low)} to ${score(s.high)}; two unrelated random models ${score(s.chance)}">
      ${text} <b>${score(s.score, 2)}</b>
      <span class="sl-quiet"> ± ${score((s.high - s.low) / 2, 2)}${!one && ` · chance ${score(s.chance, 2)}`}</span>
    </span>`;
  const select = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Model B" data-testid="compare-other"
      onchange=${() => onOther(select.value)}>
      ${others.map((name) => html`<option value=${name} selected=${name === names[1]}>${name}</option>`)}
    </select>`
  );
  select.value = names[1];
  return [
    html`<span class="sl-compare-model sl-ellipsis" title=${names[0]}><b>A</b> ${names[0]}</span>`,
    html`<span class="sl-compare-model sl-ellipsis" title=${names[1]}><b>B</b> ${names[1]}</span>`,
    different_data && html`<span class="sl-compare-warning sl-text">over different data</span>`,
    html`<span class="sl-spring" />`,
    views,
    html`<span class="sl-line sl-gap-12 sl-wraps">
      ${directed("B knows A", a_in_b, "b-knows-a")}
      ${directed("A knows B", b_in_a, "a-knows-b")}
      ${one && html`<span class="sl-quiet">chance ${chance}</span>`}
    </span>`,
    others.length > 1 && html`<label class="sl-select"><span>B</span>${select}</label>`,
  ];
}

/** Nothing is compared yet. */
export function howTo() {
  const line = (/** @type {string} */ text) =>
    html`<code class="sl-id sl-code-line sl-box sl-sunk">${text}</code>`;
  return html`<div class="sl-state" data-testid="compare-empty">
    <h2>Nothing to compare yet</h2>
    <p>Give this model another one: what do both know, and what only one of them?</p>
    ${line("lens.compare(other)")}
    <p class="sl-quiet">
      ${"The other lens is made with the same CLIP, crop and images; it may also come from a file: "}
    </p>
    ${line('lens.compare(sl.open("other.semlens"))')}
    <p class="sl-quiet">This window follows.</p>
  </div>`;
}
