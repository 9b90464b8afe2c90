/** A hit over all sampled images, from the one that excites it most to the one that does least, beside what they show. */

import { fill, html } from "../shared/dom.js";
import { activation, count, score } from "../shared/format.js";
import { addressOf } from "../shared/held.js";
import { latest } from "../shared/latest.js";
import { paint } from "../shared/sprites.js";
import { cardPart } from "./card_parts.js";

/** @typedef {{query: string, sampled: number, sheet: Blob | null, images: {name: string, label: string | null, response: number, likeness: number}[]}} WholeRange */

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {number} options.size of a picture in image pixels @param {(error: unknown) => void} options.fail
 */
export function wholeRange({ ask, size, fail }) {
  const node = html`<div hidden data-testid="whole-range" />`;
  /** @type {string | null} */
  let url = null;
  /** @param {AbortSignal} signal @param {number} row @returns {Promise<[WholeRange, string | null]>} */
  const ofRow = async (signal, row) => {
    const found = await ask("whole_range", { row, size }, { signal });
    return [found, found.sheet && (await addressOf(found.sheet, signal))];
  };
  const wanted = latest(ofRow, draw, fail);

  function forget() {
    if (url) URL.revokeObjectURL(url);
    url = null;
    fill(node);
  }

  /** @param {[WholeRange, string | null]} found with the address of its sheet */
  function draw([{ query, sampled, images }, address]) {
    forget();
    url = address;
    if (!url || !images.length) return;
    const strip = { url, line: 0, lines: 1, columns: images.length, count: images.length };
    fill(
      node,
      cardPart(
        "Over all images",
        `strongest to weakest of ${count(sampled)}`,
        html`<div class="sl-crops sl-squares sl-pile">${images.map((image, at) => step(image, at, strip, query))}</div>`,
        html`<p class="sl-quiet sl-small-text">Below each: how alike it is to the query</p>`,
      ),
    );
  }

  return {
    node,
    /** @param {number} row @param {boolean} there whether it can be shown of this component */
    show(row, there) {
      node.hidden = !there;
      forget();
      if (there) wanted.start(row);
      else wanted.stop();
    },
    destroy() {
      wanted.stop();
      forget();
    },
  };
}

/**
 * @param {WholeRange["images"][number]} image @param {number} at @param {Parameters<typeof paint>[1]} strip
 * @param {string} query
 */
function step({ name, label, response, likeness }, at, strip, query) {
  const crop = html`<i class="sl-crop" />`;
  paint(crop, strip, at);
  const told = `${label ?? name}: response ${activation(response)}, likeness to ${query} ${score(likeness, 2)}`;
  return html`<figure class="sl-step sl-small-text" title=${told} aria-label=${told} data-testid="range-step">
    ${crop}
    <figcaption class="sl-quiet">${score(likeness, 2)}</figcaption>
  </figure>`;
}
