/** What the gallery shows instead of rows: an invitation, a negative answer, an honest "nothing here". */

import { button, html } from "../shared/dom.js";
import { count, plural, score, z } from "../shared/format.js";
import { paint } from "../shared/sprites.js";
import { stateActions, statePane } from "../shared/state.js";
import { cropStrip } from "../shared/strips.js";

/** @typedef {import("../shared/source.js").Hits} Hits */
/** @typedef {ReturnType<typeof import("../shared/catalog.js").catalog>} Catalog */

/** Ways on whose sheet of images can be shown. @typedef {import("../shared/source.js").Ways & {url: string | null}} Known */

/** How many of the closest components a negative answer shows. */
export const CLOSEST = 3;
/** Crops of each of those. */
export const CLOSEST_CROPS = 6;

/**
 * Nothing is asked yet.
 * @param {{words: readonly string[], total: number, onWord: (word: string) => void, onBrowse: () => void}} options
 */
function emptyState({ words, total, onWord, onBrowse }) {
  return statePane(
    "state-empty",
    "What should this model know?",
    "Type a word, or start with one the images are known to show. A leading minus pushes a concept away.",
    words.length > 0 &&
      stateActions(
        ...words.slice(0, 24).map((word) =>
          button({
            text: word,
            class: "sl-outlined",
            "data-testid": "vocabulary-word",
            onclick: () => onWord(word),
          }),
        ),
      ),
    stateActions(
      button({
        text: `Browse all ${plural(total, "component")}`,
        class: "sl-outlined",
        "data-testid": "browse-all",
        onclick: onBrowse,
      }),
    ),
  );
}

/** Why the best component is no answer, as a sentence; files of before say it with the query. @param {Hits} hits */
const verdict = ({ reason, message }) => (reason ? `${reason[0].toUpperCase()}${reason.slice(1)}.` : message);

/**
 * Better than chance and close enough, but nobody could hold it against other images: what is shown is evidence, and no
 * answer yet.
 * @param {import("../shared/source.js").Hits} hits
 */
export const uncheckedNote = ({ message }) =>
  message ?? "Too few images can check this answer, so it does not count as found.";

/** Where a concept was looked for, in words. @param {import("../shared/source.js").Hits} hits @param {boolean} oneLayer */
function placeOf({ query_components: asked }, oneLayer) {
  if (asked?.length) return `other components${oneLayer ? " of this layer" : ""}`;
  return oneLayer ? "this layer" : "this model";
}

/**
 * The concept is not found, or cannot be searched.
 * `closest`: the nearest components, greyed; `onLayers` searches all layers when only one was searched; `ways`: what else
 * may be asked, once that is known.
 * @param {{hits: Hits, ways: Known | null, onQuery: (query: string) => void, onLayers: (() => void) | null, closest: HTMLElement}} options
 */
function notFoundState({ hits, ways, onQuery, onLayers, closest }) {
  const { couldshow, unknown_words: unknown } = hits;
  const known = unknown.length === 0;
  return html`<div class="sl-state" data-testid="state-not-found">
    <h2 data-testid="not-found-title">
      ${known ? `“${short(hits.query)}” is not found in ${placeOf(hits, onLayers !== null)}` : "This cannot be searched"}
    </h2>
    <p data-testid="not-found-reason">${known ? verdict(hits) : unknownWords(unknown)}</p>
    ${couldshow && html`<p class="sl-quiet" data-testid="could-show">${couldshow.message}</p>`}
    ${waysOn(ways, onQuery)}
    ${stateActions(
      known &&
        onLayers &&
        button({
          text: "Search all layers",
          class: "sl-outlined",
          "data-testid": "search-all-layers",
          onclick: onLayers,
        }),
      button({
        text: "Clear (Esc)",
        class: "sl-outlined",
        "data-testid": "clear-query",
        onclick: () => onQuery(""),
      }),
    )}
    ${
      known &&
      hits.rows.length > 0 &&
      html`<h3>
        ${hits.by_chance ? "Closest components, none above chance" : "Closest components, no evidence of the concept"}
      </h3>`
    }
    ${known && hits.rows.length > 0 && closest}
    ${known && ways && closestImages(ways)}
  </div>`;
}

/** @param {string} text as much of it as a line holds */
const short = (text) => (text.length > 120 ? `${text.slice(0, 120)}…` : text);

/** @param {string[]} words that the CLIP never saw */
function unknownWords(words) {
  const some = words.slice(0, 6).map((word) => `“${short(word)}”`);
  const rest = words.length - some.length;
  return `The CLIP of this lens does not know ${some.join(", ")}${rest ? ` and ${count(rest)} more words` : ""}.`;
}

