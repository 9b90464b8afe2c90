import { describe, expect, it, vi } from "vitest";
import { settled } from "../testing/toy.js";
import { localModel } from "./model.js";

describe("a model without a kernel", () => {
  const request = { kind: "request", id: "a:1", verb: "double", args: { n: 4 } };
  const verbs = { double: ({ n }) => ({ twice: 2 * n, of: Int8Array.of(n) }) };

  it("answers requests, and says what needs a kernel", async () => {
    const model = localModel({}, verbs);
    const heard = vi.fn();
    model.on("msg:custom", heard);
    model.send(request);
    model.send({ ...request, id: "a:2", verb: "retrain" });
    await settled();
    const [reply] = heard.mock.calls.find(([message]) => message.id === "a:1");
    const [error] = heard.mock.calls.find(([message]) => message.id === "a:2");
    expect(reply).toEqual({ kind: "reply", id: "a:1", result: { twice: 8, of: Int8Array.of(4) } });
    expect(error).toMatchObject({ kind: "error", id: "a:2", error: { type: "NeedsKernel" } });
  });

  it("does not answer what was aborted", async () => {
    const model = localModel({}, verbs);
    const heard = vi.fn();
    model.on("msg:custom", heard);
    model.send(request);
    model.send({ kind: "abort", id: "a:1" });
    await settled();
    expect(heard).not.toHaveBeenCalled();
  });

  it("asks for hits again when query or layer change, and lets nothing be decided", () => {
    const model = localModel({ query: "", layer: null, hits_version: 0, own_labels: {} }, {});
    const heard = vi.fn();
    const versions = vi.fn();
    model.on("msg:custom", heard);
    model.on("change:hits_version", versions);
    model.set("query", "ruler");
    model.set("query", "ruler");
    model.set("layer", "conv1");
    expect(model.get("hits_version")).toBe(2);
    expect(versions).toHaveBeenCalledTimes(2);
    model.set("own_labels", { "conv1:0": "mine" });
    expect(model.get("own_labels")).toEqual({});
    expect(heard.mock.calls[0][0]).toMatchObject({ kind: "event", name: "error", type: "NeedsKernel" });
  });
});
