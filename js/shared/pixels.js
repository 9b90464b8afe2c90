/** A canvas that is drawn pixel by pixel, as dense as the screen; where a canvas cannot be drawn on, nothing is. */

import { html } from "./dom.js";

/** @param {Record<string, any>} attributes of the canvas */
export function pixelCanvas(attributes) {
  const node = /** @type {HTMLCanvasElement} */ (html`<canvas aria-hidden="true" ...${attributes} />`);
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
      image = pen?.createImageData(node.width, node.height) ?? null;
      data = image ? new Uint32Array(image.data.buffer) : new Uint32Array(0);
      return true;
    },
    /** @param {(picture: import("./raster.js").Picture, ratio: number) => void} paint fills the picture; `ratio` of its pixels stand for one of the screen */
    paint(paint) {
      if (!pen || !image) return;
      paint({ data, width: image.width, height: image.height }, ratio);
      pen.putImageData(image, 0, 0);
    },
  };
}
