import { describe, expect, it } from "vitest";
import { PITCH, placed, walked, waysThrough } from "./layout.js";

const edge = (lower, upper, relevance) => ({ lower, upper, relevance });
/** Two ways to the class: 0 → 10 → class speaks for it, 1 → 11 → class against; 0 also feeds 11 a little. */
const CIRCUIT = {
  layers: ["low", "high"],
  nodes: [
    { row: 0, layer: 0, relevance: 0.3 },
    { row: 1, layer: 0, relevance: -0.2 },
    { row: 10, layer: 1, relevance: 0.5 },
    { row: 11, layer: 1, relevance: -0.4 },
  ],
  edges: [edge(10, null, 0.5), edge(11, null, -0.4), edge(0, 10, 0.4), edge(0, 11, -0.05), edge(1, 11, -0.3)],
};
const ROOM = { width: 400, height: 300, left: 50, right: 60 };

describe("the graph", () => {
  it("stands in columns from the lowest layer to the class, what speaks for the class on top", () => {
    const { nodes, columns, target } = placed(CIRCUIT, ROOM);
    expect(columns).toEqual([50, 195]);
    expect(target).toEqual({ x: 340, y: 150 });
    expect(nodes.get(10).y).toBeLessThan(nodes.get(11).y);
    expect([0, 1, 10, 11].map((row) => nodes.get(row).x)).toEqual([50, 50, 195, 195]);
  });

  it("puts a node beside what it feeds, so that edges do not cross", () => {
    const { nodes } = placed(CIRCUIT, ROOM);
    expect(nodes.get(0).y).toBeLessThan(nodes.get(1).y);
  });

  it("grows when a column holds more nodes than fit, and never lets two meet", () => {
    const many = {
      layers: ["only"],
      nodes: Array.from({ length: 9 }, (_, row) => ({ row, layer: 0, relevance: 0.1 })),
      edges: Array.from({ length: 9 }, (_, row) => edge(row, null, 0.1)),
    };
    const { nodes, height } = placed(many, ROOM);
    expect(height).toBe(9 * PITCH);
    const ys = [...nodes.values()].map(({ y }) => y).sort((a, b) => a - b);
    for (let i = 1; i < ys.length; i++) expect(ys[i] - ys[i - 1]).toBeGreaterThanOrEqual(PITCH);
  });

  it("has ways through a node up to the class and down to the lowest layer, and no others", () => {
    const rows = [...waysThrough(CIRCUIT, 10)].map(({ lower, upper }) => [lower, upper]);
    expect(rows).toEqual([
      [10, null],
      [0, 10],
    ]);
    expect(waysThrough(CIRCUIT, 0).size).toBe(4);
  });

  it("is walked by keys: along the strongest edge, and within a column", () => {
    const { nodes } = placed(CIRCUIT, ROOM);
    expect(walked(CIRCUIT, nodes, 11, "ArrowLeft")).toBe(1);
    expect(walked(CIRCUIT, nodes, 0, "ArrowRight")).toBe(10);
    expect(walked(CIRCUIT, nodes, 10, "ArrowDown")).toBe(11);
    expect(walked(CIRCUIT, nodes, 10, "ArrowUp")).toBeNull();
    expect(walked(CIRCUIT, nodes, 10, "ArrowRight")).toBeNull();
    expect(walked(CIRCUIT, nodes, 10, "x")).toBeNull();
  });
});
