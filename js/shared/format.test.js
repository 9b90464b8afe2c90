import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as written from "./format.js";
import { asNormal, normalTail } from "./normal.js";

const format = new Map(Object.entries(written));
const {
  cases,
  normal_tail: tails,
  as_normal: deviates,
} = JSON.parse(readFileSync("tests/numbers.json", "utf-8"));

describe("numbers are written as in Python", () => {
  it.each([...new Set(cases.map(([name]) => name))])("%s", (name) => {
    const asked = cases.filter(([other]) => other === name);
    expect(asked.length).toBeGreaterThan(5);
    for (const [, given, text] of asked)
      expect([given, format.get(name)(...given.map((value) => value ?? Number.NaN))]).toEqual([given, text]);
  });

  it("a z has the chance that it has in Python", () => {
    for (const [z, chance] of tails) expect(Math.abs(normalTail(z) / chance - 1)).toBeLessThan(3e-7);
  });

  it("a skewed number has the normal deviate that it has in Python", () => {
    for (const [z, skewness, deviate] of deviates) expect(asNormal(z, skewness)).toBeCloseTo(deviate, 9);
  });

  it("a share in per cent reads like the share itself", () => {
    for (const share of [-0.0004, 0.00004, 0.146, -0.05, 1])
      expect(written.signed(100 * share)).toBe(written.percent(share));
    expect(written.signed(null)).toBe("–");
  });
});
