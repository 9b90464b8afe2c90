import { afterEach, expect, test, vi } from "vitest";
import { all, byId, settled, someFile, toyModel } from "../testing/toy.js";
import widget from "./widget.js";

const ANSWER = {
  rows: ["red", "green", "blue"],
  columns: ["first", "second"],
  corner: "Concept",
  values: [[0.1, 0.2], [0.3, null], [0.5, 0.6]], // biome-ignore format: a matrix
  weak: [
    [true, false],
    [false, false],
    [false, false],
  ],
  kind: "sequential",
  domain: [0, 0.6],
  words: ["none", "most"],
  weak_word: "not found",
  note: "Cosine of the best component with the concept.",
  marked: null,
  row_order: [2, 0, 1],
  column_order: [1, 0],
  digits: 2,
};

/** @param {Record<string, any>} [traits] @param {Record<string, (args: any) => any>} [verbs] */
async function opened(traits = {}, verbs = {}) {
  const toy = toyModel(
    {
      models: ["first", "second"], concepts: ["red", "green", "blue"], of: "concepts", measure: "score",
      order: "given", by_layer: false, against: null, cell: null, heatmap_version: 0, ...traits,
    }, // biome-ignore format: one trait after the other
    {
      heatmap: () => ANSWER,
      heatmap_cell: ({ row, column }) => ({
        title: ANSWER.rows[row],
        hint: "carriers",
        a: "second",
        b: column === 1 ? "first" : null,
        rows_a: Int32Array.of(4, 5),
        rows_b: Int32Array.of(1, 2),
        scores: Float32Array.of(0.9, 0.8),
      }),
      heatmap_select: () => ({}),
      other_components: ({ model, rows }) => ({
        components: rows.map((/** @type {number} */ row) => ({
          row,
          id: `${model}:${row}`,
          label: null,
          responses: [],
        })),
      }),
      other_sprite: ({ rows, examples, size }) => ({
        columns: examples,
        size,
        rows,
        counts: rows.map(() => 2),
        image: someFile(),
      }),
      ...verbs,
    },
  );
  vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => "blob:x", revokeObjectURL: () => {} }));
  const el = document.createElement("div");
  document.body.append(el);
  widget.render({ model: toy.model, el });
  await settled();
  await settled();
  return { toy, el };
}

afterEach(() => {
  document.body.replaceChildren();
});

test("rows and columns are drawn in the order the kernel gives, values and dashes with them", async () => {
  const { el } = await opened();
  expect(all(el, "heat-row").map((row) => row.textContent)).toEqual(["blue.60.50", "red.20.10", "green.30"]);
  const weak = all(el, "heat-cell").filter((cell) => cell.querySelector(".sl-matrix-dash"));
  expect(weak.map((cell) => cell.getAttribute("aria-label"))).toEqual(["red, first, .10, not found"]);
  expect(byId(el, "heatmap-no-cell").textContent).toContain("Press a cell");
});

test("a cell is kept as given, whatever the order, and shows the pairs behind it", async () => {
  const { toy, el } = await opened();
  all(el, "heat-cell")[2].click();
  await settled();
  expect(toy.state.cell).toEqual([0, 1]);
  expect(toy.asked("heatmap_cell").at(-1)?.args).toEqual({ row: 0, column: 1 });
  expect(all(el, "behind-line").map((line) => line.dataset.ids)).toEqual([
    "second:4 first:1",
    "second:5 first:2",
  ]);
  all(el, "behind-line")[1].click();
  await settled();
  expect(toy.state.selection).toEqual([2]);
  expect(toy.asked("heatmap_select").at(-1)?.args).toEqual({ model: "second", rows: [5] });
  expect(all(el, "behind-line")[1].getAttribute("aria-current")).toBe("true");
});

test("a cell set from Python is shown, and an only model stands alone in its lines", async () => {
  const { toy, el } = await opened();
  toy.kernelSets({ cell: [2, 0] });
  await settled();
  await settled();
  expect(all(el, "behind-line").map((line) => line.dataset.ids)).toEqual(["second:4", "second:5"]);
  const chosen = all(el, "heat-cell").filter((cell) => cell.getAttribute("aria-selected") === "true");
  expect(chosen.map((cell) => cell.textContent)).toEqual([".50"]);
  toy.kernelSets({ cell: null });
  await settled();
  expect(all(el, "behind-line")).toHaveLength(0);
});

test("what is compared, how and against what are traits; the matrix follows", async () => {
  let subtracted = false;
  const { toy, el } = await opened({}, {
    heatmap: () => subtracted
        ? { ...ANSWER, kind: "diverging", domain: [-0.2, 0.2], words: ["weaker", "stronger"], values: [[0, 0.2], [0, -0.1], [0, 0]] } // biome-ignore format: short
        : ANSWER,
  }); // biome-ignore format: the verbs
  byId(el, "measure-z").click();
  byId(el, "order-cluster").click();
  byId(el, "heatmap-by-layer").click();
  expect([toy.state.measure, toy.state.order, toy.state.by_layer]).toEqual(["z", "cluster", true]);
  const select = /** @type {HTMLSelectElement} */ (byId(el, "heatmap-against"));
  subtracted = true;
  select.selectedIndex = 1;
  select.dispatchEvent(new Event("change"));
  await settled();
  expect(toy.state.against).toBe("first");
  expect(all(el, "heat-cell").map((cell) => cell.textContent)).toEqual([
    ".00",
    ".00",
    "+.20",
    ".00",
    "−.10",
    ".00",
  ]);
  expect(all(el, "heat-cell")[2].style.background).toBe("var(--sl-div-p3)");
  expect(all(el, "heat-cell")[0].style.background).toBe("var(--sl-div-0)");
  byId(el, "of-models").click();
  expect(toy.state.of).toBe("models");
  expect(byId(el, "heatmap-bar").querySelector('[data-testid="measure-z"]')).toBeNull();
});

test("the name of a concept searches it, and its words can be edited", async () => {
  const { toy, el } = await opened();
  /** @type {HTMLElement} */ (all(el, "heat-row")[1].firstElementChild).click();
  expect(toy.state.query).toBe("red");
  const input = /** @type {HTMLInputElement} */ (byId(el, "heatmap-concepts"));
  expect(input.value).toBe("red, green, blue");
  input.value = "blue, red";
  input.dispatchEvent(new Event("change"));
  expect(toy.state.concepts).toEqual(["blue", "red"]);
});

test("a failure is told", async () => {
  const { el } = await opened({}, { heatmap: () => { throw new Error("no CLIP at hand"); } }); // biome-ignore format: short
  expect(byId(el, "banner").textContent).toContain("no CLIP at hand");
});
