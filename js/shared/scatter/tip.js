/** What is known of the point under the pointer, with its strongest crops: after a moment, gone after another. */

import "../floating.css";
import { fill, html } from "../dom.js";
import { imagePixels, sprites } from "../sprites.js";
import { cropStrip, paintStrips } from "../strips.js";

/** Waiting times in ms: before it opens, before it goes on to another point, and before it closes. */
const OPEN_AFTER = 125;
const NEXT_AFTER = 40;
const GRACE = 260;
/** From its point, and from the edges of the plot, in px. */
const GAP = 12;
const EDGE = 4;

/**
 * @param {object} options
 * @param {import("../source.js").Source} options.source
 * @param {(point: number) => (Node | string | false)[]} options.words lines about a point
 * @param {(point: number) => number} [options.rowOf] its component
 * @param {number} options.crops how many, and @param {number} options.side how large they are, in px
 * @param {string} options.testid @param {(error: unknown) => void} options.fail
 */
export function pointTip({ source, words, rowOf = (point) => point, crops, side, testid, fail }) {
  const pictures = html`<div />`;
  const lines = html`<div class="sl-breaks sl-pile" />`;
  const node = html`<div class="sl-preview sl-pile sl-box sl-tip" hidden data-testid=${testid}>${pictures}${lines}</div>`;
  node.style.setProperty("--sl-side", `${side}px`);
  const thumbnails = sprites({
    source,
    examples: crops,
    size: imagePixels(side),
    capacity: 60,
    onArrive: () => paintStrips(pictures, thumbnails.get),
    onError: fail,
  });
  let shown = -1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function close() {
    clearTimeout(timer);
    shown = -1;
    node.hidden = true;
  }

  /** @param {number} x @param {number} y */
  function open(x, y) {
    const row = rowOf(shown);
    fill(pictures, cropStrip(row, crops));
    fill(lines, ...words(shown));
    thumbnails.want([row]);
    paintStrips(pictures, thumbnails.get);
    node.hidden = false;
    const [width, height] = [node.parentElement?.clientWidth ?? 0, node.parentElement?.clientHeight ?? 0];
    const [wide, high] = [node.offsetWidth, node.offsetHeight];
    node.style.left = `${x + GAP + wide < width ? x + GAP : Math.max(EDGE, x - GAP - wide)}px`;
    node.style.top = `${Math.max(EDGE, Math.min(y - high / 3, height - high - EDGE))}px`;
  }

  return {
    node,
    close,
    /** @param {number} next the point that is pointed at, −1 for none @param {[number, number] | null} [place] in px of the plot */
    point(next, place) {
      if (next === shown) return;
      clearTimeout(timer);
      shown = next;
      if (shown < 0 || !place) timer = setTimeout(close, GRACE);
      else timer = setTimeout(open, node.hidden ? OPEN_AFTER : NEXT_AFTER, ...place);
    },
    destroy() {
      close();
      thumbnails.clear();
    },
  };
}
