/** The tab "Search": query, layer, null, gallery, and the card of the primary component. */

import { galleryView } from "../gallery/view.js";
import { searchBoxView } from "../search_box/view.js";
import { html } from "../shared/dom.js";
import { layerFilter } from "../shared/layer_filter.js";
import { cardView } from "../window/card.js";
import { templateChoice } from "./template.js";

/** @type {import("../shared/alone.js").CreateView} */
export function searchView({ ask, source, catalog, announce, fail, banner, act, showPython }) {
  const box = searchBoxView({
    onQuery: (query) => act("query", query),
    suggest: source.suggest,
    queryImage: source.queryImage,
    fail,
    announce,
  });
  const onLayer = (/** @type {string | null} */ layer) => act("layer", layer);
  const onSelect = (/** @type {number[]} */ selection) => act("selection", selection);
  const filter = layerFilter({ onLayer });
  const template = templateChoice({ onTemplate: (sentence) => act("template", sentence) });
  const card = cardView({ ask, source, onSelect, onPin: togglePin, announce, fail });
  const pinnedCard = cardView({ ask, source, onSelect, onPin: togglePin, announce, fail, pinned: true });
  const gallery = galleryView({
    source,
    catalog,
    ask,
    showPython,
    announce,
    fail,
    onSelect,
    onLayer,
    onQuery: (query) => {
      act("query", query);
      if (!query) box.focus();
    },
    onPin: togglePin,
    onOpen: () => /** @type {HTMLElement | null} */ (card.node.querySelector("button"))?.focus(),
  });
  const side = html`<aside class="sl-side sl-inward sl-beside sl-sunk sl-scrolls" aria-label="Component card" tabindex="0">
    ${pinnedCard.node}
    ${card.node}
  </aside>`;
  const node = html`<div class="sl-search-tab sl-view sl-panes">
    <div class="sl-stack sl-banner-place">
      ${banner.node}
      <div class="sl-query-bar sl-tall">${box.node}${template.node}${filter.node}</div>
      ${gallery.node}
    </div>
    ${side}
  </div>`;
  /** @type {number | null} */
  let pinned = null;
  let query = "";
  pinnedCard.node.hidden = true;

  /** @param {number} row */
  function togglePin(row) {
    pinned = pinned === row ? null : row;
    pinnedCard.node.hidden = pinned === null;
    pinnedCard.update({ row: pinned });
    announce(pinned === null ? "unpinned" : `${catalog.get(row)?.id ?? "component"} pinned`);
  }

  return {
    node,
    figures: () => [
      { view: "search", title: query ? "Hits" : "Gallery" },
      { view: "card", title: "Card" },
    ],
    keys: {
      "/": () => box.focus(),
      Escape: () => {
        if (query) act("query", "");
        box.focus();
      },
    },
    update(changed) {
      if ("query" in changed) query = changed.query;
      box.update(changed);
      filter.update(changed);
      template.update(changed);
      gallery.update(changed);
      if ("selection" in changed) card.update({ row: changed.selection?.[0] ?? null });
      if ("hits" in changed || "relabelled" in changed || "relevance_version" in changed)
        card.update({ stale: true });
    },
    destroy() {
      for (const view of [box, filter, gallery, card, pinnedCard]) view.destroy();
    },
  };
}
