import { afterEach, expect, test, vi } from "vitest";
import { all, byId, press, settled, toyModel } from "../testing/toy.js";
import { opener } from "../testing/window.js";
import lensWindow from "./widget.js";

const open = opener(lensWindow);
afterEach(() => document.body.replaceChildren());

const PAST = ["search “red”", "select conv1:0", "red: valid"];

const travelled = () => {
  const travel = vi.fn(() => ({ python: 'lens.query = ""' }));
  const toy = toyModel({ history: { past: PAST, future: ["layer conv2"] } }, { history_travel: travel });
  return { toy, travel };
};

test("undo and redo say what they take back, and end in a line of Python", async () => {
  const { toy, travel } = travelled();
  const el = await open(toy);
  expect(byId(el, "undo").title).toContain("red: valid");
  byId(el, "undo").click();
  await settled();
  expect(travel).toHaveBeenLastCalledWith({ steps: 1, redo: false });
  expect(byId(el, "python-line").textContent).toBe('lens.query = ""');
  expect(byId(el, "live").textContent).toBe("taken back: red: valid");
  byId(el, "redo").click();
  await settled();
  expect(travel).toHaveBeenLastCalledWith({ steps: 1, redo: true });
  toy.kernelSets({ history: { past: [], future: [] } });
  await settled();
  expect([byId(el, "undo").disabled, byId(el, "redo").disabled, byId(el, "history").disabled]).toEqual([
    true,
    true,
    true,
  ]);
});

test("Ctrl Z undoes in every tab, but belongs to the text where one types", async () => {
  const { toy, travel } = travelled();
  const el = await open(toy);
  press(byId(el, "search-input"), "z", { ctrlKey: true });
  expect(travel).not.toHaveBeenCalled();
  press(byId(el, "tab-search"), "z", { ctrlKey: true });
  press(byId(el, "tab-search"), "Z", { metaKey: true, shiftKey: true });
  await settled();
  expect(travel.mock.calls).toEqual([[{ steps: 1, redo: false }], [{ steps: 1, redo: true }]]);
});

test("the tabs keep the focus when the kernel says which is open", async () => {
  const toy = toyModel({ tabs: ["search", "map"], tab: "search" });
  const el = await open(toy);
  byId(el, "tab-search").focus();
  press(byId(el, "tab-search"), "ArrowRight");
  toy.kernelSets({ tab: "map" });
  await settled();
  expect(document.activeElement).toBe(byId(el, "tab-map"));
});

test("the list goes back to any step, and forth to what was taken back", async () => {
  const { toy, travel } = travelled();
  const el = await open(toy);
  byId(el, "history").click();
  const steps = all(el, "history-step");
  expect(steps.map((step) => step.textContent)).toEqual(["the beginning", ...PAST, "layer conv2"]);
  expect(steps[3].getAttribute("aria-current")).toBe("step");
  expect(document.activeElement).toBe(steps[3]);
  press(steps[3], "ArrowUp");
  expect(document.activeElement).toBe(steps[2]);
  steps[1].click();
  await settled();
  expect(travel).toHaveBeenLastCalledWith({ steps: 2, redo: false });
  byId(el, "history").click();
  all(el, "history-step")[0].click();
  await settled();
  expect(travel).toHaveBeenLastCalledWith({ steps: 3, redo: false });
  byId(el, "history").click();
  press(document.activeElement, "Escape");
  expect(byId(el, "history-list").hidden).toBe(true);
});
