/** Relevance with its sign: a bar to the right for, to the left against, and the number with its sign. */

import "./signed.css";
import { html } from "./dom.js";

/** "for" or "against". @param {number} share */
export const side = (share) => (share < 0 ? "against" : "for");

/**
 * A bar from the middle.
 * @param {number} share @param {number} longest the share that fills a half @param {number} [against] how much of
 *   the width lies left of the middle, in [0, 1]
 */
export function signedBar(share, longest, against = 0.5) {
  const bar = html`<span class="sl-signed sl-${side(share)}" aria-hidden="true"><i /></span>`;
  const fillPart = /** @type {HTMLElement} */ (bar.firstElementChild);
  const half = share < 0 ? against : 1 - against;
  const width = longest > 0 ? Math.min(1, Math.abs(share) / longest) * half : 0;
  fillPart.style.width = `${100 * width}%`;
  fillPart.style.left = `${100 * (share < 0 ? against - width : against)}%`;
  bar.style.setProperty("--sl-middle", `${100 * against}%`);
  return bar;
}
