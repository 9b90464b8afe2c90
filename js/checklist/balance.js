/** What the score of the class rests on: shares of relevance by region, with their intervals. */

import { button, fill, html } from "../shared/dom.js";
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

/**
 * @param {object} options
 * @param {() => void} options.onCompute asks for the relevance @param {() => void} options.onCancel
 */
export function balanceView({ onCompute, onCancel }) {
  const node = html`<section class="sl-pile sl-gap-8 sl-fixed sl-pad sl-under" aria-label="What the score rests on" data-testid="balance" />`;
  const outlined = (
    /** @type {string} */ text,
    /** @type {string} */ id,
    /** @type {() => void} */ onclick,
  ) => button({ text, class: "sl-outlined", "data-testid": id, onclick });

  /** @param {import("../shared/channel.js").Progress} work */
  function progress({ what, done, total }) {
    const bar = /** @type {HTMLProgressElement} */ (
      html`<progress aria-label=${what || "relevance"} max=${total ?? 1} />`
    );
    if (total) bar.value = done;
    return html`<div class="sl-unweighted sl-line sl-gap-12 sl-text" data-testid="relevance-progress">
      ${bar}<span class="sl-quiet">${total ? `${what} ${done} of ${total}` : what}</span>
      ${outlined("Cancel", "cancel-relevance", onCancel)}
    </div>`;
  }

  /** @param {boolean} computable */
  const unweighted = (
    computable,
  ) => html`<div class="sl-unweighted sl-line sl-gap-12 sl-text" data-testid="unweighted">
    <p class="sl-quiet">
      ${
        computable
          ? "The audit below is not weighted: it says what the model knows, not yet what it uses."
          : "The audit below is not weighted: this lens holds no relevance, and has no model to compute it with."
      }
    </p>
    ${computable && outlined("Compute relevance", "compute-relevance", onCompute)}
  </div>`;

  return {
    node,
    /**
     * @param {Report} report
     * @param {{computable: boolean, work: import("../shared/channel.js").Progress | null}} relevance
     */
    update(report, { computable, work }) {
      const of = report.target === null ? "the score" : `the ${report.target} score`;
      if (work)
        fill(node, heading(`Computing relevance for ${report.target ?? "the class"}`), progress(work));
      else if (!report.weighted)
        fill(node, heading(`What ${of} rests on`, "relevance not computed"), unweighted(computable));
      else
        fill(
          node,
          heading(`What ${of} rests on`, "share of relevance, 95 % interval", report.basis),
          ...shares(report),
        );
    },
  };
}
