/** The examples of a component in four display modes: the crop, what excites it there, how it got there, the whole image. */

import { button, fill, html } from "../shared/dom.js";
import { heatLayers, mask } from "../shared/heat.js";
import { addressOf } from "../shared/held.js";
import { latestWork } from "../shared/latest.js";
import { paint } from "../shared/sprites.js";
import { worker, workLine } from "../shared/work.js";

/** @typedef {"crop" | "mask" | "heat" | "whole"} Mode */
/**
 * Examples in one display mode. `map` [example side side] lies over the pictures, `boxes` are crops in shares of the picture.
 * @typedef {{columns: number, side: number, sheet: Blob, map: Int8Array | null, boxes: [number, number, number, number][] | null}} Display
 */

/** @type {[Mode, string, string][]} */
const MODES = [
  ["crop", "Crop", "The part of each image that excites the component"],
  ["mask", "Mask", "Where in the crop the component is active"],
  ["heat", "Heat", "What in the crop the activation comes from"],
  ["whole", "Whole", "The whole image, with the crop outlined"],
];

/**
 * @param {import("../shared/channel.js").Channel["ask"]} ask @param {number} row @param {Mode} mode
 * @param {number} count @param {number} size @param {import("../shared/channel.js").AskOptions} options
 * @returns {Promise<Display & {address: string}>} with the address of its sheet
 */
async function fetchDisplay(ask, row, mode, count, size, options) {
  const display = await ask("display", { row, mode, count, size }, options);
  return { ...display, address: await addressOf(display.sheet, options.signal) };
}

/**
 * The toggle and, for modes other than the crop, the examples.
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {number} options.count @param {number} options.size of an example in image pixels
 * @param {(crops: boolean) => void} options.onMode whether crops are shown, which the caller draws
 * @param {(error: unknown) => void} options.fail
 */
export function displayModes({ ask, count, size, onMode, fail }) {
  const toggle = html`<div class="sl-toggle" role="group" aria-label="Examples shown as">
    ${MODES.map(([mode, text, title]) =>
      button({ text, title, "data-mode": mode, "data-testid": `mode-${mode}`, onclick: () => choose(mode) }),
    )}
  </div>`;
  const place = html`<div class="sl-crops sl-squares sl-pile" hidden data-testid="display" />`;
  const line = workLine();
  const asking = latestWork({ work: worker(line.show), fail });
  /** @type {Mode} */
  let mode = "crop";
  /** @type {number | null} */
  let row = null;
  /** @type {readonly string[]} */
  let possible = [];
  /** @type {string | undefined} */
  let url;

  /** @param {Mode} next */
  function choose(next) {
    mode = next;
    draw();
  }

  function draw() {
    asking.stop();
    const shown = possible.includes(mode) ? mode : "crop";
    for (const choice of /** @type {HTMLElement[]} */ ([...toggle.children])) {
      choice.setAttribute("aria-pressed", String(choice.dataset.mode === shown));
      const can = possible.includes(choice.dataset.mode ?? "");
      choice.toggleAttribute("disabled", !can);
      const about = MODES.find(([name]) => name === choice.dataset.mode)?.[2] ?? "";
      choice.title = can ? about : `${about}: needs model and images at hand, and a layer with places`;
    }
    place.hidden = shown === "crop";
    onMode(shown === "crop");
    if (shown === "crop" || row === null) return;
    const of = row;
    asking.run(
      "Looking at the examples",
      (options) => fetchDisplay(ask, of, shown, count, size, options),
      show,
      () => row !== null && choose("crop"), // what is always there
    );
  }

  /** @param {Display & {address: string}} display */
  function show({ columns, side, address, map, boxes }) {
    if (url) URL.revokeObjectURL(url);
    url = address;
    const strip = /** @type {any} */ ({ url, line: 0, lines: 1, columns });
    place.classList.toggle("sl-paled", mode !== "whole");
    fill(
      place,
      ...Array.from({ length: columns }, (_, i) => {
        const below = html`<i class="sl-crop" />`;
        paint(below, strip, i);
        const part = map && {
          width: side,
          height: side,
          values: map.subarray(i * side * side, (i + 1) * side * side),
        };
        const over = [];
        if (part && mode === "heat") over.push(...heatLayers(part));
        if (part && mode === "mask") {
          const lit = html`<i class="sl-crop sl-lit" />`;
          paint(lit, strip, i);
          mask(lit, part, 1);
          over.push(lit);
        }
        if (boxes?.[i]) {
          const box = html`<i class="sl-outlined-crop" />`;
          const [left, top, right, bottom] = boxes[i].map((at) => 100 * at);
          Object.assign(box.style, {
            left: `${left}%`,
            top: `${top}%`,
            width: `${right - left}%`,
            height: `${bottom - top}%`,
          });
          over.push(box);
        }
        return html`<div class="sl-example" data-rank=${i} data-row=${row}>${below}${over}</div>`;
      }),
    );
  }

  return {
    toggle,
    place,
    line: line.node,
    /** @param {number | null} next @param {readonly string[]} [can] which modes there are for it */
    show(next, can = []) {
      if (next !== row) fill(place);
      row = next;
      possible = can;
      draw();
    },
    destroy() {
      row = null;
      asking.stop();
      if (url) URL.revokeObjectURL(url);
    },
  };
}
