/** Questions whose last answer counts: a new one gives up the one before. */

import { isAbort } from "./channel.js";

/**
 * @template {any[]} Subject @template Answer
 * @param {(signal: AbortSignal, ...subject: Subject) => Promise<Answer>} ask
 * @param {(answer: Answer, ...subject: Subject) => void} onAnswer
 * @param {(error: unknown) => void} fail
 */
export function latest(ask, onAnswer, fail) {
  /** @type {AbortController | undefined} */
  let controller;
  return {
    /** @param {Subject} subject what is asked about */
    async start(...subject) {
      controller?.abort();
      const mine = new AbortController();
      controller = mine;
      try {
        const answer = await ask(mine.signal, ...subject);
        if (!mine.signal.aborted) onAnswer(answer, ...subject);
      } catch (error) {
        if (!mine.signal.aborted && !isAbort(error)) fail(error);
      } finally {
        if (controller === mine) controller = undefined;
      }
    },
    stop: () => controller?.abort(),
    get running() {
      return controller !== undefined;
    },
  };
}

/**
 * The same of work that takes long and is told; `node` is busy meanwhile.
 * @param {{work: import("./work.js").Work, fail: (error: unknown) => void, node?: Element}} options
 */
export function latestWork({ work, fail, node }) {
  /** @type {AbortController | undefined} */
  let last;
  return {
    /**
     * @template Answer
     * @param {string} what @param {(options: import("./channel.js").AskOptions) => Promise<Answer>} ask
     * @param {(answer: Answer) => void} onAnswer @param {() => void} [onNone] it failed, or the person gave it up
     */
    async run(what, ask, onAnswer, onNone = () => {}) {
      last?.abort();
      const mine = new AbortController();
      last = mine;
      node?.setAttribute("aria-busy", "true");
      try {
        const answer = await work(what, ask, mine);
        if (last === mine) onAnswer(answer);
      } catch (error) {
        if (last !== mine) return;
        if (!isAbort(error)) fail(error);
        onNone();
      } finally {
        if (last === mine) node?.removeAttribute("aria-busy");
      }
    },
    stop() {
      last?.abort();
      last = undefined;
      node?.removeAttribute("aria-busy");
    },
  };
}
