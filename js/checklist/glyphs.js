/** Shapes that stand for verdicts, regions and states; each has its word beside it or as its name. */

import { html, svg } from "../shared/dom.js";

/** Side of a crop in a line of the list, in px. */
export const CROP = 27;
/** Outlines in a box of 12 by 12. */
const OUTLINES = {
  valid: "M6 1.5a4.500 4.500 0 1 1 0 9a4.500 4.500 0 1 1 0-9Z",
  spurious: "M6 1.200 11.200 10.500H.8Z",
  ambiguous: "M6 1.500a4.500 4.500 0 1 1 0 9a4.500 4.500 0 1 1 0-9Z",
  unexpected: "M6 .8 11.200 6 6 11.200.8 6Z",
  neutral: "M2 2h8v8H2Z",
  unsure: "M3.800 4.300a2.200 2.200 0 1 1 3.300 1.900C6.300 6.700 6 7 6 7.800M6 9.700v.2",
  found: "M6 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8Z",
  weak: "M6 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8Z",
  missing: "M6 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8Z",
  unseen: "M3 6h6",
  unknown: "M3 6h6",
};
const HALVES = { ambiguous: "M6 1.500a4.500 4.500 0 0 1 0 9Z", weak: "M6 2a4 4 0 0 1 0 8Z" };
const HOLLOW = new Set(["ambiguous", "neutral", "unsure", "weak", "missing", "unseen", "unknown"]);

/**
 * @param {keyof typeof OUTLINES} name @param {{label?: string, hollow?: boolean}} [options]
 *   without `label` the shape says nothing to a screen reader: its word stands beside it
 */
export function glyph(name, { label, hollow = HOLLOW.has(name) } = {}) {
  return svg`<svg class="sl-glyph sl-of-${name}" viewBox="0 0 12 12" role=${label ? "img" : null} aria-label=${label}
    aria-hidden=${label ? null : "true"}>
    <path d=${OUTLINES[name]} class=${hollow ? "sl-hollow" : null} />
    ${name in HALVES && svg`<path d=${HALVES[/** @type {keyof typeof HALVES} */ (name)]} />`}
  </svg>`;
}

/** The verdicts a person can give, with their keys. */
export const DECISIONS = /** @type {const} */ (["valid", "spurious", "unsure"]);

/**
 * Three buttons; pressing the pressed one takes the verdict back.
 * @param {object} options
 * @param {import("./source.js").Decision | null} options.value
 * @param {(decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {string} options.of what the verdict is about
 */
export function verdictButtons({ value, onDecide, of }) {
  const offered = [...new Set([...DECISIONS, ...(value ? [value] : [])])];
  const choice = (/** @type {import("./source.js").Decision} */ decision, /** @type {number} */ i) =>
    html`<button type="button" class="sl-press sl-pick${decision === value ? ` sl-of-${decision === "unsure" ? "unexpected" : decision}` : ""}"
      title=${i < DECISIONS.length ? `${decision} (${i + 1})` : decision}
      aria-label=${decision} aria-pressed=${String(decision === value)} data-decision=${decision}
      data-testid="decide-${decision}"
      onclick=${(/** @type {Event} */ event) => {
        event.stopPropagation();
        onDecide(decision === value ? null : decision);
      }}>
      ${glyph(decision, { hollow: decision !== value || decision === "unsure" })}
    </button>`;
  return html`<span class="sl-verdict" role="group" aria-label="Verdict on ${of}">${offered.map(choice)}</span>`;
}

/** Reads the keys 1, 2, 3. @param {KeyboardEvent} event */
export const decisionOf = (event) =>
  event.ctrlKey || event.metaKey || event.altKey ? undefined : DECISIONS[Number(event.key) - 1];
