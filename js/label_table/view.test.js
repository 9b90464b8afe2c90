import { describe, expect, it, vi } from "vitest";
import { all, byId, COMPONENTS, idOf, LAYERS, press, settled, toyModel } from "../testing/toy.js";
import { opener, pick } from "../testing/window.js";
import labelTable from "./widget.js";

const HOSTILE = '<img src=x onerror="globalThis.hacked=1">';

/** For what comes after timers and answers, on a machine that is busy. */
const PATIENT = { timeout: 5000, interval: 20 };
/** Timers of the views are 100 to 120 ms. */
const rest = () => new Promise((resolve) => setTimeout(resolve, 160));
const open = opener(labelTable, rest);
const rows = (el) => all(el, "label-row");
const ids = (el) => rows(el).map((row) => row.dataset.id);
const row = (el, id) => rows(el).find((element) => element.dataset.id === id);

async function write(el, id, text, key = "Enter") {
  byId(row(el, id), "edit-label").click();
  const input = byId(el, "label-editor");
  input.value = text;
  press(input, key);
  await settled();
}

const nothing = () => ({
  made: false,
  k: 0,
  words: [],
  message: "",
  level: null,
  method: null,
  numbers: new Int32Array(0),
  alive: new Uint8Array(12).fill(1),
});

