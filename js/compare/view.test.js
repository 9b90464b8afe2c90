import { afterEach, expect, test, vi } from "vitest";
import { all, byId, press, settled, someFile, toyModel } from "../testing/toy.js";
import widget from "../window/widget.js";
import { diverging, paintStep, sequential } from "./colours.js";

/** Two models of two layers: rows 0 and 1 are paired, 2 is only in A, 3 only in B. */
const COMPARISON = {
  names: ["first", "second"],
  a_in_b: { score: 0.74, low: 0.72, high: 0.76, chance: 0.24, chance_sd: 0.01 },
  b_in_a: { score: 0.69, low: 0.67, high: 0.71, chance: 0.25, chance_sd: 0.01 },
  different_data: false,
  centre: true,
  layers: [
    [
      { name: "conv1", count: 5 },
      { name: "conv2", count: 7 },
    ],
    [{ name: "deep", count: 3 }],
  ],
  layers_a: ["conv1", "conv2"],
  layers_b: ["conv1", "deep"],
  cosines: { ab: [[0.9, 0.3], [null, 0.5]], ba: [[0.8, null], [0.2, 0.6]] }, // biome-ignore format: a matrix
  known: { ab: [[1, 0], [null, 0.5]], ba: [[1, null], [0, 1]] }, // biome-ignore format: a matrix
  pairs: 2,
  one_way: 1,
  a_only: 1,
  b_only: 1,
};

/** @param {number[][]} lists rows of A, its scores, rows of pairs in A and in B, scores, rows of B, scores */
const listsOf = ([a, a_scores, pair_a, pair_b, pair_scores, b, b_scores]) => ({
  a,
  a_scores,
  pair_a,
  pair_b,
  pair_scores,
  b,
  b_scores,
});

const conceptRow = (/** @type {string} */ concept, /** @type {object} */ rest = {}) => ({
  concept,
  query: false,
  unknown: [],
  score: [0.34, 0.11],
  z: [7, 2],
  found: [true, false],
  carriers: [5, 0],
  relevance: [0.4, 0.1],
  best: ["conv1:0", "conv1:1"],
  ...rest,
});

