/**
 * Facts about rows, asked for in batches as rows come into sight, and kept for a while.
 *
 * One request asks for all rows that are newly in sight. A request none of whose rows is in sight any more
 * is aborted. The least recently wanted rows are forgotten beyond `capacity`.
 */

import { isAbort } from "./channel.js";

/**
 * @template Fact
 * @param {object} options
 * @param {(rows: number[], signal: AbortSignal) => Promise<Map<number, Fact>>} options.load
 * @param {(rows: number[]) => void} options.onArrive
 * @param {(error: Error) => void} options.onError
 * @param {(fact: Fact) => void} [options.onForget]
 * @param {number} [options.capacity] rows kept at most; rows in sight are always kept
 */
export function batches({ load, onArrive, onError, onForget, capacity = 2000 }) {
  /** @type {Map<number, Fact>} least recently wanted first */
  const known = new Map();
  /** @type {Set<{rows: number[], controller: AbortController}>} */
  const underWay = new Set();
  /** @type {Set<number>} */
  let wanted = new Set();

  function forgetOld() {
    for (const [row, fact] of known) {
      if (known.size <= capacity) return;
      if (wanted.has(row)) continue;
      known.delete(row);
      onForget?.(fact);
    }
  }

  return {
    /** @param {number} row */
    get: (row) => known.get(row),

    /** Says which rows are in sight now; asks for those that are neither known nor under way. @param {Iterable<number>} rows */
    want(rows) {
      wanted = new Set(rows);
      for (const batch of underWay) {
        if (!batch.rows.some((row) => wanted.has(row))) {
          underWay.delete(batch);
          batch.controller.abort();
        }
      }
      const coming = new Set([...underWay].flatMap((batch) => batch.rows));
      const missing = [];
      for (const row of wanted) {
        const fact = known.get(row);
        if (fact !== undefined) {
          known.delete(row);
          known.set(row, fact);
        } else if (!coming.has(row)) missing.push(row);
      }
      if (!missing.length) return;
      const batch = { rows: missing, controller: new AbortController() };
      underWay.add(batch);
      load(missing, batch.controller.signal).then(
        (facts) => {
          underWay.delete(batch);
          if (batch.controller.signal.aborted) {
            for (const fact of facts.values()) onForget?.(fact);
            return;
          }
          for (const [row, fact] of facts) known.set(row, fact);
          forgetOld();
          onArrive([...facts.keys()]);
        },
        (error) => {
          underWay.delete(batch);
          if (!isAbort(error)) onError(error);
        },
      );
    },

    clear() {
      for (const { controller } of underWay) controller.abort();
      underWay.clear();
      for (const fact of known.values()) onForget?.(fact);
      known.clear();
      wanted.clear();
    },
  };
}
