/** Long work that a view asks the kernel for: progress in words, and a way to stop it. */

import "./busy.css";
import { isAbort } from "./channel.js";
import { button, fill, h } from "./dom.js";
import { count } from "./format.js";

/**
 * @param {object} options
 * @param {import("./channel.js").Channel["ask"]} options.ask
 * @param {(error: unknown) => void} options.fail
 * @param {() => void} options.onChange when work begins, ends or is given up
 */
export function busyWork({ ask, fail, onChange }) {
  const words = h("span", {});
  const node = h("div", {
    class: "sl-progress-line sl-quiet",
    role: "status",
    "data-testid": "work",
    hidden: true,
  });
  /** @type {AbortController | undefined} */
  let controller;

  return {
    node,
    get running() {
      return controller !== undefined;
    },
    /** @param {string} verb @param {object} args @param {string} what is being done, until the kernel says more */
    async start(verb, args, what) {
      controller?.abort();
      const mine = new AbortController();
      controller = mine;
      words.textContent = what;
      fill(
        node,
        words,
        button({
          text: "Cancel",
          class: "sl-outlined",
          "data-testid": "cancel",
          onclick: () => mine.abort(),
        }),
      );
      node.hidden = false;
      onChange();
      try {
        await ask(verb, args, {
          signal: mine.signal,
          onProgress: ({ done, total, what: now }) => {
            words.textContent = total ? `${count(done)} of ${count(total)} ${now}` : now;
          },
        });
      } catch (error) {
        if (!isAbort(error)) fail(error);
      } finally {
        if (controller === mine) {
          controller = undefined;
          node.hidden = true;
          onChange();
        }
      }
    },
    stop: () => controller?.abort(),
  };
}
