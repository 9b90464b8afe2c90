/** The map alone on a page, of any number of planted components in clusters: for measures and pictures. */

import "../semantic_map/widget.js";
import { mapArea } from "../semantic_map/area.js";
import { byLabel } from "../semantic_map/colours.js";
import { html } from "../shared/dom.js";

const WORDS = 300;

/** Clusters of components, each with a word. @param {number} count */
function planted(count) {
  const places = new Float32Array(2 * count);
  const words = new Int32Array(count);
  const centres = Array.from({ length: WORDS }, () => [Math.random(), Math.random(), Math.random() ** 3]);
  for (let row = 0; row < count; row++) {
    const word = Math.floor(WORDS * Math.random() ** 2);
    const [x, y, width] = centres[word];
    const [angle, far] = [2 * Math.PI * Math.random(), Math.sqrt(-2 * Math.log(1 - Math.random()))];
    places[2 * row] = x + 0.06 * (0.2 + width) * far * Math.cos(angle);
    places[2 * row + 1] = y + 0.06 * (0.2 + width) * far * Math.sin(angle);
    words[row] = Math.random() < 0.1 ? -1 : word;
  }
  return { places, words };
}

/** @param {{count: number, width?: number, height?: number}} options */
export function open({ count, width = 900, height = 560 }) {
  const { places, words } = planted(count);
  const named = { words, names: Array.from({ length: WORDS }, (_, i) => `word ${i}`) };
  const sizes = named.names.map(() => 0);
  for (const word of words) if (word >= 0) sizes[word]++;
  /** @type {any} */
  const names = { count, span: [0, count], named, wordOf: () => ({ text: "", quiet: true }) };
  /** @type {any} */
  const shade = {
    colour: "label",
    shown: "label",
    paint: (/** @type {import("../semantic_map/colours.js").Palette} */ palette) =>
      byLabel({ ...named, sizes }, palette),
  };
  /** @type {any} */
  const source = { sprite: () => new Promise(() => {}) };
  const root = html`<div class="semlens" />`;
  root.style.cssText = `width:${width}px;height:${height}px;display:flex;flex-direction:column`;
  document.body.replaceChildren(root);
  const map = mapArea({
    source,
    names,
    shade,
    words: () => [],
    onPress() {},
    onLasso() {},
    onNone() {},
    fail: console.error,
  });
  root.append(map.node);
  map.moveTo(places);
  map.select([]);
  map.gather();
  return { select: (/** @type {number[]} */ rows) => map.select(rows) };
}
