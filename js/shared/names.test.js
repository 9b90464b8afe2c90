import { beforeEach, describe, expect, it, vi } from "vitest";
import { COMPONENTS, idOf, LAYERS, labelsReply, settled } from "../testing/toy.js";
import { componentNames } from "./names.js";

describe("names of components", () => {
  let ask;
  let onChange;
  let names;
  beforeEach(async () => {
    ask = vi.fn(async () => labelsReply());
    onChange = vi.fn();
    names = componentNames({ ask, onChange, fail: () => {} });
    names.update({ layer: null });
    expect(ask).not.toHaveBeenCalled();
    names.update({ layers: LAYERS });
    await settled();
  });

  it("labels are asked for when there are components, and again when they are made anew", async () => {
    expect(ask.mock.calls.map(([verb]) => verb)).toEqual(["labels"]);
    expect(onChange.mock.calls).toEqual([[true]]);
    names.update({ selection: [3] });
    names.update({ labels_version: 1 });
    await settled();
    expect(ask).toHaveBeenCalledTimes(2);
    expect(onChange).toHaveBeenCalledTimes(2);
  });

  it("a label is the believed word, a guess in brackets, or nothing", () => {
    expect(names.count).toBe(COMPONENTS);
    expect([0, 4, 11].map(names.wordOf)).toEqual([
      { text: "red", quiet: false },
      { text: "unexplained (green?)", quiet: true },
      { text: "", quiet: true },
    ]);
    expect([names.bestOf(4).accepted, names.bestOf(11)]).toEqual([false, null]);
  });

  it("a person's own label wins, from here or from elsewhere", () => {
    names.call({ [idOf(4)]: "my word" });
    expect(names.wordOf(4)).toEqual({ text: "my word", quiet: false });
    expect(names.ownOf(4)).toBe("my word");
    names.update({ own_labels: { [idOf(0)]: "rubin" } });
    expect([names.wordOf(0).text, names.wordOf(4).text]).toEqual(["rubin", "unexplained (green?)"]);
    expect(onChange.mock.calls.slice(1)).toEqual([[false], [false]]);
  });

  it("the rows of the layer that is shown, or all", () => {
    expect(names.span).toEqual([0, COMPONENTS]);
    names.update({ layer: "conv2" });
    expect([names.span, names.layer]).toEqual([[5, 12], "conv2"]);
    names.update({ layer: "a layer of another lens" });
    expect(names.span).toEqual([0, COMPONENTS]);
  });
});
