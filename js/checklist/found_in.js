/** The components that a concept leads in, each with its evidence and verdict. */

import { fill, html } from "../shared/dom.js";
import { count, signed, z } from "../shared/format.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { CROP, verdictButtons } from "./glyphs.js";

/** Components listed; the rest is counted. */
const LISTED = 6;
const CROPS = 4;

/** @typedef {import("./source.js").Finding} Finding */
/** @typedef {import("./source.js").Subject} Subject */
/** @typedef {{name: string, finding: Finding | null, verdicts: Map<Subject, import("./source.js").Verdict>, report: import("./source.js").Report | null}} Found */

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(rows: number[]) => void} options.onSelect
 * @param {(subjects: Subject[], decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {(error: unknown) => void} options.fail
 */
export function foundIn({ source, catalog, onSelect, onDecide, fail }) {
  /** @type {Found} */
  let found = { name: "", finding: null, verdicts: new Map(), report: null };
  const node = html`<div class="sl-found-in sl-pile sl-gap-2" data-testid="found-in" />`;
  const thumbnails = sprites({
    source,
    examples: CROPS,
    size: imagePixels(CROP),
    capacity: 100,
    onArrive: () => paintStrips(node, thumbnails.get),
    onError: fail,
  });
  const stopListening = catalog.onArrive(draw);

  function draw() {
    const { finding } = found;
    if (!finding) return fill(node);
    const rows = finding.rows.slice(0, LISTED);
    if (!rows.length) return fill(node, html`<p class="sl-quiet sl-small-text">${finding.message}</p>`);
    catalog.want(rows);
    const more = finding.rows.length - LISTED;
    fill(
      node,
      heading(finding),
      html`<p class="sl-quiet sl-small-text">
        ${finding.state === "weak" ? `${finding.message}; ` : ""}${finding.use}
      </p>`,
      ...rows.map((row, i) => line(row, finding.zs[i])),
      more > 0 &&
        html`<button type="button" class="sl-link sl-press sl-small-text" data-testid="select-all-found"
          onclick=${() => onSelect([...finding.rows])}>and ${count(more)} more: select all</button>`,
    );
    thumbnails.want(rows);
    paintStrips(node, thumbnails.get);
  }

  /** @param {Finding} finding */
  function heading({ rows }) {
    const decided = new Set(rows.map((row) => found.verdicts.get(row)?.decision ?? null));
    const all = verdictButtons({
      value: decided.size === 1 ? ([...decided][0] ?? null) : null,
      of: `all components of ${found.name.slice(0, 80)}`,
      onDecide: (decision) => onDecide([...rows], decision),
    });
    return html`<div class="sl-heading">
      <span>Leads in ${count(rows.length)} component${rows.length === 1 ? "" : "s"}</span>
      ${
        rows.length > 1 &&
        html`<span class="sl-line sl-gap-6" data-testid="decide-all">
          <span class="sl-quiet">all ${count(rows.length)}</span>${all}
        </span>`
      }
    </div>`;
  }

  /** @param {number} row @param {number} value z */
  function line(row, value) {
    const { verdicts, report } = found;
    const component = catalog.get(row);
    const relevance = report?.points.relevance[report.points.at.get(row) ?? -1] ?? Number.NaN;
    const verdict = verdicts.get(row);
    const buttons = verdictButtons({
      value: verdict?.decision ?? null,
      of: component?.id ?? "component",
      onDecide: (decision) => onDecide([row], decision),
    });
    return html`<div class="sl-found-row" data-testid="found-component">
      <button type="button" class="sl-link sl-press sl-id" title="Select this component" onclick=${() => onSelect([row])}>
        ${component?.id ?? "…"}
      </button>
      ${cropStrip(row, CROPS)}
      <span class="sl-ellipsis sl-quiet">${verdict?.label || (component?.label?.text ?? "")}</span>
      <span class="sl-number">z ${z(value)}</span>
      <span class="sl-number">${report?.weighted ? `${signed(relevance)} %` : ""}</span>
      ${buttons}
    </div>`;
  }

  return {
    node,
    /** @param {Found} next */
    update(next) {
      found = next;
      draw();
    },
    destroy() {
      stopListening();
      thumbnails.clear();
    },
  };
}
