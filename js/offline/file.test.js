import { describe, expect, it, vi } from "vitest";
import { DamagedFile, openLensFile, rangeReader } from "./file.js";

/** A file of these arrays, as bytes. @param {Record<string, {dtype: string, shape: number[], data: ArrayBufferView}>} arrays */
function fileOf(arrays, metadata = { format: "semlens", version: 1, document: { k: 3 } }) {
  let end = 0;
  const table = { __metadata__: { semlens: JSON.stringify(metadata) } };
  for (const [name, { dtype, shape, data }] of Object.entries(arrays)) {
    table[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  let text = JSON.stringify(table);
  text += " ".repeat((8 - (text.length % 8)) % 8);
  const bytes = new Uint8Array(8 + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(new TextEncoder().encode(text), 8);
  let at = 8 + text.length;
  for (const { data } of Object.values(arrays)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

const ARRAYS = {
  table: { dtype: "F32", shape: [5, 2], data: Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) },
  half: { dtype: "F16", shape: [4], data: Uint16Array.from([0x3c00, 0xc000, 0x3555, 0x0001]) },
  big: { dtype: "I64", shape: [2], data: BigInt64Array.from([3n, -(2n ** 60n)]) },
};

/** @param {Uint8Array} bytes */
const reader = (bytes) => vi.fn(async (begin, end) => bytes.slice(begin, end).buffer);

describe("a lens file", () => {
  it("gives arrays, rows and numbers of all kinds, each read once", async () => {
    const bytes = fileOf(ARRAYS);
    const read = reader(bytes);
    const file = await openLensFile(read, bytes.length);
    expect(file.document).toEqual({ k: 3 });
    const calls = read.mock.calls.length;
    expect((await file.rows("table", [4, 0])).map((row) => [...row])).toEqual([
      [8, 9],
      [0, 1],
    ]);
    expect(read.mock.calls.length).toBe(calls + 1); // near rows come together
    expect([...(await file.array("table"))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await file.array("table");
    await file.rows("table", [2]);
    expect(read.mock.calls.length).toBe(calls + 2);
    const [one, minusTwo, third, smallest] = await file.array("half");
    expect([one, minusTwo, smallest]).toEqual([1, -2, 2 ** -24]);
    expect(third).toBeCloseTo(1 / 3, 3);
    expect([...(await file.array("big"))]).toEqual([3n, -(2n ** 60n)]);
    expect(() => file.shape("absent")).toThrow("no array 'absent'");
  });

  it.each([
    ["is too short", () => new Uint8Array(5), "too few for a header"],
    ["is cut off", () => fileOf(ARRAYS).slice(0, -4), "does not fit the file"],
    ["is cut in its header", () => fileOf(ARRAYS).slice(0, 60), "its header claims"],
    ["is another safetensors file", () => fileOf(ARRAYS, /** @type {any} */ (null)), "not ours"],
    [
      "is from the future",
      () => fileOf(ARRAYS, { format: "semlens", version: 9, document: {} }),
      "version 9",
    ],
  ])("that %s is refused with the reason", async (_, make, says) => {
    const bytes = make();
    await expect(openLensFile(reader(bytes), bytes.length)).rejects.toThrow(says);
    await expect(openLensFile(reader(bytes), bytes.length)).rejects.toThrow(DamagedFile);
  });

  it("is never taken whole from a server that ignores ranges", async () => {
    const whole = new Response(new Uint8Array(100), { status: 200, headers: { "Content-Length": "100" } });
    await expect(rangeReader(async () => whole)(0, 8)).rejects.toThrow("sends whole files");
    const short = new Response(new Uint8Array(4), { status: 206 });
    await expect(rangeReader(async () => short)(0, 8)).rejects.toThrow("not all there");
    const gone = new Response("", { status: 404, statusText: "Not Found" });
    await expect(rangeReader(async () => gone)(0, 8)).rejects.toThrow("404 Not Found");
  });
});
