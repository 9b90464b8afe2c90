import { afterEach, describe, expect, it, vi } from "vitest";
import { settled, toyModel } from "../testing/toy.js";
import { KernelError, KernelGone, openChannel } from "./channel.js";

afterEach(() => vi.useRealTimers());

/** A model whose kernel answers nothing by itself. */
const silent = () => toyModel({}, { wait: () => new Promise(() => {}), ping: () => new Promise(() => {}) });

describe("the request channel", () => {
  it("resolves with the answer of its own id", async () => {
    const toy = toyModel({}, { double: ({ x }) => ({ twice: 2 * x }) });
    const channel = openChannel(toy.model);
    const [two, three] = await Promise.all([
      channel.ask("double", { x: 2 }),
      channel.ask("double", { x: 3 }),
    ]);
    expect([two.twice, three.twice]).toEqual([4, 6]);
    expect(new Set(toy.sent.map(({ id }) => id)).size).toBe(2);
  });

  it("sends buffers with the request", async () => {
    const toy = toyModel({}, { take: () => null });
    const buffers = [new ArrayBuffer(7)];
    await openChannel(toy.model).ask("take", {}, { buffers });
    expect(toy.sent[0].buffers).toBe(buffers);
  });

  it("rejects with the Python error's type and message", async () => {
    const toy = toyModel(
      {},
      {
        fail: () => {
          throw Object.assign(new Error("no layer 'layer5'"), { name: "KeyError" });
        },
      },
    );
    const error = await openChannel(toy.model)
      .ask("fail")
      .catch((reason) => reason);
    expect(error).toBeInstanceOf(KernelError);
    expect([error.name, error.message]).toEqual(["KeyError", "no layer 'layer5'"]);
  });

  it("two channels on one model do not take each other's answers", async () => {
    const toy = silent();
    const [one, other] = [openChannel(toy.model), openChannel(toy.model)];
    const answers = [one.ask("wait"), other.ask("wait")];
    const [a, b] = toy.sent.map(({ id }) => id);
    expect(a).not.toBe(b);
    toy.fire("msg:custom", { kind: "reply", id: b, result: "other" }, []);
    toy.fire("msg:custom", { kind: "reply", id: a, result: "one" }, []);
    expect(await Promise.all(answers)).toEqual(["one", "other"]);
  });

  it("an abort rejects at once and tells the kernel once; a late answer is ignored", async () => {
    const toy = silent();
    const channel = openChannel(toy.model);
    const stop = new AbortController();
    const asking = channel.ask("wait", {}, { signal: stop.signal });
    stop.abort();
    await expect(asking).rejects.toMatchObject({ name: "AbortError" });
    const { id } = toy.sent[0];
    expect(toy.sent.slice(1).map(({ kind, id: of }) => [kind, of])).toEqual([["abort", id]]);
    toy.fire("msg:custom", { kind: "reply", id, result: 1 }, []);
  });

  it("sends nothing for a signal that was aborted before", async () => {
    const toy = silent();
    await expect(
      openChannel(toy.model).ask("wait", {}, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(toy.sent).toEqual([]);
  });

  it("passes progress on", async () => {
    const toy = silent();
    const seen = [];
    openChannel(toy.model).ask("wait", {}, { onProgress: (progress) => seen.push(progress) });
    toy.fire(
      "msg:custom",
      { kind: "progress", id: toy.sent[0].id, done: 3, total: 7, what: "embedding" },
      [],
    );
    expect(seen).toEqual([{ done: 3, total: 7, what: "embedding" }]);
  });

  it("delivers pushed events by name until told to stop", () => {
    const toy = silent();
    const seen = [];
    const stop = openChannel(toy.model).onEvent("error", (event) => seen.push(event.message));
    toy.fire("msg:custom", { kind: "event", name: "error", message: "first" }, []);
    toy.fire("msg:custom", { kind: "event", name: "other", message: "not this" }, []);
    stop();
    toy.fire("msg:custom", { kind: "event", name: "error", message: "too late" }, []);
    expect(seen).toEqual(["first"]);
  });

  it("says that the kernel is gone when the comm closes, and rejects what waits", async () => {
    const toy = silent();
    const channel = openChannel(toy.model);
    const life = [];
    channel.onLife((alive) => life.push(alive));
    const asking = channel.ask("wait");
    toy.kill();
    await expect(asking).rejects.toBeInstanceOf(KernelGone);
    await expect(channel.ask("wait")).rejects.toBeInstanceOf(KernelGone);
    expect(life).toEqual([false]);
  });

  it("pings after a long silence: a kernel that answers is only busy", async () => {
    vi.useFakeTimers();
    const toy = toyModel({}, { wait: () => new Promise(() => {}) });
    const channel = openChannel(toy.model, { patience: 1000, pingTimeout: 500 });
    const life = [];
    channel.onLife((alive) => life.push(alive));
    channel.ask("wait").catch(() => {});
    await vi.advanceTimersByTimeAsync(1600);
    expect(toy.asked("ping")).toHaveLength(1);
    expect(life).toEqual([]);
  });

  it("pings after a long silence: a kernel that does not answer is gone, and comes back when it does", async () => {
    vi.useFakeTimers();
    const toy = silent();
    const channel = openChannel(toy.model, { patience: 1000, pingTimeout: 500 });
    const life = [];
    channel.onLife((alive) => life.push(alive));
    const asking = expect(channel.ask("wait")).rejects.toBeInstanceOf(KernelGone);
    await vi.advanceTimersByTimeAsync(1600);
    await asking;
    expect(life).toEqual([false]);
    channel.ask("wait").catch(() => {});
    toy.fire("msg:custom", { kind: "reply", id: toy.sent.at(-1).id, result: 1 }, []);
    expect(life).toEqual([false, true]);
  });

  it("close lets go of the model and aborts what waits", async () => {
    const toy = silent();
    const channel = openChannel(toy.model);
    const asking = channel.ask("wait");
    channel.close();
    await expect(asking).rejects.toMatchObject({ name: "AbortError" });
    expect(toy.listenerCount()).toBe(0);
    expect(toy.sent.at(-1).kind).toBe("abort");
    await settled();
  });
});
