import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { all, byId, settled, someFile } from "../testing/toy.js";
import { wholeRange } from "./whole_range.js";

const HOSTILE = '<img src=x onerror="globalThis.hacked=1">';
const answer = (row) => ({
  query: HOSTILE,
  sampled: 1000,
  sheet: someFile(),
  images: [
    { name: `${row}.png`, label: HOSTILE, response: 8.25, likeness: 0.31 },
    { name: "b.png", label: null, response: 2, likeness: 0.2 },
    { name: "c.png", label: null, response: 0, likeness: -0.04 },
  ],
});

describe("a hit over all images", () => {
  let asked;
  let range;
  beforeEach(() => {
    asked = [];
    const ask = vi.fn(async (verb, args) => {
      asked.push([verb, args.row]);
      return answer(args.row);
    });
    range = wholeRange({
      ask,
      size: 60,
      fail: (error) => {
        throw error;
      },
    });
    document.body.replaceChildren(range.node);
  });
  afterEach(() => range.destroy());

  it("shows pictures from the strongest to the weakest, each with its likeness to the query", async () => {
    range.show(7, true);
    await settled();
    expect(asked).toEqual([["whole_range", 7]]);
    expect(range.node.hidden).toBe(false);
    expect(range.node.textContent).toContain("strongest to weakest of 1,000");
    const steps = all(document.body, "range-step");
    expect(steps.map((step) => step.querySelector("figcaption").textContent)).toEqual([".31", ".20", "−.04"]);
    expect(steps[0].getAttribute("aria-label")).toBe(`${HOSTILE}: response 8.3, likeness to ${HOSTILE} .31`);
    expect(steps[1].getAttribute("aria-label")).toContain("b.png: response 2.0");
    expect(globalThis.hacked).toBeUndefined();
    expect(steps.every((step) => step.querySelector(".sl-crop").style.backgroundImage)).toBe(true);
  });

  it("asks for nothing where it cannot be shown, and forgets what was shown before", async () => {
    range.show(7, true);
    await settled();
    range.show(8, false);
    await settled();
    expect(asked).toHaveLength(1);
    expect(byId(document.body, "whole-range").hidden).toBe(true);
    expect(all(document.body, "range-step")).toEqual([]);
  });

  it("shows the last component asked for, whichever answer comes first", async () => {
    range.show(7, true);
    range.show(9, true);
    await settled();
    expect(asked.map(([, row]) => row)).toEqual([7, 9]);
    expect(all(document.body, "range-step")).toHaveLength(3);
  });
});
