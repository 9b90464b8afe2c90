/** The crop under the pointer, large: a ring at once, the picture after a moment. */

import "./floating.css";
import "./preview.css";
import { isAbort } from "./channel.js";
import { fill, html } from "./dom.js";
import { activation } from "./format.js";
import { addressOf } from "./held.js";
import { imagePixels } from "./sprites.js";

/** Waiting times in ms: before the picture opens, and before it closes. */
const OPEN_AFTER = 125;
const GRACE = 260;
const SIDE = 128;
const GAP = 4;

/**
 * Where a box of `height` opens: below its anchor, above where there is no room, never over it.
 * All in px of the window: `room` is the window's height.
 * @param {{top: number, bottom: number}} anchor @param {number} height @param {number} room
 */
export function openingTop(anchor, height, room) {
  const below = anchor.bottom + GAP;
  const above = anchor.top - GAP - height;
  return below + height <= room || above < 0 ? below : above;
}

/**
 * Crops are elements with `data-row` and `data-rank`.
 * @param {object} options
 * @param {HTMLElement} options.area in which crops are hovered; the preview is placed inside its window
 * @param {import("./source.js").Source} options.source
 * @param {(row: number) => {response?: number, of?: number}} options.known what is known before asking
 * @param {(text: string) => void} options.announce
 * @param {(error: unknown) => void} options.fail
 */
export function preview({ area, source, known, announce, fail }) {
  const picture = html`<div class="sl-crop" />`;
  const words = html`<div class="sl-preview-words sl-line sl-wraps sl-ends sl-gap-2" />`;
  const node = html`<div class="sl-preview sl-pile sl-box" hidden data-testid="preview">${picture}${words}</div>`;
  area.append(node);
  /** @type {HTMLElement | null} */
  let crop = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {AbortController | undefined} */
  let asking;
  /** @type {string | undefined} */
  let url;
  /** Whether it was the pointer that opened it. */
  let hovered = false;

  function forget() {
    clearTimeout(timer);
    asking?.abort();
    crop?.classList.remove("sl-ring");
    crop = null;
  }

  function close() {
    forget();
    node.hidden = true;
    if (url) URL.revokeObjectURL(url);
    url = undefined;
  }

  /** @param {{response?: number, of?: number, image?: string}} facts @param {number} rank */
  function drawWords({ response, of, image }, rank) {
    fill(
      words,
      html`<b>${response === undefined ? "" : `act. ${activation(response)}`}</b>`,
      html`<span class="sl-quiet">${of ? `${rank + 1} of ${of}` : ""}</span>`,
      html`<span class="sl-preview-image sl-ellipsis sl-quiet" title=${image}>${image ?? ""}</span>`,
    );
  }

  /** @param {HTMLElement} target */
  async function open(target) {
    const [row, rank] = [Number(target.dataset.row), Number(target.dataset.rank)];
    const style = target.style;
    picture.style.backgroundImage = style.backgroundImage;
    picture.style.backgroundSize = style.backgroundSize;
    picture.style.backgroundPosition = style.backgroundPosition;
    drawWords(known(row), rank);
    node.hidden = false;
    place(target);
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const example = await source.example(row, rank, imagePixels(SIDE), signal);
      const next = await addressOf(example.image, signal);
      if (url) URL.revokeObjectURL(url);
      url = next;
      picture.style.backgroundImage = `url("${url}")`;
      picture.style.backgroundSize = "100% 100%";
      picture.style.backgroundPosition = "0 0";
      const image = [`image ${example.name ?? example.image_id}`, example.label].filter(Boolean).join(", ");
      drawWords({ response: example.response, of: example.of, image }, rank);
      announce(`example ${rank + 1} of ${example.of}, activation ${activation(example.response)}, ${image}`);
    } catch (error) {
      if (!isAbort(error)) fail(error);
    }
  }

  /** @param {HTMLElement} target */
  function place(target) {
    const frame = (area.closest(".semlens") ?? area).getBoundingClientRect();
    const origin = area.getBoundingClientRect();
    const box = target.getBoundingClientRect();
    const top = openingTop(
      { top: box.top - frame.top, bottom: box.bottom - frame.top },
      node.offsetHeight,
      frame.height,
    );
    const left = Math.max(4, Math.min(box.left - frame.left, frame.width - node.offsetWidth - 4));
    node.style.top = `${top + frame.top - origin.top}px`;
    node.style.left = `${left + frame.left - origin.left}px`;
  }

  /** @param {HTMLElement} target @param {number} delay */
  function show(target, delay) {
    if (target === crop) return clearTimeout(timer);
    const wasOpen = !node.hidden;
    forget();
    crop = target;
    crop.classList.add("sl-ring");
    timer = setTimeout(() => open(target), wasOpen ? Math.min(delay, 40) : delay);
  }

  area.addEventListener("pointerover", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const under = /** @type {HTMLElement | null} */ (target.closest?.("[data-rank]"));
    if (under) {
      hovered = true;
      show(under, OPEN_AFTER);
    } else if (node.contains(target)) clearTimeout(timer);
    else if (crop) {
      clearTimeout(timer);
      timer = setTimeout(close, GRACE);
    }
  });
  // Who goes on with the keyboard looks at rows, which a picture under a forgotten pointer would cover.
  area.addEventListener("keydown", () => hovered && close(), true);
  area.addEventListener("pointerleave", () => {
    clearTimeout(timer);
    timer = setTimeout(close, GRACE);
  });

  return {
    node,
    close,
    /** Opens at once, for the keyboard. @param {HTMLElement} target */
    open(target) {
      hovered = false;
      show(target, 0);
    },
    get isOpen() {
      return crop !== null;
    },
    destroy() {
      close();
      node.remove();
    },
  };
}
