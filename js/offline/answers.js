/**
 * What the windows ask, answered from a file in the page: the verbs of `semlens_widgets/widgets/answers.py`, for all
 * that needs neither model nor CLIP. Words that are kept in the file can be searched; others need a kernel.
 */

import { drawSheet, imageNames, webps } from "./examples.js";
import { DamagedFile } from "./file.js";
import { needsKernel } from "./model.js";
import { once } from "./once.js";
import { recordedColumn, recordedVerbs } from "./recorded.js";
import { wordAnswers } from "./words.js";

const SIBLINGS = 5;
/** Above this many numbers the nearest siblings are not sought: it would read the whole of a large file. */
const MOST_COMPARED = 32_000_000;
const BINS = 64;
/** @typedef {Awaited<ReturnType<typeof import("./file.js").openLensFile>>} LensFile */

/** The components of a file, by row. @param {{layers: string[], sizes: number[], signed: boolean[]}} table */
export function components({ layers, sizes, signed }) {
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const total = sizes.reduce((a, b) => a + b, 0);
  /** @param {number} row */
  const layerNumber = (row) => {
    let number = layers.length - 1;
    while (starts[number] > row) number -= 1;
    return number;
  };
  return {
    total,
    layers: layers.map((name, i) => ({ name, count: sizes[i] })),
    layerNumber,
    /** @param {number} row */
    of(row) {
      const number = layerNumber(row);
      const at = row - starts[number];
      const half = sizes[number] / 2;
      const index = signed[number] ? at % half : at;
      const sign = signed[number] ? (at < half ? "+" : "-") : "";
      return { row, id: `${layers[number]}:${index}${sign}`, layer: layers[number], index };
    },
    /** Rows of one layer, or of all. @param {string | null} layer */
    rows(layer) {
      const number = layer === null ? -1 : layers.indexOf(layer);
      if (layer !== null && number < 0) throw new RangeError(`no layer '${layer}' in this file`);
      const [first, count] = number < 0 ? [0, total] : [starts[number], sizes[number]];
      return Int32Array.from({ length: count }, (_, i) => first + i);
    },
  };
}

/**
 * The verbs of a file.
 * @param {LensFile} file
 */
