import { describe, expect, it } from "vitest";
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
import { opener, pick } from "../testing/window.js";
import { opened, resized, shifted } from "./rectangle.js";
import { extent, extremes } from "./scores.js";
import scoreView from "./widget.js";

const open = opener(scoreView);
const ids = (el) => all(el, "extreme").map((strip) => strip.dataset.id);
const drag = (node, from, to, options = {}, y = [10, 10]) => {
  for (const [type, clientX, clientY] of [
    ["pointerdown", from, y[0]],
    ["pointermove", to, y[1]],
    ["pointerup", to, y[1]],
  ])
    node.dispatchEvent(new MouseEvent(type, { bubbles: true, clientX, clientY, button: 0, ...options }));
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
    expect(byId(clarity, "beyond-clarity").textContent).toBe("not clearer than random: 4 of 11");
    expect(byId(el, "panel-redundancy").textContent).toContain("closer than random");
    for (const part of all(clarity, "distribution"))
      expect(part.querySelector(".sl-null-threshold")).not.toBeNull();
  });

  it("what random sets reach is drawn also where no component comes near it", async () => {
    const scores = scoresReply();
    const far = { mean: 0.3, low: 0.2, high: 0.4, null: 1.5, null_high: 1.78 };
    for (const layer of scores.layers) layer.clarity_centred = far;
    const el = await open(toyModel({ layers: LAYERS }, { scores: () => scores }));
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
    pick(byId(el, "rank-by"), "polysemanticity");
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

  it("the selected can be listed by the score, and stepped through by keys", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    expect(byId(el, "list-selected").parentElement.hidden).toBe(true);
    toy.kernelSets({ selection: [3, 8, 5] });
    await settled();
    byId(el, "list-selected").click();
    expect(ids(el)).toEqual([8, 5, 3].map(idOf));
    const lines = all(el, "extreme");
    expect(lines.map(({ tabIndex }) => tabIndex)).toEqual([0, -1, -1]);
    lines[0].focus();
    press(lines[0], "ArrowDown");
    expect(document.activeElement).toBe(lines[1]);
    expect(el.querySelectorAll(".sl-point-ring"), "the plane shows where it is").toHaveLength(1);
    press(lines[1], "Enter");
    expect(toy.state.selection, "the primary moves and the rest stays").toEqual([5, 3, 8]);
    expect(ids(el)).toEqual([8, 5, 3].map(idOf));
    press(lines[1], " ", { ctrlKey: true });
    expect(toy.state.selection).toEqual([3, 8]);
    expect(document.activeElement.dataset.id).toBe(idOf(3));
    toy.kernelSets({ selection: [] });
    await settled();
    expect(ids(el).length).toBe(8);
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
    const nothing = () => ({ made: false, columns: [], layers: [], clip: null });
    const broken = () => {
      throw Object.assign(new Error("no examples"), { name: "ValueError" });
    };
    const toy = toyModel({ layers: LAYERS }, { scores: nothing, evaluate: broken });
    const el = await open(toy);
    expect(byId(el, "scores-empty").textContent).toContain(`${COMPONENTS} components`);
    byId(el, "evaluate").click();
    await settled();
    expect(byId(el, "banner").textContent).toContain("no examples");
    expect(byId(el, "evaluate").disabled).toBe(false);
  });
});

/** Places in the plane of 376 × 236 px: clarity across and polysemanticity up, both rising with the row. */
describe("the plane of two scores", () => {
  const brush = (el) => el.querySelector(".sl-brush");
  const plane = async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    return { toy, el, node: byId(el, "scatter"), said: () => byId(el, "live").textContent };
  };

  it("a rectangle that is dragged selects the components in it, and is gone when another selection comes", async () => {
    const { toy, el, node } = await plane();
    drag(node, 30, 155, {}, [228, 135]);
    expect(toy.state.selection).toEqual([0, 1, 2, 3]);
    expect(brush(el)).not.toBeNull();
    toy.kernelSets({ selection: [7] });
    await settled();
    expect(brush(el)).toBeNull();
  });

  it("arrows move a rectangle, Shift sizes it, and each step tells what is in it", async () => {
    const { toy, el, node, said } = await plane();
    press(node, "ArrowRight");
    expect(said()).toBe("clarity .40 to .60, polysemanticity .40 to .60: 3 components");
    press(node, "ArrowRight");
    press(node, "ArrowUp");
    expect(said()).toBe("clarity .45 to .65, polysemanticity .45 to .65: 2 components");
    for (let i = 0; i < 20; i++) press(node, "ArrowRight", { shiftKey: true });
    for (let i = 0; i < 20; i++) press(node, "ArrowUp", { shiftKey: true });
    expect(said()).toBe("clarity .00 to 1.00, polysemanticity .00 to 1.00: 11 components");
    press(node, "ArrowDown", { shiftKey: true });
    expect(said()).toBe("clarity .00 to 1.00, polysemanticity .00 to .95: 10 components");
    expect(toy.state.selection).toEqual([]);
    press(node, "Enter");
    expect(toy.state.selection).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    press(node, "Escape");
    expect(brush(el)).toBeNull();
    expect(press(node, "Escape"), "then Escape is the window's").toBe(true);
  });

  it("with Ctrl the rectangle's components join the selection, with Alt they leave it", async () => {
    const { toy, node } = await plane();
    toy.kernelSets({ selection: [0, 5] });
    await settled();
    press(node, "ArrowLeft");
    press(node, "Enter", { ctrlKey: true });
    expect(toy.state.selection).toEqual([0, 5, 4, 6]);
    press(node, "Enter", { altKey: true });
    expect(toy.state.selection).toEqual([0]);
  });

  it("Page Down steps through the components of the rectangle, or through all, and Enter takes one", async () => {
    const { toy, el, node, said } = await plane();
    press(node, "PageDown");
    expect(said()).toBe("conv1:0  red, clarity .00, polysemanticity .00; 1 of 11");
    press(node, "End");
    expect(said()).toContain("11 of 11");
    press(node, "ArrowUp");
    press(node, "PageDown");
    press(node, "PageDown");
    expect(said()).toBe("conv2:0  blue, clarity .50, polysemanticity .50; 2 of 3");
    expect(el.querySelectorAll(".sl-point-ring")).toHaveLength(1);
    press(node, "Enter");
    expect(toy.state.selection).toEqual([5]);
    press(node, "PageUp");
    press(node, "Enter", { ctrlKey: true });
    expect(toy.state.selection).toEqual([5, 4]);
  });

  it("is reached by Tab, and says what it shows and which keys it has", async () => {
    const { node } = await plane();
    expect(node.tabIndex).toBe(0);
    const label = node.getAttribute("aria-label");
    expect(label).toContain("polysemanticity against clarity; rings are not clear");
    expect(label).toContain("Arrows move a rectangle");
  });
});

describe("rectangles", () => {
  it("move in steps up to the edges of the plane, and keep their size", () => {
    let box = opened();
    for (let i = 0; i < 30; i++) box = shifted(box, 1, -1);
    expect(box.map((edge) => Number(edge.toFixed(9)))).toEqual([0.8, 0, 1, 0.2]);
  });

  it("become as large as the plane and as small as a step", () => {
    let box = [0.9, 0, 1, 0.1];
    for (let i = 0; i < 30; i++) box = resized(box, 1, -1);
    expect(box.map((edge) => Number(edge.toFixed(9)))).toEqual([0, 0, 1, 1]);
    for (let i = 0; i < 30; i++) box = resized(box, -1, 1);
    expect(box.map((edge) => Number(edge.toFixed(9)))).toEqual([0, 0.95, 0.05, 1]);
  });
});