/** @param {Record<string, any>} [traits] @param {Record<string, (args: any) => any>} [verbs] */
async function opened(traits = {}, verbs = {}) {
  const toy = toyModel(
    {
      tabs: ["search", "compare"],
      tab: "compare",
      other: "second",
      concepts: ["red"],
      comparison_version: 0,
      other_selection: [],
      ...traits,
    },
    {
      comparison: () => ({ others: ["second", "third"], other: "second", comparison: COMPARISON }),
      comparison_lists: ({ layers, concept, find }) =>
        listsOf(
          layers || concept || find.some(Boolean)
            ? [[], [], [1], [0], [0.8], [], []]
            : [[2], [0.1], [1, 0], [0, 1], [0.8, 0.7], [3], [0.2]],
        ),
      comparison_concepts: () => ({
        models: ["first", "second"],
        rows: [conceptRow("red"), conceptRow("green", { found: [true, true] })],
        relevance: false,
        message: null,
      }),
      other_components: ({ rows }) => ({
        components: rows.map((/** @type {number} */ row) => ({
          row,
          id: `B:${row}`,
          label: { text: "blue" },
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
  const leave = widget.render({ model: toy.model, el });
  await settled();
  await settled();
  return { toy, el, leave };
}

afterEach(() => {
  document.body.replaceChildren();
});

test("steps of the scales: ends clamp, and zero is always the neutral middle", () => {
  expect([-1, 0, 0.49, 0.999, 1, 7].map((v) => sequential(v, [0, 1]))).toEqual([0, 0, 2, 5, 5, 5]);
  expect(sequential(0.5, [1, 1])).toBe(0);
  expect([-2, -1, -0.1, 0, 0.1, 0.5, 1].map((v) => diverging(v, 1))).toEqual([-3, -3, 0, 0, 0, 2, 3]);
  expect(diverging(1, 0)).toBe(0);
  const painted = [-2, 0, 3].map((step) => paintStep(document.createElement("i"), step, "diverging"));
  expect(painted.map((node) => [node.style.background, node.className])).toEqual([
    ["var(--sl-div-n2)", "sl-on-middle"],
    ["var(--sl-div-0)", ""],
    ["var(--sl-div-p3)", "sl-on-strong"],
  ]);
});

const CHOICES = {
  known: [],
  lenses: [
    { key: "a1", variable: "trained", name: "second", about: "8 components", refused: "", only_data: false },
    { key: "b2", variable: "", name: "elsewhere", about: "8 components", refused: "They differ in images.", only_data: true },
    { key: "c3", variable: "raw", name: "raw", about: "not fitted yet", refused: "It is not fitted yet.", only_data: false },
  ],
  files: [{ path: "runs/old.semlens", size: 2_140_000 }],
}; // biome-ignore format: a table

/** The tab before anything is compared. @param {Record<string, (args: any) => any>} verbs */
async function choosing(verbs = {}) {
  /** @type {any} */
  let comparison = null;
  const made = await opened(
    { other: null },
    {
      comparison: () => ({ others: [], other: null, comparison }),
      comparison_choices: () => CHOICES,
      compare_with: () => {
        comparison = COMPARISON;
        return { python: "lens.compare(trained)" };
      },
      ...verbs,
    },
  );
  return made;
}

test("without a comparison the tab offers the lenses of the kernel and files, and one press compares", async () => {
  const { toy, el } = await choosing();
  const lines = all(el, "choice");
  expect(lines.map((line) => line.textContent.replaceAll(/\s+/g, " "))).toEqual([
    "trainedsecond8 componentsCompare",
    "elsewhere8 componentsCompare anywayThey differ in images.",
    "rawrawnot fitted yetCompareIt is not fitted yet.",
    "runs/old.semlens2.1 MBCompare",
  ]);
  expect(all(el, "choose-compare").map((button) => button.hasAttribute("disabled"))).toEqual([
    false,
    false,
    true,
    false,
  ]);
  all(el, "choose-compare")[0].click();
  await settled();
  await settled();
  expect(toy.asked("compare_with")[0].args).toEqual({ lens: "a1", different_data: false });
  expect(all(el, "shared-line")).toHaveLength(2);
  expect(byId(el, "python-line").textContent).toBe("lens.compare(trained)");
  byId(el, "compare-change").click();
  await settled();
  byId(el, "choose-cancel").click();
  expect(all(el, "shared-line")).toHaveLength(2);
});

test("other images are compared only by the button that says so; a typed file stands with its refusal", async () => {
  const refused = { refused: "a and b differ in images.", only_data: true };
  const { toy, el } = await choosing({ compare_with: ({ path }) => (path ? refused : { python: "" }) });
  all(el, "choose-compare")[1].click();
  await settled();
  expect(toy.asked("compare_with")[0].args).toEqual({ lens: "b2", different_data: true });
  const path = /** @type {HTMLInputElement} */ (byId(el, "choose-path"));
  path.value = " far/away.semlens ";
  press(path, "Enter");
  await settled();
  expect(toy.asked("compare_with")[1].args).toEqual({ path: "far/away.semlens", different_data: false });
  const line = all(el, "choice").find((choice) => choice.textContent?.includes("far/away"));
  expect(line?.textContent).toContain("a and b differ in images.");
  byId(/** @type {HTMLElement} */ (line), "choose-compare").click();
  await settled();
  expect(toy.asked("compare_with")[2].args).toEqual({ path: "far/away.semlens", different_data: true });
});

test("a cell compares, and the tab follows", async () => {
  /** @type {any} */
  let comparison = null;
  const { toy, el } = await choosing({ comparison: () => ({ others: [], other: null, comparison }) });
  comparison = COMPARISON;
  toy.kernelSets({ other: "second", comparison_version: 1 });
  await settled();
  await settled();
  expect(all(el, "shared-line")).toHaveLength(2);
});

test("both directed scores stand with their interval and with chance", async () => {
  const { el } = await opened();
  expect(byId(el, "b-knows-a").textContent).toBe("B knows A .74 ± .02 · chance .24");
  expect(byId(el, "a-knows-b").textContent).toBe("A knows B .69 ± .02 · chance .25");
});

test("chance is said once where it is the same for both", async () => {
  const b_in_a = { ...COMPARISON.b_in_a, chance: COMPARISON.a_in_b.chance };
  const { el } = await opened(
    {},
    {
      comparison: () => ({
        others: ["second"],
        other: "second",
        comparison: { ...COMPARISON, b_in_a },
      }),
    },
  );
  expect(byId(el, "b-knows-a").parentElement.textContent).toBe(
    "B knows A .74 ± .02A knows B .69 ± .02chance .24",
  );
});

test("the three columns hold pairs of both models and what only one has", async () => {
  const { el } = await opened();
  expect(all(el, "shared-line").map((line) => line.dataset.ids)).toEqual(["conv1:1 B:0", "conv1:0 B:1"]);
  expect(all(el, "only-a-line").map((line) => line.dataset.ids)).toEqual(["conv1:2"]);
  expect(all(el, "only-b-line").map((line) => line.dataset.ids)).toEqual(["B:3"]);
  expect(byId(el, "shared-count").textContent).toBe("2");
});

test("a cell of the matrix keeps the columns to its two layers; pressed again it lets go", async () => {
  const { toy, el } = await opened();
  const cells = all(el, "heat-cell");
  expect(cells.map((cell) => cell.textContent)).toEqual([".90", ".30", "", ".50"]);
  expect(cells.filter((cell) => cell.querySelector(".sl-matrix-dash"))).toHaveLength(1);
  cells[1].click();
  await settled();
  expect(toy.asked("comparison_lists").at(-1)?.args.layers).toEqual(["conv1", "deep"]);
  expect(byId(el, "python-line").textContent).toBe('lens.comparison.between("conv1", "deep")');
  expect(all(el, "shared-line")).toHaveLength(1);
  expect(byId(el, "compare-filter").textContent).toContain("layers conv1 and deep");
  all(el, "heat-cell")[1].click();
  await settled();
  expect(toy.asked("comparison_lists").at(-1)?.args.layers).toBeNull();
  all(el, "heat-cell")[2].click();
  expect(toy.asked("comparison_lists").at(-1)?.args.layers).toBeNull();
});

test("the matrix turned round names the layers of A first all the same", async () => {
  const { toy, el } = await opened();
  byId(el, "compare-turn").click();
  all(el, "heat-cell")[2].click();
  await settled();
  expect(toy.asked("comparison_lists").at(-1)?.args.layers).toEqual(["conv1", "deep"]);
});

test("arrows move over the matrix and Enter chooses", async () => {
  const { toy, el } = await opened();
  press(all(el, "heat-cell")[0], "ArrowDown");
  press(all(el, "heat-cell")[2], "ArrowRight");
  press(all(el, "heat-cell")[3], "Enter");
  await settled();
  expect(toy.asked("comparison_lists").at(-1)?.args.layers).toEqual(["conv2", "deep"]);
});

test("a pair chooses a component in each model, and a pinned one stays on top whatever is filtered", async () => {
  const { toy, el } = await opened();
  all(el, "shared-line")[1].click();
  expect(toy.state.selection).toEqual([0]);
  expect(toy.state.other_selection).toEqual([1]);
  expect(all(el, "shared-line")[1].getAttribute("aria-current")).toBe("true");
  all(el, "pin-pair")[1].click();
  expect(all(el, "shared-line").map((line) => line.dataset.ids)).toEqual(["conv1:0 B:1", "conv1:1 B:0"]);
  all(el, "heat-cell")[0].click();
  await settled();
  expect(all(el, "shared-line").map((line) => line.dataset.ids)).toEqual(["conv1:0 B:1", "conv1:1 B:0"]);
  toy.kernelSets({ selection: [1], other_selection: [3] });
  await settled();
  expect(all(el, "shared-line").map((line) => line.getAttribute("aria-current"))).toEqual([null, "true"]);
  expect(byId(el, "only-b").querySelector('[aria-current="true"]')).toBeNull();
});

test("the row of a concept keeps the columns to it, and a query of the search does not", async () => {
  const { toy, el } = await opened();
  const rows = all(el, "concept-row");
  expect(rows.map((row) => row.dataset.concept)).toEqual(["red", "green"]);
  expect(rows[0].getAttribute("aria-label")).toBe("red: first .34, second .11 (not found)");
  expect(rows[0].textContent).toContain("−.23");
  toy.kernelSets({ query: "blue" });
  await settled();
  await settled();
  expect(all(el, "shared-line")).toHaveLength(2);
  expect(byId(el, "compare-filter").hidden).toBe(true);
  rows[0].click();
  await settled();
  expect(toy.state.query).toBe("blue");
  expect(toy.asked("comparison_lists").at(-1)?.args.concept).toBe("red");
  expect(all(el, "concept-row")[0].getAttribute("aria-current")).toBe("true");
  expect(all(el, "shared-line")).toHaveLength(1);
  byId(el, "compare-all").click();
  await settled();
  expect(toy.asked("comparison_lists").at(-1)?.args.concept).toBeNull();
  expect(all(el, "shared-line")).toHaveLength(2);
});

test("the measure of the concepts can be changed where both models have it", async () => {
  const { el } = await opened();
  expect(byId(el, "measure-relevance").hasAttribute("disabled")).toBe(true);
  byId(el, "measure-carriers").click();
  expect(all(el, "concept-row")[0].textContent).toContain("−5");
});

test("the concepts are edited in place", async () => {
  const { toy, el } = await opened();
  byId(el, "concept-edit-button").click();
  const input = /** @type {HTMLInputElement} */ (byId(el, "concept-edit"));
  expect(input.value).toBe("red, green");
  input.value = "red, blue , ";
  press(input, "Enter");
  expect(toy.state.concepts).toEqual(["red", "blue"]);
  expect(byId(el, "python-line").textContent).toBe('lens.concepts = ["red", "blue"]');
});

test("another model is chosen from those that were compared before", async () => {
  const { toy, el } = await opened(
    {},
    { comparison_choices: () => ({ known: ["second", "third"], lenses: [], files: [] }) },
  );
  byId(el, "compare-change").click();
  await settled();
  expect(byId(el, "compare-chooser").textContent).toContain("There is no other.");
  expect(all(el, "choice").map((line) => line.textContent)).toEqual(["thirdShow"]);
  byId(el, "choose-known").click();
  expect(toy.state.other).toBe("third");
});

test("both models stand on one map, where a point chooses in its own model", async () => {
  const places = Float32Array.from({ length: 30 }, (_, i) => i / 30);
  const { toy, el } = await opened(
    {},
    {
      overlay_map: () => ({
        method: "umap",
        better: false,
        colours: ["layer"],
        places,
      }),
      overlay_labels: () => ({ made: false, k: 1, words: [], message: "", level: null, method: null }),
      overlay_map_values: () => ({ there: false }),
      overlay_components: () => ({ components: [] }),
    },
  );
  byId(el, "compare-map").click();
  await settled();
  await settled();
  const overlay = byId(el, "overlay");
  const lines = all(overlay, "map-list-row");
  expect(lines).toHaveLength(15);
  expect(lines.map((line) => line.dataset.id)).toContain("A conv2:6");
  lines.find((line) => line.dataset.id === "B deep:2")?.click();
  expect(toy.state.other_selection).toEqual([2]);
  expect(toy.state.selection).toEqual([]);
  toy.kernelSets({ selection: [6], other_selection: [] });
  await settled();
  expect(overlay.querySelector('[data-testid="map-list-row"][data-id="A conv2:1"]')).not.toBeNull();
  byId(el, "compare-columns").click();
  expect(all(el, "shared-line")).toHaveLength(2);
});

test("a failure is told and what is drawn stays", async () => {
  let broken = false;
  const { el } = await opened(
    {},
    {
      comparison_lists: () => {
        if (broken) throw new Error("no such layer");
        return listsOf([[2], [0.1], [1], [0], [0.8], [3], [0.2]]);
      },
    },
  );
  broken = true;
  all(el, "heat-cell")[0].click();
  await settled();
  expect(byId(el, "banner").textContent).toContain("no such layer");
  expect(all(el, "shared-line")).toHaveLength(1);
});
