import { beforeEach, describe, expect, it, vi } from "vitest";
import { html } from "../dom.js";
import { spanning } from "./axes.js";
import { plotGestures } from "./gestures.js";
import { finish, LEVEL, markPainter, PAD, packed } from "./marks.js";
import { inside, placesOf, seenAt, unprojected } from "./places.js";
import { pointTip } from "./tip.js";

/** Numbers from 0 to 1, the same in each run. @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const [WHITE, BLACK, BLUE, ORANGE, ACCENT] = [
  [255, 255, 255],
  [20, 20, 20],
  [30, 90, 200],
  [200, 100, 20],
  [255, 0, 255],
];

describe("points by place", () => {
  const next = random(3);
  const views = [
    { sx: 1, sy: 1, ox: 0, oy: 0 },
    { sx: 7, sy: -2.5, ox: -31, oy: 140 },
  ];
  // Many at the same place, some without one, and one far from all others, which leaves most cells empty.
  const kinds = {
    spread: Float32Array.from({ length: 2 * 997 }, () => Math.round(next() * 60)),
    outlier: Float32Array.from({ length: 2 * 499 }, (_, i) => (i < 2 ? 9000 : next() * 60)),
    line: Float32Array.from({ length: 2 * 211 }, (_, i) => (i % 2 ? 5 : next() * 60)),
    one: Float32Array.of(3, 4),
    none: Float32Array.of(),
    nowhere: Float32Array.of(Number.NaN, 1, 2, Infinity),
  };
  for (let row = 0; row < 997; row += 11) kinds.spread[2 * row] = Number.NaN;
  const seen = (/** @type {number} */ row) => row % 3 !== 1;

  it.each(Object.entries(kinds))("the nearest that is seen is what looking at all finds: %s", (_, places) => {
    const index = placesOf(places);
    for (const view of views)
      for (let i = 0; i < 100; i++) {
        const [px, py, reach] = [next() * 500 - 50, next() * 300 - 50, next() * 40];
        let [best, closest] = [-1, reach * reach];
        for (let row = 0; row < places.length / 2; row++) {
          const at = seenAt(places, view, row);
          if (!at || !seen(row)) continue;
          const distance = (at[0] - px) ** 2 + (at[1] - py) ** 2;
          if (distance < closest - 1e-6) [best, closest] = [row, distance];
        }
        const found = index.nearest(view, px, py, reach, seen);
        const at = seenAt(places, view, found);
        if (best < 0) expect(at === null || Math.hypot(at[0] - px, at[1] - py) > reach - 1e-3).toBe(true);
        else expect((at[0] - px) ** 2 + (at[1] - py) ** 2).toBeCloseTo(closest, 3);
      }
  });

  it.each(Object.entries(kinds))(
    "a lasso holds what lies inside, as looking at all says: %s",
    (_, places) => {
      const index = placesOf(places);
      for (const view of views)
        for (let i = 0; i < 40; i++) {
          const path = Array.from({ length: i % 9 }, () => [next() * 600 - 90, next() * 400 - 90]);
          const line = path.map(([px, py]) => unprojected(view, px, py));
          const all = [];
          for (let row = 0; row < places.length / 2; row++)
            if (seen(row) && inside(line, places[2 * row], places[2 * row + 1])) all.push(row);
          expect(index.within(view, path, seen)).toEqual(all);
        }
    },
  );

  it("a line that bends inwards leaves out its bay", () => {
    const bay = /** @type {[number, number][]} */ ([
      [0, 0],
      [4, 0],
      [4, 4],
      [2, 1],
      [0, 4],
    ]);
    expect([inside(bay, 1, 1), inside(bay, 2, 3), inside(bay, 5, 1)]).toEqual([true, false, false]);
  });

  it("axes stand for the projection that points have", () => {
    const frame = { left: 30, top: 10, right: 230, bottom: 110 };
    expect(seenAt(Float32Array.of(0, 0, 10, 4), spanning([0, 10], [0, 4], frame), 1)).toEqual([230, 10]);
    expect(
      seenAt(Float32Array.of(7, 7), spanning([7, 7], [7, 7], frame), 0),
      "without width, the middle",
    ).toEqual([130, 60]);
  });
});

