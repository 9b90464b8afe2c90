/** What the map's colours say, in words. */

import { html } from "../shared/dom.js";
import { plural, score } from "../shared/format.js";

/** @param {import("./colours.js").Colour} colour */
const css = (colour) => `rgb(${colour.join(" ")})`;

/** @param {import("./colours.js").Colour} colour */
function dot(colour) {
  const node = html`<i class="sl-dot" />`;
  node.style.background = css(colour);
  return node;
}

/** @param {string} text of an open ring */
const ring = (text) => html`<span><i class="sl-dot sl-open" /><span>${text}</span></span>`;

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
      ...(byWord ? [] : legend.items).map(
        ({ text, colour }) => html`<span>${dot(colour)}<span class="sl-ellipsis">${text}</span></span>`,
      ),
      byWord &&
        legend.rest > 0 &&
        html`<span>${dot(palette.context)}${plural(legend.rest, "rarer label")}</span>`,
      open,
      noLabels && "no labels yet",
    ];
  const bar = html`<i class="sl-ramp" />`;
  bar.style.background = `linear-gradient(to right, ${legend.colours.map(css).join(", ")})`;
  return [
    html`<span>${legend.about}</span>`,
    html`<span class="sl-ramp-line">${score(legend.low, 2)}${bar}${score(legend.high, 2)}</span>`,
    legend.mark !== null && `random sets stay below ${score(legend.mark, 2)}`,
    open,
  ];
}
