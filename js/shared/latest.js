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
