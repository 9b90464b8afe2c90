import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as format from "./format.js";
import * as grid from "./grid.js";
import { assignment } from "./python.js";
import * as query from "./query.js";
import { linear, ticks } from "./scales.js";
import { brushed, pointed, same, showChosen, toggled } from "./selection.js";

describe("the virtual grid", () => {
  const layout = { count: 50_000, row: 56, cut: 7, divider: 26 };

  it("agrees with adding up one row after the other", () => {
    const small = { count: 13, row: 5, cut: 4, divider: 3 };
    let top = 0;
    for (let position = 0; position < small.count; position++) {
      if (position === small.cut) top += small.divider;
      expect(grid.topOf(small, position)).toBe(top);
      for (let y = top; y < top + small.row; y++) expect(grid.positionAt(small, y)).toBe(position);
      top += small.row;
    }
    expect(grid.totalHeight(small)).toBe(top);
  });

  it("every pixel of the viewport is covered, wherever one scrolls", () => {
    for (const scrollTop of [0, 1, 391, 392, 400, 418, 419, 1_400_000, grid.totalHeight(layout) - 448]) {
      const [first, end] = grid.visible(layout, scrollTop, 448);
      expect(grid.topOf(layout, first) - (first === layout.cut ? layout.divider : 0)).toBeLessThanOrEqual(
        scrollTop,
      );
      expect(
        end === layout.count ? grid.totalHeight(layout) : grid.topOf(layout, end),
      ).toBeGreaterThanOrEqual(scrollTop + 448);
      expect(end - first).toBeLessThanOrEqual(10);
    }
  });

  it("draws spare rows, but none that do not exist", () => {
    expect(grid.visible(layout, 0, 448, 4)).toEqual([0, 12]);
    expect(grid.visible({ ...layout, count: 3, cut: null }, 0, 448, 4)).toEqual([0, 3]);
    expect(grid.visible({ ...layout, count: 0, cut: null }, 0, 448, 4)).toEqual([0, 0]);
  });

  it("stays far under the tallest element a browser can draw", () => {
    expect(grid.totalHeight(layout)).toBeLessThan(16_000_000);
  });

  it("scrolls no further than it must", () => {
    expect(grid.scrollTo(layout, 3, 0, 448)).toBe(0);
    expect(grid.scrollTo(layout, 3, 500, 448)).toBe(168);
    expect(grid.scrollTo(layout, 20, 0, 448)).toBe(20 * 56 + 26 + 56 - 448);
  });

  it("steps by key and stops at the ends", () => {
    expect(["j", "k", "PageDown", "PageUp", "Home", "End"].map((key) => grid.step(key, 11, 13, 5))).toEqual([
      12, 10, 12, 6, 0, 12,
    ]);
    expect(grid.step("x", 11, 13, 5)).toBeNull();
    expect(grid.step("j", 0, 0, 5)).toBeNull();
  });
});

describe("the query grammar", () => {
  it("is the one of the kernel", () => {
    for (const { text, terms, written } of JSON.parse(readFileSync("tests/queries.json", "utf-8"))) {
      expect(query.parse(text)).toEqual(terms);
      expect(query.write(query.parse(text))).toBe(written);
    }
  });

  it("reads chips, signs and images", () => {
    expect(query.parse(" ruler , - thin   hair,,-, image:a1")).toEqual([
      { text: "ruler", negative: false },
      { text: "thin hair", negative: true },
      { text: "image:a1", negative: false },
    ]);
    expect(query.imageId({ text: "image:a1", negative: true })).toBe("a1");
    expect(query.imageId({ text: "imagery", negative: false })).toBeNull();
  });

  it("a hyphen inside a word is not a sign", () => {
    expect(query.parse("blue-white veil")).toEqual([{ text: "blue-white veil", negative: false }]);
  });

  it("parse undoes write", () => {
    for (const text of ["", "ruler", "ruler, -hair", "-a, b, image:7"])
      expect(query.write(query.parse(text))).toBe(text);
  });

  it("adding a chip twice keeps one, with the newer sign", () => {
    expect(query.write(query.add(query.parse("ruler, hair"), "-hair"))).toBe("ruler, -hair");
  });
});

