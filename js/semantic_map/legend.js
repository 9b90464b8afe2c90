/** What the map's colours say, in words. */

import { h } from "../shared/dom.js";
import { plural, score } from "../shared/format.js";

/** @param {import("./colours.js").Colour} colour */
const css = (colour) => `rgb(${colour.join(" ")})`;

/** @param {import("./colours.js").Colour} colour */
function dot(colour) {
  const node = h("i", { class: "sl-dot" });
  node.style.background = css(colour);
  return node;
}

/** @param {string} text of an open ring */
const ring = (text) => h("span", {}, h("i", { class: "sl-dot sl-open" }), h("span", {}, text));

/**
 * @param {import("./colours.js").Painted["legend"]} legend
 * @param {{byWord: boolean, noLabels: boolean, palette: import("./colours.js").Palette}} options `byWord`: the
 *   names are labels, which are captioned on the map itself; `noLabels`: labels were wanted, but there are none yet
 * @returns {(import("../shared/dom.js").Child)[]}
 */
export function legendOf(legend, { byWord, noLabels, palette }) {
  if (legend.kind === "note") return [legend.text];
  const open = legend.ring !== null && ring(legend.ring);
  if (legend.kind === "names")
    return [
      ...(byWord ? [] : legend.items).map(({ text, colour }) =>
        h("span", {}, dot(colour), h("span", { class: "sl-ellipsis" }, text)),
      ),
      byWord && legend.rest > 0 && h("span", {}, dot(palette.context), plural(legend.rest, "rarer label")),
      open,
      noLabels && "no labels yet",
    ];
  const bar = h("i", { class: "sl-ramp" });
  bar.style.background = `linear-gradient(to right, ${legend.colours.map(css).join(", ")})`;
  return [
    h("span", {}, legend.about),
    h("span", { class: "sl-ramp-line" }, score(legend.low, 2), bar, score(legend.high, 2)),
    legend.mark !== null && `random sets stay below ${score(legend.mark, 2)}`,
    open,
  ];
}
