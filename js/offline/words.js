/** Searching a file by the words that are kept in it. */

import { asNormal, normalTail } from "../shared/normal.js";
import { needsKernel } from "./model.js";
import { once } from "./once.js";

/** A hit with a p up to this lies above the null. */
const HIT_ALPHA = 0.01;

/**
 * @param {object} options
 * @param {import("./answers.js").LensFile} options.file
 * @param {ReturnType<typeof import("./answers.js").components>} options.table
 * @param {() => Promise<Int32Array>} options.counts examples of each component
 * @param {any} options.words kept in the file; null: none
 */
export function wordAnswers({ file, table, counts, words }) {
  const dim = file.shape("vectors")[1];

  /** The cosines of a saved word with all components, and their z. @param {number} number of the word */
  async function scored(number) {
    if (file.has("words/scores")) {
      const [[scores], [z], count] = await Promise.all([
        file.rows("words/scores", [number]),
        file.rows("words/z", [number]),
        counts(),
      ]);
      return { scores, z, count };
    }
    const [vectors, alike, probes, mean, sd, skewness, count] = await Promise.all([
      file.array("vectors"),
      // The first files had no lengths where their vectors were means of one.
      file.version > 1 || file.has("lengths") ? file.array("lengths") : null,
      file.array("words/vectors"),
      file.array("words/null_mean"),
      file.array("words/null_sd"),
      // Older files took chance for normal.
      file.has("words/null_skewness") ? file.array("words/null_skewness") : null,
      counts(),
    ]);
    const probe = probes.subarray(number * dim, (number + 1) * dim);
    const sizes = /** @type {number[]} */ (words.set_sizes);
    const centre = words.centre ? await centres() : null;
    const scores = new Float32Array(table.total);
    const z = new Float32Array(table.total);
    for (let row = 0; row < table.total; row += 1) {
      let dot = 0;
      let square = 0;
      const from = centre?.[table.layerNumber(row)];
      for (let d = 0; d < dim; d += 1) {
        const value = vectors[row * dim + d] - (from ? from[d] : 0);
        dot += value * probe[d];
        if (from) square += value * value;
      }
      const length = Math.max(from ? Math.sqrt(square) : (alike?.[row] ?? 1), 1e-9);
      let size = 0;
      while (size + 1 < sizes.length && sizes[size + 1] <= count[row]) size += 1;
      const at = number * sizes.length + size;
      scores[row] = from ? dot / length : dot;
      z[row] = asNormal(
        (scores[row] - mean[at] / length) / (Math.max(sd[at], 1e-9) / length),
        skewness?.[at] ?? 0,
      );
    }
    return { scores, z, count };
  }

  /** The mean vector of each layer's living components. */
  const centres = once(async () => {
    const [vectors, count] = await Promise.all([file.array("vectors"), counts()]);
    return table.layers.map(({ name }) => {
      const mean = new Float64Array(dim);
      const living = table.rows(name).filter((row) => count[row] > 0);
      for (const row of living)
        for (let d = 0; d < dim; d += 1) mean[d] += vectors[row * dim + d] / living.length;
      return mean;
    });
  });

  /** @param {string} query @param {string | null} layer */
  async function hits(query, layer) {
    const rows = table.rows(layer);
    if (!query)
      return {
        query: "",
        count: rows.length,
        total: table.total,
        n_above_null: 0,
        not_found: false,
        null: null,
        best: null,
        message: null,
        unknown_words: [],
        query_components: [],
        couldshow: null,
        rows,
        scores: null,
        z: null,
        p: null,
      };
    const number = wordNumber(query);
    const { scores, z, count } = await scored(number);
    const tail = Float32Array.from(z, normalTail);
    // What lies above the null comes first, as in Python.
    const ranked = rows
      .filter((row) => count[row] > 0)
      .sort(
        (a, b) =>
          Number(tail[b] <= HIT_ALPHA) - Number(tail[a] <= HIT_ALPHA) || scores[b] - scores[a] || a - b,
      );
    const p = Float32Array.from(ranked, (row) => tail[row]);
    const recorded = words.answers[number];
    const first = ranked[0];
    const whole = layer === null;
    const best =
      first === undefined ? null : { ...table.of(first), score: scores[first], z: z[first], p: p[0] };
    // The verdict over all layers was given by Python; of one layer only the ranking is known here.
    const above = p.reduce((sum, value) => sum + Number(value <= HIT_ALPHA), 0);
    return {
      ...recorded,
      query,
      count: ranked.length,
      total: table.total,
      best: whole ? recorded.best : best,
      reason: whole ? recorded.reason : null,
      n_above_null: recorded.not_found ? 0 : above,
      rows: ranked,
      scores: Float32Array.from(ranked, (row) => scores[row]),
      z: Float32Array.from(ranked, (row) => z[row]),
      p,
    };
  }

  /** @param {string} query */
  function wordNumber(query) {
    const number = words ? words.names.indexOf(query) : -1;
    if (number >= 0) return number;
    const some = words
      ? `: ${words.names.slice(0, 12).join(", ")}${words.names.length > 12 ? " …" : ""}`
      : ": none";
    throw needsKernel(
      `Without a kernel only the words kept in the file can be searched, one at a time${some}. Open the lens in a notebook to search for '${query}'.`,
    );
  }

  /** Words that begin with what is typed, or of which a part does. @param {string} prefix */
  function suggest(prefix) {
    const typed = prefix.trim().replace(/^-/, "").trim().toLowerCase();
    const known = /** @type {string[]} */ (words?.names ?? []);
    const begins = known.filter((word) => word.toLowerCase().startsWith(typed));
    const within = known.filter(
      (word) =>
        !begins.includes(word) &&
        word
          .toLowerCase()
          .split(/\s+/)
          .some((part) => part.startsWith(typed)),
    );
    return { words: typed ? [...begins, ...within].slice(0, 12) : [] };
  }

  /** Words to begin with: those of the file that are found. */
  const startWords = () => ({
    words: /** @type {string[]} */ (words?.names ?? [])
      .filter((_, number) => words.answers[number]?.not_found === false)
      .slice(0, 12),
  });

  return { scored, hits, suggest, startWords };
}
