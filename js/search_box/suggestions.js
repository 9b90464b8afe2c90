/** Words that a word being typed may become, as a list below its field. */

import { fill, html } from "../shared/dom.js";
import { latest } from "../shared/latest.js";

/** Suggestions are asked for after this much quiet, in ms. */
const DEBOUNCE = 120;
const MOST = 8;

let lists = 0;

/**
 * @param {object} options
 * @param {HTMLInputElement} options.input says as a combobox what the list shows
 * @param {(prefix: string, signal: AbortSignal) => Promise<string[]>} options.suggest
 * @param {(word: string) => void} options.onWord one was pointed at @param {(error: unknown) => void} options.fail
 */
export function suggestions({ input, suggest, onWord, fail }) {
  const id = `sl-suggestions-${++lists}-${Math.random().toString(36).slice(2, 8)}`;
  const node = html`<ul class="sl-suggestions sl-box" role="listbox" id=${id} aria-label="Words" hidden
    data-testid="suggestions" />`;
  input.setAttribute("aria-controls", id);
  /** @type {string[]} */
  let words = [];
  let pointed = -1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let debounce;
  const wanted = latest(
    (signal, /** @type {string} */ prefix) => suggest(prefix, signal),
    (found) => input.value && show(found),
    fail,
  );
  show([]);

  /** @param {string[]} found */
  function show(found) {
    words = found.slice(0, MOST);
    pointed = -1;
    fill(
      node,
      ...words.map(
        (word, i) =>
          html`<li class="sl-pick sl-pad-low" role="option" id="${id}-${i}" aria-selected="false" data-testid="suggestion"
            onpointerdown=${(/** @type {PointerEvent} */ event) => {
              event.preventDefault();
              onWord(word);
            }}>${word}</li>`,
      ),
    );
    node.hidden = !words.length;
    input.setAttribute("aria-expanded", String(!node.hidden));
    input.removeAttribute("aria-activedescendant");
  }

  function close() {
    wanted.stop();
    clearTimeout(debounce);
    show([]);
  }

  function ask() {
    const prefix = input.value.trim().replace(/^-\s*/, "");
    if (prefix) wanted.start(prefix);
    else close();
  }

  return {
    node,
    close,
    get isOpen() {
      return words.length > 0;
    },
    /** The word that is pointed at. @returns {string | undefined} */
    get pointed() {
      return words[pointed];
    },
    /** Looks for words soon, when what is typed has come to rest. */
    look() {
      clearTimeout(debounce);
      debounce = setTimeout(ask, DEBOUNCE);
    },
    /** Points at the next word, or after the last at none. @param {1 | -1} by */
    step(by) {
      pointed = (pointed + by + words.length + 1) % (words.length + 1);
      if (pointed === words.length) pointed = -1;
      for (const [i, option] of [...node.children].entries())
        option.setAttribute("aria-selected", String(i === pointed));
      if (pointed >= 0) input.setAttribute("aria-activedescendant", `${id}-${pointed}`);
      else input.removeAttribute("aria-activedescendant");
    },
  };
}
