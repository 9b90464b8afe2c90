/** Small `.semlens` files, written plainly: what the reader is tried on. */

import { crc32 } from "../offline/crc32.js";

const BLOCK = 65_536;

/** The document of a file with one layer. @param {number} components @param {number} k */
export const smallDocument = (components, k) => ({
  components: { layers: ["conv"], sizes: [components], signed: [false] },
  grids: [[7, 7]],
  k,
  images: 9,
  unreadable: [],
  recipe: {
    weights: "w",
    images: "i",
    layers: ["conv"],
    pooling: "max",
    k,
    crop: "whole",
    clip: "toy@1",
    null: 5,
    seed: 0,
  },
  classes: ["cat", "dog"],
  extra: { name: "small" },
});

/** @typedef {Record<string, {dtype: string, shape: number[], data: ArrayBufferView}>} Arrays */

/** All arrays that a file needs. @param {number} components @param {number} k @param {number} dim @returns {Arrays} */
export function smallArrays(components, k, dim) {
  const crops = components * k;
  const range = (/** @type {number} */ n) => Int32Array.from({ length: n }, (_, i) => i);
  const long = (/** @type {Iterable<number>} */ values) => BigInt64Array.from([...values], BigInt);
  const vectors = new Float32Array(components * dim);
  for (let row = 0; row < components; row += 1) vectors[row * dim + (row % dim)] = 1;
  const falling = Float32Array.from({ length: crops }, (_, i) => k - (i % k));
  return {
    bins: { dtype: "I64", shape: [components, 64], data: new BigInt64Array(components * 64) },
    crop_of: { dtype: "I32", shape: [components, k], data: range(crops) },
    example_images: { dtype: "I32", shape: [components, k], data: range(crops).map((i) => i % 3) },
    example_responses: { dtype: "F32", shape: [components, k], data: falling },
    exponent: { dtype: "I16", shape: [components], data: new Int16Array(components) },
    image_ids: { dtype: "I64", shape: [3], data: long([0, 1, 2]) },
    image_labels: { dtype: "I32", shape: [3], data: Int32Array.from([0, 1, -1]) },
    image_name_offsets: { dtype: "I64", shape: [4], data: long([0, 1, 2, 3]) },
    image_names: { dtype: "U8", shape: [3], data: new TextEncoder().encode("abc") },
    lengths: { dtype: "F32", shape: [components], data: new Float32Array(components).fill(0.5) },
    negative: { dtype: "BOOL", shape: [components], data: new Uint8Array(components) },
    thumbnail_checksums: { dtype: "U32", shape: [crops], data: new Uint32Array(crops) },
    thumbnail_offsets: { dtype: "I64", shape: [crops + 1], data: new BigInt64Array(crops + 1) },
    thumbnails: { dtype: "U8", shape: [0], data: new Uint8Array(0) },
    vectors: { dtype: "F32", shape: [components, dim], data: vectors },
  };
}

/** @param {ArrayBufferView} data */
const bytesOf = (data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const hex = (/** @type {number} */ number) => number.toString(16).padStart(8, "0");

/** The checksums of an array's blocks. @param {Uint8Array} bytes */
const sums = (bytes) =>
  Array.from({ length: Math.ceil(bytes.length / BLOCK) }, (_, i) =>
    hex(crc32(bytes.subarray(i * BLOCK, (i + 1) * BLOCK))),
  ).join("");

/**
 * A whole file, sealed; or of version 1, with its older checksums.
 * @param {Arrays} arrays @param {object} document @param {{version?: any, format?: string}} [more]
 */
export function fileOf(arrays, document, { version = 2, format = "semlens" } = {}) {
  const entries = Object.entries(arrays);
  /** @param {(bytes: Uint8Array) => any} sum */
  const each = (sum) => Object.fromEntries(entries.map(([name, { data }]) => [name, sum(bytesOf(data))]));
  let ours = JSON.stringify({ blocks: each(sums), document, format, version });
  if (version === 1) {
    const plain = JSON.stringify({ checksums: each(crc32), document, format, version });
    const checksum = crc32(new TextEncoder().encode(plain));
    ours = plain.replace(/"version":1\}$/, `"header_checksum":${checksum},"version":1}`);
  }
  const metadata = version === 1 ? { semlens: ours } : { seal: "00000000", semlens: ours };
  /** @type {Record<string, any>} */
  const table = { __metadata__: metadata };
  let end = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    table[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  let text = JSON.stringify(table);
  text += " ".repeat((8 - (text.length % 8)) % 8);
  if (version !== 1) text = text.replace("00000000", hex(crc32(new TextEncoder().encode(text))));
  const bytes = new Uint8Array(8 + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(new TextEncoder().encode(text), 8);
  let at = 8 + text.length;
  for (const { data } of Object.values(arrays)) {
    bytes.set(bytesOf(data), at);
    at += data.byteLength;
  }
  return bytes;
}
