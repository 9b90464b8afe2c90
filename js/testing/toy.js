/**
 * A small world for tests: twelve components in two layers, named and scored by plain arithmetic, behind a
 * widget model that answers as the kernel does.
 */

export const COMPONENTS = 12;
export const LAYERS = [
  { name: "conv1", count: 5 },
  { name: "conv2", count: 7 },
];

/** @param {number} row */
export const idOf = (row) => (row < 5 ? `conv1:${row}` : `conv2:${row - 5}`);

const WORDS = ["red", "green", "blue"];

/** The word that makes a component respond. @param {number} row */
export const meaningOf = (row) => WORDS[row % 3];

/** @param {number} row @returns {import("../shared/source.js").Component} */
export const componentOf = (row) => ({
  row,
  id: idOf(row),
  layer: row < 5 ? "conv1" : "conv2",
  index: row < 5 ? row : row - 5,
  label: { text: meaningOf(row), margin: 0.05, confident: true },
  dead: false,
  responses: [9, 8, 7, 6],
});

export const NULL = {
  mean: 0.02,
  sd: 0.04,
  size: 2000,
  hist: { edges: [-0.1, 0, 0.1, 0.2], counts: [3, 9, 2] },
  z_at_p01: 2.3,
  score_at_p01: 0.11,
};

/**
 * The components that mean the query score .30 down to .27, the others .01: a word that nothing means is not found.
 * @param {string} query @param {string | null} layer @returns {import("../shared/source.js").Hits}
 */
export function hitsOf(query, layer = null) {
  const all = Array.from({ length: COMPONENTS }, (_, row) => row).filter(
    (row) => !layer || componentOf(row).layer === layer,
  );
  const rest = {
    query,
    count: all.length,
    total: COMPONENTS,
    null: NULL,
    message: null,
    unknown_words: [],
    couldshow: null,
  };
  if (!query)
    return {
      ...rest,
      n_above_null: 0,
      not_found: false,
      best: null,
      rows: Int32Array.from(all),
      scores: null,
      z: null,
      p: null,
    };
  const meant = all.filter((row) => meaningOf(row) === query);
  const rows = [...meant, ...all.filter((row) => meaningOf(row) !== query)];
  const scores = rows.map((_, i) => (i < meant.length ? 0.3 - 0.01 * i : 0.01));
  const z = scores.map((value) => (value - NULL.mean) / NULL.sd);
  return {
    ...rest,
    n_above_null: meant.length,
    not_found: meant.length === 0,
    best: { row: rows[0], id: idOf(rows[0]), score: scores[0], z: z[0], p: 0.34, p_all: 0.34 },
    by_chance: !meant.length,
    reason: `best ${idOf(rows[0])} scores .01 (z = −.2, p = .34 over all), no better than random images`,
    couldshow: meant.length ? null : { possible: false, message: "No image shows it either." },
    rows: Int32Array.from(rows),
    scores: Float32Array.from(scores),
    z: Float32Array.from(z),
    p: Float32Array.from(scores, (value) => (value > 0.2 ? 0.0001 : 0.6)),
  };
}

/** Four columns of three: a column for each row of the space modulo 4; the last component is dead. */
export const placesOf = () =>
  Float32Array.from({ length: 2 * COMPONENTS }, (_, i) => {
    const row = i >> 1;
    if (row === COMPONENTS - 1) return Number.NaN;
    return i % 2 ? Math.floor(row / 4) / 2 : (row % 4) / 3;
  });

/** Every component is called what it means, all but rows 4 (not believed) and 11 (dead, without a word). */
export function labelsReply() {
  const rows = Array.from({ length: COMPONENTS }, (_, row) => row);
  const numbers = rows.flatMap((row) => (row === 11 ? [-1, -1] : [row % 3, (row + 1) % 3]));
  const accepted = rows.flatMap((row) => (row === 4 || row === 11 ? [0, 0] : [1, 0]));
  const alike = (/** @type {number} */ value) =>
    Float32Array.from(numbers, (word) => (word < 0 ? Number.NaN : value));
  return {
    made: true,
    k: 2,
    words: WORDS,
    message: "10 of 11 explained",
    level: 0.95,
    method: "mean",
    numbers: Int32Array.from(numbers),
    scores: alike(0.3),
    confidence: Float32Array.from(numbers, (word, i) => (word < 0 ? Number.NaN : accepted[i] ? 0.99 : 0.4)),
    adjusted_similarity: alike(0.8),
    margins: Float32Array.from(rows, (row) => (row === 11 ? Number.NaN : row / 100)),
    accepted: Uint8Array.from(accepted),
    alive: Uint8Array.from(rows, (row) => (row === 11 ? 0 : 1)),
  };
}

