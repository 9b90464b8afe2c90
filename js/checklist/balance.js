/** What the score of the class rests on: shares of relevance by region, with their intervals. */

import { button, fill, html } from "../shared/dom.js";
import { workPlace } from "../shared/work.js";
import { glyph } from "./glyphs.js";

const PARTS = /** @type {const} */ (["valid", "ambiguous", "spurious", "unexpected", "neutral"]);

/** @typedef {import("./source.js").Report} Report */

/** @param {number | null} share in per cent */
export const percent = (share) =>
  share === null || !Number.isFinite(share)
    ? "–"
    : share > 0 && share < 0.5
      ? "< 1 %"
      : `${Math.round(share)} %`;

/** @param {string} text @param {string} [unit] @param {string} [title] */
const heading = (text, unit, title) => html`<h3 class="sl-heading">
  <span class="sl-ellipsis" title=${title ?? text}>${text}</span>${unit && html`<span class="sl-quiet">${unit}</span>`}
</h3>`;

/** The shares as a bar, and in words. @param {Report} report */
function shares({ regions }) {
  const shown = PARTS.map((name) => ({ name, ...regions[name] })).filter(({ share }) => share !== undefined);
  const bar = html`<div class="sl-shares" aria-hidden="true" />`;
  for (const { name, share } of shown) {
    if (!share) continue;
    const part = html`<i class="sl-share sl-of-${name}" />`;
    part.style.flexGrow = String(Math.max(0, share));
    bar.append(part);
  }
  const range = (/** @type {number | null} */ low, /** @type {number | null} */ high) =>
    low !== null &&
    high !== null &&
    html`<span class="sl-quiet sl-small-text">${` ${Math.round(low)}–${Math.round(high)}`}</span>`;
  return [
    bar,
    html`<ul class="sl-legend sl-ends sl-wraps sl-text sl-nowrap">
      ${shown.map(
        ({ name, share, low, high }) => html`<li data-testid="share-${name}">
          ${glyph(name)}<span>${name}</span><div><b>${percent(share)}</b>${range(low, high)}</div>
        </li>`,
      )}
    </ul>`,
  ];
}

/** What the audit would have missed, or why that is not known. @param {Report} report */
const missed = ({ missed: sentences }) =>
  sentences?.length
    ? html`<p class="sl-quiet sl-small-text" data-testid="missed">${sentences.map((one) => `${one}. `).join("")}</p>`
    : null;

/** @param {{onCompute: (place: import("../shared/work.js").Place) => void}} options asks for the relevance, told in a place */
export function balanceView({ onCompute }) {
  const node = html`<section class="sl-pile sl-gap-8 sl-fixed sl-pad sl-under" aria-label="What the score rests on" data-testid="balance" />`;
  const compute = button({
    text: "Compute relevance",
    class: "sl-outlined",
    "data-testid": "compute-relevance",
    onclick: () => onCompute(place),
  });
  const place = workPlace(compute);

  /** @param {boolean} computable */
  const unweighted = (
    computable,
  ) => html`<div class="sl-unweighted sl-line sl-wraps sl-gap-12 sl-text" data-testid="unweighted">
    <p class="sl-quiet">
      ${
        computable
          ? "The audit below is not weighted: it says what the model knows, not yet what it uses."
          : "The audit below is not weighted: this lens holds no relevance, and has no model to compute it with."
      }
    </p>
    ${computable && place.node}
  </div>`;

  return {
    node,
    /** @param {Report} report @param {boolean} computable whether relevance can be computed here */
    update(report, computable) {
      const of = report.target === null ? "the score" : `the ${report.target} score`;
      if (!report.weighted)
        fill(
          node,
          heading(`What ${of} rests on`, "relevance not computed"),
          unweighted(computable),
          missed(report),
        );
      else
        fill(
          node,
          heading(`What ${of} rests on`, "share of relevance, 95 % interval", report.basis),
          ...shares(report),
          missed(report),
        );
    },
  };
}
