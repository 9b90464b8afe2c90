/**
 * Maps over pictures. The picture lies below as paled grey; a map is the mask of a layer of one colour, so that
 * its colours are those of the theme, whichever that is.
 */

import { html } from "./dom.js";

/** @typedef {{width: number, height: number, values: Int8Array}} HeatMap positive for, negative against, the strongest ±127 */

/** How quickly a map becomes opaque: below 1, what is weak shows more. */
const GAMMA = 0.75;

/** Opacity of a value in [0, 1]. @param {number} strength */
export const opacity = (strength) => Math.min(1, Math.max(0, strength)) ** GAMMA;

/**
 * One half of a map as pixels, opaque where it is strong.
 * @param {HeatMap} map @param {1 | -1} sign
 */
export function alpha({ values }, sign) {
  const pixels = new Uint8ClampedArray(4 * values.length);
  for (let i = 0; i < values.length; i++) {
    const strength = (sign * values[i]) / 127;
    if (strength > 0) pixels[4 * i + 3] = Math.round(255 * opacity(strength));
  }
  return pixels;
}

/** @param {HTMLElement} node @param {HeatMap} map @param {1 | -1} sign masks the node with half of the map */
export function mask(node, map, sign) {
  const canvas = /** @type {HTMLCanvasElement} */ (html`<canvas width=${map.width} height=${map.height} />`);
  const context = canvas.getContext?.("2d");
  if (!context) return;
  context.putImageData(new ImageData(alpha(map, sign), map.width, map.height), 0, 0);
  const url = `url("${canvas.toDataURL()}")`;
  node.style.maskImage = url;
  node.style.setProperty("-webkit-mask-image", url);
}

/** The two layers of a map, to lie over a paled picture. @param {HeatMap} map */
export function heatLayers(map) {
  return /** @type {const} */ ([1, -1]).map((sign) => {
    const layer = html`<i class="sl-relevance-map ${sign > 0 ? "sl-for" : "sl-against"}" />`;
    mask(layer, map, sign);
    return layer;
  });
}

/** Corners by name: whether at the bottom, whether at the right. @type {[string, boolean, boolean][]} */
const CORNERS = [
  ["bottom-right", true, true],
  ["bottom-left", true, false],
  ["top-right", false, true],
  ["top-left", false, false],
];

/**
 * The corner where least of a map lies, for what must cover one; the first among equals.
 * @param {HeatMap} map @param {number} size of the corner, as a share of the map's sides
 */
export function calmestCorner({ width, height, values }, size) {
  const [across, down] = [Math.ceil(width * size), Math.ceil(height * size)];
  const lying = CORNERS.map(([, bottom, right]) => {
    let sum = 0;
    for (let y = 0; y < down; y++)
      for (let x = 0; x < across; x++)
        sum += Math.abs(values[(bottom ? height - 1 - y : y) * width + (right ? width - 1 - x : x)]);
    return sum;
  });
  return CORNERS[lying.indexOf(Math.min(...lying))][0];
}

/** The colours of a map, in words. @param {string} target what it speaks for or against */
export function heatLegend(target) {
  const steps = [-1, -0.55, -0.2, 0, 0.2, 0.55, 1];
  return html`<div class="sl-line sl-ends sl-small-text sl-quiet">
    <span>against</span>
    <span class="sl-line sl-gap-4 sl-fixed" aria-hidden="true">
      ${steps.map((step) => {
        const swatch = html`<i class=${step < 0 ? "sl-against" : "sl-for"} />`;
        swatch.style.opacity = String(opacity(Math.abs(step)));
        return html`<i class="sl-relevance-step">${swatch}</i>`;
      })}
    </span>
    <span class="sl-ellipsis" title=${target}>for ${target}</span>
  </div>`;
}
