/** Work that may take long: told with its progress, and it can be given up. */

import "./work.css";
import { button, html } from "./dom.js";
import { count } from "./format.js";

/** @typedef {{what: string, done: number, total: number | null, cancel: () => void}} Working */
/** @typedef {<Answer>(what: string, ask: (options: import("./channel.js").AskOptions) => Promise<Answer>, controller?: AbortController) => Promise<Answer>} Work */

/** Nothing is said about work that is done sooner, in ms. */
const UNNOTICED = 150;

/**
 * @param {(working: Working | null) => void} onChange what is being done, or null
 * @returns {Work}
 */
export function worker(onChange) {
  /** @type {Set<Working>} the last one is told */
  const running = new Set();
  const last = () => [...running].at(-1) ?? null;
  return async (what, ask, controller = new AbortController()) => {
    /** @type {Working} */
    const working = { what, done: 0, total: null, cancel: () => controller.abort() };
    const noticed = setTimeout(() => {
      running.add(working);
      onChange(last());
    }, UNNOTICED);
    try {
      return await ask({
        signal: controller.signal,
        onProgress({ what: now, done, total }) {
          Object.assign(working, { what: now || what, done, total });
          if (running.has(working)) onChange(last());
        },
      });
    } finally {
      clearTimeout(noticed);
      if (running.delete(working)) onChange(last());
    }
  };
}

/**
 * A line that tells the work under way, with a way to give it up.
 * @returns {{node: HTMLElement, show: (working: Working | null) => void}}
 */
export function workLine() {
  let giveUp = () => {};
  const words = html`<span />`;
  const bar = /** @type {HTMLProgressElement} */ (html`<progress aria-label="Progress" max="1" />`);
  const cancel = button({
    text: "Cancel",
    class: "sl-outlined",
    "data-testid": "cancel-work",
    onclick: () => giveUp(),
  });
  const node = html`<div class="sl-work sl-line sl-small-text sl-nowrap sl-slim" data-testid="work" hidden>${words}${bar}${cancel}</div>`;
  return {
    node,
    show(working) {
      node.hidden = !working;
      if (!working) return;
      const { what, done, total } = working;
      words.textContent = total ? `${what} ${count(done)} of ${count(total)}` : `${what}…`;
      bar.hidden = !total;
      if (total) bar.value = done / total;
      giveUp = working.cancel;
    },
  };
}

/**
 * A view that stands alone with a line for its long work.
 * @param {import("./alone.js").CreateView} createView @returns {import("./alone.js").CreateView}
 */
export const withWork = (createView) => (context) => {
  const line = workLine();
  return { ...createView({ ...context, work: worker(line.show) }), below: line.node };
};
