/**
 * A canvas that is drawn pixel by pixel, as dense as the screen; where a canvas cannot be drawn on, nothing is.
 *
 * A hand that moves the plot is followed at once: what was painted last is moved and scaled as a whole, while the marks
 * are painted anew for where it has come to, a few milliseconds in each frame. Below lies the widest picture of the same
 * scene, so that what comes in from the edges is there already.
 */

import { html } from "../dom.js";
import { finish, markPainter, PAD } from "./marks.js";

/** As many marks are painted within a frame anyway. */
const AT_ONCE = 4000;
/** How long marks are painted in a frame that follows a hand, in ms. */
const SLICE = 5;

/** @typedef {import("./marks.js").Scene} Scene */
/** @typedef {import("./places.js").Projection} Projection */

/** How a picture of one view has to lie for another. @param {Projection} from @param {Projection} to */
export function moved(from, to) {
  const [across, up] = [to.sx / from.sx, to.sy / from.sy];
  return `matrix(${across}, 0, 0, ${up}, ${to.ox - from.ox * across}, ${to.oy - from.oy * up})`;
}

/** A picture on the screen, and where it looks. */
function sheet() {
  const node = /** @type {HTMLCanvasElement} */ (
    html`<canvas class="sl-fill sl-sheet" aria-hidden="true" />`
  );
  const pen = node.getContext?.("2d") ?? null;
  return {
    node,
    pen,
    /** @type {Projection | null} */
    view: null,
    /** @param {ImageData} image @param {Projection} view */
    show(image, view) {
      pen?.putImageData(image, -PAD, -PAD);
      this.view = view;
    },
    /** @param {Projection} view */
    follow(view) {
      node.style.transform = this.view && this.view !== view ? moved(this.view, view) : "";
    },
  };
}

export function pixelCanvas() {
  const [wide, sharp] = [sheet(), sheet()];
  const paint = markPainter();
  let [width, height, ratio] = [0, 0, 1];
  /** @type {ImageData | null} */
  let image = null;
  let data = new Uint32Array(0);
  /** What is being painted. @type {{scene: Scene, steps: Iterator<void>} | null} */
  let begun = null;

  /** @param {Scene} scene */
  const begin = (scene) => ({
    scene,
    steps: paint({ data, width: image?.width ?? 0, height: image?.height ?? 0 }, ratio, scene),
  });

  /** The sharp picture becomes the wide one, unless that shows more. */
  function widen() {
    const [is, was] = [sharp.view, wide.view];
    if (!is || (was && Math.abs(is.sx) > Math.abs(was.sx))) return;
    wide.pen?.drawImage(sharp.node, 0, 0);
    wide.view = is;
  }

  return {
    node: html`<div class="sl-fill" aria-hidden="true">${wide.node}${sharp.node}</div>`,
    /** @param {number} across @param {number} down in px of the screen @returns {boolean} whether that is another size */
    resize(across, down) {
      const dense = Math.min(2, Math.max(1, globalThis.devicePixelRatio || 1));
      if (across === width && down === height && dense === ratio) return false;
      [width, height, ratio] = [across, down, dense];
      for (const { node } of [wide, sharp]) {
        node.width = Math.round(width * ratio);
        node.height = Math.round(height * ratio);
      }
      image = sharp.pen?.createImageData(sharp.node.width + 2 * PAD, sharp.node.height + 2 * PAD) ?? null;
      data = image ? new Uint32Array(image.data.buffer) : new Uint32Array(0);
      begun = sharp.view = wide.view = null;
      return true;
    },

    /** Paints another scene, now. @param {Scene} scene */
    paint(scene) {
      if (!image) return;
      begun = wide.view = null;
      finish(begin(scene).steps);
      sharp.show(image, scene.view);
      for (const one of [sharp, wide]) one.follow(scene.view);
    },

    /**
     * Shows the same scene from elsewhere, and gets on with painting it.
     * @param {Scene} scene @returns {boolean} whether there is more to paint
     */
    follow(scene) {
      if (!image) return false;
      const { view, levels } = scene;
      if (!sharp.view || levels.length <= AT_ONCE) {
        this.paint(scene);
        return false;
      }
      if (begun || sharp.view !== view) {
        if (!wide.view) widen();
        begun ??= begin(scene);
        const end = performance.now() + SLICE;
        let done = false;
        while (!done && performance.now() < end) done = begun.steps.next().done === true;
        if (done) {
          widen();
          sharp.show(image, begun.scene.view);
          begun = null;
        }
      }
      for (const one of [sharp, wide]) one.follow(view);
      return begun !== null || sharp.view !== view;
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
