/** What opens in the place of the checklist: the dossier, and the two readers. Both ask for all they show. */

import { isAbort } from "../shared/channel.js";
import { button, fill, html } from "../shared/dom.js";

/**
 * @typedef {object} Kernel
 * @property {(verb: string, args?: object, options?: object) => Promise<any>} ask
 * @property {(verb: string, args: object, options?: object) => Promise<void>} change a change; then all is asked again
 * @property {() => boolean} alive whether there is a kernel to change anything
 */

/**
 * @param {object} options
 * @param {string} options.verb what is asked @param {string} options.title @param {string} options.id
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {(answer: any, kernel: Kernel) => import("../shared/dom.js").Child[]} options.draw
 * @param {() => void} options.onClose @param {(python: string) => void} options.showPython
 * @param {(error: unknown) => void} options.fail @param {() => void} options.onTaken a change was taken: what failed before is over
 */
export function panelView({ verb, title, id, ask, draw, onClose, showPython, fail, onTaken }) {
  let alive = true;
  /** @type {any} */
  let shown = null;
  /** Whether there is something to draw when the field is left that somebody is in. */
  let waiting = false;
  /** @type {AbortController | undefined} */
  let asking;
  const body = html`<div class="sl-panel-body sl-pile" />`;
  const back = button({
    text: "Back to the checklist",
    class: "sl-outlined",
    "data-testid": "close-panel",
    onclick: onClose,
  });
  const node = html`<section class="sl-panel sl-scrolls" hidden aria-label=${title} data-testid=${id}>
    <div class="sl-line sl-wraps sl-pad sl-under"><h2 class="sl-spring">${title}</h2>${back}</div>
    ${body}
  </section>`;

  /** @type {Kernel} */
  const kernel = {
    ask,
    alive: () => alive,
    async change(name, args, options) {
      try {
        const { python } = await ask(name, args, options);
        onTaken();
        if (python) showPython(python);
      } catch (error) {
        if (!isAbort(error)) fail(error);
      }
      await refresh();
    },
  };

  async function refresh() {
    if (node.hidden) return;
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await ask(verb, {}, { signal: asking.signal });
      if (JSON.stringify(answer) === JSON.stringify(shown)) return;
      waiting = writing();
      if (waiting) return;
      shown = answer;
      fill(body, ...draw(answer, kernel));
    } catch (error) {
      if (!isAbort(error)) fail(error);
    }
  }

  const controls = () =>
    /** @type {NodeListOf<HTMLInputElement>} */ (body.querySelectorAll("input, textarea, button, select"));

  /** Whether somebody is in a field: drawn anew it would lose the cursor, and what is typed. */
  const writing = () => {
    const at = /** @type {HTMLElement | null} */ (document.activeElement);
    return shown !== null && at !== null && body.contains(at) && at.matches("textarea, input[type=text]");
  };
  body.addEventListener("focusout", () => {
    // The field that is left may say something itself, which is asked first.
    if (waiting) queueMicrotask(refresh);
  });

  return {
    node,
    refresh,
    /** @param {boolean} open */
    show(open) {
      node.hidden = !open;
      if (open) {
        shown = null;
        fill(body); // what it showed may be of another reader
        refresh();
        back.focus();
      }
    },
    /** @param {boolean} now whether there is a kernel */
    live(now) {
      if (now === alive) return;
      alive = now;
      shown = null;
      if (alive) refresh();
      else for (const control of controls()) control.disabled = true;
    },
    stop: () => asking?.abort(),
  };
}
