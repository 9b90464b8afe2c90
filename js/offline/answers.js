/**
 * What the windows ask, answered from a file in the page: the verbs of `semlens_widgets/widgets/answers.py`, for all
 * that needs neither model nor CLIP. Words that are kept in the file can be searched; others need a kernel.
 */

import { otherEnd } from "../gallery/listing.js";
import { filePictures, imageNames } from "./examples.js";
import { DamagedFile } from "./file.js";
import { fileLabels } from "./labels.js";
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
    layers: layers.map((name, i) => ({ name, count: sizes[i], signed: signed[i] })),
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
 * @param {import("./examples.js").Pictures} [pictures] where they come from, if not from the file
 */
export function fileAnswers(file, pictures = filePictures(file)) {
  const { document } = file;
  const table = components(document.components);
  const k = file.shape("crop_of")[1];
  const dim = file.shape("vectors")[1];
  /** How many examples of each component have a picture: a page may hold fewer than the file it was made from. */
  const pictured = document.pictured ?? k;
  const words = document.extra.parts?.words ?? null;
  const documents = document.extra.parts ?? {};

  /** Per component: how many examples it really has, as a site says or read off the responses. */
  const counts = once(async () => {
    if (file.has("example_counts")) return /** @type {Int32Array} */ (await file.array("example_counts"));
    const [responses, negative] = await Promise.all([
      file.array("example_responses"),
      file.array("negative"),
    ]);
    return Int32Array.from({ length: table.total }, (_, row) => filled(responses, negative[row], row * k));
  });

  /** The same of some components, without reading all. @param {number[]} rows @returns {Promise<number[]>} */
  async function countsOf(rows) {
    if (file.has("example_counts")) {
      const all = await counts();
      return rows.map((row) => all[row]);
    }
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

  /** Which labels are believed, as Python judged [component label]; null where the file keeps no judgement. */
  const acceptedLabels = once(async () => {
    const column = await recordedColumn(file, replies, "labels", "accepted");
    return column ?? (await kept.labels?.({}, {}))?.accepted ?? null;
  });
  const { all: labels, some: labelsOf, judged } = fileLabels(file, (row) => table.of(row).id, acceptedLabels);

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
    if (file.has("siblings/rows")) return keptSiblings(row);
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

  /** The siblings that a site keeps. @param {number} row */
  async function keptSiblings(row) {
    const [[near], [cosines]] = await Promise.all(
      ["siblings/rows", "siblings/scores"].map((name) => file.rows(name, [row])),
    );
    const known = Array.from(near, Number).filter((other) => other < table.total);
    const label = await labelsOf(known);
    return known.map((other, at) => ({
      row: other,
      id: table.of(other).id,
      score: cosines[at],
      label: label[at],
    }));
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
        const count = await countsOf(rows);
        const shown = count.map((own) => Math.min(examples, own, pictured));
        const image = await pictures.sheet(rows, shown, size, examples);
        return { columns: examples, size, rows, counts: shown, image };
      },
      async example({ row, rank }) {
        const [[count], describe, [images], [responses]] = await Promise.all([
          countsOf([row]),
          names(),
          file.rows("example_images", [row]),
          file.rows("example_responses", [row]),
        ]);
        if (rank >= pictured)
          throw needsKernel(`This page holds the first ${pictured} examples of a component.`);
        if (!(rank >= 0 && rank < count))
          throw new RangeError(`example ${rank} of ${table.of(row).id}; it has ${count}`);
        const image = Number(images[rank]);
        const picture = await pictures.one(row, rank);
        if (!picture)
          throw new DamagedFile(`the picture of example ${rank} of ${table.of(row).id} is damaged`);
        return {
          response: responses[rank],
          rank,
          of: count,
          image_id: String(image),
          ...describe(image),
          image: picture,
        };
      },
      async card({ row }, { query }) {
        const end = otherEnd(table.layers, row);
        const [[about, other], label, bars, siblings, relevance, hits] = await Promise.all([
          described(end === null ? [row] : [row, end]),
          judged(row),
          histogram(file, row),
          nearest(row),
          classRelevance(file, documents.answers?.relevance, row),
          words?.names.includes(query ?? "") ? searching.hits(query, null) : null,
        ]);
        const at = hits ? hits.rows.indexOf(row) : -1;
        const { score, z, p } = { score: hits?.scores?.[at], z: hits?.z?.[at], p: hits?.p?.[at] };
        const found = { score: score ?? null, z: z ?? null, p: p ?? null };
        const other_end = other
          ? { row: other.row, id: other.id, label: other.label, dead: other.dead }
          : null;
        return { ...about, ...found, label, histogram: bars, siblings, other_end, relevance };
      },
      suggest: ({ prefix }) => searching.suggest(prefix),
      ways: () => ({ shorter: [], spelling: [], meaning: [], images: [], sheet: null }),
      start_words: () => searching.startWords(),
    },
  };
}

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
