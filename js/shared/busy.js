/** Long work that a view asks the kernel for, one at a time. */

import { isAbort } from "./channel.js";

/**
 * @param {object} options
 * @param {import("./channel.js").Channel["ask"]} options.ask
 * @param {(error: unknown) => void} options.fail
 * @param {() => void} options.onChange when work begins, ends or is given up
 * @param {import("./work.js").Work} options.work tells the progress
 * @param {import("./work.js").Place} [options.place] where the button is that begins it: there it is told
 */
export function busyWork({ ask, fail, onChange, work, place }) {
  /** @type {AbortController | undefined} */
  let controller;

  return {
    get running() {
      return controller !== undefined;
    },
    /** @param {string} verb @param {object} args @param {string} what is being done, until the kernel says more */
    async start(verb, args, what) {
      controller?.abort();
      const mine = new AbortController();
      controller = mine;
      onChange();
      try {
        await work(what, (options) => ask(verb, args, options), mine, place);
      } catch (error) {
        if (!isAbort(error)) fail(error);
      } finally {
        if (controller === mine) {
          controller = undefined;
          onChange();
        }
      }
    },
    stop: () => controller?.abort(),
  };
}
