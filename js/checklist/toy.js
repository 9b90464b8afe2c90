/**
 * A small audit for tests: the toy components in two kinds of concepts and one that none shows, behind verbs that
 * keep state as the kernel does.
 */

import { COMPONENTS, idOf, toyModel } from "../testing/toy.js";

export const REGIONS = ["valid", "spurious", "ambiguous", "unexpected", "neutral"];

/** @param {string} name @param {any} [rest] @returns {import("./source.js").Concept} */
export const concept = (name, rest = {}) => ({
  name,
  prompts: [name],
  kind: "valid",
  group: "",
  classes: [],
  note: "",
  ...rest,
});

export const CONCEPTS = [
  concept("red", { group: "A asymmetry" }),
  concept("green", { group: "B border" }),
  concept("purple", { group: "B border" }),
  concept("ruler", { kind: "spurious", group: "Must not be used" }),
  concept("hair", { kind: "neutral", group: "Neutral" }),
];
/** Which components a word finds. */
const FOUND = { red: [0, 3], green: [1, 4], blue: [2, 5], ruler: [6, 7, 8], hair: [9] };

/** @param {any} state @returns {any} */
export function answer({ concepts, verdicts, target, level, weighted, past, future, notice }) {
  const rest = {
    targets: ["nevus", "melanoma"],
    verdicts: [...verdicts].map(([about, decision]) => ({
      about,
      decision,
      note: "",
      label: "",
      who: "me",
      when: "",
    })),
    computable: true,
    undo: past.length > 0,
    redo: future.length > 0,
    formats: ["html", "csv"],
    notice,
  };
  if (!concepts.length) return { ...rest, concepts, report: null };
  const region = new Uint8Array(COMPONENTS).fill(REGIONS.indexOf("unexpected"));
  const has = (/** @type {string} */ kind) => concepts.some((/** @type {any} */ one) => one.kind === kind);
  const valid = new Float32Array(COMPONENTS).fill(has("valid") ? 0.5 : Number.NaN);
  const spurious = new Float32Array(COMPONENTS).fill(has("spurious") ? 0.4 : Number.NaN);
  const relevance = Float32Array.from({ length: COMPONENTS }, (_, row) =>
    weighted ? (row % 2 ? -1 : 1) * (row + 1) : Number.NaN,
  );
  const [validConcept, spuriousConcept] = [
    new Int16Array(COMPONENTS).fill(-1),
    new Int16Array(COMPONENTS).fill(-1),
  ];
  /** @type {any} */
  const findings = Object.create(null);
  for (const [i, { name, kind, prompts }] of concepts.entries()) {
    const rows = Object.hasOwn(FOUND, prompts[0]) ? /** @type {any} */ (FOUND)[prompts[0]] : [];
    for (const row of rows) {
      region[row] = REGIONS.indexOf(kind);
      if (kind === "spurious") [spurious[row], spuriousConcept[row]] = [5 + row / 10, i];
      else [valid[row], validConcept[row]] = [5 + row / 10, i];
    }
    findings[name] = {
      state: !prompts.length ? "unseen" : rows.length ? "found" : "missing",
      message: !prompts.length
        ? "cannot be seen in one image"
        : rows.length
          ? "found"
          : "missing: best z 1.2, no component",
      best: rows[0] ?? (prompts.length ? 11 : null),
      z: rows.length ? 5 : 1.2,
      p: 0.001,
      rows,
      zs: rows.map(() => 5),
      relevance: weighted
        ? rows.reduce((/** @type {number} */ sum, /** @type {number} */ row) => sum + relevance[row], 0)
        : null,
      used: weighted && rows.length > 0 && kind !== "neutral",
      use: !weighted || !rows.length ? "" : kind === "neutral" ? "not used" : "used, speaks for it",
    };
  }
  const part = (/** @type {number} */ number) => ({
    count: region.filter((other) => other === number).length,
    share: weighted ? 20 : null,
    low: weighted ? 15 : null,
    high: weighted ? 25 : null,
  });
  const report = {
    target,
    level,
    z: 2.33,
    thresholds: { margin: 1, used: 0.02, min_effect: 0.05 },
    weighted,
    basis: "mean over 20 images",
    missed: ["With these 20 images a shortcut below 0.40 would be missed"],
    names: concepts.map((/** @type {any} */ { name }) => name),
    findings,
    regions: Object.fromEntries(REGIONS.map((name, number) => [name, part(number)])),
    queue: [...region.keys()].filter((row) => REGIONS[region[row]] === "unexpected").reverse(),
    note: "",
  };
  return {
    ...rest,
    concepts,
    report,
    rows: Int32Array.from({ length: COMPONENTS }, (_, i) => i),
    valid,
    spurious,
    relevance,
    region,
    region_names: REGIONS,
    valid_concept: validConcept,
    spurious_concept: spuriousConcept,
  };
}

/**
 * A widget model with an audit behind it. `audit` is its state; `verbs` replaces answers.
 * @param {Record<string, any>} [audit] @param {Record<string, (args: any) => any>} [verbs] @param {Record<string, any>} [traits]
 */
export function auditModel(audit = {}, verbs = {}, traits = {}) {
  /** @type {any} */
  const state = {
    concepts: CONCEPTS,
    verdicts: new Map(),
    target: "melanoma",
    level: 0.01,
    weighted: true,
    past: [],
    future: [],
    notice: "",
    ...audit,
  };
  const moment = () => ({ concepts: state.concepts, verdicts: new Map(state.verdicts) });
  const changes = (/** @type {() => void} */ change) => {
    state.past.push(moment());
    state.future = [];
    change();
    bump();
    return { python: "lens.checklist = …" };
  };
  const travel = (/** @type {any[]} */ from, /** @type {any[]} */ to) => {
    if (from.length) {
      to.push(moment());
      Object.assign(state, from.pop());
    }
    bump();
    return { python: "lens.undo()" };
  };
  const bump = () => toy.kernelSets({ audit_version: toy.state.audit_version + 1 });
  const toy = toyModel(
    {
      audit_version: 0,
      audit_target: null,
      audit_level: 0.01,
      tabs: ["search", "audit"],
      tab: "audit",
      ...traits,
    },
    {
      audit: () =>
        answer({ ...state, target: toy.state.audit_target ?? state.target, level: toy.state.audit_level }),
      audit_edit: ({ concepts }) => changes(() => Object.assign(state, { concepts })),
      audit_start: () => changes(() => Object.assign(state, { concepts: CONCEPTS })),
      audit_decide: ({ subjects, decision }) =>
        changes(() => {
          for (const subject of subjects)
            decision ? state.verdicts.set(subject, decision) : state.verdicts.delete(subject);
        }),
      audit_undo: () => travel(state.past, state.future),
      audit_redo: () => travel(state.future, state.past),
      audit_report: ({ format }) => ({
        name: `audit.${format}`,
        file: new Blob(["text"], { type: "text/plain" }),
      }),
      ...verbs,
    },
  );
  return { ...toy, audit: state, bump, idOf };
}