describe("marks", () => {
  const [SIDE, COUNT] = [200, 50_000];
  const STYLES = /** @type {import("./marks.js").Style[]} */ ([
    { colour: BLUE },
    { colour: ORANGE, shape: "triangle" },
    { colour: BLUE, line: 1.2 },
  ]);

  /** Points around the middle, densest there. @param {number} count @param {number} spread */
  function cloud(count, spread) {
    const next = random(7);
    const bell = () => [1, 2, 3, 4, 5, 6].reduce((sum) => sum + next() - 0.5, 0);
    return Float32Array.from({ length: 2 * count }, () => 100 + bell() * spread * Math.SQRT2);
  }

  /** @param {Float32Array} places @param {any} [rest] */
  function painted(
    places,
    { ground = WHITE, ink = BLACK, kind = 0, levels = {}, radius = 3.4, ...rest } = {},
  ) {
    const side = SIDE + 2 * PAD;
    const picture = { data: new Uint32Array(side * side), width: side, height: side };
    const all = new Uint8Array(places.length / 2).fill(LEVEL.usual);
    for (const [row, level] of Object.entries(levels)) all[Number(row)] = level;
    const scene = {
      places,
      view: { sx: 1, sy: 1, ox: 0, oy: 0 },
      kinds: new Uint8Array(all.length).fill(kind),
      styles: STYLES,
      radii: null,
      radius,
      levels: all,
      opacity: 0.62,
      inks: { ground, ink, accent: ACCENT },
      ...rest,
    };
    finish(markPainter()(picture, 1, scene));
    const at = (/** @type {number} */ x, /** @type {number} */ y) => {
      const pixel = picture.data[(y + PAD) * side + x + PAD];
      return [pixel & 255, (pixel >>> 8) & 255, (pixel >>> 16) & 255];
    };
    /** How far the pixels around a place are from the ground, on the average. */
    const inkAt = (/** @type {number} */ x, /** @type {number} */ y) => {
      let sum = 0;
      for (let py = y - 6; py < y + 6; py++)
        for (let px = x - 6; px < x + 6; px++)
          sum += at(px, py).reduce((total, part, i) => total + Math.abs(part - ground[i]), 0);
      return sum / 144;
    };
    return { picture, scene, at, inkAt };
  }

  it.each([
    ["light", { ground: WHITE, ink: BLACK }],
    ["dark", { ground: BLACK, ink: WHITE }],
  ])("of 50,000 the densest place has the most ink, and it grows less outwards: %s", (_, theme) => {
    const places = cloud(COUNT, 24);
    const within = (/** @type {number} */ far) => {
      let count = 0;
      for (let row = 0; row < COUNT; row++) {
        const [x, y] = [places[2 * row] - 100, places[2 * row + 1] - 100];
        if (Math.abs(Math.abs(x) - far) <= 6 && Math.abs(y) <= 6) count++;
      }
      return count;
    };
    for (const kind of [0, 1, 2]) {
      const { inkAt } = painted(places, { ...theme, kind });
      const outwards = [0, 30, 50, 70, 90];
      const inks = outwards.map((far) => (inkAt(100 + far, 100) + inkAt(100 - far, 100)) / 2);
      expect(outwards.map(within), "what is drawn is denser inwards").toEqual(
        outwards.map(within).sort((a, b) => b - a),
      );
      expect(inks).toEqual([...inks].sort((a, b) => b - a));
    }
  });

  it("a pixel is the more opaque the more marks cover it, in whatever order they come", () => {
    const stacked = (/** @type {number} */ count) => painted(new Float32Array(2 * count).fill(50)).at(50, 50);
    for (const part of [0, 1, 2]) {
      expect(Math.abs(stacked(1)[part] - (255 + (BLUE[part] - 255) * 0.62))).toBeLessThanOrEqual(1);
      const reds = [1, 2, 3, 8].map((count) => stacked(count)[part]);
      expect(reds).toEqual([...new Set(reds)].sort((a, b) => b - a));
    }
    const places = Float32Array.of(50, 50, 52, 51);
    const mixed = (/** @type {number[]} */ kinds, /** @type {Float32Array} */ at) =>
      painted(at, { kinds: Uint8Array.from(kinds) }).picture.data;
    expect(mixed([0, 1], places)).toEqual(mixed([1, 0], Float32Array.of(52, 51, 50, 50)));
  });

  it("an open mark leaves its middle open, and a mark of no kind or without a place is left out", () => {
    const open = painted(Float32Array.of(50, 50), { kind: 2, radius: 6 });
    expect(open.at(50, 50)).toEqual(WHITE);
    expect(open.at(55, 50)).not.toEqual(WHITE);
    for (const [places, kind] of [
      [Float32Array.of(50, 50), 255],
      [Float32Array.of(Number.NaN, 50), 0],
      [Float32Array.of(-500, 50, 50, 1e9), 0],
    ])
      expect(new Set(painted(places, { kind }).picture.data)).toEqual(new Set([packed(WHITE)]));
  });

  it("a mark at the edge is cut off, not moved or left out", () => {
    const { at } = painted(Float32Array.of(-2, 100, 201, 100), { radius: 6 });
    expect(at(1, 100)).not.toEqual(WHITE);
    expect(at(198, 100)).not.toEqual(WHITE);
    expect(at(10, 100)).toEqual(WHITE);
  });

  it("what is chosen or important stands over a dense place, the chosen with a ring", () => {
    const places = cloud(COUNT, 10).fill(100, 0, 4);
    const plain = painted(places);
    const standing = painted(places, { levels: { 0: LEVEL.standing } });
    const chosen = painted(places, { levels: { 0: LEVEL.chosen } });
    expect(standing.at(100, 100)).not.toEqual(plain.at(100, 100));
    expect(chosen.at(100, 100)).toEqual(BLUE);
    const rings = ({ picture }) => [...picture.data].filter((pixel) => pixel === packed(ACCENT)).length;
    expect([rings(plain), rings(standing), rings(chosen) > 8]).toEqual([0, 0, true]);
  });

  it("others fade beside few that are chosen where that is wanted, and beside many always", () => {
    const places = Float32Array.from({ length: 2 * 900 }, (_, i) => (i % 2 ? 100 : 10 + (i % 180)));
    places.set([100, 30]);
    const levels = (/** @type {number} */ count) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [i + 1, LEVEL.chosen]));
    const blue = (/** @type {any} */ options) => painted(places, options).at(100, 30)[0];
    const [usual, few, faded, many] = [
      {},
      { levels: levels(3) },
      { levels: levels(3), fades: true },
      { levels: levels(800) },
    ].map(blue);
    expect(few).toBe(usual);
    expect(faded).toBeGreaterThan(usual + 60);
    expect(many).toBe(faded);
  });
});

