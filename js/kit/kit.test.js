import { describe, expect, it } from "vitest";
import { packed } from "../shared/raster.js";
import { densityOf } from "./density.js";
import { paintMarks } from "./marks.js";
import { inside, placesOf } from "./places.js";

/** Numbers from 0 to 1, the same in each run. @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A cloud, densest in its middle. @param {number} count @param {number} middle @param {number} spread */
function cloud(count, middle, spread) {
  const next = random(7);
  const bell = () => {
    let sum = 0;
    for (let i = 0; i < 6; i++) sum += next() - 0.5;
    return middle + sum * spread * Math.SQRT2;
  };
  return [0, 1].map(() => Float32Array.from({ length: count }, bell));
}

const [WHITE, BLACK, BLUE, ORANGE] = [
  [255, 255, 255],
  [20, 20, 20],
  [30, 90, 200],
  [200, 100, 20],
];

describe("points by place", () => {
  const next = random(3);
  const [xs, ys] = [0, 1].map(() => Float32Array.from({ length: 997 }, () => Math.round(next() * 60)));
  for (let at = 0; at < xs.length; at += 11) xs[at] = Number.NaN;
  const places = placesOf(xs, ys);
  const seen = (/** @type {number} */ at) => at % 3 > 0;

  it("finds the nearest that can be seen, as looking at all does; the last of equally near ones", () => {
    for (let i = 0; i < 300; i++) {
      const [x, y] = [next() * 90 - 15, next() * 90 - 15];
      const [across, up] = [0.5 + next() * 9, 0.5 + next() * 9];
      let [best, closest] = [-1, 1];
      for (let at = 0; at < xs.length; at++) {
        const distance = ((xs[at] - x) / across) ** 2 + ((ys[at] - y) / up) ** 2;
        if (distance <= closest && seen(at)) [best, closest] = [at, distance];
      }
      expect(places.nearest(x, y, across, up, seen)).toBe(best);
    }
  });

  it("a lasso holds what lies inside, as looking at all says", () => {
    for (let i = 0; i < 60; i++) {
      const path = Array.from(
        { length: 3 + (i % 7) },
        () => /** @type {[number, number]} */ ([next() * 90 - 15, next() * 90 - 15]),
      );
      const all = [...xs.keys()].filter((at) => seen(at) && inside(path, xs[at], ys[at]));
      expect(places.within(path, seen)).toEqual(all);
    }
    expect(places.within([])).toEqual([]);
  });

  it("nothing is found where nothing has a place", () => {
    for (const none of [placesOf([], []), placesOf([Number.NaN], [1]), placesOf([Infinity], [1])]) {
      expect(none.nearest(0, 0, 1e9)).toBe(-1);
      expect(
        none.within([
          [-9, -9],
          [9, -9],
          [0, 9],
        ]),
      ).toEqual([]);
    }
    expect(placesOf([2, 2], [5, 5]).nearest(2, 5, 1)).toBe(1);
  });

  it("a hollow line holds only what is inside it", () => {
    const line = /** @type {[number, number][]} */ ([
      [0, 0],
      [4, 0],
      [4, 4],
      [2, 1],
      [0, 4],
    ]);
    expect([inside(line, 1, 1), inside(line, 2, 3), inside(line, 5, 1)]).toEqual([true, false, false]);
  });
});

describe("marks that would cover each other", () => {
  const SIDE = 200;
  const STYLES = /** @type {import("./marks.js").Style[]} */ ([
    { shape: "disc", colour: BLUE },
    { shape: "triangle", colour: ORANGE },
  ]);

  /** @param {Float32Array[]} places @param {any} [rest] */
  function painted([xs, ys], { ground = WHITE, ink = BLACK, chosen = [], standing = [], kind = 0 } = {}) {
    const picture = { data: new Uint32Array(SIDE * SIDE).fill(packed(ground)), width: SIDE, height: SIDE };
    const marks = {
      xs,
      ys,
      radii: new Float32Array(xs.length).fill(3.4),
      kinds: new Uint8Array(xs.length).fill(kind),
      styles: STYLES,
    };
    const melted = paintMarks(picture, {
      marks,
      order: [...xs.keys()],
      chosen: new Set(chosen),
      standing: new Set(standing),
      ratio: 1,
      inks: { ground, ink, accent: [255, 0, 255] },
    });
    /** How far the pixels of a square are from the ground, on the average. */
    const inkAt = (/** @type {number} */ x, /** @type {number} */ y) => {
      let sum = 0;
      for (let py = y - 6; py < y + 6; py++)
        for (let px = x - 6; px < x + 6; px++)
          for (let part = 0; part < 3; part++)
            sum += Math.abs(((picture.data[py * SIDE + px] >>> (8 * part)) & 255) - ground[part]);
      return sum / 144;
    };
    return { picture, melted, inkAt, marks };
  }

  it.each([
    ["light", { ground: WHITE, ink: BLACK }],
    ["dark", { ground: BLACK, ink: WHITE }],
  ])("of 50,000 the densest place has the most ink, and it grows less outwards: %s", (_, theme) => {
    for (const kind of [0, 1]) {
      const { inkAt, melted } = painted(cloud(50_000, 100, 24), { ...theme, kind });
      expect(melted).toBeGreaterThan(25_000);
      const outwards = [0, 24, 48, 90].map((far) => (inkAt(100 + far, 100) + inkAt(100 - far, 100)) / 2);
      expect(outwards).toEqual([...outwards].sort((a, b) => b - a));
      expect(outwards[0]).toBeGreaterThan(1.05 * outwards[2]);
    }
  });

  it("few marks stay marks, also where they are on top of each other", () => {
    const same = [0, 1].map(() => new Float32Array(20).fill(100));
    expect(painted(same).melted).toBe(0);
    expect(painted(cloud(300, 100, 40)).melted).toBe(0);
  });

  it("what is chosen or important stays a mark on a dense place, and is ringed", () => {
    const places = cloud(50_000, 100, 10);
    places[0].fill(100, 0, 2);
    places[1].fill(100, 0, 2);
    const plain = painted(places);
    const marked = painted(places, { chosen: [0], standing: [1] });
    expect(plain.melted - marked.melted).toBe(2);
    expect([...marked.picture.data].some((pixel) => pixel === packed([255, 0, 255]))).toBe(true);
    expect([...plain.picture.data].some((pixel) => pixel === packed([255, 0, 255]))).toBe(false);
  });

  it("marks without a place, or outside of the picture, are left out", () => {
    const places = [Float32Array.of(Number.NaN, -50, 1e6), Float32Array.of(10, -50, 3)];
    const { picture, melted, marks } = painted(places, { chosen: [0, 1, 2] });
    expect([melted, new Set(picture.data)]).toEqual([0, new Set([packed(WHITE)])]);
    expect(densityOf(marks, SIDE, SIDE)).toBe(null);
  });
});