/** Scores rise with the row centred and fall raw; rows from 4 on are clear; the last is dead. */
export function scoresReply() {
  const columns = ["clarity", "redundancy", "polysemanticity"];
  const rising = Float32Array.from({ length: COMPONENTS }, (_, row) => (row === 11 ? Number.NaN : row / 10));
  const falling = rising.map((value) => 1 - value);
  const summary = { mean: 0.3, low: 0.2, high: 0.4, null: 0.1, null_high: 0.35 };
  const names = [...columns, ...columns.map((name) => `${name}_centred`)];
  return {
    made: true,
    columns: names,
    clip: "toy-clip@1",
    layers: LAYERS.map(({ name, count }) => ({
      layer: name,
      components: count,
      living: count,
      clear: count,
      ...Object.fromEntries(names.map((column) => [column, summary])),
    })),
    ...Object.fromEntries(names.map((name) => [name, name.endsWith("_centred") ? rising : falling])),
    clear: Uint8Array.from({ length: COMPONENTS }, (_, row) => (row >= 4 && row < 11 ? 1 : 0)),
  };
}

/** Row 1 has two meanings, the others one. @param {number} row */
export const meaningsOf = (row) => {
  const part = (/** @type {number[]} */ examples, /** @type {string | null} */ word) => ({
    examples,
    word,
    closest: word ?? "red",
    score: 0.3,
    confidence: word ? 0.99 : 0.3,
    adjusted_similarity: 0.8,
  });
  return row === 1 ? [part([0, 2], "green"), part([1, 3], null)] : [part([0, 1, 2, 3], meaningOf(row))];
};

/** @param {number} row @returns {import("../shared/source.js").Card} */
export const cardOf = (row) => ({
  ...componentOf(row),
  score: 0.3,
  z: 7,
  p: 0.0001,
  histogram: { edges: [0, 3, 6, 9], counts: [90, 20, 4], images: 114 },
  siblings: [{ row: (row + 3) % COMPONENTS, id: idOf((row + 3) % COMPONENTS), score: 0.9, label: null }],
});

/** A picture or a file that nobody looks into. */
export const someFile = () => new Blob([new Uint8Array(3)], { type: "image/webp" });

/**
 * A widget model with a kernel behind it. `sent` are the messages the browser sent; `verbs` replaces answers
 * (a function of args; it may throw, or return a promise).
 * @param {Record<string, any>} [traits]
 * @param {Record<string, (args: any) => any>} [verbs]
 */
