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

/** @param {{onSort: () => void}} options */
export function tableHeads({ onSort }) {
  /** @type {import("./order.js").Sorting} */
  let sorting = { key: "row", descending: false };
  const keys = /** @type {import("./order.js").Sorting["key"][]} */ (Object.keys(SORTED));
  const heads = keys.map(
    (key) =>
      html`<span role="columnheader" class="sl-sort sl-col-${key}">
        <button type="button" class="sl-head-button" data-browser data-testid="sort-${key}"
          onclick=${(/** @type {Event} */ event) => {
            event.stopPropagation();
            const numbers = key !== "row" && key !== "label";
            sorting = { key, descending: sorting.key === key ? !sorting.descending : numbers };
            mark();
            onSort();
          }}>${SORTED[key]}</button>
      </span>`,
  );

  function mark() {
    for (const [i, head] of heads.entries())
      head.setAttribute(
        "aria-sort",
        sorting.key === keys[i] ? (sorting.descending ? "descending" : "ascending") : "none",
      );
  }

  mark();
  return {
    get sorting() {
      return sorting;
    },
    node: html`<div role="rowgroup">
      <div class="sl-row sl-head" role="row" aria-rowindex="1">
        ${heads}
        <span role="columnheader">Meanings</span>
        <span role="columnheader">Strongest examples</span>
      </div>
    </div>`,
  };
}
