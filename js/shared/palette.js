/** Colours for what is drawn without CSS, from the table that CSS tokens and Python's figures are made of. */

import { layers, themes } from "../../semlens_widgets/palette.json";

/** `layout`: sizes in px, by the names of the CSS tokens. `glyphs`: what stands beside the colour of a verdict, a sign of relevance, the state of a concept. */
export { glyphs, layout } from "../../semlens_widgets/palette.json";
/** Which of the categories stand for layers: none that says valid, spurious or ambiguous, for or against. */
export const layerHues = [...layers];

/** @typedef {keyof typeof themes} ThemeName */

/** A named theme's colours: "light", "dark" or "print". @param {ThemeName} name */
export const theme = (name) => themes[name];

/** Whether an element stands on the dark theme of its host, so that canvases know. @param {Element} node */
export const themeOf = (node) =>
  node.closest('[data-jp-theme-light="false"], .vscode-dark, .vscode-high-contrast') ? "dark" : "light";

/** @param {string} colour #rrggbb @returns {number[]} */
const channels = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/**
 * The colour at `share` of the way along evenly spaced stops, straight lines between them.
 * @param {readonly string[]} stops @param {number} share in [0, 1]; beyond it the ends hold
 * @returns {string} #rrggbb
 */
export function along(stops, share) {
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  const [a, b] = [channels(stops[below]), channels(stops[below + 1])];
  const mixed = a.map((value, i) => Math.round(value + (b[i] - value) * (place - below)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Low to high: paper to deep blue. @param {ThemeName} name @param {number} share in [0, 1] */
export const sequential = (name, share) => along(theme(name).seq, share);

/** Against to for, zero in the middle. @param {ThemeName} name @param {number} value in [−1, 1] */
export const diverging = (name, value) => along(theme(name).div, (value + 1) / 2);
