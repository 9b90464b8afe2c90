import { describe, expect, it, vi } from "vitest";
import { settled } from "../testing/toy.js";
import { batches } from "./batches.js";
import { addressOf } from "./held.js";
import { sprites } from "./sprites.js";

/** @param {Partial<Parameters<typeof batches>[0]>} options */
function store(options = {}) {
  const asked = [];
  const store = batches({
    load: async (rows, signal) => {
      asked.push({ rows, signal });
      await settled();
      if (signal.aborted) throw new DOMException("", "AbortError");
      return new Map(rows.map((row) => [row, `fact ${row}`]));
    },
    onArrive: () => {},
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  return { store, asked };
}

describe("batches", () => {
  it("ask once for what is new, and not again for what is known or under way", async () => {
    const { store: facts, asked } = store();
    facts.want([1, 2, 3]);
    facts.want([2, 3, 4]);
    await settled();
    await settled();
    facts.want([1, 4]);
    expect(asked.map(({ rows }) => rows)).toEqual([[1, 2, 3], [4]]);
    expect(facts.get(4)).toBe("fact 4");
  });

  it("abort a request when none of its rows is in sight any more", async () => {
    const { store: facts, asked } = store();
    facts.want([1, 2]);
    facts.want([8, 9]);
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    await settled();
    await settled();
    expect([facts.get(1), facts.get(8)]).toEqual([undefined, "fact 8"]);
  });

  it("forget the least recently wanted beyond their capacity", async () => {
    const forgotten = [];
    const { store: facts } = store({ capacity: 3, onForget: (fact) => forgotten.push(fact) });
    for (const rows of [[1, 2], [3], [1], [4]]) {
      facts.want(rows);
      await settled();
      await settled();
    }
    expect(forgotten).toEqual(["fact 2"]);
  });

  it("a sheet of thumbnails is let go when the last of its rows is forgotten", async () => {
    await addressOf(new Blob()); // what pages allow is tried once, by a picture of its own
    const revoke = vi.spyOn(URL, "revokeObjectURL");
    const source = {
      sprite: async (rows, columns, size) => ({
        image: new Blob([]),
        columns,
        size,
        rows,
        counts: rows.map(() => columns),
      }),
    };
    const thumbnails = sprites({
      source,
      examples: 5,
      size: 48,
      capacity: 2,
      onArrive: () => {},
      onError: () => {},
    });
    thumbnails.want([1, 2]);
    await settled();
    expect(thumbnails.get(2)).toMatchObject({ line: 1, lines: 2, columns: 5 });
    thumbnails.want([3]);
    await settled();
    expect(revoke).not.toHaveBeenCalled();
    thumbnails.want([4]);
    await settled();
    expect(revoke).toHaveBeenCalledTimes(1);
  });
});
