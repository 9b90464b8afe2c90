/**
 * What the windows ask, answered from a file in the page: the verbs of `semlens_widgets/widgets/answers.py`, for all
 * that needs neither model nor CLIP. Words that are kept in the file can be searched; others need a kernel.
 */

import { normalTail } from "../shared/normal.js";
import { DamagedFile } from "./file.js";
import { recordedAnswer } from "./format.js";
import { needsKernel } from "./model.js";
import { showable } from "./picture.js";

const SIBLINGS = 5;
/** Above this many numbers the nearest siblings are not sought: it would read the whole of a large file. */
const MOST_COMPARED = 32_000_000;
const BINS = 64;
/** A hit with a p up to this lies above the null. */
const ABOVE = 0.01;
/** Pictures that are decoded at one time. */
const AT_ONCE = 8;

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
    return Int32Array.from({ length: table.total }, (_, row) => {
      if (negative[row]) return k;
      let count = 0;
      while (count < k && responses[row * k + count] > 0) count += 1;
      return count;
    });
  });

  const names = once(async () => {
    const [ids, offsets, text, labels] = await Promise.all(
      ["image_ids", "image_name_offsets", "image_names", "image_labels"].map((name) => file.array(name)),
    );
    const decoder = new TextDecoder();
    const places = new Map(Array.from(ids, (id, i) => [Number(id), i]));
    return (/** @type {number} */ image) => {
      const at = places.get(image);
      if (at === undefined) return { name: String(image), label: null };
      const name = decoder.decode(text.subarray(Number(offsets[at]), Number(offsets[at + 1])));
      const number = Number(labels[at]);
      return { name, label: number < 0 ? null : (document.classes[number] ?? String(number)) };
    };
  });

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
  async function acceptedLabels() {
    return (await kept.labels?.({}, {}))?.accepted ?? null;
  }

  /** A component's label with the score and confidence of its word; a person's own has neither. @param {number} row */
  async function judged(row) {
    const label = (await labels())(row);
    if (!label || label.own) return label;
    const [[scores], [confidence]] = await Promise.all([
      file.rows("labels/scores", [row]),
      file.rows("labels/confidence", [row]),
    ]);
    return { ...label, score: scores[0], confidence: confidence[0] };
  }

  /** The classes a component speaks for and against most, over a data set; null where they are not known. @param {number} row */
  async function classRelevance(row) {
    const known = documents.answers?.relevance;
    if (!known) return null;
    const [[numbers], [shares]] = await Promise.all([
      file.rows("answers/relevance.classes", [row]),
      file.rows("answers/relevance.shares", [row]),
    ]);
    const classes = Array.from(numbers, (number, at) => ({ ...known.classes[number], share: shares[at] }));
    return { classes, more: known.more, backend: known.backend };
  }

  /** @param {number} row */
  async function described(row) {
    const [count, label, [responses]] = await Promise.all([
      counts(),
      labels(),
      file.rows("example_responses", [row]),
    ]);
    return {
      ...table.of(row),
      label: label(row),
      dead: count[row] === 0,
      responses: Array.from(responses.subarray(0, count[row])),
    };
  }

  /** The cosines of a saved word with all components, and their z. @param {number} number of the word */
  async function scored(number) {
    const [vectors, alike, probes, mean, sd, count] = await Promise.all([
      file.array("vectors"),
      // The first files had no lengths where their vectors were means of one.
      file.version > 1 || file.has("lengths") ? file.array("lengths") : null,
      file.array("words/vectors"),
      file.array("words/null_mean"),
      file.array("words/null_sd"),
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
      z[row] = (scores[row] - mean[at] / length) / (Math.max(sd[at], 1e-9) / length);
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
        found: 0,
        not_found: false,
        null: null,
        best: null,
        message: null,
        unknown_words: [],
        asked: [],
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
      .sort((a, b) => Number(tail[b] <= ABOVE) - Number(tail[a] <= ABOVE) || scores[b] - scores[a] || a - b);
    const p = Float32Array.from(ranked, (row) => tail[row]);
    const told = words.answers[number];
    const first = ranked[0];
    const whole = layer === null;
    const best =
      first === undefined ? null : { ...table.of(first), score: scores[first], z: z[first], p: p[0] };
    // The verdict over all layers was given by Python; of one layer only the ranking is known here.
    const above = p.reduce((sum, value) => sum + Number(value <= ABOVE), 0);
    return {
      ...told,
      query,
      count: ranked.length,
      total: table.total,
      best: whole ? told.best : best,
      found: told.not_found ? 0 : above,
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

  /** @param {number} row */
  async function siblings(row) {
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

  /** @param {number} row */
  async function histogram(row) {
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
      images: document.images,
    };
  }

  /** WebP bytes of some crops; null for one that is damaged, or no picture. @param {readonly number[]} crops */
  async function webps(crops) {
    const [offsets, checksums] = await Promise.all([
      file.array("thumbnail_offsets"),
      file.array("thumbnail_checksums"),
    ]);
    const found = await file.bytes(
      "thumbnails",
      crops.map((crop) => ({
        range: [Number(offsets[crop]), Number(offsets[crop + 1])],
        checksum: Number(checksums[crop]),
      })),
    );
    return found.map((bytes) => (showable(bytes) ? bytes : null));
  }

  /** The replies that were recorded when the file was written: of views whose answers depend on nothing else. */
  function recorded() {
    /** @type {Map<string, number>} */
    const numbers = new Map();
    const replies = documents.answers?.replies ?? [];
    for (const [number, { verb, args }] of replies.entries()) numbers.set(asked(verb, args), number);
    /** @type {Record<string, import("./model.js").Verb>} */
    const verbs = {};
    for (const { verb } of replies)
      verbs[verb] = async (args) => {
        const number = numbers.get(asked(verb, args));
        if (number === undefined)
          throw needsKernel("This is not kept in the file. Open the lens in a notebook to go live.");
        const { result, buffers } = replies[number];
        const parts = Array.from({ length: buffers }, (_, at) => file.array(`answers/${number}.${at}`));
        const lengths = { component: table.total, k: result.k ?? 0 };
        return recordedAnswer(verb, result, await Promise.all(parts), lengths);
      };
    const { meanings } = verbs;
    if (meanings)
      verbs.meanings = async ({ rows }, state) => {
        const each = await Promise.all(
          rows.map((/** @type {number} */ row) => meanings({ rows: [row] }, state)),
        );
        return { meanings: each.flatMap((answer) => answer.meanings) };
      };
    return verbs;
  }

  const kept = recorded();
  return {
    table,
    document,
    labels,
    /** @type {Record<string, import("./model.js").Verb>} */
    verbs: {
      ...kept,
      ping: () => ({}),
      hits: (_, { query, layer }) => hits(query ?? "", layer ?? null),
      components: async ({ rows }) => ({ components: await Promise.all(rows.map(described)) }),
      async sprite({ rows, examples, size }) {
        const [count, cropsOf] = await Promise.all([counts(), file.rows("crop_of", rows)]);
        const shown = rows.map((/** @type {number} */ row) => Math.min(examples, count[row], pictured));
        const wanted = cropsOf.flatMap((crops, line) => Array.from(crops.subarray(0, shown[line])));
        const pictures = await webps(wanted);
        const places = shown.flatMap((/** @type {number} */ n, /** @type {number} */ line) =>
          Array.from({ length: n }, (_, rank) => [rank * size, line * size]),
        );
        const image = await drawSheet(pictures, places, size, examples, rows.length);
        return { columns: examples, size, rows, counts: shown, image };
      },
      async example({ row, rank }) {
        const [count, describe, [images], [responses], [crops]] = await Promise.all([
          counts(),
          names(),
          file.rows("example_images", [row]),
          file.rows("example_responses", [row]),
          file.rows("crop_of", [row]),
        ]);
        if (rank >= pictured)
          throw needsKernel(`This page holds the first ${pictured} examples of a component.`);
        if (!(rank >= 0 && rank < count[row]))
          throw new RangeError(`example ${rank} of ${table.of(row).id}; it has ${count[row]}`);
        const image = Number(images[rank]);
        const [bytes] = await webps([crops[rank]]);
        if (!bytes) throw new DamagedFile(`the picture of example ${rank} of ${table.of(row).id} is damaged`);
        return {
          response: responses[rank],
          rank,
          of: count[row],
          image_id: String(image),
          ...describe(image),
          image: new Blob([bytes], { type: "image/webp" }),
        };
      },
      async card({ row }, { query }) {
        const known = words?.names.indexOf(query ?? "") ?? -1;
        const [about, label, bars, near, relevance, found] = await Promise.all([
          described(row),
          judged(row),
          histogram(row),
          siblings(row),
          classRelevance(row),
          known >= 0 ? scored(known) : null,
        ]);
        const z = found ? found.z[row] : null;
        return {
          ...about,
          label,
          score: found ? found.scores[row] : null,
          z,
          p: z === null ? null : normalTail(z),
          histogram: bars,
          cut: about.responses.length ? about.responses[about.responses.length - 1] : null,
          siblings: near,
          relevance,
        };
      },
      suggest({ prefix }) {
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
      },
    },
  };
}

/** A question with its arguments, the same text whatever their order. @param {string} verb @param {any} args */
const asked = (verb, args) => `${verb} ${JSON.stringify(args, Object.keys(args).sort())}`;

/** @template T @param {() => Promise<T>} make @returns {() => Promise<T>} made at the first call, kept unless it failed */
function once(make) {
  /** @type {Promise<T> | null} */
  let made = null;
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}

/** @param {Record<string, string>} own @param {string} id */
const ownLabel = (own, id) =>
  Object.hasOwn(own, id) ? { text: own[id], margin: null, confident: true, own: true } : null;

/**
 * One picture of many crops: the middle square of each, at its place.
 * @param {(ArrayBuffer | null)[]} pictures @param {number[][]} places @param {number} size @param {number} columns @param {number} lines
 */
async function drawSheet(pictures, places, size, columns, lines) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, columns * size);
  canvas.height = Math.max(1, lines * size);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = "#808080";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const draw = async (/** @type {ArrayBuffer | null} */ bytes, /** @type {number[]} */ [x, y]) => {
    if (!bytes) return; // A damaged picture stays grey, as it does in Python.
    try {
      const image = await createImageBitmap(new Blob([bytes], { type: "image/webp" }));
      const edge = Math.min(image.width, image.height);
      const [left, top] = [(image.width - edge) / 2, (image.height - edge) / 2];
      pen.drawImage(image, left, top, edge, edge, x, y, size, size);
      image.close();
    } catch {
      // What the browser cannot decode stays grey as well.
    }
  };
  for (let start = 0; start < pictures.length; start += AT_ONCE)
    await Promise.all(
      pictures.slice(start, start + AT_ONCE).map((bytes, i) => draw(bytes, places[start + i])),
    );
  const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ done) =>
    canvas.toBlob(done, "image/webp", 0.85),
  );
  if (!blob) throw new Error("the browser could not draw the examples");
  return blob;
}
