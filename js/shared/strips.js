/** A component's strongest crops in a line: places at first, painted when the crops have come. */

import "./strips.css";
import { html } from "./dom.js";
import { paint } from "./sprites.js";

/**
 * @param {number} row @param {number | readonly number[]} ranks how many, from the strongest on; or which
 * @param {Record<string, any>} [attributes] of the line
 */
export function cropStrip(row, ranks, attributes = {}) {
  const shown = typeof ranks === "number" ? Array.from({ length: ranks }, (_, rank) => rank) : ranks;
  return html`<span class="sl-strip" data-strip=${row} ...${attributes}>
    ${shown.map((rank) => html`<i class="sl-crop" data-row=${row} data-rank=${rank} />`)}
  </span>`;
}

/**
 * Paints the lines inside `place` whose crops have come. A place for which the component has no example becomes void: it
 * can no longer be pointed at.
 * @param {Element} place
 * @param {(row: number, strip: HTMLElement) => import("./sprites.js").Strip | undefined} stripOf
 */
export function paintStrips(place, stripOf) {
  for (const line of /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll("[data-strip]"))) {
    const strip = stripOf(Number(line.dataset.strip), line);
    if (!strip || line.dataset.painted === strip.url) continue;
    line.dataset.painted = strip.url;
    for (const crop of /** @type {HTMLElement[]} */ ([...line.children])) {
      const rank = Number(crop.dataset.rank);
      if (rank < strip.count) paint(crop, strip, rank);
      else {
        crop.classList.add("sl-void");
        crop.removeAttribute("data-rank");
      }
    }
  }
}
