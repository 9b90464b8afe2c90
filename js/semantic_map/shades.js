/** What the map's colours show: one of the things that can be shown, its numbers, and the colour of each point. */

import { percent, score, z } from "../shared/format.js";
import { byLabel, byLayer, byNumber, COLOURS, plain } from "./colours.js";

/** @param {{names: ReturnType<typeof import("../shared/names.js").componentNames>}} options */
export function shades({ names }) {
  let colour = "label";
  /** Numbers of the kernel, where the colour shows some. @type {import("./colours.js").Values | null} */
  let values = null;
  /** @type {import("../shared/source.js").Hits | null} */
  let hits = null;
  /** z of the hits by row, once they are wanted. @type {{of: import("../shared/source.js").Hits, count: number, values: import("./colours.js").Values} | null} */
  let known = null;

  function evidence() {
    if (!hits?.z) return null;
    const { count } = names;
    if (known?.of !== hits || known.count !== count)
      known = { of: hits, count, values: evidenceOf(hits, count) };
    return known.values;
  }

  /** What is really shown: labels that are not there yet leave the colours to the layers. */
  const shown = () => (colour === "label" && !names.named.names.length ? "layer" : colour);
  /** The numbers that are shown, or null. */
  const shownValues = () => (shown() === "search" ? evidence() : values);

  return {
    /** The one that was chosen. */
    get colour() {
      return colour;
    },
    get shown() {
      return shown();
    },
    /** @param {string} next */
    choose(next) {
      colour = next;
      values = null;
    },
    /** @param {import("./colours.js").Values | null} next numbers that have come for the colour */
    fill(next) {
      values = next;
    },
    /** @param {import("../shared/source.js").Hits | null} next */
    search(next) {
      hits = next;
    },
    /** A component's number in words, empty where it has none. @param {number} row */
    textOf(row) {
      const number = shownValues()?.numbers?.[row];
      if (number === undefined || !Number.isFinite(number)) return "";
      if (shown() === "search") return z(number);
      if (!values?.signed) return score(number, 2);
      return `${percent(number)} %`;
    },
    /** What that number is. */
    get about() {
      return shown() === "search" ? "z" : COLOURS[shown()];
    },
    /** The largest numbers first, or as they are where no numbers are shown. @param {number[]} rows @param {Float32Array | null} [instead] of no numbers */
    ordered(rows, instead = null) {
      const numbers = shownValues()?.numbers ?? instead;
      return numbers ? byValue(rows, numbers) : rows;
    },
    /** @param {import("./colours.js").Palette} palette @returns {import("./colours.js").Painted} */
    paint(palette) {
      const what = shown();
      const { count } = names;
      if (what === "label") return byLabel(names.named, palette);
      if (what === "layer") return byLayer(names.layers, count, palette);
      const numbers = shownValues();
      if (numbers?.numbers) return byNumber(numbers, palette, what === "search");
      if (what === "search") return plain(count, "nothing is searched", palette);
      return plain(count, values ? `no ${COLOURS[what]} yet` : "", palette);
    },
  };
}

/** @param {import("../shared/source.js").Hits} hits @param {number} count of all rows @returns {import("./colours.js").Values} */
function evidenceOf(hits, count) {
  const numbers = new Float32Array(count).fill(Number.NaN);
  for (let at = 0; at < hits.rows.length; at++) numbers[hits.rows[at]] = hits.z?.[at] ?? Number.NaN;
  return {
    there: true,
    about: `z of ${hits.query}`,
    mark: hits.null?.z_at_p01 ?? null,
    signed: false,
    numbers,
  };
}

/** @param {number[]} rows @param {Float32Array} numbers largest first, those without a number last */
function byValue(rows, numbers) {
  const worth = (/** @type {number} */ row) =>
    Number.isFinite(numbers[row]) ? numbers[row] : Number.NEGATIVE_INFINITY;
  return [...rows].sort((a, b) => worth(b) - worth(a) || a - b);
}
