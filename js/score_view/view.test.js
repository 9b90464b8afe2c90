import { afterEach, describe, expect, it } from "vitest";
import { h } from "../shared/dom.js";
import {
  all,
  byId,
  COMPONENTS,
  idOf,
  LAYERS,
  press,
  scoresReply,
  settled,
  toyModel,
} from "../testing/toy.js";
import { extent, extremes } from "./scores.js";
import scoreView from "./widget.js";

/** @type {AbortController[]} */
const lives = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
  document.body.replaceChildren();
});

async function open(toy) {
  const el = h("div");
  document.body.append(el);
  const life = new AbortController();
  lives.push(life);
  scoreView.render({ model: toy.model, el, signal: life.signal });
  for (let i = 0; i < 4; i++) await settled();
  return el;
}

const choose = (select, value) => {
  select.value = value;
  select.dispatchEvent(new Event("change"));
};
const ids = (el) => all(el, "extreme").map((strip) => strip.dataset.id);
const drag = (node, from, to, options = {}) => {
  for (const [type, x] of [
    ["pointerdown", from],
    ["pointermove", to],
    ["pointerup", to],
  ])
    node.dispatchEvent(
      new MouseEvent(type, { bubbles: true, clientX: x, clientY: 10, button: 0, ...options }),
    );
};

describe("the scores", () => {
  it("the range of a column leaves out what is no number", () => {
    expect(extent(Float32Array.of(Number.NaN, 2, -1))).toEqual([-1, 2]);
    expect(extent(Float32Array.of(Number.NaN))).toBeNull();
    expect(extremes(Float32Array.of(3, Number.NaN, 5, 4), (row) => row !== 2, 2, true)).toEqual([3, 0]);
  });

  it("shows each score per layer, its mean with an interval, and how many stand out from chance", async () => {
    const el = await open(toyModel({ layers: LAYERS }));
    const clarity = byId(el, "panel-clarity");
    expect(all(clarity, "distribution")).toHaveLength(2);
    expect(clarity.textContent).toContain(".30 [.20, .40]");
    expect(byId(clarity, "beyond-clarity").textContent).toBe("4 of 11 no clearer than random");
    expect(byId(el, "panel-redundancy").textContent).toContain("closer than random");
    for (const part of all(clarity, "distribution"))
      expect(part.querySelector(".sl-null-threshold")).not.toBeNull();
  });

  it("what random sets reach is drawn also where no component comes near it", async () => {
    const { result, buffers } = scoresReply();
    const far = { mean: 0.3, low: 0.2, high: 0.4, null: 1.5, null_high: 1.78 };
    for (const layer of result.layers) layer.clarity_centred = far;
    const el = await open(toyModel({ layers: LAYERS }, { scores: () => ({ result, buffers }) }));
    const clarity = byId(el, "panel-clarity");
    expect(clarity.querySelectorAll(".sl-null-threshold")).toHaveLength(2);
    expect(clarity.textContent).toContain("1.78");
  });

  it("brushing a distribution selects what lies in the range, Ctrl adds, Alt takes away", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    const [first, second] = all(byId(el, "panel-clarity"), "distribution");
    drag(first, 0, 60);
    const chosen = toy.state.selection;
    expect(chosen.length).toBeGreaterThan(0);
    expect(chosen.every((row) => row < 5 && row / 10 <= 0.26)).toBe(true);
    drag(second, 0, 240, { ctrlKey: true });
    expect(toy.state.selection.slice(0, chosen.length)).toEqual(chosen);
    expect(toy.state.selection).toContain(10);
    expect(toy.state.selection).not.toContain(11);
    drag(first, 0, 240, { altKey: true });
    expect(toy.state.selection.every((row) => row >= 5)).toBe(true);
  });

  it("the keyboard moves over the bins, widens, and selects", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    const first = all(byId(el, "panel-clarity"), "distribution")[0];
    press(first, "ArrowRight");
    for (let i = 0; i < 35; i++) press(first, "ArrowRight", { shiftKey: true });
    expect(byId(el, "live").textContent).toContain("5 components");
    press(first, "Enter");
    expect(toy.state.selection).toEqual([0, 1, 2, 3, 4]);
  });

  it("polysemanticity speaks of clear components only, and never without their clarity", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    choose(byId(el, "rank-by"), "polysemanticity");
    expect(ids(el)).toHaveLength(7);
    for (const strip of all(el, "extreme")) expect(strip.textContent).toMatch(/clarity/);
    expect(ids(el)).not.toContain(idOf(0));
    const panel = byId(el, "panel-polysemanticity");
    for (const part of all(panel, "distribution")) drag(part, 0, 240, { ctrlKey: true });
    expect(toy.state.selection.every((row) => row >= 4)).toBe(true);
  });

  it("the counts select what they count", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    byId(el, "beyond-clarity").click();
    expect(toy.state.selection).toEqual([0, 1, 2, 3]);
  });

  it("best and worst can be chosen, and a selection from a cell is marked", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    expect(ids(el).slice(0, 4)).toEqual([10, 9, 8, 7].map(idOf));
    press(all(el, "extreme")[1], "Enter");
    expect(toy.state.selection).toEqual([9]);
    toy.kernelSets({ selection: [10] });
    await settled();
    expect(all(el, "extreme")[0].className).toContain("sl-primary");
  });

  it("raw and centred scores, and one layer", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    byId(el, "form-raw").click();
    expect(byId(el, "form-raw").getAttribute("aria-pressed")).toBe("true");
    expect(ids(el)[0]).toBe(idOf(0));
    toy.kernelSets({ layer: "conv2" });
    await settled();
    expect(all(byId(el, "panel-clarity"), "distribution")).toHaveLength(1);
    expect(ids(el).every((id) => id.startsWith("conv2"))).toBe(true);
  });

  it("without scores it offers to evaluate, and tells a failure", async () => {
    const nothing = () => ({ result: { made: false, columns: [], layers: [], clip: null }, buffers: [] });
    const broken = () => {
      throw Object.assign(new Error("no examples"), { name: "ValueError" });
    };
    const toy = toyModel({ layers: LAYERS }, { scores: nothing, evaluate: broken });
    const el = await open(toy);
    expect(byId(el, "scores-empty").textContent).toContain(`${COMPONENTS} components`);
    byId(el, "evaluate").click();
    await settled();
    expect(byId(el, "banner").textContent).toContain("ValueError: no examples");
    expect(byId(el, "evaluate").disabled).toBe(false);
  });
});
