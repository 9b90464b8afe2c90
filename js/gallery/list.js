/** An answer, and what of it is listed: all or some, as found or sorted, each with its other end where that is wished. */

import { EVERYTHING, listed, otherEnd } from "./listing.js";
import { listingBar } from "./listing_bar.js";

/** @typedef {import("./listing.js").Hits} Hits */

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} [options.ask] for what there is to sort and filter by
 * @param {() => void} options.onChange something else is listed
 * @param {(python: string) => void} options.showPython @param {(error: unknown) => void} options.fail
 */
export function listOf({ ask, onChange, showPython, fail }) {
  /** @type {Hits | null} */
  let found = null;
  /** @type {import("./listing.js").Listed | null} */
  let hits = null;
  /** @type {readonly import("../shared/labels.js").Layer[]} */
  let layers = [];
  const bar = ask ? listingBar({ ask, onChange: again, showPython, fail }) : null;

  function list() {
    hits = found && listed(found, bar?.wish ?? EVERYTHING, bar?.columns ?? null);
  }

  function again() {
    if (!found) return;
    list();
    onChange();
  }

  /** A component's other end, where both stand side by side. @param {number} row */
  const beside = (row) => (bar?.ends ? otherEnd(layers, row) : null);

  return {
    node: bar?.node ?? null,
    beside,
    /** All components again; null where nothing can be left out. */
    reset: bar?.reset ?? null,
    get found() {
      return found;
    },
    get hits() {
      return hits;
    },
    /** Components with those beside them. @param {number[]} rows */
    withBeside: (rows) => rows.flatMap((row) => [row, beside(row) ?? row]),
    /** @param {Hits | null} next @returns {boolean} whether it is another answer, and not more of the same */
    take(next) {
      const isNew = next?.query !== found?.query || next?.count !== found?.count;
      found = next;
      list();
      return isNew;
    },
    /** Whether there are rows, of which filters may have left out all. @param {boolean} sight */
    place: (sight) => bar?.place(sight, hits?.count ?? 0, found?.count ?? 0),
    /** @param {Record<string, any>} changed */
    update(changed) {
      if ("layers" in changed) layers = changed.layers ?? [];
      bar?.update(changed);
    },
    destroy: () => bar?.destroy(),
  };
}
