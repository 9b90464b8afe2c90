/** What the scatter says in words: its regions, the names beside marks, the tip, and all of it to screen readers. */

import { html } from "../shared/dom.js";
import { count, signed, z } from "../shared/format.js";
import { glyph } from "./glyphs.js";
import { markNames } from "./mark_names.js";
import { conceptOf, DRAWN } from "./plotted.js";

/** Names are looked for beside the primary and this many of the most relevant. */
const NAMEABLE = 12;

/** @typedef {import("./source.js").Report} Report */
/** @typedef {import("./plotted.js").Plotted} Plotted */
/** @typedef {ReturnType<typeof import("../shared/catalog.js").catalog>} Catalog */
/** Where a report is drawn, in px; `line` is that of the threshold. @typedef {{width: number, height: number, frame: import("../shared/scatter/axes.js").Frame, view: import("../shared/scatter/places.js").Projection, line: [number, number], captionTop: number}} Room */

/**
 * Ids and concepts beside some marks.
 * @param {Plotted} of @param {Room} room @param {number} primary position of the first of the selection
 * @param {(at: number) => [number, number] | null} seenAt @param {Catalog} catalog
 */
export function namesOf({ report, order, radii }, { frame, width, captionTop }, primary, seenAt, catalog) {
  const { points, weighted } = report;
  const { left, top, right } = frame;
  const wanted = new Set(weighted ? [primary, ...order.subarray(0, NAMEABLE)] : [primary]);
  const found = [...wanted].flatMap((at) => {
    const place = seenAt(at);
    return place ? [{ at, row: points.rows[at], x: place[0], y: place[1], r: radii[at] }] : [];
  });
  const unnamed = found.map(({ row }) => row).filter((row) => !catalog.get(row));
  if (unnamed.length) catalog.want(unnamed);
  return markNames({
    marks: found.flatMap(({ at, row, ...mark }) => {
      const id = catalog.get(row)?.id;
      return id ? [{ ...mark, id, concept: conceptOf(report, at) }] : [];
    }),
    left,
    right,
    width,
    taken: [
      [left, 0, left + 110, top + 20],
      [right - 120, 0, width, top + 20],
      [right - 120, captionTop, width, captionTop + 22],
    ],
  });
}

/**
 * The regions by name and number.
 * @param {Report} report @param {Room} room @param {(region: number) => void} onChoose all components of one
 */
export function captionsOf(
  { regions, points },
  { width, frame: { left, top, right, bottom }, captionTop },
  onChoose,
) {
  const places = {
    valid: { left: left + 4, top: top - 2 },
    ambiguous: { right: width - right, top: top - 2 },
    spurious: { right: width - right, top: captionTop },
    unexpected: { left: left + 4, top: bottom - 22 },
  };
  return DRAWN.map((region) => {
    const caption = html`<button type="button" class="sl-button sl-region sl-text sl-of-${region}"
      title="Choose all ${region} components" data-testid="region-${region}"
      onclick=${() => onChoose(points.regions.indexOf(region))}>
      ${glyph(region)}<b>${region}</b><span>${count(regions[region]?.count ?? 0)}</span>
    </button>`;
    for (const [side, value] of Object.entries(places[region])) caption.style.setProperty(side, `${value}px`);
    return caption;
  });
}

/** What the tip says of one. @param {Report} report @param {number} at @param {Catalog} catalog */
export function tipWords({ points, names: concepts, weighted }, at, catalog) {
  catalog.want([points.rows[at]]);
  const line = (/** @type {any[]} */ ...parts) => html`<div class="sl-line sl-gap-6 sl-ends">${parts}</div>`;
  const number = (/** @type {string} */ text) => html`<span class="sl-number">${text}</span>`;
  const side = (/** @type {"valid" | "spurious"} */ kind) =>
    line(
      glyph(kind),
      html`<span class="sl-ellipsis">${concepts[points[`${kind}Concept`][at]] ?? "none"}</span>`,
      number(`z ${z(points[kind][at])}`),
    );
  return [
    line(
      html`<b class="sl-id">${catalog.get(points.rows[at])?.id ?? "…"}</b>`,
      points.regions[points.region[at]],
      number(weighted ? `${signed(points.relevance[at])} %` : ""),
    ),
    side("valid"),
    side("spurious"),
  ];
}

/** @param {Report} report */
export const summary = ({ regions }) =>
  `Components by best valid and best spurious concept: ${DRAWN.map((name) => `${regions[name]?.count ?? 0} ${name}`).join(", ")}`;
