/** One row of the gallery: a component, its scores and its label. */

import { html } from "../shared/dom.js";
import { activation, fixed, pEquals, score, z } from "../shared/format.js";
import { linear } from "../shared/scales.js";

/** Of a hit before the one that the answer stands on. */
const PASSED_OVER = "passed over: a later component passes the tests that this one fails";

/** Of a component that no image excites. */
const NEVER = "never active on these images";

/** Of a hit whose strongest examples do not show it. */
const BY_ACTIVATIONS =
  "by activations: it answers more strongly to images that show it, though its strongest examples do not";

/**
 * @param {import("./listing.js").Listed} hits @param {number} position in them
 * @param {import("../shared/source.js").Component | undefined} component undefined while it is asked for
 * @param {HTMLElement} crops
 */
export function hitRow(hits, position, component, crops) {
  const place = hits.places?.[position] ?? position;
  const inside = hits.scores !== null && place >= (hits.n_above_all ?? hits.n_above_null);
  const skipped = !inside && place < (hits.best?.rank ?? 0);
  const byActivations = hits.evidence?.[position] === 2;
  const label = component?.label;
  const value = hits.scores?.[position];
  const sortedBy = sortValue(hits, position);
  const facts = [
    component?.id,
    value !== undefined && `score ${score(value)}`,
    hits.z && `z ${z(hits.z[position])}`,
    hits.p && pEquals(hits.p[position]),
    component?.dead && NEVER,
    label?.text,
    sortedBy,
    inside && "not above chance",
    skipped && PASSED_OVER,
    byActivations && BY_ACTIVATIONS,
  ];
  return html`<div class="sl-item sl-pick sl-row${inside || skipped ? " sl-inside" : ""}" role="row"
    title=${skipped ? PASSED_OVER : byActivations && BY_ACTIVATIONS} aria-label=${facts.filter(Boolean).join(", ")}
    data-testid="gallery-row" data-row-number=${hits.rows[position]} data-id=${component?.id}>
    <span role="gridcell" class="sl-id">${component?.id ?? "…"}</span>
    <span role="gridcell" class="sl-score sl-line">
      ${value === undefined ? "" : html`<span class="sl-number">${score(value)}</span>`}
      ${value !== undefined && scoreBar(hits, position)}
    </span>
    <span role="gridcell" class="sl-number">${hits.z ? z(hits.z[position]) : ""}</span>
    <span role="gridcell" class="sl-label">
      ${
        component?.dead
          ? html`<span class="sl-ellipsis sl-quiet" title=${NEVER}>${NEVER}</span>`
          : label && labelLine(label)
      }
      ${byActivations && html`<span class="sl-ellipsis sl-small-text sl-quiet" data-testid="by-activations">by activations</span>`}
      ${sortedBy && html`<span class="sl-ellipsis sl-small-text sl-quiet" data-testid="sort-value">${sortedBy}</span>`}
      ${
        label &&
        !component?.dead &&
        !byActivations &&
        !sortedBy &&
        html`<span class="sl-ellipsis sl-small-text sl-quiet">${margin(label)}</span>`
      }
    </span>
    <span role="gridcell">${crops}</span>
  </div>`;
}

/** What a row is sorted by, in words. @param {import("./listing.js").Listed} hits @param {number} position */
function sortValue({ by_column: by, values }, position) {
  if (!by || !values) return null;
  const value = values[position];
  if (Number.isNaN(value)) return `${by} unknown`;
  if (by === "density") return `density ${fixed(100 * value, value < 0.0995 ? 2 : 1)} %`;
  return `${by} ${by === "peak" || by === "mean" ? activation(value) : score(value)}`;
}

/** @param {import("../shared/source.js").Label} label */
function labelLine({ text, confident }) {
  return confident === false
    ? html`<span class="sl-ellipsis sl-quiet" title=${text}>unexplained</span>`
    : html`<span class="sl-ellipsis" title=${text}>${text}</span>`;
}

/** @param {import("../shared/source.js").Label} label */
function margin({ confident, margin: lead }) {
  if (confident === false) return "below confidence";
  return typeof lead === "number" ? `margin ${score(lead, 2)}` : "";
}

/** The score as a bar, with a tick where one random set in a hundred gets. @param {import("./listing.js").Listed} hits @param {number} position */
function scoreBar(hits, position) {
  const value = hits.scores?.[position] ?? 0;
  const threshold = hits.null
    ? levelOf(hits.null, value, (hits.z_examples ?? hits.z)?.[position] ?? 0)
    : undefined;
  const top = Math.max(hits.top ?? hits.scores?.[0] ?? 0, (hits.null?.score_at_p01 ?? 0) * 1.25, 1e-6) * 1.08;
  const across = linear([0, top], [0, 100]);
  const percent = (/** @type {number} */ at) => `${Math.max(0, Math.min(100, across(at)))}%`;
  const bar = html`<span class="sl-bar" aria-hidden="true"><i />${threshold !== undefined && html`<u />`}</span>`;
  const [fillPart, tick] = /** @type {HTMLElement[]} */ ([...bar.children]);
  fillPart.style.width = percent(value);
  if (tick) tick.style.left = percent(threshold ?? 0);
  return bar;
}

/**
 * The score that one random set in a hundred exceeds beside this hit. The null is that of the best hit; another's is
 * the same in other units, as many as its score is of what its z would be there.
 * @param {import("../shared/source.js").NullDistribution} distribution @param {number} value @param {number} z
 */
function levelOf({ mean, sd, score_at_p01 }, value, z) {
  const there = mean + z * sd;
  return Math.abs(there) > 1e-3 ? (score_at_p01 * value) / there : score_at_p01;
}
