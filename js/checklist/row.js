/** Lines of the checklist: a section's, a concept's with the evidence for it, and one where people disagree. */

import { button, html, icon } from "../shared/dom.js";
import { plural, signed, z } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { signedBar } from "../shared/signed.js";
import { cropStrip } from "../shared/strips.js";
import { titleOf } from "./concepts.js";
import { DECISIONS, glyph, verdictButtons } from "./glyphs.js";

/** Crops of the best component. */
export const CROPS = 3;
/** Width of the chart of z, in px. */
export const CHART = 50;
/** The states of a finding, in words. */
const WORDS = {
  found: "found",
  weak: "weak",
  missing: "missing",
  unknown: "cannot be searched",
  unseen: "cannot be seen",
};

/** @typedef {import("./source.js").Concept} Concept */
/** @typedef {import("./source.js").Finding} Finding */

/**
 * What a row says.
 * @typedef {object} Facts
 * @property {Concept} concept @property {string} letter of its group, "" where the row above has it
 * @property {boolean} ruled whether a group begins @property {Finding | null} finding null: not yet known
 * @property {string} id of the best component, "" while it is asked for
 * @property {import("./source.js").Verdict | null} verdict @property {boolean} weighted whether relevance is known
 * @property {number} level z above which a component matches @property {number} most largest relevance of all rows
 */

/** Whether a component shows the concept. @param {Finding | null | undefined} finding */
export const isShown = (finding) => finding?.state === "found" || finding?.state === "weak";

/** The heads of the columns. */
export const headRow = () => html`<div role="rowgroup" class="sl-check-head">
  <div class="sl-check-legend sl-sunk sl-small-text sl-quiet sl-line sl-gap-12" aria-hidden="true" data-testid="verdict-legend">
    ${DECISIONS.map((decision, i) => html`<span class="sl-line sl-gap-4">${glyph(decision)}${decision} (${i + 1})</span>`)}
  </div>
  <div class="sl-item sl-check-row sl-sunk sl-small-text sl-quiet sl-nowrap" role="row">
    <span role="columnheader" class="sl-check-concept sl-ellipsis">Concept</span>
    <span role="columnheader" class="sl-ellipsis">Best component</span>
    <span role="columnheader" class="sl-ellipsis">z against null</span>
    <span role="columnheader" class="sl-ellipsis" title="Share of the class’s relevance, signed; pale: not used">Share of relevance, %</span>
    <span role="columnheader" class="sl-ellipsis">Verdict</span>
    <span role="columnheader"><span class="sl-unseen">Note</span></span>
  </div>
</div>`;

/** @param {import("./source.js").Kind} kind @param {number} size @param {string} letters of its groups @param {() => void} onAdd */
export const sectionRow = (kind, size, letters, onAdd) => {
  const about = [letters, plural(size, "concept")].filter(Boolean).join(", ");
  const add = button({
    label: `Add a concept to “${titleOf(kind)}”`,
    icon: icons.plus,
    class: "sl-square sl-small",
    "data-testid": `add-${kind}`,
    onclick: onAdd,
  });
  return html`<div class="sl-check-section sl-over sl-under sl-sunk sl-text" role="row" data-kind=${kind} data-testid="section-${kind}">
    <span role="gridcell" class="sl-line" aria-colspan="6">
      ${glyph(kind)}<b>${titleOf(kind)}</b><span class="sl-quiet sl-small-text">${about}</span>
      <span class="sl-spring" />${add}
    </span>
  </div>`;
};

/**
 * @param {Facts} facts @param {(value: number) => number} scale from z to px
 * @param {{onDecide: (decision: import("./source.js").Decision | null) => void, onNote: () => void}} does
 */
export function conceptRow(facts, scale, { onDecide, onNote }) {
  const { concept, letter, ruled, finding, verdict } = facts;
  const { name } = concept;
  const message = finding?.message ?? "looking for it…";
  const note = (/** @type {Event} */ event) => {
    event.stopPropagation();
    onNote();
  };
  return html`<div class="sl-item sl-pick sl-check-row sl-check-item sl-nowrap ${ruled ? "sl-over" : ""}" role="row" draggable="true"
    aria-label=${inWords(facts)} data-name=${name} data-focus="row" data-state=${finding?.state ?? "asked"}
    data-testid="concept-row">
    <span role="gridcell" class="sl-check-name">
      <b>${letter}</b>
      ${finding ? glyph(finding.state, { label: WORDS[finding.state] }) : html`<span class="sl-glyph" />`}
      <span class="sl-check-word sl-breaks" title=${name.length > 60 && name.slice(0, 300)} data-testid="concept-name">${name}</span>
    </span>
    ${
      finding && isShown(finding)
        ? evidence(facts, finding, scale)
        : html`<span role="gridcell" aria-colspan="3" class="sl-check-words sl-quiet sl-breaks" data-testid="concept-message">${message}</span>`
    }
    <span role="gridcell">
      ${verdictButtons({ value: verdict?.decision ?? null, of: name.slice(0, 80), onDecide })}
    </span>
    <span role="gridcell">
      <button type="button" class="sl-note sl-press sl-pick sl-quiet ${concept.note || verdict?.note ? "sl-noted" : ""}"
        title=${(concept.note || verdict?.note || "Add a note, edit prompts").slice(0, 500)}
        aria-label="Note and prompts of ${name.slice(0, 80)}" data-focus="note" data-testid="note-button"
        onclick=${note}>${icon(icons.note)}</button>
    </span>
  </div>`;
}