describe("a hand on a plot", () => {
  /** @type {any[]} */
  let told;
  /** @type {HTMLElement} */
  let area;
  /** @type {ReturnType<typeof plotGestures>} */
  let gestures;
  let lassoing = false;
  const at = (
    /** @type {string} */ type,
    /** @type {number} */ clientX,
    /** @type {number} */ clientY,
    held = {},
  ) => area.dispatchEvent(new MouseEvent(type, { button: 0, clientX, clientY, bubbles: true, ...held }));
  beforeEach(() => {
    [told, lassoing] = [[], false];
    area = html`<div tabindex="0" />`;
    document.body.replaceChildren(area);
    gestures = plotGestures({
      area,
      focus: area,
      onPress: (place) => told.push(["press", ...place]),
      onLasso: (path, event) => told.push(["lasso", path, event.ctrlKey]),
      onPoint: (place) => told.push(["point", place]),
      onDrag: (...places) => told.push(["drag", ...places]),
      onDrop: () => told.push(["drop"]),
      onStop: () => told.push(["stop"]),
      lassoes: () => lassoing,
    });
  });

  it("a press that hardly moves means a point, one that moves is a drag, and the plot has the focus", () => {
    at("pointerdown", 100, 90);
    at("pointermove", 102, 91);
    at("pointerup", 102, 91);
    expect(document.activeElement).toBe(area);
    at("pointerdown", 100, 90);
    at("pointermove", 130, 80);
    at("pointermove", 140, 80);
    at("pointerup", 140, 80);
    expect(told).toEqual([
      ["press", 102, 91],
      ["point", null],
      ["drag", [130, 80], [100, 90], [100, 90]],
      ["drag", [140, 80], [130, 80], [100, 90]],
      ["drop"],
    ]);
  });

  it("with Shift, or where that is wanted, a drag draws around points; it can be given up", () => {
    for (const held of [{ shiftKey: true }, {}]) {
      lassoing = !held.shiftKey;
      at("pointerdown", 10, 10, held);
      at("pointermove", 50, 10);
      at("pointermove", 50, 40);
      expect(gestures.lasso.getAttribute("d")).toBe("M10.0 10.0L50.0 10.0L50.0 40.0Z");
      at("pointerup", 50, 40, { ctrlKey: true });
    }
    const path = [[10, 10], [50, 10], [50, 40]]; // biome-ignore format: a line
    expect(told).toEqual([
      ["lasso", path, true],
      ["lasso", path, true],
    ]);
    at("pointerdown", 10, 10);
    at("pointermove", 50, 10);
    expect([gestures.dragging(), gestures.stop(), gestures.stop()]).toEqual([true, true, false]);
    at("pointerup", 50, 40);
    expect(told.slice(2)).toEqual([["stop"]]);
    expect(gestures.lasso.hasAttribute("d")).toBe(false);
  });

  it("what is pointed at is told while nothing is held, and nothing when the pointer leaves", () => {
    at("pointermove", 3, 4);
    at("pointerleave", 3, 4);
    at("pointerdown", 9, 9, { button: 2 });
    at("pointermove", 50, 9);
    expect(told).toEqual([
      ["point", [3, 4]],
      ["point", null],
      ["point", [50, 9]],
    ]);
  });
});

it("a tip opens after a moment, for the last point alone, and closes after another", () => {
  vi.useFakeTimers();
  try {
    const asked = [];
    const tip = pointTip({
      source: /** @type {any} */ ({ sprite: (rows) => asked.push(...rows) && new Promise(() => {}) }),
      words: (point) => [`point ${point}`],
      rowOf: (point) => 10 * point,
      crops: 2,
      side: 44,
      testid: "tip",
      fail() {},
    });
    document.body.replaceChildren(html`<div>${tip.node}</div>`);
    tip.point(1, [5, 5]);
    vi.advanceTimersByTime(60);
    tip.point(2, [6, 6]);
    vi.advanceTimersByTime(100);
    expect(tip.node.hidden).toBe(true);
    vi.advanceTimersByTime(100);
    expect([tip.node.hidden, tip.node.textContent, asked]).toEqual([false, "point 2", [20]]);
    tip.point(-1);
    vi.advanceTimersByTime(100);
    expect(tip.node.hidden).toBe(false);
    vi.advanceTimersByTime(300);
    expect(tip.node.hidden).toBe(true);
    tip.destroy();
  } finally {
    vi.useRealTimers();
  }
});
