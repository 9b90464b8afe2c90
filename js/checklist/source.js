/** What the checklist asks, and how the answers read. */

/** @typedef {"valid" | "spurious" | "neutral"} Kind */
/** @typedef {"valid" | "ambiguous" | "spurious" | "unexpected" | "neutral"} Region */
/** @typedef {"valid" | "spurious" | "unsure" | "neutral"} Decision */
/** What a checklist can begin with. @typedef {"abcde" | "example" | "objects" | "chest" | "histology"} Beginning */
/** What a verdict is about: the row of a component, or "@name" of a concept. @typedef {number | string} Subject */

/**
 * One line of the checklist, as a person wrote it. `group` is the heading it stands under; without prompts it cannot
 * be seen in one image; `classes` are those it holds for (none named: all).
 * @typedef {{name: string, prompts: string[], kind: Kind, group: string, classes: string[], note: string}} Concept
 */

/**
 * What the audit found for one concept. `rows` are the components it fits best, `zs` theirs; `best` the strongest of
 * them (or where it comes nearest), with its `z` and `p`; `relevance` the signed share of the class's relevance, in per
 * cent, over all its components; `used` whether the audit says that the class rests on it, `use` why, in words ("":
 * relevance is not known).
 * @typedef {{state: "found" | "weak" | "missing" | "unknown" | "unseen", message: string, best: number | null, refuted?: boolean, z: number | null, p: number | null, rows: number[], zs: number[], relevance: number | null, used: boolean, use: string}} Finding
 */

/** @typedef {{decision: Decision | null, note: string, label: string, who: string, when: string, conflict?: Judgement[]}} Verdict */
/** What one person says. @typedef {{decision: Decision | null, label: string, who: string, when: string}} Judgement */
/** @typedef {{count: number, share: number | null, low: number | null, high: number | null}} Part */

/**
 * All components as the audit sees them, in arrays by position; `at` gives the position of a row. `relevance` is the
 * signed share in per cent (NaN: not known); `validConcept` and `spuriousConcept` number the concepts (−1: none).
 * @typedef {object} Points
 * @property {Int32Array} rows @property {Float32Array} valid @property {Float32Array} spurious
 * @property {Float32Array} relevance @property {Uint8Array} region a number of `regions`
 * @property {readonly Region[]} regions
 * @property {Int16Array} validConcept @property {Int16Array} spuriousConcept @property {Map<number, number>} at
 */

/**
 * The thresholds of the audit beside its level: the minimum lead in z between valid and spurious, and the minimum share
 * of relevance and the minimum effect of a concept that counts as used.
 * @typedef {{margin: number, used: number, min_effect: number}} Thresholds
 */

/**
 * @typedef {object} Report
 * @property {string | null} target @property {number} level @property {number} z above which a component matches
 * @property {Thresholds} thresholds
 * @property {boolean} weighted whether relevance is known
 * @property {string} basis what the relevance is, in words
 * @property {string[]} [missed] what the audit would have missed, or why that is not known, in sentences
 * @property {string[]} names of the concepts, as `points` numbers them
 * @property {Record<string, Finding>} findings by concept name
 * @property {Record<string, Part>} regions
 * @property {number[]} queue unexpected components, most relevant first
 * @property {string} note something the person should know, or ""
 * @property {Points} points
 */

/**
 * @typedef {object} Audit
 * @property {Concept[]} concepts
 * @property {string[]} targets
 * @property {Map<Subject, Verdict>} verdicts
 * @property {Report | null} report null: nothing to audit yet
 * @property {boolean} computable whether relevance can be computed here
 * @property {boolean} [blind] whether two readers decide, each without seeing what the other says
 * @property {boolean} undo @property {boolean} redo whether there is something to take back, or to do again
 * @property {string[]} formats a report can be had in
 * @property {string} notice what was restored, or could not be saved
 */

/** @param {import("../shared/channel.js").Channel["ask"]} ask */
export function auditSource(ask) {
  /** A change: the kernel answers with the line of Python that does the same. @param {string} verb @param {object} args */
  const change = async (verb, args) => /** @type {string} */ ((await ask(verb, args)).python ?? "");
  return {
    /** @param {AbortSignal} signal @returns {Promise<Audit>} */
    async audit(signal) {
      const answer = await ask("audit", {}, { signal });
      const verdicts = new Map(answer.verdicts.map((/** @type {any} */ { about, ...rest }) => [about, rest]));
      return { ...answer, verdicts, report: answer.report && reportOf(answer) };
    },
    /** @param {Concept[]} concepts */
    edit: (concepts) => change("audit_edit", { concepts }),
    /** @param {Beginning} kind */
    start: (kind) => change("audit_start", { kind }),
    /** @param {File} file of the person's own */
    async open(file) {
      const answer = await ask("audit_open", { name: file.name }, { buffers: [await file.arrayBuffer()] });
      return /** @type {string} */ (answer.python ?? "");
    },
    /** The checklist to keep. @returns {Promise<{name: string, file: Blob, python: string}>} */
    file: () => ask("audit_file"),
    /** Decision null takes a verdict back. @param {Subject[]} subjects @param {Decision | null} decision */
    decide: (subjects, decision) => change("audit_decide", { subjects, decision }),
    /** @param {Partial<Thresholds>} thresholds */
    thresholds: (thresholds) => change("audit_thresholds", { thresholds }),
    undo: () => change("audit_undo", {}),
    redo: () => change("audit_redo", {}),
    /** @param {import("../shared/channel.js").AskOptions} options */
    relevance: (options) => ask("audit_relevance", {}, options),
    /** @param {string} format @returns {Promise<{name: string, file: Blob, python: string}>} */
    download: (format) => ask("audit_report", { format }),
  };
}

/**
 * A report with the components it names, which come in columns: all that a concept leads, one concept after the other.
 * In files of before they stand in the report. @param {any} answer @returns {Report}
 */
function reportOf({ report, queue, found_rows, found_z, ...columns }) {
  if (!found_rows) return { ...report, points: points(columns) };
  let end = 0;
  const findings = report.names.map((/** @type {string} */ name) => {
    const finding = report.findings[name];
    const start = end;
    end += finding.found;
    const [rows, zs] = [found_rows, found_z].map((column) => Array.from(column.subarray(start, end)));
    return [name, { ...finding, rows, zs }];
  });
  return {
    ...report,
    queue: Array.from(queue),
    findings: Object.fromEntries(findings),
    points: points(columns),
  };
}

/** @param {any} answer @returns {Points} */
function points({ rows, valid, spurious, relevance, region, region_names, valid_concept, spurious_concept }) {
  return {
    rows,
    valid,
    spurious,
    relevance,
    region,
    regions: region_names,
    validConcept: valid_concept,
    spuriousConcept: spurious_concept,
    at: new Map(Array.from(rows, (row, position) => [row, position])),
  };
}
