/** What stands above a comparison: both models, and how much each knows of the other. */

import { button, html } from "../shared/dom.js";
import { score } from "../shared/format.js";

/**
 * @param {import("./questions.js").Comparison} comparison @param {HTMLElement} views the choice of how it is shown
 * @param {() => void} onChange another model is wanted
 * @returns {import("../shared/dom.js").Child[]}
 */
export function barParts({ names, a_in_b, b_in_a, different_data }, views, onChange) {
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
    button({ text: "Change B…", class: "sl-outlined", "data-testid": "compare-change", onclick: onChange }),
  ];
}
