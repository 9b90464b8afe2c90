/** The audit as the kernel has it, and changes of it: what a person sees runs ahead until the kernel has answered. */

import { isAbort } from "../shared/channel.js";
import { download } from "../shared/download.js";
import { auditSource } from "./source.js";

/** Nothing is said about work that is done sooner, in ms. */
const UNNOTICED = 150;

/** @typedef {import("./source.js").Audit} Audit */
/** @typedef {import("./source.js").Subject} Subject */
/** @typedef {import("./source.js").Decision} Decision */

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {() => void} options.onChange there is another audit
 * @param {import("../shared/work.js").Work} options.work tells long work
 * @param {(busy: boolean) => void} options.onBusy
 * @param {() => void} options.onTaken a change was taken
 * @param {(python: string) => void} options.showPython the line that does the same
 * @param {(error: unknown) => void} options.fail
 */
export function liveAudit({ ask, work, onChange, onBusy, onTaken, showPython, fail }) {
  const kernel = auditSource(ask);
  /** @type {Audit | null} */
  let audit = null;
  /** What the kernel answered last, to go back to when it does not take a change. @type {Audit | null} */
  let held = null;
  /** Changes that the kernel has not answered yet: until then what is drawn is ahead of it. */
  let ahead = 0;
  let failed = false;
  /** @type {AbortController | undefined} */
  let asking;
  /** @type {AbortController | undefined} */
  let computing;

  async function refresh() {
    if (ahead) return;
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    const noticed = setTimeout(onBusy, UNNOTICED, true);
    try {
      const answer = await kernel.audit(signal);
      if (signal.aborted) return;
      audit = held = answer;
      failed = false;
      onChange();
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      failed = true;
      fail(error);
      onChange();
    } finally {
      clearTimeout(noticed);
      if (!signal.aborted) onBusy(false);
    }
  }

  /** Sends a change. @param {() => Promise<string>} send @param {Partial<Audit>} [seen] what it comes to, seen at once */
  async function change(send, seen) {
    if (audit && seen) {
      audit = { ...audit, ...seen };
      onChange();
    }
    ahead += 1;
    asking?.abort();
    try {
      const python = await send();
      if (python) showPython(python);
      onTaken();
    } catch (error) {
      // Nothing was kept, and what is drawn must not look as if it were.
      audit = held ?? audit;
      onChange();
      fail(error);
    } finally {
      ahead -= 1;
      if (ahead === 0) refresh();
    }
  }

  return {
    get audit() {
      return audit;
    },
    /** Whether the last audit failed. */
    get failed() {
      return failed;
    },
    get asked() {
      return asking !== undefined;
    },
    refresh,
    undo: () => change(kernel.undo),
    redo: () => change(kernel.redo),
    /** @param {import("./source.js").Beginning} kind */
    start: (kind) => change(() => kernel.start(kind)),
    /** @param {File} file */
    open: (file) => change(() => kernel.open(file)),
    /** @param {Event} event of the button */
    async keep({ currentTarget }) {
      const from = /** @type {Element} */ (currentTarget);
      try {
        const { name, file, python } = await kernel.file();
        showPython(python);
        await download(file, name, from, python);
      } catch (error) {
        fail(error);
      }
    },
    /** @param {Partial<import("./source.js").Thresholds>} thresholds */
    thresholds: (thresholds) => change(() => kernel.thresholds(thresholds)),
    /** @param {import("./source.js").Concept[]} concepts */
    edit: (concepts) => audit && change(() => kernel.edit(concepts), { concepts }),
    /** Decision null takes a verdict back. @param {Subject[]} subjects @param {Decision | null} decision */
    decide(subjects, decision) {
      const verdicts = new Map(audit?.verdicts);
      for (const subject of subjects) {
        const old = verdicts.get(subject);
        if (decision === null && !old?.note && !old?.label) verdicts.delete(subject);
        else verdicts.set(subject, { note: "", label: "", who: "", when: "", ...old, decision });
      }
      change(() => kernel.decide(subjects, decision), { verdicts });
    },
    /** @param {string} format */
    async report(format) {
      const { name, file, python } = await kernel.download(format);
      if (python) showPython(python);
      return { name, file, python };
    },
    /** @param {import("../shared/work.js").Place} place where it is told */
    async compute(place) {
      computing = new AbortController();
      try {
        await work("Computing relevance", kernel.relevance, computing, place);
      } catch (error) {
        if (!isAbort(error)) fail(error);
      } finally {
        computing = undefined;
        refresh();
      }
    },
    stop() {
      asking?.abort();
      computing?.abort();
    },
  };
}
