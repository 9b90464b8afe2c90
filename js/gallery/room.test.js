import { expect, it } from "vitest";
import { cropsThatFit, lineWidth } from "./room.js";

it("crops take what the label leaves, which is neither narrow nor wide", () => {
  for (let width = 300; width < 2000; width += 7) {
    const label = width - lineWidth(cropsThatFit(width));
    expect(label).toBeGreaterThanOrEqual(120);
    expect(label).toBeLessThan(Math.max(120, Math.min(240, 0.29 * width)) + 50);
  }
  expect([10, 565, 925].map(cropsThatFit)).toEqual([3, 8, 13]);
});
