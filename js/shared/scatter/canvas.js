/** A canvas that is drawn pixel by pixel, as dense as the screen; where a canvas cannot be drawn on, nothing is. */

import { html } from "../dom.js";
import { PAD, packed } from "./marks.js";

export function pixelCanvas() {
  const node = /** @type {HTMLCanvasElement} */ (html`<canvas class="sl-fill" aria-hidden="true" />`);
  const pen = node.getContext?.("2d") ?? null;
  let [width, height, ratio] = [0, 0, 1];
  /** @type {ImageData | null} */
  let image = null;
  let data = new Uint32Array(0);

  return {
    node,
    /** @param {number} wide @param {number} high in px of the screen @returns {boolean} whether that is another size */
    resize(wide, high) {
      const dense = Math.min(2, Math.max(1, globalThis.devicePixelRatio || 1));
      if (wide === width && high === height && dense === ratio) return false;
      [width, height, ratio] = [wide, high, dense];
      node.width = Math.round(width * ratio);
      node.height = Math.round(height * ratio);
      image = pen?.createImageData(node.width + 2 * PAD, node.height + 2 * PAD) ?? null;
      data = image ? new Uint32Array(image.data.buffer) : new Uint32Array(0);
      return true;
    },
    /** @param {import("./marks.js").Colour} ground @param {(picture: import("./marks.js").Picture, ratio: number) => void} paint on it; `ratio` of its pixels stand for one of the screen */
    paint(ground, paint) {
      if (!pen || !image) return;
      data.fill(packed(ground));
      paint({ data, width: image.width, height: image.height }, ratio);
      pen.putImageData(image, -PAD, -PAD);
    },
  };
}

/** Reads colours of the theme the window stands in. @param {HTMLElement} node in the document @returns {(property: string) => import("./marks.js").Colour} */
export const colourReader = (node) => (property) => {
  const probe = document.createElement("i");
  probe.style.color = `var(${property})`;
  node.append(probe);
  const read = getComputedStyle(probe).color.match(/[\d.]+/g) ?? ["0", "0", "0"];
  probe.remove();
  return read.slice(0, 3).map(Number);
};
