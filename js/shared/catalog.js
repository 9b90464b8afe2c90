/** Names and labels of components, remembered for all parts of a window. */

import { isAbort } from "./channel.js";

/** @typedef {import("./source.js").Component} Component */

/** Components in one request: what the kernel answers at most. */
const MOST = 200;

/**
 * @param {import("./source.js").Source} source
 * @param {(error: Error) => void} onError
 */
export function catalog(source, onError) {
  /** @type {Map<number, Component>} */
  const known = new Map();
  /** @type {Set<number>} */
  const coming = new Set();
  /** @type {Set<() => void>} */
  const listeners = new Set();

  return {
    /** @param {number} row @returns {Component | undefined} */
    get: (row) => known.get(row),

    /** Asks for those of the rows that are not known yet. @param {number[]} rows */
    async want(rows) {
      const missing = [...new Set(rows)].filter((row) => !known.has(row) && !coming.has(row));
      if (!missing.length) return;
      for (const row of missing) coming.add(row);
      try {
        for (let start = 0; start < missing.length; start += MOST) {
          for (const component of await source.components(missing.slice(start, start + MOST)))
            known.set(component.row, component);
        }
        for (const listener of listeners) listener();
      } catch (error) {
        if (!isAbort(error)) onError(/** @type {Error} */ (error));
      } finally {
        for (const row of missing) coming.delete(row);
      }
    },

    /** @param {() => void} listener @returns {() => void} the way to stop */
    onArrive(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /** Forgets everything, because labels may have changed. */
    clear: () => known.clear(),
  };
}

/** @typedef {import("./mount.js").Context & {catalog: ReturnType<typeof catalog>}} NamedContext */

/**
 * A view the parts of which share one catalog, which forgets everything when labels may have changed.
 * @param {(context: NamedContext) => import("./mount.js").View} createView
 * @returns {(context: import("./mount.js").Context) => import("./mount.js").View}
 */
export const withCatalog = (createView) => (context) => {
  const names = catalog(context.source, context.fail);
  const view = createView({ ...context, catalog: names });
  return {
    ...view,
    update(changed) {
      if ("relabelled" in changed) names.clear();
      view.update(changed);
    },
  };
};
