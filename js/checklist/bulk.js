/** One verdict on all components that are chosen. */

import { button, fill, html } from "../shared/dom.js";
import { count, plural } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { DECISIONS, glyph } from "./glyphs.js";

/**
 * @param {object} options
 * @param {(subjects: import("./source.js").Subject[], decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {(rows: number[]) => void} options.onClose the first stays chosen
 * @param {(text: string) => void} options.announce
 */
export function bulkMenu({ onDecide, onClose, announce }) {
  const node = html`<div class="sl-bulk sl-box sl-line sl-wraps sl-gap-4 sl-text" role="toolbar" aria-label="Verdict on the chosen components" hidden
    data-testid="bulk" />`;
  return {
    node,
    /** Opens for two and more. @param {readonly number[]} rows */
    open(rows) {
      node.hidden = rows.length < 2;
      if (node.hidden) return;
      announce(`${plural(rows.length, "component")} chosen`);
      const choice = (
        /** @type {import("./source.js").Decision | null} */ decision,
        /** @type {string} */ title,
      ) =>
        html`<button type="button" class="sl-button sl-outlined" title=${title} data-testid="bulk-${decision ?? "none"}"
          onclick=${() => onDecide([...rows], decision)}>
          ${decision && glyph(decision, { hollow: decision === "unsure" })}<span>${decision ?? "none"}</span>
        </button>`;
      const close = { label: "Close", icon: icons.cross, class: "sl-square" };
      fill(
        node,
        html`<b data-testid="bulk-count">${count(rows.length)}</b>`,
        html`<span class="sl-quiet">chosen</span>`,
        ...DECISIONS.map((decision, i) => choice(decision, `All ${decision} (${i + 1})`)),
        choice(null, "Take the verdicts back"),
        button({ ...close, onclick: () => onClose(rows.slice(0, 1)) }),
      );
    },
  };
}
