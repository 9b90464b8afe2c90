/** What else may be searched: words to begin with, and ways on where nothing is found. Asked for when it is needed. */

import { addressOf } from "../shared/held.js";
import { latest } from "../shared/latest.js";

/** How long it is waited for words that are found, before others are offered, in ms. */
const PATIENCE = 3000;

/** @param {{source: import("../shared/source.js").Source, onArrive: () => void, fail: (error: unknown) => void}} options */
export function wayFinder({ source, onArrive, fail }) {
  /** @type {import("./states.js").Known | null} */
  let ways = null;
  /** Words of the lens in its own order. @type {readonly string[]} */
  let hint = [];
  /** Words to begin with, once it is known which: those on the screen do not change places. @type {readonly string[] | null} */
  let vocabulary = null;
  let started = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let patience;
  function forget() {
    if (ways?.url) URL.revokeObjectURL(ways.url);
    ways = null;
  }
  const wanted = latest(
    async (/** @type {AbortSignal} */ signal) => {
      const answer = await source.ways(signal);
      return { ...answer, url: answer.sheet && (await addressOf(answer.sheet, signal)) };
    },
    (answer) => {
      forget();
      ways = answer;
      onArrive();
    },
    fail,
  );
  /** @param {readonly string[]} words */
  function offer(words) {
    clearTimeout(patience);
    if (vocabulary) return;
    vocabulary = words;
    onArrive();
  }
  const starts = latest(
    source.startWords,
    (words) => offer(words.length ? words : hint),
    (error) => {
      offer(hint);
      fail(error);
    },
  );
  return {
    get known() {
      return { ways, vocabulary: vocabulary ?? [] };
    },
    /** @param {Record<string, any>} changed */
    update(changed) {
      if ("vocabulary_hint" in changed) {
        hint = changed.vocabulary_hint ?? [];
        if (vocabulary) vocabulary = hint;
      }
      if (!("hits" in changed)) return;
      const { query, not_found } = changed.hits ?? {};
      wanted.stop();
      forget();
      if (query && not_found) wanted.start();
      else if (!query && !started) {
        started = true;
        patience = setTimeout(() => offer(hint), PATIENCE);
        starts.start();
      }
    },
    stop() {
      clearTimeout(patience);
      wanted.stop();
      starts.stop();
      forget();
    },
  };
}
