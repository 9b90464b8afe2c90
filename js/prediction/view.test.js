import { beforeEach, describe, expect, it, vi } from "vitest";
import { all, byId, COMPONENTS, idOf, press, someFile, toyModel } from "../testing/toy.js";
import { answered, opener } from "../testing/window.js";
import lensWindow from "../window/widget.js";
import predictionWidget from "./widget.js";

const CLASSES = ["nevus", "melanoma", "wart", "scar", "burn", "cyst", "mole"];
const PROBABILITIES = [0.7, 0.2, 0.04, 0.03, 0.02, 0.006, 0.004];
/** Component r has share r/100; odd ones speak against. */
const shareOf = (row) => ((row % 2 ? -1 : 1) * (row + 1)) / 100;

/** A lens that explains: verbs of the prediction view over a small state that `explain` changes. */
function explainer(changes = {}) {
  const state = { image: 3, target: null, method: "auto", ...changes };
  const scored = (index) => ({
    index,
    name: CLASSES[index],
    probability: PROBABILITIES[index],
    text: `${(100 * PROBABILITIES[index]).toFixed(1)} %`,
  });
  const data = { images: 40, classes: CLASSES, labelled: true };
  const verbs = {
    prediction: () => {
      if (state.image === null) return { state: "empty", message: "", data, method: state.method };
      const index = state.target === null ? 0 : CLASSES.indexOf(state.target);
      return {
        state: "ready",
        message: "",
        data,
        method: state.method,
        methods: [
          ["auto", "auto (LRP)"],
          ["lrp", "LRP"],
          ["gradient", "gradient"],
          ["zennit", "zennit (reference)"],
        ],
        backend: state.method === "gradient" ? "gradient" : "lrp",
        chosen: state.method === "auto" ? "auto (LRP: r .93 with switching off; gradient .81)" : "",
        reliability: state.reliability ?? "",
        weak: state.weak ?? false,
        image: { index: state.image, name: `pic${state.image}`, label: "melanoma" },
        kind: "single",
        note: state.note ?? "",
        classes: CLASSES.length,
        top: [0, 1, 2, 3, 4].map(scored),
        target: { ...scored(index), chosen: state.target !== null },
        ...state.answer,
        layers: [
          { name: "conv1", start: 0, count: 5 },
          { name: "conv2", start: 5, count: 7 },
        ],
        relevances: Float32Array.from({ length: COMPONENTS }, (_, row) => shareOf(row)),
        picture: someFile(),
        width: 2,
        height: 1,
        heat: Int8Array.of(127, -60),
      };
    },
    explain: (args) => {
      if (args.target && !CLASSES.includes(args.target))
        throw Object.assign(new Error(`no class '${args.target}' (did you mean 'nevus'?)`), {
          name: "KeyError",
        });
      if (args.method === "lrp" && state.noLrp)
        throw Object.assign(new Error("no rule for Swish"), { name: "UnsupportedModel" });
      Object.assign(state, args);
      queueMicrotask(() => toy.kernelSets({ explanation_version: toy.state.explanation_version + 1 }));
      return {};
    },
    heat: ({ row }) => ({
      row,
      relevance: shareOf(row),
      words: "half of it comes from 6 % of the image, mostly at the left.",
      width: 2,
      height: 1,
      heat: Int8Array.of(127, 0),
    }),
    circuit: ({ depth, top }) => ({
      layers: ["conv1", "conv2"].slice(2 - depth),
      nodes: [
        { row: 10, layer: depth - 1, relevance: 0.11 },
        { row: 11, layer: depth - 1, relevance: -0.12 },
        ...(depth > 1 ? [{ row: 4, layer: 0, relevance: 0.05 }] : []),
      ],
      edges: [
        { lower: 10, upper: null, relevance: 0.11 },
        { lower: 11, upper: null, relevance: -0.12 },
        ...(depth > 1 ? [{ lower: 4, upper: 10, relevance: 0.04 }] : []),
      ],
      top,
    }),
    browse: ({ start, count, order, label }) => ({
      start,
      total: label !== null ? 5 : 40,
      columns: 8,
      images: Array.from({ length: Math.min(count, label !== null ? 5 : 40 - start) }, (_, i) => ({
        index: start + i,
        name: `pic${start + i}`,
        label: ["nevus", "melanoma"][label ?? 0],
        predicted: order === "wrong" ? "melanoma" : null,
        text: order === "wrong" ? "90.0 %" : null,
        wrong: order === "wrong",
      })),
      sheet: someFile(),
    }),
    classes: ({ text }) => ({
      classes: CLASSES.map((_, i) => scored(i)).filter(({ name }) => name.startsWith(text)),
    }),
  };
  const toy = toyModel(
    { explanation_version: 0, relevance_version: 0, tabs: ["search", "prediction"], tab: "prediction" },
    verbs,
  );
  return { toy, kernel: state };
}