describe("numbers", () => {
  it("are written as the interface writes them", () => {
    expect(format.score(0.312)).toBe(".312");
    expect(format.score(-0.04, 2)).toBe("−.04");
    expect(format.score(-0.0001, 2)).toBe(".00");
    expect(format.score(1, 2)).toBe("1.00");
    expect(format.score(Number.NaN)).toBe("–");
    expect([14.6, -0.4, 0.04, -0.04, null, Number.NaN].map(format.signed)).toEqual([
      "+14.6",
      "−0.4",
      "+0.04",
      "−0.04",
      "–",
      "–",
    ]);
    expect(format.pEquals(0.00001)).toBe("p < .001");
    expect(format.pEquals(0.34)).toBe("p = .34");
    expect(format.count(1234567)).toBe("1,234,567");
    expect([123.4, 6.44, 0.345, 0.0123, 0].map(format.activation)).toEqual([
      "123",
      "6.4",
      "0.34",
      "0.012",
      "0.000",
    ]);
    expect(format.signedTick(0.1, 0.1)).toBe("+0.1");
    expect(format.signedTick(-0.05, 0.05)).toBe("−0.05");
    expect(format.signedTick(0, 0.1)).toBe("0");
  });

  it("ticks are round and inside", () => {
    const { values, step } = ticks([-0.13, 0.34], 5);
    expect(step).toBeCloseTo(0.1);
    expect(values.map((value) => value.toFixed(1))).toEqual(["-0.1", "0.0", "0.1", "0.2", "0.3"]);
    expect(ticks([2, 2], 5).values).toEqual([2]);
    expect(linear([2, 2], [0, 10])(2)).toBe(5);
  });
});

describe("selection and Python", () => {
  it("toggling puts the new one first and takes an old one out", () => {
    expect(toggled([3, 5], 7)).toEqual([7, 3, 5]);
    expect(toggled([3, 5], 3)).toEqual([5]);
    expect([same([1, 2], [1, 2]), same([1, 2], [2, 1]), same([1], [1, 2])]).toEqual([true, false, false]);
  });

  it("what is pointed at replaces, joins with Ctrl or Cmd, and what is brushed leaves with Alt", () => {
    const [alone, ctrl, meta, alt] = [{}, { ctrlKey: true }, { metaKey: true }, { altKey: true }].map(
      (held) => ({ ctrlKey: false, metaKey: false, altKey: false, ...held }),
    );
    expect([alone, ctrl, meta].map((held) => pointed([3, 5], 7, held))).toEqual([[7], [7, 3, 5], [7, 3, 5]]);
    expect([alone, ctrl, meta, alt].map((held) => brushed([3, 5], [5, 7, 11], held))).toEqual([
      [5, 7, 11],
      [3, 5, 7, 11],
      [3, 5, 7, 11],
      [3],
    ]);
  });

  it("an element shows whether it is chosen, and whether it is the primary", () => {
    const element = document.createElement("div");
    const shown = (/** @type {number[]} */ selection) => {
      showChosen(element, selection, 7, "aria-pressed");
      return `${element.className} ${element.getAttribute("aria-pressed")}`;
    };
    expect([[7, 3], [3, 7], [3]].map(shown)).toEqual([
      "sl-selected sl-primary true",
      "sl-selected true",
      " false",
    ]);
  });

  it("a line of Python quotes whatever the text holds", () => {
    expect(assignment("query", 'a "b" \\')).toBe('lens.query = "a \\"b\\" \\\\"');
    expect(assignment("layer", null)).toBe("lens.layer = None");
    expect(assignment("selection", ["layer4:57", "layer4:12"])).toBe(
      'lens.selection = ["layer4:57", "layer4:12"]',
    );
  });
});
