import { describe, expect, it } from "vitest";
import { percent } from "./format.js";
import { alpha, calmestCorner, heatLayers, heatLegend, opacity } from "./heat.js";
import { side, signedBar } from "./signed.js";
import { worker, workLine } from "./work.js";

const MAP = { width: 2, height: 1, values: Int8Array.of(127, -127) };

describe("a map over a picture", () => {
  it("is opaque where it is strong, and each sign has a layer of its own", () => {
    expect([...alpha(MAP, 1)].filter((_, i) => i % 4 === 3)).toEqual([255, 0]);
    expect([...alpha(MAP, -1)].filter((_, i) => i % 4 === 3)).toEqual([0, 255]);
    expect(heatLayers(MAP).map((layer) => layer.className)).toEqual([
      "sl-relevance-map sl-for",
      "sl-relevance-map sl-against",
    ]);
  });

  it("shows nothing where nothing is, and more the stronger", () => {
    expect(opacity(0)).toBe(0);
    expect(opacity(1)).toBe(1);
    expect(opacity(0.2)).toBeLessThan(opacity(0.5));
    expect([...alpha({ ...MAP, values: Int8Array.of(0, 0) }, 1)].every((value) => value === 0)).toBe(true);
  });

  it("leaves free the corner where it matters least", () => {
    const map = (...values) => ({ width: 3, height: 2, values: Int8Array.from(values) });
    expect(calmestCorner(map(0, 0, 0, 0, 0, 0), 0.27)).toBe("bottom-right");
    expect(calmestCorner(map(9, 0, 9, 2, 0, -9), 0.27)).toBe("bottom-left");
    expect(calmestCorner(map(9, 0, 1, 9, 0, 9), 0.27)).toBe("top-right");
  });

  it("says in words what its colours mean", () => {
    expect(heatLegend("nevus").textContent).toBe("againstfor nevus");
  });
});

describe("relevance with its sign", () => {
  it("always writes the sign, with a true minus, but none at zero", () => {
    expect([0.221, -0.089, 0.00004, -0.00004].map(percent)).toEqual(["+22.1", "−8.9", "0.0", "0.0"]);
    expect([0.0004, -0.0004, 0.00094, 0.00096].map(percent)).toEqual(["+0.04", "−0.04", "+0.09", "+0.1"]);
    expect([0.1, -0.1].map(side)).toEqual(["for", "against"]);
  });

  it("goes from the middle to its side, as long as its share of the longest", () => {
    const [plus, minus] = [0.1, -0.2].map((value) => signedBar(value, 0.2).firstElementChild.style);
    expect([plus.left, plus.width]).toEqual(["50%", "25%"]);
    expect([minus.left, minus.width]).toEqual(["0%", "50%"]);
    expect(signedBar(0, 0).firstElementChild.style.width).toBe("0%");
  });
});

describe("work", () => {
  const soon = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  it("that is done quickly is not told", async () => {
    const told = [];
    await worker((working) => told.push(working))("adding", async () => 2);
    expect(told).toEqual([]);
  });

  it("that takes long is told with its progress, and can be given up", async () => {
    const line = workLine();
    const asked = worker(line.show)("Explaining", async ({ signal, onProgress }) => {
      await soon(170);
      onProgress({ what: "Asking the model, image", done: 1200, total: 3000 });
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      });
    });
    expect(line.node.hidden).toBe(true);
    await soon(240);
    expect(line.node.textContent).toContain("Asking the model, image 1,200 of 3,000");
    line.node.querySelector("button").click();
    await expect(asked).rejects.toThrow();
    expect(line.node.hidden).toBe(true);
  });
});