export function fileAnswers(file) {
  const { document } = file;
  const table = components(document.components);
  const k = file.shape("crop_of")[1];
  const dim = file.shape("vectors")[1];
  /** How many examples of each component have a picture: a page may hold fewer than the file it was made from. */
  const pictured = document.pictured ?? k;
  const words = document.extra.parts?.words ?? null;
  const documents = document.extra.parts ?? {};

  /** Per component: how many examples it really has, read off the responses. */
  const counts = once(async () => {
    const [responses, negative] = await Promise.all([
      file.array("example_responses"),
      file.array("negative"),
    ]);
    return Int32Array.from({ length: table.total }, (_, row) => filled(responses, negative[row], row * k));
  });

  /** The same of some components, without reading all. @param {number[]} rows @returns {Promise<number[]>} */
  async function countsOf(rows) {
    const [responses, negative] = await Promise.all(
      ["example_responses", "negative"].map((name) => file.rows(name, rows)),
    );
    return rows.map((_, at) => filled(responses[at], negative[at][0], 0));
  }

  /** @param {ArrayLike<number>} responses @param {number} negative @param {number} start where a component's own begin */
  function filled(responses, negative, start) {
    if (negative) return k;
    let count = 0;
    while (count < k && responses[start + count] > 0) count += 1;
    return count;
  }

  /** What to call components: a person's own word, else the closest label. */
  const labels = once(async () => {
    const own = documents.own_labels ?? {};
    const made = documents.labels;
    if (!made) return (/** @type {number} */ row) => ownLabel(own, table.of(row).id);
    const [best, margins] = await Promise.all(
      ["words", "margins"].map((name) => file.array(`labels/${name}`)),
    );
    const width = file.shape("labels/words")[1];
    const accepted = await acceptedLabels();
    return (/** @type {number} */ row) => {
      const given = ownLabel(own, table.of(row).id);
      const text = made.names[Number(best[row * width])];
      if (given || text === undefined) return given;
      return { text, margin: margins[row], confident: accepted?.[row * width] === 1, own: false };
    };
  });

  /** Which labels are believed, as Python judged [component label]; null where the file keeps no judgement. */
  const acceptedLabels = once(async () => {
    const column = await recordedColumn(file, replies, "labels", "accepted");
    return column ?? (await kept.labels?.({}, {}))?.accepted ?? null;
  });

  /** What to call some components, without reading all. @param {number[]} rows */
  async function labelsOf(rows) {
    const own = documents.own_labels ?? {};
    const made = documents.labels;
    const given = rows.map((row) => ownLabel(own, table.of(row).id));
    if (!made) return given;
    const [best, margins, accepted] = await Promise.all([
      file.rows("labels/words", rows),
      file.rows("labels/margins", rows),
      acceptedLabels(),
    ]);
    const width = file.shape("labels/words")[1];
    return rows.map((row, at) => {
      const text = made.names[Number(best[at][0])];
      if (given[at] || text === undefined) return given[at];
      return { text, margin: margins[at][0], confident: accepted?.[row * width] === 1, own: false };
    });
  }

  /** A component's label with the score and confidence of its word; a person's own has neither. @param {number} row */
  async function judged(row) {
    const [label] = await labelsOf([row]);
    if (!label || label.own) return label;
    const [[scores], [confidence]] = await Promise.all([
      file.rows("labels/scores", [row]),
      file.rows("labels/confidence", [row]),
    ]);
    return { ...label, score: scores[0], confidence: confidence[0] };
  }

  /** @param {number[]} rows */
  async function described(rows) {
    const [count, label, responses] = await Promise.all([
      countsOf(rows),
      labelsOf(rows),
      file.rows("example_responses", rows),
    ]);
    return rows.map((row, at) => ({
      ...table.of(row),
      label: label[at],
      dead: count[at] === 0,
      responses: Array.from(responses[at].subarray(0, count[at])),
    }));
  }

  /** @param {number} row */
  async function nearest(row) {
    if (table.total * dim > MOST_COMPARED) return [];
    const [vectors, count, label] = await Promise.all([file.array("vectors"), counts(), labels()]);
    if (!count[row]) return [];
    const cosines = Array.from({ length: table.total }, (_, other) => {
      if (other === row || !count[other]) return Number.NEGATIVE_INFINITY;
      let dot = 0;
      for (let d = 0; d < dim; d += 1) dot += vectors[row * dim + d] * vectors[other * dim + d];
      return dot;
    });
    return cosines
      .map((score, other) => ({ score, other }))
      .sort((a, b) => b.score - a.score || a.other - b.other)
      .slice(0, SIBLINGS)
      .filter(({ score }) => Number.isFinite(score))
      .map(({ score, other }) => ({ row: other, id: table.of(other).id, score, label: label(other) }));
  }

  const searching = wordAnswers({ file, table, counts, words });
  const names = imageNames(file, document.classes);
  const replies = documents.answers?.replies ?? [];
  const kept = recordedVerbs(file, replies, table.total);
  return {
    table,
    document,
    labels,
    /** @type {Record<string, import("./model.js").Verb>} */
    verbs: {
      ...kept,
      ping: () => ({}),
      hits: (_, { query, layer }) => searching.hits(query ?? "", layer ?? null),
      components: async ({ rows }) => ({ components: await described(rows) }),
      async sprite({ rows, examples, size }) {
        const [count, cropsOf] = await Promise.all([countsOf(rows), file.rows("crop_of", rows)]);
        const shown = count.map((own) => Math.min(examples, own, pictured));
        const wanted = cropsOf.flatMap((crops, line) => Array.from(crops.subarray(0, shown[line])));
        const pictures = await webps(file, wanted);
        const places = shown.flatMap((/** @type {number} */ n, /** @type {number} */ line) =>
          Array.from({ length: n }, (_, rank) => [rank * size, line * size]),
        );
        const image = await drawSheet(pictures, places, size, examples, rows.length);
        return { columns: examples, size, rows, counts: shown, image };
      },
      async example({ row, rank }) {
        const [[count], describe, [images], [responses], [crops]] = await Promise.all([
          countsOf([row]),
          names(),
          file.rows("example_images", [row]),
          file.rows("example_responses", [row]),
          file.rows("crop_of", [row]),
        ]);
        if (rank >= pictured)
          throw needsKernel(`This page holds the first ${pictured} examples of a component.`);
        if (!(rank >= 0 && rank < count))
          throw new RangeError(`example ${rank} of ${table.of(row).id}; it has ${count}`);
        const image = Number(images[rank]);
        const [bytes] = await webps(file, [crops[rank]]);
        if (!bytes) throw new DamagedFile(`the picture of example ${rank} of ${table.of(row).id} is damaged`);
        return {
          response: responses[rank],
          rank,
          of: count,
          image_id: String(image),
          ...describe(image),
          image: new Blob([bytes], { type: "image/webp" }),
        };
      },
      async card({ row }, { query }) {
        const [[about], label, bars, siblings, relevance, hits] = await Promise.all([
          described([row]),
          judged(row),
          histogram(file, row),
          nearest(row),
          classRelevance(file, documents.answers?.relevance, row),
          words?.names.includes(query ?? "") ? searching.hits(query, null) : null,
        ]);
        const at = hits ? hits.rows.indexOf(row) : -1;
        const { score, z, p } = { score: hits?.scores?.[at], z: hits?.z?.[at], p: hits?.p?.[at] };
        const found = { score: score ?? null, z: z ?? null, p: p ?? null };
        return { ...about, ...found, label, histogram: bars, siblings, relevance };
      },
      suggest: ({ prefix }) => searching.suggest(prefix),
      ways: () => ({ shorter: [], spelling: [], meaning: [], images: [], sheet: null }),
      start_words: () => searching.startWords(),
    },
  };
}

/** @param {Record<string, string>} own @param {string} id */
const ownLabel = (own, id) =>
  Object.hasOwn(own, id) ? { text: own[id], margin: null, confident: true, own: true } : null;

/** How strongly images excite a component. @param {LensFile} file @param {number} row */
async function histogram(file, row) {
  const [[bins], exponent, negative] = await Promise.all([
    file.rows("bins", [row]),
    file.array("exponent"),
    file.array("negative"),
  ]);
  const width = 2 ** exponent[row];
  const start = negative[row] ? (-BINS / 2) * width : 0;
  return {
    edges: Array.from({ length: BINS + 1 }, (_, i) => start + width * i),
    counts: Array.from(bins, Number),
    images: file.document.images,
  };
}

/** The classes a component speaks for and against most, over a data set; null where they are not known. @param {LensFile} file @param {any} known @param {number} row */
async function classRelevance(file, known, row) {
  if (!known) return null;
  const [[numbers], [shares]] = await Promise.all([
    file.rows("answers/relevance.classes", [row]),
    file.rows("answers/relevance.shares", [row]),
  ]);
  const classes = Array.from(numbers, (number, at) => ({ ...known.classes[number], share: shares[at] }));
  return { classes, more: known.more, backend: known.backend };
}
