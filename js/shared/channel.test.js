import { afterEach, describe, expect, it, vi } from "vitest";
import { settled, toyModel } from "../testing/toy.js";
import { KernelError, KernelGone, openChannel } from "./channel.js";
import { MOST } from "./pieces.js";

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
    await openChannel(toy.model).ask("take", {}, { buffers: [new ArrayBuffer(7)] });
    expect(toy.asked("take")[0].buffers.map(({ byteLength }) => byteLength)).toEqual([7]);
  });

  describe("over a host that loses buffers, or messages that are too large", () => {
    const bytes = (count) => Uint8Array.from({ length: count }, (_, i) => (i * 7) % 251);
    const named = (count) => ({ buffers: [["numbers", "U8", [count]]] });

    it("asks again for text, once, and from then on", async () => {
      const toy = silent();
      const channel = openChannel(toy.model);
      const asking = channel.ask("wait");
      const { id } = toy.sent[0];
      toy.fire("msg:custom", { kind: "reply", id, result: named(5) }, []);
      expect(toy.asked("wait").map(({ plain }) => plain)).toEqual([undefined, true]);
      const texts = [btoa(String.fromCharCode(...bytes(5)))];
      toy.fire("msg:custom", { kind: "reply", id, result: named(5), texts }, []);
      expect((await asking).numbers).toEqual(bytes(5));
      channel.ask("wait");
      expect(toy.sent.at(-1).plain).toBe(true);
    });

    it("asks again for each that was under way when the first loss was seen", async () => {
      const toy = silent();
      const channel = openChannel(toy.model);
      const asking = [channel.ask("wait"), channel.ask("wait")];
      const ids = toy.sent.map(({ id }) => id);
      for (const id of ids) toy.fire("msg:custom", { kind: "reply", id, result: named(5) }, []);
      expect(toy.asked("wait").map(({ plain }) => plain)).toEqual([undefined, undefined, true, true]);
      const texts = [btoa(String.fromCharCode(...bytes(5)))];
      for (const id of ids) toy.fire("msg:custom", { kind: "reply", id, result: named(5), texts }, []);
      for (const answer of await Promise.all(asking)) expect(answer.numbers).toEqual(bytes(5));
    });

    it("sends text where the kernel says that its buffers do not come", async () => {
      const toy = toyModel({}, { take: () => ({}), ping: () => ({ received: 0 }) });
      const channel = openChannel(toy.model);
      await channel.ask("take", {}, { buffers: [bytes(300)] });
      await channel.ask("take", {}, { buffers: [bytes(3)] });
      const [long, short] = toy.asked("take");
      expect(toy.asked("ping")).toHaveLength(1);
      expect([...long.buffers, ...short.buffers]).toEqual([]);
      expect(Uint8Array.from(atob(long.texts[0]), (letter) => letter.charCodeAt(0))).toEqual(bytes(300));
      expect(atob(short.texts[0])).toHaveLength(3);
    });

    it("puts pieces together, and cuts what it sends into such", async () => {
      const toy = toyModel({}, { take: () => ({}), wait: () => new Promise(() => {}) });
      const channel = openChannel(toy.model);
      const whole = bytes(MOST + 10);
      await channel.ask("take", {}, { buffers: [whole.subarray(0, 4), whole.subarray(4)] });
      const parts = toy.sent.filter(({ kind }) => kind === "part");
      const [request] = toy.asked("take");
      expect(parts.map(({ at, of, buffers }) => [at, of, buffers[0].byteLength])).toEqual([
        [0, 2, MOST],
        [1, 2, 10],
      ]);
      expect([request.sizes, request.buffers]).toEqual([[4, MOST + 6], []]);

      const asking = channel.ask("wait");
      const { id } = toy.asked("wait")[0];
      for (const { at, of, buffers } of parts)
        toy.fire("msg:custom", { kind: "part", id, at, of }, [new DataView(buffers[0].slice().buffer)]);
      const result = {
        buffers: [
          ["head", "U8", [4]],
          ["rest", "U8", [MOST + 6]],
        ],
      };
      toy.fire("msg:custom", { kind: "reply", id, result, sizes: [4, MOST + 6] }, []);
      const { head, rest } = await asking;
      expect(head).toEqual(whole.slice(0, 4));
      expect(rest.every((value, i) => value === whole[i + 4])).toBe(true);
    });

    it("says so where a piece is missing", async () => {
      const toy = silent();
      const asking = openChannel(toy.model).ask("wait");
      toy.fire("msg:custom", { kind: "reply", id: toy.sent[0].id, result: named(9), sizes: [9] }, []);
      await expect(asking).rejects.toThrow("0 bytes came in pieces; expected 9");
    });
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
