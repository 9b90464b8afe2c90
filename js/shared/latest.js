/** Questions whose last answer counts: a new one gives up the one before. */

import { isAbort } from "./channel.js";

/**
 * @template Answer
 * @param {(signal: AbortSignal) => Promise<Answer>} ask
 * @param {(answer: Answer) => void} onAnswer
 * @param {(error: unknown) => void} fail
 */
export function latest(ask, onAnswer, fail) {
  /** @type {AbortController | undefined} */
  let controller;
  return {
    async start() {
      controller?.abort();
      const mine = new AbortController();
      controller = mine;
      try {
        const answer = await ask(mine.signal);
        if (!mine.signal.aborted) onAnswer(answer);
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
