/** Long work that a view asks the kernel for, one at a time: told where the window tells work, else in the view. */

import "./busy.css";
import { isAbort } from "./channel.js";
import { worker, workLine } from "./work.js";

/**
 * @param {object} options
 * @param {import("./channel.js").Channel["ask"]} options.ask
 * @param {(error: unknown) => void} options.fail
 * @param {() => void} options.onChange when work begins, ends or is given up
 * @param {import("./work.js").Work} [options.work] the window's; without it `node` tells the progress
 */
export function busyWork({ ask, fail, onChange, work }) {
  const line = work ? null : workLine();
  const told = work ?? worker((working) => line?.show(working));
  /** @type {AbortController | undefined} */
  let controller;

  return {
    node: line?.node ?? null,
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
        await told(what, (options) => ask(verb, args, options), mine);
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
