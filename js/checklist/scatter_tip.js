/** What is known of the mark under the pointer, with its strongest crops. */

import { placeBeside } from "../kit/tip.js";
import { fill, h } from "../shared/dom.js";
import { signed, z } from "../shared/format.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { glyph } from "./glyphs.js";
import { REGIONS } from "./source.js";

const CROPS = 3;
const CROP = 44;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(error: unknown) => void} options.fail
 */
export function scatterTip({ source, catalog, fail }) {
  const node = h("div", { class: "sl-preview sl-scatter-tip", hidden: true, "data-testid": "scatter-tip" });
  const paint = () => paintStrips(node, thumbnails.get);
  const thumbnails = sprites({
    source,
    examples: CROPS,
    size: imagePixels(CROP),
    capacity: 60,
    onArrive: paint,
    onError: fail,
  });
  const line = (
    /** @type {string | undefined} */ concept,
    /** @type {number} */ value,
    /** @type {"valid" | "spurious"} */ kind,
  ) =>
    h(
      "div",
      { class: "sl-tip-line" },
      glyph(kind),
      h("span", { class: "sl-ellipsis" }, concept ?? "none"),
      h("span", { class: "sl-number" }, `z ${z(value)}`),
    );
  return {
    node,
    close() {
      node.hidden = true;
    },
    /** @param {import("./source.js").Report} report @param {number} at position of the component @param {number} x in px @param {number} y */
    open({ points, names, weighted }, at, x, y) {
      const row = points.rows[at];
      catalog.want([row]);
      thumbnails.want([row]);
      fill(
        node,
        h(
          "div",
          { class: "sl-tip-line" },
          h("b", { class: "sl-id" }, catalog.get(row)?.id ?? "…"),
          h("span", {}, REGIONS[points.region[at]]),
          h("span", { class: "sl-number" }, weighted ? `${signed(points.relevance[at])} %` : ""),
        ),
        cropStrip(row, CROPS),
        line(names[points.validConcept[at]], points.valid[at], "valid"),
        line(names[points.spuriousConcept[at]], points.spurious[at], "spurious"),
      );
      node.hidden = false;
      paint();
      placeBeside(node, x, y, {
        gap: 14,
        top: (middle, high, room) => (middle > room / 2 ? middle - high - 14 : middle + 14),
      });
    },
    destroy: () => thumbnails.clear(),
  };
}
