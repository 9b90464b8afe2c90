/** What the three lists are kept to: two layers, the carriers of a concept, texts. */

import { button, fill, html } from "../shared/dom.js";

/** @typedef {import("./heatmap.js").Cell} Cell */

/**
 * @param {object} options
 * @param {(cell: Cell | null) => [string, string] | null} options.layersOf a cell of the matrix
 * @param {() => void} options.onAll nothing shall be left out
 */
export function listFilter({ layersOf, onAll }) {
  /** @type {Cell | null} */
  let cell = null;
  /** @type {string | null} */
  let concept = null;
  /** @type {[string, string, string]} */
  let find = ["", "", ""];
  const node = html`<div class="sl-compare-filter sl-soft sl-line sl-fixed sl-under sl-text" hidden data-testid="compare-filter" />`;
  const layers = () => layersOf(cell);
  return {
    node,
    layers,
    get cell() {
      return cell;
    },
    set cell(chosen) {
      cell = chosen;
    },
    get concept() {
      return concept;
    },
    set concept(chosen) {
      concept = chosen;
    },
    /** What is asked for. */
    get wanted() {
      return { layers: layers(), concept, find };
    },
    /** @param {0 | 1 | 2} list @param {string} text */
    find(list, text) {
      find[list] = text;
    },
    /** What is left out by a gesture, not by a text that stands above its list. */
    isKept: () => cell !== null || concept !== null,
    showAll() {
      cell = concept = null;
    },
    /** As the button does. */
    all: onAll,
    /** For other models. */
    reset() {
      cell = concept = null;
      find = ["", "", ""];
    },
    /** Of the figure of the lists. */
    options() {
      const kept = layers();
      return {
        ...(kept && { layers: kept }),
        ...(concept && { concept }),
        ...(find.some(Boolean) && { find: [...find] }),
      };
    },
    /** @param {boolean} isMap which has no lists */
    draw(isMap) {
      const kept = layers();
      const parts = [kept && `layers ${kept.join(" and ")}`, concept && `what carries “${concept}”`].filter(
        Boolean,
      );
      node.hidden = parts.length === 0 || isMap;
      const all = button({ text: "Show all", "data-testid": "compare-all", onclick: onAll });
      fill(node, html`<span>Only ${parts.join(", ")}</span>`, all);
    },
  };
}