/** A row to screen readers. @param {Facts} facts */
function inWords({ concept, finding, id, verdict }) {
  const shown = finding && isShown(finding);
  const refuted = finding?.refuted ? ", refuted by sampled images" : "";
  const found =
    shown && `${finding.state}, best ${id}, z ${z(finding.z ?? Number.NaN)}${refuted}, ${finding.use}`;
  return [
    concept.name,
    titleOf(concept.kind),
    found || (finding?.message ?? "being looked for"),
    verdict?.decision && `verdict ${verdict.decision}`,
    verdict?.conflict?.length && "people disagree",
    concept.note && "has a note",
  ]
    .filter(Boolean)
    .map((word) => String(word).slice(0, 200))
    .join(", ");
}

/** What changes of a row without its being drawn anew. @param {HTMLElement} row @param {{primary: boolean, active: boolean, open: boolean}} is */
export function markRow(row, { primary, active, open }) {
  for (const name of ["sl-selected", "sl-primary"]) row.classList.toggle(name, primary);
  row.setAttribute("aria-selected", String(primary));
  row.querySelector(".sl-note")?.setAttribute("aria-expanded", String(open));
  // Tab leads to the active row and what can be done in it, not through those of all.
  for (const stop of [row, .../** @type {HTMLElement[]} */ ([...row.querySelectorAll("button")])])
    stop.tabIndex = active ? 0 : -1;
}

/** The best component, its z and the relevance. @param {Facts} facts @param {Finding} finding @param {(value: number) => number} scale */
function evidence({ id, weighted, level, most }, finding, scale) {
  const { best, z: value, relevance, refuted, use, used, message } = finding;
  const px = (/** @type {number | null} */ at) => `${scale(Math.max(0, at ?? 0)).toFixed(1)}px`;
  const chart = html`<span class="sl-z-chart" aria-hidden="true"><i /><u /></span>`;
  const [band, dot] = /** @type {HTMLElement[]} */ ([...chart.children]);
  band.style.width = px(level);
  dot.style.left = px(value);
  return [
    html`<span role="gridcell" class="sl-check-best">
      <span class="sl-id sl-breaks" title=${message}>${id || "…"}</span>${best !== null && cropStrip(best, CROPS)}
    </span>`,
    html`<span role="gridcell" class="sl-check-z sl-pile">
      ${chart}
      <span class="sl-number ${refuted ? "sl-refuted" : ""}"
        title=${refuted ? "refuted: sampled images speak against this component" : ""}>
        ${value === null ? "" : z(value)}
      </span>
    </span>`,
    html`<span role="gridcell" class="sl-check-relevance sl-pile ${use && !used ? "sl-unused" : ""}" title=${use || null}>
      ${weighted ? signedBar(relevance ?? 0, most) : html`<span />`}
      <span class="sl-number" data-testid="relevance">${weighted ? signed(relevance ?? Number.NaN) : "–"}</span>
    </span>`,
  ];
}

/** A line under a row where people disagree. @param {import("./source.js").Judgement[]} judgements the latest first */
export const conflictRow = (
  judgements,
) => html`<div class="sl-check-conflict sl-soft sl-under sl-small-text sl-breaks" role="row" data-testid="conflict">
  <span role="gridcell" class="sl-line sl-wraps sl-pad-low" aria-colspan="6">
    <b>People disagree</b>
    ${judgements.map(({ decision, label, who, when }, i) => {
      const what = [decision ?? "no verdict", label && `“${label.slice(0, 80)}”`].filter(Boolean).join(" ");
      const at = when.slice(0, 16).replace("T", " ");
      return html`<span title="${at} UTC" class=${i ? "sl-quiet" : null}>
        <bdi>${what}</bdi>${" "}
        <span class="sl-quiet"><bdi>${(who || "somebody").slice(0, 60)}</bdi>, ${at}</span>
      </span>`;
    })}
    <span class="sl-quiet">The latest counts.</span>
  </span>
</div>`;
