/** Which components a gallery lists, and in which order. */

/** @typedef {import("../shared/source.js").Hits} Hits */

/**
 * What a person wants to see: `by` a column, else as the answer has them; `show` those that some image excites, the
 * others, or all; `from`, `to`: shares of images that excite them; `of` a class that some of their examples are of.
 * @typedef {{by: string | null, descending: boolean, show: "all" | "alive" | "dead", from: number | null, to: number | null, of: string | null}} Wish
 */

/** @type {Wish} */
export const EVERYTHING = { by: null, descending: true, show: "all", from: null, to: null, of: null };

/** Numbers by row: `by` and `of` those that are wished. @typedef {{alive: Uint8Array, density: Float32Array, by: Float32Array | null, of: Float32Array | null}} Columns */

/**
 * Hits of which some are left out, or that stand in another order: `places` are theirs in the answer, whose first
 * `n_above_all` lie above the null; `values` what they are sorted by; `top` is the best score of the answer.
 * @typedef {Hits & {places?: Int32Array, n_above_all?: number, top?: number, by_column?: string | null, values?: Float32Array | null}} Listed
 */

/** @param {Wish} wish @returns {boolean} whether any component may be left out */
export const filters = ({ show, from, to, of }) =>
  show !== "all" || from !== null || to !== null || of !== null;

/** Whether a component passes. @param {Wish} wish @param {Columns} columns @returns {(row: number) => boolean} */
function passing({ show, from, to, of }, { alive, density, of: shares }) {
  const [least, most] = [from ?? 0, to ?? 1];
  return (row) =>
    (show === "all" || (alive[row] === 1) === (show === "alive")) &&
    density[row] >= least &&
    density[row] <= most &&
    (of === null || (shares?.[row] ?? 0) > 0);
}

/** Bits of a number in single precision, and what they count to. */
const SINGLE = new Float32Array(1);
const BITS = new Uint32Array(SINGLE.buffer);
const TOP = 2 ** 32 - 1;

/** A whole number in the order of the values: from 0 to 2^32 − 1, those that are none above it. @param {number} value */
function rankOf(value) {
  if (Number.isNaN(value)) return TOP + 1;
  SINGLE[0] = value + 0; // −0 is 0
  return BITS[0] & 0x80000000 ? TOP - BITS[0] : BITS[0] + 0x80000000;
}

/**
 * Places by their numbers; ties stay as they stand, those without a number come last. Rank and place are one number of 53
 * bits, which is sorted without a comparison in JavaScript: ten times as fast for 65,536.
 * @param {Int32Array} places @param {Int32Array} rows @param {Float32Array} numbers @param {boolean} descending
 */
function sorted(places, rows, numbers, descending) {
  const count = places.length;
  const keys = new Float64Array(count);
  for (let at = 0; at < count; at += 1) {
    const rank = rankOf(numbers[rows[places[at]]]);
    keys[at] = (descending && rank <= TOP ? TOP - rank : rank) * count + at;
  }
  keys.sort();
  const order = new Int32Array(count);
  for (let at = 0; at < count; at += 1) order[at] = places[keys[at] % count];
  return order;
}

/** @param {Hits} hits @param {Wish} wish @param {Columns | null} columns @returns {Listed} */
export function listed(hits, wish, columns) {
  const by = wish.by === null ? null : (columns?.by ?? null);
  if (!columns || (!filters(wish) && !by)) return hits;
  const { rows, scores } = hits;
  const passes = passing(wish, columns);
  const kept = new Int32Array(rows.length);
  let length = 0;
  for (let place = 0; place < rows.length; place += 1) if (passes(rows[place])) kept[length++] = place;
  const some = kept.subarray(0, length);
  const places = by ? sorted(some, rows, by, wish.descending) : some;
  /** @template {Float32Array | Int32Array | Uint8Array} T @param {T | null | undefined} column @returns {T | null} */
  function taken(column) {
    if (!column) return null;
    const part = /** @type {T} */ (new /** @type {any} */ (column).constructor(places.length));
    for (let at = 0; at < places.length; at += 1) part[at] = column[places[at]];
    return part;
  }
  const values = by && new Float32Array(places.length);
  if (values) for (let at = 0; at < places.length; at += 1) values[at] = by[rows[places[at]]];
  return {
    ...hits,
    rows: /** @type {Int32Array} */ (taken(rows)),
    scores: taken(scores),
    z: taken(hits.z),
    p: taken(hits.p),
    evidence: taken(hits.evidence),
    z_examples: taken(hits.z_examples),
    count: places.length,
    n_above_null: places.reduce((sum, place) => sum + Number(place < hits.n_above_null), 0),
    n_above_all: hits.n_above_null,
    places,
    top: scores?.[0],
    by_column: by && wish.by,
    values,
  };
}

/** The line of Python that lists the same. @param {Wish} wish @param {(value: unknown) => string} literal */
export function asPython({ by, descending, show, from, to, of }, literal) {
  const given = [
    by !== null && literal(by),
    by !== null && !descending && "descending=False",
    show !== "all" && `alive=${literal(show === "alive")}`,
    (from !== null || to !== null) && `density=(${literal(from)}, ${literal(to)})`,
    of !== null && `examples_of=${literal(of)}`,
  ];
  return `lens.rank(${given.filter(Boolean).join(", ")})`;
}

/**
 * The other end of a signed component, or null. @param {readonly import("../shared/labels.js").Layer[]} layers
 * @param {number} row
 */
export function otherEnd(layers, row) {
  let start = 0;
  for (const { count, signed } of layers) {
    if (row < start + count) {
      if (!signed) return null;
      const half = count / 2;
      return row < start + half ? row + half : row - half;
    }
    start += count;
  }
  return null;
}