describe("the table of labels", () => {
  it("shows label, runners-up, confidence, margin and how many share it; and abstains", async () => {
    const el = await open(toyModel({ layers: LAYERS }));
    expect(ids(el)).toEqual(Array.from({ length: COMPONENTS }, (_, i) => idOf(i)));
    expect(row(el, idOf(1)).textContent).toContain("green");
    expect(row(el, idOf(1)).textContent).toContain("then: blue");
    expect(row(el, idOf(1)).textContent).toContain("99 %");
    expect(byId(row(el, idOf(0)), "shared-by").textContent).toBe("4");
    expect(row(el, idOf(4)).textContent).toContain("unexplained");
    expect(row(el, idOf(4)).textContent).toContain("closest: green, blue");
    expect(row(el, idOf(11)).textContent).toContain("never active");
    expect(byId(el, "labels-message").textContent).toContain("10 of 11 explained");
  });

  it("a person's own label wins, is marked, and can be undone; an empty one gives the computed back", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    await write(el, idOf(4), "  my   word ");
    expect(toy.state.own_labels).toEqual({ [idOf(4)]: "my word" });
    expect(row(el, idOf(4)).textContent).toContain("my word");
    expect(all(row(el, idOf(4)), "own-mark")).toHaveLength(1);
    await write(el, idOf(4), "");
    expect(toy.state.own_labels).toEqual({});
    byId(el, "label-undo").click();
    expect(toy.state.own_labels).toEqual({ [idOf(4)]: "my word" });
    press(row(el, idOf(0)), "u");
    expect(toy.state.own_labels).toEqual({});
    expect(byId(el, "label-undo").disabled).toBe(true);
  });

  it("Escape leaves the label as it was, and an accepted word left as it is stays computed", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    await write(el, idOf(0), "something else", "Escape");
    await write(el, idOf(0), "red");
    expect(toy.state.own_labels).toEqual({});
    expect(row(el, idOf(0)).textContent).toContain("red");
  });

  it("Enter edits the row with the focus", async () => {
    const el = await open(toyModel({ layers: LAYERS }));
    press(rows(el)[0], "Enter");
    expect(document.activeElement).toBe(byId(el, "label-editor"));
  });

  it("hostile words stay text", async () => {
    const toy = toyModel({ layers: LAYERS, own_labels: { [idOf(0)]: HOSTILE } });
    const el = await open(toy);
    expect(row(el, idOf(0)).textContent).toContain(HOSTILE);
    expect(el.querySelector("img")).toBeNull();
  });

  it("searches within ids, labels and closest words", async () => {
    const el = await open(toyModel({ layers: LAYERS }));
    const find = byId(el, "label-search");
    find.value = "conv2:1";
    find.dispatchEvent(new Event("input"));
    await vi.waitFor(() => expect(ids(el)).toEqual(["conv2:1"]), PATIENT);
    find.value = "no such word";
    find.dispatchEvent(new Event("input"));
    await vi.waitFor(
      () => expect(byId(el, "labels-none").textContent).toContain("No component fits"),
      PATIENT,
    );
    byId(el, "show-all").click();
    expect(ids(el)).toHaveLength(COMPONENTS);
  });

  it("shows the unexplained alone, those that share a word, and one layer", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    const kinds = byId(el, "label-kind");
    pick(kinds, "unexplained");
    expect(ids(el)).toEqual([idOf(4)]);
    pick(kinds, "all");
    byId(row(el, idOf(0)), "shared-by").click();
    expect(ids(el)).toEqual([0, 3, 6, 9].map(idOf));
    byId(el, "word-filter").click();
    toy.kernelSets({ layer: "conv2" });
    await settled();
    expect(ids(el)).toHaveLength(7);
  });

  it("sorts by a column, those without a number last either way", async () => {
    const el = await open(toyModel({ layers: LAYERS }));
    byId(el, "sort-margin").click();
    expect(ids(el).at(0)).toBe(idOf(10));
    expect(ids(el).at(-1)).toBe(idOf(11));
    byId(el, "sort-margin").click();
    expect(ids(el).at(0)).toBe(idOf(0));
    expect(ids(el).at(-1)).toBe(idOf(11));
    byId(el, "sort-label").click();
    expect(row(el, ids(el)[0]).textContent).toContain("blue");
  });

  it("opens the meanings of a component, each with its own examples", async () => {
    const el = await open(toyModel({ layers: LAYERS }));
    await vi.waitFor(() => expect(all(el, "open-meanings")).toHaveLength(1), PATIENT);
    byId(el, "open-meanings").click();
    await vi.waitFor(() => expect(all(el, "meaning")).toHaveLength(2), PATIENT);
    const parts = all(el, "meaning");
    expect(parts[1].textContent).toContain("unexplained (red?)");
    expect([...parts[0].querySelectorAll("[data-rank]")].map((crop) => crop.dataset.rank)).toEqual([
      "0",
      "2",
    ]);
    byId(el, "open-meanings").click();
    expect(all(el, "meaning")).toEqual([]);
  });

  it("stepping selects, Ctrl adds, and a selection from a cell is shown", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    press(rows(el)[0], "ArrowDown");
    expect(toy.state.selection).toEqual([1]);
    rows(el)[3].dispatchEvent(new MouseEvent("click", { bubbles: true, ctrlKey: true }));
    expect(toy.state.selection).toEqual([3, 1]);
    toy.kernelSets({ selection: [7] });
    await settled();
    expect(row(el, idOf(7)).className).toContain("sl-primary");
  });

  it("without labels it offers to describe, tells how far it is, and can be cancelled", async () => {
    const toy = toyModel({ layers: LAYERS }, { labels: nothing, describe: () => new Promise(() => {}) });
    const el = await open(toy);
    expect(byId(el, "labels-empty").textContent).toContain("12 components");
    byId(el, "vocabulary").value = "common";
    byId(el, "describe").click();
    const asked = toy.asked("describe")[0];
    expect(asked.args).toEqual({ vocabulary: "common" });
    toy.fire(
      "msg:custom",
      { kind: "progress", id: asked.id, done: 64, total: 693, what: "Embedding word" },
      [],
    );
    const work = await vi.waitFor(() => byId(byId(el, "labels-empty"), "work-here"));
    expect(work.textContent).toContain("Embedding word 64 of 693");
    expect(byId(el, "describe").hidden, "it stands where the button was").toBe(true);
    expect(byId(el, "work").hidden, "and nowhere else").toBe(true);
    byId(work, "cancel-work").click();
    await settled();
    expect(toy.sent.at(-1)).toMatchObject({ kind: "abort", id: asked.id });
    expect(byId(el, "describe").disabled).toBe(false);
    expect(byId(el, "describe").hidden).toBe(false);
    expect(all(el, "banner")).toEqual([]);
  });

  it("a failure to describe is told, and the offer stays", async () => {
    const broken = () => {
      throw Object.assign(new Error("no CLIP"), { name: "RuntimeError" });
    };
    const el = await open(toyModel({ layers: LAYERS }, { labels: nothing, describe: broken }));
    byId(el, "describe").click();
    await settled();
    expect(byId(el, "banner").textContent).toContain("no CLIP");
    expect(byId(el, "describe").disabled).toBe(false);
  });

  it("exports files by way of the kernel", async () => {
    const click = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => {});
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    byId(el, "export-csv").click();
    await settled();
    expect(toy.asked("labels_file")[0].args).toEqual({ format: "csv" });
    expect(click).toHaveBeenCalledOnce();
  });
});
