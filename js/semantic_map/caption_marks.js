/** Words on the map: each a button that selects the components called so. */

import { html } from "../shared/dom.js";
import { count as counted, plural } from "../shared/format.js";
import { clusters, placed } from "./captions.js";

const MOST = 26;
/** Letters of a word that are shown, and the width of each in px. */
const LETTERS = 34;
const LETTER = 7;
/** Where there are many words, those of one component alone wait for this closeness. */
const ALL_FROM = 2.5;
/** Words beyond these have no colour of their own. */
const HUES = 11;

/** @typedef {import("./captions.js").Cluster} Cluster */

/** @param {{onChoose: (rows: number[], event: MouseEvent) => void}} options */
export function captionMarks({ onChoose }) {
  const node = html`<div class="sl-map-over sl-fill" aria-hidden="true" />`;
  /** @type {Cluster[]} */
  let regions = [];
  /** @type {readonly string[]} */
  let words = [];
  /** Which colour a row's point has, negative for none. @type {(row: number) => number} */
  let hueOf = () => -1;
  /** @type {Map<number, HTMLElement>} by word */
  const drawn = new Map();

  /** @param {Cluster} cluster */
  const widthOf = ({ word, count }) =>
    LETTER * (Math.min(LETTERS, words[word].length) + counted(count).length) + 10;

  /** @param {Cluster} cluster */
  function make({ word, count, rows }) {
    const text = words[word];
    const element = html`<button type="button" class="sl-caption sl-press sl-text sl-nowrap" tabindex="-1"
      title="${text}: select ${plural(count, "component")}" data-testid="map-caption"
      onpointerdown=${(/** @type {Event} */ event) => event.stopPropagation()}
      onclick=${(/** @type {MouseEvent} */ event) => onChoose(rows, event)}>
      <b class="sl-ellipsis">${text}</b>
      <span class="sl-quiet sl-small-text">${counted(count)}</span>
    </button>`;
    const hue = hueOf(rows[0]);
    if (hue >= 0 && hue < HUES)
      /** @type {HTMLElement} */ (element.firstElementChild).style.color = `var(--sl-cat-${hue + 1})`;
    return element;
  }

  function drop() {
    for (const element of drawn.values()) element.remove();
    drawn.clear();
  }

  return {
    node,
    /** Other places or other words. @param {Float32Array} places @param {{words: Int32Array, names: readonly string[]}} named */
    gather(places, named) {
      words = named.names;
      regions = clusters(places, named.words, words.length);
      drop();
    },
    /** Words take the colours of their points. @param {(row: number) => number} next */
    colour(next) {
      hueOf = next;
      drop();
    },
    /** @param {ReturnType<typeof import("./camera.js").camera>} camera */
    draw({ sight: { view, width, height }, closeness, moving }) {
      const least = regions.length > MOST && closeness < ALL_FROM ? 2 : 1;
      const wanted = regions.filter(({ count }) => count >= least);
      const shown = width && !moving ? placed(wanted, view, width, height, widthOf, MOST) : [];
      const kept = new Set(shown.map(({ cluster }) => cluster.word));
      for (const [word, element] of drawn)
        if (!kept.has(word)) {
          element.remove();
          drawn.delete(word);
        }
      for (const { cluster, left, right, top } of shown) {
        let element = drawn.get(cluster.word);
        if (!element) {
          element = make(cluster);
          drawn.set(cluster.word, element);
          node.append(element);
        }
        element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
        element.style.width = `${Math.round(right - left)}px`;
      }
    },
  };
}