const copied = vi.fn(async () => {});
beforeEach(() => {
  copied.mockClear();
  Object.defineProperty(navigator, "clipboard", { value: { writeText: copied }, configurable: true });
});
const open = opener(lensWindow);
const rows = (el) => all(el, "bar").map((row) => Number(row.dataset.row));

describe("the prediction view", () => {
  it("shows the components of the highest layer by how much they moved, with sign and side in words", async () => {
    const el = await open(explainer().toy);
    expect(rows(el)).toEqual([11, 10, 9, 8, 7, 6, 5]);
    expect(all(el, "bar")[0].textContent).toContain("−12.0");
    expect(all(el, "bar")[0].getAttribute("aria-label")).toBe("conv2:6, blue, −12.0 % against nevus");
    expect(all(el, "bar")[1].getAttribute("aria-label")).toContain("+11.0 % for nevus");
  });

  it("has classes with probabilities; a click explains another, a second one the likeliest again", async () => {
    const { toy, kernel } = explainer();
    const el = await open(toy);
    const pressed = () =>
      all(el, "class")
        .filter((c) => c.getAttribute("aria-pressed") === "true")
        .map((c) => c.dataset.class);
    expect(all(el, "class")[0].textContent).toBe("nevus70.0 %");
    expect(pressed()).toEqual(["nevus"]);
    all(el, "class")[1].click();
    await answered();
    expect(kernel.target).toBe("melanoma");
    expect(pressed()).toEqual(["melanoma"]);
    expect(byId(el, "python-line").textContent).toBe('lens.target = "melanoma"');
    all(el, "class")[1].click();
    await answered();
    expect(kernel.target).toBeNull();
  });

  it("takes any other class by name, and says so when there is none", async () => {
    const { toy, kernel } = explainer();
    const el = await open(toy);
    const name = (text) => {
      byId(el, "other-class").value = text;
      byId(el, "other-class").dispatchEvent(new Event("change"));
    };
    byId(el, "other-class").value = "mole";
    press(byId(el, "other-class"), "Enter");
    await answered();
    expect(kernel.target).toBe("mole");
    expect(all(el, "class").at(-1).dataset.class).toBe("mole");
    name("navus");
    await answered();
    expect(byId(el, "banner").textContent).toContain("did you mean 'nevus'");
    expect(kernel.target).toBe("mole");
  });

  it("looks where the selected component acts, and says it in words", async () => {
    const { toy } = explainer();
    const el = await open(toy);
    all(el, "bar")[1].click();
    await answered();
    expect(toy.state.selection).toEqual([10]);
    expect(byId(el, "heat-words").textContent).toBe(
      "conv2:5, +11.0 % of its layer: half of it comes from 6 % of the image, mostly at the left.",
    );
    expect(byId(el, "heat").children).toHaveLength(2);
    byId(el, "mode-image").click();
    expect(byId(el, "heat").children).toHaveLength(0);
    byId(el, "mode-all").click();
    expect(byId(el, "heat-words").textContent).toContain("all components together");
  });

  it("hovering looks at another component and leaves the selection alone", async () => {
    const { toy } = explainer();
    const el = await open(toy);
    all(el, "bar")[0].click();
    all(el, "bar")[2].dispatchEvent(new Event("pointerover", { bubbles: true }));
    await vi.waitFor(() => expect(byId(el, "heat-words").textContent).toContain("conv2:4"), {
      timeout: 5000,
    });
    expect(toy.state.selection).toEqual([11]);
  });

  it("follows a selection made elsewhere, into its layer", async () => {
    const { toy } = explainer();
    const el = await open(toy);
    toy.kernelSets({ selection: [2] });
    await answered();
    expect(rows(el)).toContain(2);
    expect(all(el, "bars-layer").map((b) => b.getAttribute("aria-pressed"))).toEqual(["true", "false"]);
    expect(byId(el, "heat-words").textContent).toContain(idOf(2));
  });

  it("is stepped by keys, and Enter opens the card, which Escape closes", async () => {
    const { toy } = explainer();
    const el = await open(toy);
    all(el, "bar")[0].click();
    press(all(el, "bar")[0], "ArrowDown");
    expect(toy.state.selection).toEqual([10]);
    press(all(el, "bar")[1], " ");
    expect(toy.state.selection).toEqual([]);
    press(all(el, "bar")[1], "Enter");
    await answered();
    expect(byId(el, "card-pane").hidden).toBe(false);
    expect(byId(el, "card-id").textContent).toBe(idOf(10));
    press(byId(el, "close-card"), "Escape");
    expect(byId(el, "card-pane").hidden).toBe(true);
  });

  it("draws the circuit: a path per edge, dashed against, thicker the more relevance", async () => {
    const el = await open(explainer().toy);
    const edges = all(el, "edge");
    expect(edges.map((e) => e.getAttribute("class"))).toEqual([
      "sl-edge sl-for",
      "sl-edge sl-for",
      "sl-edge sl-against",
    ]);
    const widths = edges.map((e) => Number(e.getAttribute("stroke-width")));
    expect(widths).toEqual([...widths].sort((a, b) => a - b));
    expect(widths.at(-1)).toBe(12);
    expect(byId(el, "circuit-class").textContent).toBe("nevus70.0 %");
    expect(all(el, "node").map((n) => n.getAttribute("aria-label"))[0]).toContain("% for nevus");
  });

  it("a node is followed: its ways stand out, and keys walk on", async () => {
    const { toy } = explainer();
    const el = await open(toy);
    const node = (row) => all(el, "node").find((n) => n.dataset.row === String(row));
    node(10).click();
    await answered();
    expect(toy.state.selection).toEqual([10]);
    const faded = all(el, "edge").filter((e) => e.classList.contains("sl-faded"));
    expect(faded.map((e) => e.getAttribute("class"))).toEqual(["sl-edge sl-against sl-faded"]);
    press(node(10), "ArrowLeft");
    expect(toy.state.selection).toEqual([4]);
    expect(document.activeElement).toBe(node(4));
  });

  it("depth and width are asked for; rows are copied by name", async () => {
    const { toy } = explainer();
    const el = await open(toy);
    expect(byId(el, "depth").value).toBe("2");
    byId(el, "depth").value = "1";
    byId(el, "depth").dispatchEvent(new Event("change"));
    await answered();
    expect(toy.asked("circuit").at(-1).args).toEqual({ depth: 1, top: 3 });
    expect(all(el, "edge")).toHaveLength(2);
    byId(el, "copy-rows").click();
    await answered();
    expect(copied.mock.calls[0][0]).toBe(
      "lower\tupper\trelevance\nconv2:5\tnevus\t0.1100\nconv2:6\tnevus\t-0.1200\n",
    );
    expect(byId(el, "python-line").textContent).toBe("lens.explanation.circuit(depth=1, top=3).to_rows()");
  });

  it("numbers of a regression have no probability and no bar, and a function no class", async () => {
    const age = { index: 0, name: "age", probability: null, text: "41.3", chosen: false };
    const el = await open(
      explainer({ answer: { kind: "regression", classes: 1, top: [age], target: age } }).toy,
    );
    expect(all(el, "class").map((one) => one.textContent)).toEqual(["age41.3"]);
    expect(el.querySelector(".sl-class-bar")).toBeNull();
    expect(byId(el, "circuit-class").textContent).toBe("age41.3");
    const box = { index: -1, name: "box", probability: null, text: "0.62", chosen: true };
    const other = await open(explainer({ answer: { kind: null, classes: 0, top: [], target: box } }).toy);
    expect(all(other, "class").map((one) => one.textContent)).toEqual(["box0.62"]);
    expect(byId(other, "other-class").hidden).toBe(true);
  });

  it("a segmentation has its classes, borders over the picture, and a click explains the class there", async () => {
    const road = { kind: "segment", which: "road", within: "predicted" };
    const sky = { kind: "segment", which: "sky", within: "predicted" };
    const { toy } = explainer({
      answer: {
        form: "map",
        classes: 0,
        top: [],
        kind: null,
        choices: [
          { name: "road", share: 0.75, text: "75.0 %", document: road, place: null },
          { name: "sky", share: 0.25, text: "25.0 %", document: sky, place: null },
        ],
        window: [0, 0, 0.5, 1],
        names: ["sky", "road"],
        cells: Int16Array.of(0, 1, 1, 1),
        columns: 2,
        lines: 2,
        target: {
          index: -1,
          name: "road where it is predicted",
          probability: null,
          text: "2.1",
          chosen: false,
          document: road,
        },
      },
    });
    const el = await open(toy);
    expect(all(el, "choice").map((one) => [one.textContent, one.getAttribute("aria-pressed")])).toEqual([
      ["road75.0 %", "true"],
      ["sky25.0 %", "false"],
    ]);
    expect(byId(el, "mark-map").querySelector("path").getAttribute("d")).toBe("M1 0v1M0 1h1");
    expect(byId(el, "within-predicted").getAttribute("aria-pressed")).toBe("true");
    expect(byId(el, "within-place").disabled).toBe(true);
    vi.spyOn(byId(el, "marks"), "getBoundingClientRect").mockReturnValue(
      /** @type {DOMRect} */ ({ x: 0, y: 0, width: 100, height: 100 }),
    );
    byId(el, "mark-map").dispatchEvent(new MouseEvent("click", { clientX: 20, clientY: 20, bubbles: true }));
    byId(el, "within-everywhere").click();
    all(el, "choice")[1].click();
    await answered();
    expect(toy.asked("explain").map(({ args }) => args.target)).toEqual([
      { kind: "segment", which: "sky", within: [0.1, 0.2] },
      { kind: "segment", which: "road", within: null },
      sky,
    ]);
  });

  it("a detection has boxes to choose, over the picture and as a list", async () => {
    const dog = { kind: "box", which: "dog", at: [0.1, 0.2, 0.5, 0.6] };
    const cat = { kind: "box", which: "cat", at: [0.5, 0.5, 0.9, 0.9] };
    const { toy } = explainer({
      answer: {
        form: "boxes",
        classes: 0,
        top: [],
        kind: null,
        choices: [
          { name: "dog", share: 0.9, text: "90.0 %", document: dog, place: [0.1, 0.2, 0.5, 0.6] },
          { name: "cat", share: 0.4, text: "40.0 %", document: cat, place: [0.5, 0.5, 0.9, 0.9] },
        ],
        window: [0, 0, 1, 1],
        target: {
          index: -1,
          name: "dog at 30 %, 40 %",
          probability: null,
          text: "0.9",
          chosen: false,
          document: dog,
        },
      },
    });
    const el = await open(toy);
    expect(all(el, "mark-box").map((one) => one.getAttribute("aria-pressed"))).toEqual(["true", "false"]);
    all(el, "mark-box")[1].click();
    await answered();
    expect(toy.asked("explain").at(-1).args).toEqual({ target: cat });
  });

  it("an embedding is held against a text or another image, also before there is one", async () => {
    const { toy } = explainer({ image: null });
    const el = await open(toy);
    expect(byId(el, "target-text").parentElement.hidden).toBe(true);
    const target = { index: -1, name: "text: a dog", probability: null, text: "0.31", chosen: true };
    const answer = { form: "embedding", classes: 0, top: [], kind: null, choices: [], target };
    const other = explainer({
      answer: { ...answer, target: { ...target, document: { kind: "text", which: "a dog" } } },
    });
    const view = await open(other.toy);
    expect(all(view, "choice").map((one) => one.textContent)).toEqual(["text: a dog0.31"]);
    const field = byId(view, "target-text");
    expect(field.value).toBe("a dog");
    field.value = "a cat";
    field.dispatchEvent(new Event("change"));
    const image = byId(view, "target-image");
    image.value = "5";
    image.dispatchEvent(new Event("change"));
    await answered();
    expect(other.toy.asked("explain").map(({ args }) => args.target)).toEqual([
      { kind: "text", which: "a cat" },
      { kind: "similarity", which: 5 },
    ]);
  });

  it("says why classes are numbers", async () => {
    const note = "Predictions agree with labels for 0 of 64 images";
    expect(byId(await open(explainer({ note }).toy), "names-note").textContent).toBe(note);
    expect(byId(await open(explainer().toy), "names-note").hidden).toBe(true);
  });

  it("says in one line how far relevance can be read as an effect, and what auto chose", async () => {
    const reliability = "relevance in conv1 says little about switching off (r conv1 .21, conv2 .97)";
    const doubtful = await open(explainer({ reliability, weak: true }).toy);
    expect(byId(doubtful, "reliability").textContent).toBe(reliability);
    expect(byId(doubtful, "reliability").classList.contains("sl-doubtful")).toBe(true);
    expect(byId(doubtful, "method").title).toBe("auto (LRP: r .93 with switching off; gradient .81)");
    expect(byId(await open(explainer().toy), "reliability").hidden).toBe(true);
  });

  it("without an image it invites to choose one, and shows what was chosen", async () => {
    const { toy, kernel } = explainer({ image: null });
    const el = await open(toy);
    expect(byId(el, "prediction-empty").textContent).toContain("Which prediction should be explained?");
    expect(byId(el, "browse-where").textContent).toBe("1–20 of 40");
    byId(el, "browse-next").click();
    await answered();
    expect(byId(el, "browse-where").textContent).toBe("21–40 of 40");
    all(el, "browse-image")[1].click();
    await answered();
    expect(kernel.image).toBe(21);
    expect(byId(el, "image-name").textContent).toBe("image pic21, labelled melanoma");
    byId(el, "next-image").click();
    await answered();
    expect(kernel.image).toBe(22);
    expect(byId(el, "python-line").textContent).toBe("lens.image = 22");
  });

  it("browses by label and by how wrong; wrong ones are marked and said", async () => {
    const { toy } = explainer();
    const el = await open(toy);
    byId(el, "browse-images").click();
    await answered();
    byId(el, "browse-order").value = "wrong";
    byId(el, "browse-order").dispatchEvent(new Event("change"));
    await answered();
    expect(all(el, "browse-image")[0].getAttribute("aria-label")).toBe(
      "image pic0, labelled nevus, predicted melanoma, 90.0 %",
    );
    byId(el, "browse-label").selectedIndex = 2;
    byId(el, "browse-label").dispatchEvent(new Event("change"));
    await answered();
    expect(toy.asked("browse").at(-1).args).toMatchObject({ label: 1, order: "wrong", start: 0 });
    byId(el, "browse-back").click();
    expect(all(el, "bar").length).toBeGreaterThan(0);
    expect(all(el, "image-browser")).toEqual([]);
  });

  it("a dropped picture is explained; what is no picture is refused", async () => {
    const { toy } = explainer();
    const el = await open(toy);
    const drop = (file) => {
      const event = new Event("drop", { bubbles: true, cancelable: true });
      Object.assign(event, { dataTransfer: { files: [file], types: ["Files"] } });
      byId(el, "stage").dispatchEvent(event);
    };
    drop(new File(["x"], "notes.txt", { type: "text/plain" }));
    expect(byId(el, "banner").textContent).toContain("is not an image");
    drop(new File(["xyz"], "mine.png", { type: "image/png" }));
    await answered();
    const [asked] = toy.asked("explain");
    expect(asked.args).toMatchObject({ name: "mine.png" });
    expect(asked.buffers[0].byteLength).toBe(3);
    expect(byId(el, "python-line").textContent).toBe('lens.image = PIL.Image.open("mine.png")');
  });

  it("a model without LRP rules offers the gradient", async () => {
    const { toy, kernel } = explainer({ noLrp: true });
    const el = await open(toy);
    byId(el, "method").value = "lrp";
    byId(el, "method").dispatchEvent(new Event("change"));
    await answered();
    expect(byId(el, "banner").textContent).toContain("no rule for Swish");
    expect(byId(el, "method").value).toBe("auto");
    [...byId(el, "banner").querySelectorAll("button")].find((b) => b.textContent === "Use gradient").click();
    await answered();
    expect(kernel.method).toBe("gradient");
    expect(all(el, "banner")).toEqual([]);
  });

  it("shows a method that a cell has set, whichever it is", async () => {
    const { toy } = explainer({ method: "zennit" });
    const el = await open(toy);
    expect(byId(el, "method").value).toBe("zennit");
  });

  it("without a model it says so and what to do", async () => {
    const { toy } = explainer();
    const el = await open(
      toyModel(
        { explanation_version: 0, tabs: ["prediction"], tab: "prediction" },
        { prediction: () => ({ state: "no-model", message: "Make it anew with sl.Lens(…)." }) },
      ),
    );
    expect(byId(el, "prediction-no-model").textContent).toContain("Make it anew");
    expect(toy.asked("circuit")).toEqual([]);
  });

  it("stands alone, with progress that can be given up", async () => {
    const { toy } = explainer();
    for (const name of Object.keys(toy.state))
      if (!["selection", "explanation_version", "relevance_version"].includes(name)) delete toy.state[name];
    const el = await open(toy, predictionWidget);
    expect(rows(el)[0]).toBe(11);
    all(el, "bar")[0].click();
    expect(toy.state.selection).toEqual([11]);
    expect(byId(el, "work").hidden).toBe(true);
  });
});
