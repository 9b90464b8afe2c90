/** The map over the picture: where in the image a component acts. */

import { latest } from "../shared/latest.js";

/** Kept maps of components, the last looked at. */
const MAPS = 24;

/**
 * Shows all components together, or one; that of one is asked for.
 * @param {object} options
 * @param {import("./source.js").PredictionSource} options.engine
 * @param {import("../shared/alone.js").ViewContext["catalog"]} options.catalog
 * @param {ReturnType<typeof import("./picture.js").picturePane>} options.picture @param {(error: unknown) => void} options.fail
 */
export function shownMaps({ engine, catalog, picture, fail }) {
  /** @type {Map<number, import("./source.js").ComponentHeat>} */
  const kept = new Map();
  const idOf = (/** @type {number} */ row) => catalog.get(row)?.id ?? "";
  const wanted = latest(
    async (signal, /** @type {number} */ row) => {
      // The last map stays while the next one is on its way, unless that takes long enough to be noticed.
      const noticed = setTimeout(() => picture.paint("component", null, idOf(row) || "the component"), 400);
      try {
        await catalog.want([row]);
        return await engine.heat(row, signal);
      } finally {
        clearTimeout(noticed);
      }
    },
    (map, row) => {
      kept.set(row, map);
      for (const old of kept.keys()) if (kept.size > MAPS) kept.delete(old);
      picture.paint("component", map, idOf(row));
    },
    fail,
  );
  return {
    /** @param {number | null} row @param {import("./picture.js").Mode} mode */
    show(row, mode) {
      wanted.stop();
      const known = row === null ? null : (kept.get(row) ?? null);
      if (known || mode !== "component" || row === null)
        picture.paint(mode, known, row === null ? "" : idOf(row));
      else wanted.start(row);
    },
    clear: () => kept.clear(),
    stop: wanted.stop,
  };
}