/** Other queries. @param {Known | null} ways @param {(query: string) => void} onQuery */
function waysOn(ways, onQuery) {
  if (!ways) return null;
  const other = (/** @type {string} */ query, /** @type {string} */ text) =>
    button({
      text: short(text),
      class: "sl-outlined",
      "data-testid": "way-on",
      "data-query": query,
      onclick: () => onQuery(query),
    });
  const { shorter, spelling, meaning } = ways;
  const line = (/** @type {string} */ title, /** @type {HTMLElement[]} */ actions) =>
    actions.length > 0 &&
    html`<div class="sl-line sl-wraps"><span class="sl-quiet">${title}</span>${actions}</div>`;
  return [
    shorter.length > 0 &&
      stateActions(
        ...shorter.map(({ query, without }) => other(query, `Search “${query}” without “${without}”`)),
      ),
    line(
      "Did you mean",
      spelling.map((word) => other(word, word)),
    ),
    line(
      "Found here, nearest in meaning first",
      meaning.map((word) => other(word, word)),
    ),
  ];
}

/** The images that come closest. @param {Known} ways */
function closestImages({ images, url }) {
  if (!images.length || !url) return null;
  const columns = images.length;
  return [
    html`<h3>Closest images in the data</h3>`,
    html`<div class="sl-line sl-gap-12 sl-wraps">
      ${images.map(({ name, label, score: cosine }, at) => {
        const crop = html`<i class="sl-crop sl-closest-image" />`;
        paint(crop, { url, line: 0, lines: 1, columns, count: columns }, at);
        return html`<figure class="sl-pile sl-small-text" data-testid="closest-image">
          ${crop}
          <figcaption class="sl-quiet sl-ellipsis" title=${name}>${label ?? name} ${score(cosine, 2)}</figcaption>
        </figure>`;
      })}
    </div>`,
  ];
}

/** Work is under way and there is nothing to show yet: rows of the final size, still. @param {string} text */
function loadingState(text) {
  const row = () =>
    html`<div class="sl-item sl-row" aria-hidden="true">
      <span class="sl-bone" />
      <span class="sl-bone" />
      <span class="sl-bone" />
      <span class="sl-bone" />
      <span class="sl-strip">${Array.from({ length: 8 }, () => html`<i class="sl-crop" />`)}</span>
    </div>`;
  return html`<div data-testid="state-loading">
    <p class="sl-divider sl-line sl-under sl-sunk sl-quiet sl-small-text">${text}</p>
    ${Array.from({ length: 6 }, row)}
  </div>`;
}

/** The lens cannot answer yet, or the layer is empty. @param {string} title @param {string} text */
const plainState = (title, text) => statePane("state-plain", title, text);

/** The line between evidence and the rest. @param {number} inside */
export const dividerText = (inside) =>
  `Not above chance (p > .01): ${count(inside)} component${inside === 1 ? "" : "s"}, no evidence of the concept`;

/**
 * What stands instead of rows.
 * @param {{hits: Hits | null, ways: Known | null, status: {state: string, message?: string | null}, searching: boolean, browsing: boolean, layer: string | null, onAll: (() => void) | null, vocabulary: readonly string[]}} what
 *   `onAll` lists all components again, where filters leave none
 * @param {Catalog} catalog
 * @param {{onQuery: (query: string) => void, onLayer: (layer: string | null) => void, onBrowse: () => void}} options
 */
export function galleryState(
  { hits, ways, status, searching, browsing, layer, onAll, vocabulary },
  catalog,
  options,
) {
  const { onQuery, onLayer, onBrowse } = options;
  if (status.state === "not-fitted")
    return plainState(
      "This lens is not fitted yet",
      status.message || "Run lens.fit() in a cell; this window follows.",
    );
  if (status.state === "error")
    return plainState(
      "The lens cannot answer",
      status.message || "See the cell's output for what went wrong.",
    );
  if (searching) return loadingState(hits ? "Searching…" : "Scoring components…");
  if (!hits) return html`<div />`;
  if (onAll)
    return statePane(
      "state-filtered",
      "No component passes these filters",
      "Widen the density, or show all.",
      stateActions(
        button({
          text: "Show all",
          class: "sl-outlined",
          "data-testid": "unfiltered",
          onclick: onAll,
        }),
      ),
    );
  if (hits.query && hits.not_found)
    return notFoundState({
      hits,
      ways,
      onQuery,
      onLayers: layer === null ? null : () => onLayer(null),
      closest: closestComponents(hits, catalog),
    });
  if (!hits.query && !browsing && layer === null)
    return emptyState({ words: vocabulary, total: hits.total, onWord: onQuery, onBrowse });
  return plainState(
    "No component here",
    layer === null ? "This lens holds no components." : `Layer ${layer} holds no components in this lens.`,
  );
}

/** @param {Hits} hits @param {Catalog} catalog */
function closestComponents({ rows, scores, z: zs }, catalog) {
  const nearest = [...rows.subarray(0, CLOSEST)];
  catalog.want(nearest);
  return html`<div class="sl-closest sl-inside">
    ${nearest.map((row, i) => {
      const component = catalog.get(row);
      return html`<div class="sl-near sl-under sl-text" data-testid="closest" data-unnamed=${!component}>
        <span class="sl-id">${component?.id}</span>
        <span class="sl-number">${scores && score(scores[i])}</span>
        <span class="sl-number sl-quiet">${zs && `z ${z(zs[i])}`}</span>
        <span class="sl-ellipsis">${component?.label?.text}</span>
        ${cropStrip(row, CLOSEST_CROPS)}
      </div>`;
    })}
  </div>`;
}
