/** What is known of the point under the pointer, with its strongest crop: after a moment, gone after another. */

import { isAbort } from "../shared/channel.js";
import { fill, h } from "../shared/dom.js";
import { imagePixels } from "../shared/sprites.js";

const OPEN_AFTER = 125;
const GRACE = 260;
const SIDE = 128;
const GAP = 12;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {(row: number) => (Node | string)[]} options.words lines about a component
 * @param {(error: unknown) => void} options.fail
 */
export function hoverCard({ source, words, fail }) {
  const picture = h("div", { class: "sl-crop sl-map-picture" });
  const lines = h("div", { class: "sl-map-lines" });
  const node = h("div", { class: "sl-map-card", "data-testid": "map-card", hidden: true }, picture, lines);
  /** @type {number | null} */
  let row = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {AbortController | undefined} */
  let asking;
  /** @type {string | undefined} */
  let url;

  function forget() {
    clearTimeout(timer);
    asking?.abort();
    if (url) URL.revokeObjectURL(url);
    url = undefined;
  }

  function close() {
    forget();
    row = null;
    node.hidden = true;
  }

  /** @param {number} of @param {number} x @param {number} y */
  async function open(of, x, y) {
    const [width, height] = [node.parentElement?.clientWidth ?? 0, node.parentElement?.clientHeight ?? 0];
    picture.style.backgroundImage = "";
    fill(lines, ...words(of));
    node.hidden = false;
    const [wide, high] = [node.offsetWidth, node.offsetHeight];
    const left = x + GAP + wide < width ? x + GAP : Math.max(4, x - GAP - wide);
    node.style.left = `${left}px`;
    node.style.top = `${Math.max(4, Math.min(y - high / 3, height - high - 4))}px`;
    asking = new AbortController();
    const { signal } = asking;
    try {
      const example = await source.example(of, 0, imagePixels(SIDE), signal);
      if (signal.aborted) return;
      url = URL.createObjectURL(example.image);
      picture.style.backgroundImage = `url("${url}")`;
    } catch (error) {
      if (!isAbort(error)) fail(error);
    }
  }

  return {
    node,
    close,
    /** @param {number | null} of the row under the pointer @param {number} [x] in px of the map @param {number} [y] */
    point(of, x = 0, y = 0) {
      if (of === row) {
        if (of !== null) return;
      }
      const wasOpen = !node.hidden;
      clearTimeout(timer);
      if (of === null) {
        timer = setTimeout(close, GRACE);
        row = null;
        return;
      }
      row = of;
      timer = setTimeout(
        () => {
          forget();
          open(of, x, y);
        },
        wasOpen ? 40 : OPEN_AFTER,
      );
    },
  };
}
