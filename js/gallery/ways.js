/** What else may be searched: words to begin with, and ways on where nothing is found. Asked for when it is needed. */

import { latest } from "../shared/latest.js";

/** @param {{source: import("../shared/source.js").Source, onArrive: () => void, fail: (error: unknown) => void}} options */
export function wayFinder({ source, onArrive, fail }) {
  /** @type {import("./states.js").Known | null} */
  let ways = null;
  /** @type {readonly string[]} */
  let vocabulary = [];
  let started = false;
  function forget() {
    if (ways?.url) URL.revokeObjectURL(ways.url);
    ways = null;
  }
  const wanted = latest(
    source.ways,
    (answer) => {
      forget();
      ways = { ...answer, url: answer.sheet && URL.createObjectURL(answer.sheet) };
      onArrive();
    },
    fail,
  );
  const starts = latest(
    source.startWords,
    (words) => {
      if (!words.length) return;
      vocabulary = words;
      onArrive();
    },
    fail,
  );
  return {
    get known() {
      return { ways, vocabulary };
    },
    /** @param {Record<string, any>} changed */
    update(changed) {
      if ("vocabulary_hint" in changed) vocabulary = changed.vocabulary_hint ?? [];
      if (!("hits" in changed)) return;
      const { query, not_found } = changed.hits ?? {};
      wanted.stop();
      forget();
      if (query && not_found) wanted.start();
      else if (!query && !started) {
        started = true;
        starts.start();
      }
    },
    stop() {
      wanted.stop();
      starts.stop();
      forget();
    },
  };
}