export function toyModel(traits = {}, verbs = {}) {
  /** @type {Record<string, any>} */
  const state = {
    query: "",
    layer: null,
    layers: LAYERS,
    selection: [],
    hits_version: 0,
    status: { state: "ready" },
    vocabulary_hint: WORDS,
    title: "toy-cnn",
    subtitle: "2 layers",
    tabs: ["search"],
    tab: "search",
    python: "",
    busy: null,
    map_colour: "label",
    own_labels: {},
    layout_version: 0,
    labels_version: 0,
    evaluation_version: 0,
    relevance_version: 0,
    history: { past: [], future: [] },
    ...traits,
  };
  /** @type {Map<string, Set<(...args: any[]) => void>>} */
  const listeners = new Map();
  /** @type {any[]} */
  const sent = [];
  let alive = true;
  /** @type {Set<string>} */
  const unsaved = new Set();

  const fire = (/** @type {string} */ event, /** @type {any[]} */ ...args) => {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(...args);
  };

  /** @type {Record<string, (args: any) => any>} */
  const answers = {
    ping: () => ({}),
    hits: () => hitsOf(state.query, state.layer),
    components: ({ rows }) => ({ components: rows.map(componentOf) }),
    sprite: ({ rows, examples, size }) => ({
      columns: examples,
      size,
      rows,
      counts: rows.map(() => 4),
      image: someFile(),
    }),
    example: ({ row, rank }) => ({
      response: 9 - rank,
      rank,
      of: 4,
      image_id: `img${row}`,
      label: "toy",
      image: someFile(),
    }),
    card: ({ row }) => cardOf(row),
    suggest: ({ prefix }) => ({ words: WORDS.filter((word) => word.startsWith(prefix)) }),
    map: () => ({
      method: "pca",
      better: false,
      colours: ["label", "layer", "search", "clarity_centred"],
      places: placesOf(),
    }),
    map_values: () => ({
      there: true,
      about: "clarity",
      mark: 0.2,
      signed: false,
      numbers: Float32Array.from({ length: COMPONENTS }, (_, row) => (row === 11 ? Number.NaN : row / 20)),
    }),
    compute_layout: () => ({}),
    vocabularies: () => ({
      vocabularies: [
        { name: null, title: "of this lens", count: 3 },
        { name: "common", title: "common", count: 693 },
      ],
    }),
    describe: () => ({}),
    scores: () => scoresReply(),
    evaluate: () => ({}),
    meanings: ({ rows }) => ({ meanings: rows.map(meaningsOf) }),
    labels_file: ({ format }) => ({ name: `labels.${format}`, file: someFile() }),
    labels: () => labelsReply(),
    ways: () => ({ shorter: [], spelling: [], meaning: [], images: [], sheet: null }),
    start_words: () => ({ words: [] }),
    query_image: ({ name }) => ({ chip: { id: "i1", name } }),
    ...verbs,
  };

  /** Traits set by the kernel. @param {Record<string, any>} values */
  function kernelSets(values) {
    Object.assign(state, values);
    if ("query" in values || "layer" in values) state.hits_version += 1;
    for (const name of Object.keys(values)) fire(`change:${name}`);
    if ("query" in values || "layer" in values) fire("change:hits_version");
  }

  /** @param {any} message */
  async function answer({ kind, id, verb, args }) {
    if (kind !== "request" || !(verb in answers)) return;
    try {
      const result = await answers[verb](args);
      if (alive) fire("msg:custom", { kind: "reply", id, result }, []);
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      fire("msg:custom", { kind: "error", id, error: { type: name, message } }, []);
    }
  }

  return {
    state,
    /** What it answers. */
    verbs: answers,
    sent,
    fire,
    kernelSets,
    asked: (/** @type {string} */ verb) => sent.filter((message) => message.verb === verb),
    listenerCount: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0),
    kill() {
      alive = false;
      fire("comm:close");
    },
    /** @type {import("../shared/channel.js").Model} */
    model: {
      get: (name) => (name === "follows" ? (state.follows ?? Object.keys(state)) : state[name]),
      set(name, value) {
        state[name] = value;
        unsaved.add(name);
      },
      save_changes() {
        const names = [...unsaved];
        unsaved.clear();
        for (const name of names) fire(`change:${name}`);
        if (names.includes("query") || names.includes("layer")) {
          state.hits_version += 1;
          fire("change:hits_version");
        }
      },
      on(event, listener) {
        if (!listeners.has(event)) listeners.set(event, new Set());
        listeners.get(event)?.add(listener);
      },
      off: (event, listener) => listeners.get(event)?.delete(listener),
      send(message, _callbacks, buffers) {
        if (!alive) throw new Error("comm is disposed");
        sent.push({ ...message, buffers });
        queueMicrotask(() => answer(message));
      },
    },
  };
}

/** Lets promises and timers of no delay run. */
export const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** @param {Element} root @param {string} id @returns {HTMLElement} the one element with this data-testid */
export function byId(root, id) {
  const found = all(root, id);
  if (found.length !== 1) throw new Error(`${found.length} elements are called ${id}`);
  return found[0];
}

/** @param {Element} root @param {string} id @returns {HTMLElement[]} */
export const all = (root, id) =>
  [...root.querySelectorAll(`[data-testid="${id}"]`)].map((node) => /** @type {HTMLElement} */ (node));

/** @param {Element} target @param {string} key @param {KeyboardEventInit} [options] */
export const press = (target, key, options = {}) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }));
