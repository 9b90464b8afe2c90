/** Work that may take long: told with its progress and how long it may still take, and it can be given up. */

import "./work.css";
import { button, html } from "./dom.js";
import { count } from "./format.js";

/** @typedef {{what: string, done: number, total: number | null, started: number, place: Place | null, cancel: () => void}} Working */
/** Where work is told instead of in the foot of the window: where the button was. @typedef {{node: HTMLElement, show: (working: Working | null) => void}} Place */
/** @typedef {<Answer>(what: string, ask: (options: import("./channel.js").AskOptions) => Promise<Answer>, controller?: AbortController, place?: Place | null) => Promise<Answer>} Work */

/** Nothing is said about work that is done sooner, in ms. */
const UNNOTICED = 150;
/** What is left is told once so much is known, in ms and in steps: the first steps load what the others need. */
const TELLING = 2000;
const STEPS = 2;

/**
 * How long work may still take, as if all steps were alike; "" while too little is known.
 * @param {{started: number, done: number, total: number | null}} working @param {number} now
 */
export function timeLeft({ started, done, total }, now) {
  const spent = now - started;
  if (!total || done < STEPS || spent < TELLING) return "";
  const seconds = (spent / done) * Math.max(0, total - done) * 0.001;
  if (seconds < 10) return "a few seconds left";
  if (seconds < 90) return `about ${Math.ceil(seconds / 10) * 10} s left`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min left`;
  return `about ${Math.round(seconds / 3600)} h left`;
}

/**
 * @param {(working: Working | null) => void} onChange what is being done and told nowhere else, or null
 * @returns {Work & {refresh: () => void}} `refresh` tells it again: places have come or gone
 */
export function worker(onChange) {
  /** @type {Set<Working>} the last one is told */
  const running = new Set();
  const last = () => [...running].filter(({ place }) => !place?.node.isConnected).at(-1) ?? null;
  const refresh = () => onChange(last());
  /** @type {Work} */
  const work = async (what, ask, controller = new AbortController(), place = null) => {
    /** @type {Working} */
    const working = {
      what,
      done: 0,
      total: null,
      started: performance.now(),
      place,
      cancel: () => controller.abort(),
    };
    const tell = () => {
      place?.show(working);
      refresh();
    };
    const noticed = setTimeout(() => {
      running.add(working);
      tell();
    }, UNNOTICED);
    try {
      return await ask({
        signal: controller.signal,
        onProgress({ what: now, done, total }) {
          Object.assign(working, { what: now || what, done, total });
          if (running.has(working)) tell();
        },
      });
    } finally {
      clearTimeout(noticed);
      if (running.delete(working)) {
        place?.show(null);
        refresh();
      }
    }
  };
  return Object.assign(work, { refresh });
}

/**
 * A line that tells the work under way, with a way to give it up.
 * @param {string} [id] for tests
 * @returns {{node: HTMLElement, show: (working: Working | null) => void}}
 */
export function workLine(id = "work") {
  let giveUp = () => {};
  const words = html`<span class="sl-tabular" />`;
  const bar = /** @type {HTMLProgressElement} */ (html`<progress aria-label="Progress" max="1" />`);
  const left = html`<span class="sl-quiet" data-testid="time-left" />`;
  const cancel = button({
    text: "Cancel",
    class: "sl-outlined",
    "data-testid": "cancel-work",
    onclick: () => giveUp(),
  });
  const node = html`<div class="sl-work sl-line sl-small-text sl-nowrap sl-slim" data-testid=${id} hidden>${words}${bar}${left}${cancel}</div>`;
  return {
    node,
    show(working) {
      node.hidden = !working;
      if (!working) return;
      const { what, done, total } = working;
      words.textContent = total ? `${what} ${count(done)} of ${count(total)}` : `${what}…`;
      left.textContent = timeLeft(working, performance.now());
      bar.hidden = !total;
      if (total) bar.value = done / total;
      giveUp = working.cancel;
    },
  };
}

/**
 * A button, and in its place the work that it began. @param {HTMLElement} begin
 * @returns {Place}
 */
export function workPlace(begin) {
  const line = workLine("work-here");
  const node = html`<span class="sl-work-place sl-line">${begin}</span>`;
  return {
    node,
    show(working) {
      begin.hidden = Boolean(working);
      line.show(working);
      if (working) node.append(line.node);
      else line.node.remove();
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
