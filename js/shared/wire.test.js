import { describe, expect, it } from "vitest";
import table from "../../tests/wire.json";
import { decode } from "./wire.js";

const views = table.sent.buffers.map((text) => {
  // At an odd place of a longer buffer, as messages have them.
  const bytes = new Uint8Array([0, ...Buffer.from(text, "base64"), 0]);
  return new DataView(bytes.buffer, 1, bytes.length - 2);
});
const KINDS = { F32: Float32Array, I32: Int32Array, I16: Int16Array, I8: Int8Array, U8: Uint8Array };

describe("answers on the wire", () => {
  it("are read by name, as the table says", async () => {
    const answer = decode(table.sent.result, views);
    expect(answer).toMatchObject(table.facts);
    expect("buffers" in answer).toBe(false);
    for (const [name, kind] of table.sent.result.buffers.slice(0, -1)) {
      expect(answer[name]).toBeInstanceOf(KINDS[kind]);
      expect([...answer[name]]).toEqual(table.arrays[name].values);
    }
    const { name, type, bytes } = table.file;
    expect(answer[name].type).toBe(type);
    expect([...new Uint8Array(await answer[name].arrayBuffer())]).toEqual(bytes);
  });

  it("that do not fit their names, kinds and shapes are refused", () => {
    const [rows] = views;
    const refused = (/** @type {any[]} */ named, /** @type {any} */ rest = {}) => {
      expect(() => decode({ ...rest, buffers: named }, [rows])).toThrow(RangeError);
    };
    refused([["rows", "I32", [2]]]);
    refused([["rows", "F64", [3]]]);
    refused([["rows", "toString", [3]]]);
    refused([["rows", "I32", [3]]], { rows: 4 });
    refused([]);
  });

  it("cannot change what an object is", () => {
    const answer = decode({ buffers: [["__proto__", "I32", [3]]] }, [views[0]]);
    expect(Object.getPrototypeOf(answer)).toBe(Object.prototype);
  });

  it("that are no object, or made in the page, stay as they are", () => {
    expect(decode(null, [])).toBe(null);
    const answer = { rows: Int32Array.of(1) };
    expect(decode(answer, [])).toBe(answer);
  });
});
