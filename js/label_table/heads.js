/** The heads of the table; it can be sorted by most of them. */

import { html } from "../shared/dom.js";

/** @type {Record<import("./order.js").Sorting["key"], string>} */
const SORTED = {
  row: "Component",
  label: "Label",
  confidence: "Confidence",
  margin: "Margin",
  shared: "Shared by",
};

/** How a column is sorted, drawn beside its name. */
const ARROWS = { ascending: "↑", descending: "↓", none: "↕" };

/** @param {{onSort: () => void}} options */
export function tableHeads({ onSort }) {
  /** @type {import("./order.js").Sorting} */
  let sorting = { key: "row", descending: false };
  const keys = /** @type {import("./order.js").Sorting["key"][]} */ (Object.keys(SORTED));
  const heads = keys.map(
    (key) =>
      html`<span role="columnheader" class="sl-sort sl-col-${key}${key === "margin" || key === "shared" ? " sl-number" : ""}">
        <button type="button" class="sl-head-button sl-press sl-nowrap" data-browser data-testid="sort-${key}"
          onclick=${(/** @type {Event} */ event) => {
            event.stopPropagation();
            const numbers = key !== "row" && key !== "label";
            sorting = { key, descending: sorting.key === key ? !sorting.descending : numbers };
            mark();
            onSort();
          }}>${SORTED[key]}${" "}<span class="sl-arrow" aria-hidden="true" /></button>
      </span>`,
  );

  function mark() {
    for (const [i, head] of heads.entries()) {
      const sort = sorting.key === keys[i] ? (sorting.descending ? "descending" : "ascending") : "none";
      head.setAttribute("aria-sort", sort);
      const arrow = /** @type {Element} */ (head.querySelector(".sl-arrow"));
      arrow.textContent = ARROWS[sort];
      arrow.className = sort === "none" ? "sl-arrow sl-faint sl-wide" : "sl-arrow";
    }
  }

  mark();
  return {
    get sorting() {
      return sorting;
    },
    node: html`<div role="rowgroup">
      <div class="sl-item sl-row sl-head sl-sunk sl-quiet" role="row" aria-rowindex="1">
        ${heads}
        <span role="columnheader">Meanings</span>
        <span class="sl-ellipsis" role="columnheader">Strongest examples</span>
      </div>
    </div>`,
  };
}
