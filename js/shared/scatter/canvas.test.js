import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { moved, pixelCanvas } from "./canvas.js";
import { finish, LEVEL, markPainter, PAD } from "./marks.js";

const [WIDE, HIGH, COUNT] = [211, 157, 9_001];
const AT_ONCE = 4096;

/** A scene of many marks in a few colours and levels, seen from somewhere. @param {object} [rest] */
function sceneOf(rest = {}) {
  let state = 5;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return /** @type {import("./marks.js").Scene} */ ({
    places: Float32Array.from({ length: 2 * COUNT }, next),
    view: { sx: WIDE, sy: -HIGH, ox: 0, oy: HIGH },
    kinds: Uint8Array.from({ length: COUNT }, (_, row) => row % 3),
    styles: [
      { colour: [200, 0, 0] },
      { colour: [0, 90, 200], line: 1.2 },
      { colour: [0, 120, 0], shape: "diamond" },
    ],
    radii: null,
    radius: 2,
    levels: Uint8Array.from({ length: COUNT }, (_, row) =>
      row % 97 === 0 ? LEVEL.chosen : row % 11 ? LEVEL.usual : LEVEL.away,
    ),
    opacity: 0.8,
    fades: true,
    inks: { ground: [255, 255, 255], ink: [20, 20, 20], accent: [255, 0, 255] },
    ...rest,
  });
}

/** Whether two pictures are the same, pixel by pixel. @param {Uint32Array | undefined} one @param {Uint32Array} other */
const same = (one, other) => one?.length === other.length && one.every((pixel, i) => pixel === other[i]);

const blank = () => {
  const [width, height] = [WIDE + 2 * PAD, HIGH + 2 * PAD];
  return { data: new Uint32Array(width * height), width, height };
};

/** The picture of a scene, painted by a new painter at once. @param {import("./marks.js").Scene} scene */
function plainly(scene) {
  const picture = blank();
  finish(markPainter()(picture, 1, scene));
  return picture.data;
}

const closer = { sx: 2 * WIDE, sy: -2 * HIGH, ox: -40, oy: 1.5 * HIGH };

describe("a painting in steps", () => {
  it("does not work on more marks at a time, and ends with the same picture", () => {
    const [picture, scene] = [blank(), sceneOf()];
    const steps = markPainter()(picture, 1, scene);
    let count = 0;
    while (!steps.next().done) count++;
    expect(count).toBeGreaterThanOrEqual(3 * Math.floor(COUNT / AT_ONCE));
    expect(same(picture.data, plainly(scene))).toBe(true);
  });

  it("that is left leaves nothing in the next", () => {
    const [picture, paint] = [blank(), markPainter()];
    for (const left of [1, 4, 9]) {
      const steps = paint(picture, 1, sceneOf());
      for (let i = 0; i < left; i++) steps.next();
      finish(paint(picture, 1, sceneOf({ view: closer })));
      expect(same(picture.data, plainly(sceneOf({ view: closer })))).toBe(true);
    }
  });
});

describe("a canvas that follows a hand", () => {
  /** What was put on which canvas, the last of each. @type {Map<HTMLCanvasElement, Uint32Array>} */
  const shown = new Map();
  let now = 0;

  beforeEach(() => {
    now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now++);
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function () {
      return /** @type {any} */ ({
        createImageData: (/** @type {number} */ width, /** @type {number} */ height) => ({
          width,
          height,
          data: new Uint8ClampedArray(4 * width * height),
        }),
        putImageData: (/** @type {any} */ image) =>
          shown.set(this, new Uint32Array(image.data.slice().buffer)),
        drawImage: (/** @type {HTMLCanvasElement} */ from) =>
          shown.set(this, shown.get(from) ?? new Uint32Array(0)),
      });
    });
  });
  afterEach(() => shown.clear());

  function opened() {
    const canvas = pixelCanvas();
    const [wide, sharp] = /** @type {HTMLCanvasElement[]} */ ([...canvas.node.children]);
    canvas.resize(WIDE, HIGH);
    return { canvas, wide, sharp };
  }

  it("moves what was painted, in each frame works but little, and at rest is as painted at once", () => {
    const { canvas, wide, sharp } = opened();
    const scene = sceneOf();
    canvas.paint(scene);
    expect(same(shown.get(sharp), plainly(scene))).toBe(true);
    let frames = 0;
    let longest = 0;
    for (let more = true; more; frames++) {
      const began = now;
      more = canvas.follow({ ...scene, view: closer });
      longest = Math.max(longest, now - began);
      if (more) {
        expect(sharp.style.transform).toBe(moved(scene.view, closer));
        expect(same(shown.get(sharp), plainly(scene))).toBe(true);
      }
    }
    expect(frames).toBeGreaterThan(2);
    expect(longest, "looks at the clock in one frame").toBeLessThan(9);
    expect(sharp.style.transform).toBe("");
    expect(same(shown.get(sharp), plainly({ ...scene, view: closer }))).toBe(true);
    expect(wide.style.transform, "below lies what shows more").toBe(moved(scene.view, closer));
    expect(same(shown.get(wide), plainly(scene))).toBe(true);
    expect(canvas.follow({ ...scene, view: closer })).toBe(false);
  });

  it("is painted for where the hand has come to, however often it goes on meanwhile", () => {
    const { canvas, sharp } = opened();
    const scene = sceneOf();
    canvas.paint(scene);
    let view = scene.view;
    for (let i = 0; i < 7; i++) {
      view = { ...view, ox: view.ox + 3 };
      canvas.follow({ ...scene, view });
    }
    while (canvas.follow({ ...scene, view }));
    expect(sharp.style.transform).toBe("");
    expect(same(shown.get(sharp), plainly({ ...scene, view }))).toBe(true);
  });

  it("another scene is painted now, whatever was begun", () => {
    const { canvas, sharp } = opened();
    canvas.paint(sceneOf());
    canvas.follow(sceneOf({ view: closer }));
    const other = sceneOf({ opacity: 0.3 });
    canvas.paint(other);
    expect(same(shown.get(sharp), plainly(other))).toBe(true);
    expect(sharp.style.transform).toBe("");
  });

  it("a picture of one view lies where the marks of the other are", () => {
    const [from, to] = [sceneOf().view, closer];
    const [a, , , d, e, f] = (moved(from, to).match(/-?[\d.]+/g) ?? []).map(Number);
    for (const [x, y] of [
      [0, 0],
      [0.3, 0.8],
      [1, 1],
    ]) {
      expect((x * from.sx + from.ox) * a + e).toBeCloseTo(x * to.sx + to.ox, 9);
      expect((y * from.sy + from.oy) * d + f).toBeCloseTo(y * to.sy + to.oy, 9);
    }
  });
});
