/** What the gallery shows instead of rows: an invitation, a negative answer, an honest "nothing here". */

import { button, h } from "../shared/dom.js";
import { count, pEquals, plural, score, z } from "../shared/format.js";

/**
 * Nothing is asked yet.
 * @param {{words: readonly string[], total: number, onWord: (word: string) => void, onBrowse: () => void}} options
 */
export function emptyState({ words, total, onWord, onBrowse }) {
  return h(
    "div",
    { class: "sl-state", "data-testid": "state-empty" },
    h("h2", {}, "What should this model know?"),
    h(
      "p",
      { class: "sl-quiet" },
      "Type a word, or start with one the images are known to show. A leading minus pushes a concept away.",
    ),
    words.length > 0 &&
      h(
        "div",
        { class: "sl-words" },
        ...words.slice(0, 24).map((word) =>
          button({
            text: word,
            class: "sl-outlined",
            "data-testid": "vocabulary-word",
            onclick: () => onWord(word),
          }),
        ),
      ),
    h(
      "div",
      { class: "sl-words" },
      button({
        text: `Browse all ${plural(total, "component")}`,
        class: "sl-outlined",
        "data-testid": "browse-all",
        onclick: onBrowse,
      }),
    ),
  );
}

/**
 * The concept is not found.
 * @param {{hits: import("../shared/source.js").Hits, onClear: () => void, onLayers: (() => void) | null, closest: HTMLElement}} options
 *   `closest`: the nearest components, greyed; `onLayers` searches all layers when only one was searched.
 */
export function notFoundState({ hits, onClear, onLayers, closest }) {
  const { best, couldshow } = hits;
  const family =
    best?.p_all === undefined || best.p_all === null ? null : `${pEquals(best.p_all)} over all components`;
  return h(
    "div",
    { class: "sl-state", "data-testid": "state-not-found" },
    h(
      "h2",
      { "data-testid": "not-found-title" },
      `“${hits.query}” is not found in ${hits.count < hits.total ? "this layer" : "this model"}`,
    ),
    best &&
      h(
        "p",
        {},
        `The best of ${plural(hits.count, "component")} scores ${score(best.score)} (z = ${z(best.z)}, ${family ?? pEquals(best.p)}): no better than a random set of images.`,
      ),
    couldshow && h("p", { class: "sl-quiet", "data-testid": "could-show" }, couldshow.message),
    hits.message && h("p", { class: "sl-quiet" }, hits.message),
    hits.unknown_words.length > 0 &&
      h(
        "p",
        { class: "sl-quiet", "data-testid": "unknown-words" },
        `Not in the vocabulary: ${hits.unknown_words.join(", ")}.`,
      ),
    h(
      "div",
      { class: "sl-words" },
      onLayers && button({ text: "Search all layers", class: "sl-outlined", onclick: onLayers }),
      button({ text: "Clear (Esc)", class: "sl-outlined", "data-testid": "clear-query", onclick: onClear }),
    ),
    hits.rows.length > 0 && h("h3", {}, "Closest components, inside the null"),
    hits.rows.length > 0 && closest,
  );
}

/** Work is under way and there is nothing to show yet: rows of the final size, still. @param {string} text */
export function loadingState(text) {
  const row = () =>
    h(
      "div",
      { class: "sl-row sl-still", "aria-hidden": "true" },
      h("span", { class: "sl-bone" }),
      h("span", { class: "sl-bone" }),
      h("span", { class: "sl-bone" }),
      h("span", { class: "sl-bone" }),
      h("span", { class: "sl-strip" }, ...Array.from({ length: 8 }, () => h("i", { class: "sl-crop" }))),
    );
  return h(
    "div",
    { "data-testid": "state-loading" },
    h("p", { class: "sl-divider" }, text),
    ...Array.from({ length: 6 }, row),
  );
}

/** The lens cannot answer yet, or the layer is empty. @param {string} title @param {string} text */
export function plainState(title, text) {
  return h(
    "div",
    { class: "sl-state", "data-testid": "state-plain" },
    h("h2", {}, title),
    h("p", { class: "sl-quiet" }, text),
  );
}

/** The line between evidence and the rest. @param {number} inside */
export const dividerText = (inside) =>
  `Inside the null (p above .01): ${count(inside)} component${inside === 1 ? "" : "s"}, not evidence of the concept`;
