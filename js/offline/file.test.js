import { describe, expect, it, vi } from "vitest";
import { fileOf, smallArrays, smallDocument } from "../testing/lens_file.js";
import { fileAnswers } from "./answers.js";
import { crc32 } from "./crc32.js";
import { DamagedFile, openLensFile, rangeReader } from "./file.js";
import { showable, webpSize } from "./picture.js";

const OTHERS = {
  table: { dtype: "F32", shape: [5, 2], data: Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) },
  half: { dtype: "F16", shape: [4], data: Uint16Array.from([0x3c00, 0xc000, 0x3555, 0x0001]) },
  big: { dtype: "I64", shape: [2], data: BigInt64Array.from([3n, -(2n ** 60n)]) },
  unsigned: { dtype: "U64", shape: [1], data: BigUint64Array.from([2n ** 63n]) },
};
const DOCUMENT = smallDocument(5, 3);
const ARRAYS = { ...smallArrays(5, 3, 2), ...OTHERS };
/** Of several blocks: 7,000 rows of 32 bytes. */
const LARGE = { ...smallArrays(7000, 2, 8), ...OTHERS };
const LARGE_DOCUMENT = smallDocument(7000, 2);

/** @param {Uint8Array} bytes */
const reader = (bytes) => vi.fn(async (begin, end) => bytes.slice(begin, end).buffer);
/** @param {Uint8Array} bytes */
const opened = (bytes) => openLensFile(reader(bytes), bytes.length);
/** @param {typeof ARRAYS} arrays @param {string} name @param {(data: any) => void} change */
function changed(arrays, name, change) {
  const { data, ...rest } = arrays[name];
  const copy = data.slice();
  change(copy);
  return { ...arrays, [name]: { ...rest, data: copy } };
}

describe("a lens file", () => {
  it.each([1, 2])(
    "of version %i gives arrays, rows and numbers of all kinds, each read once",
    async (version) => {
      const bytes = fileOf(ARRAYS, DOCUMENT, { version });
      const read = reader(bytes);
      const file = await openLensFile(read, bytes.length);
      expect(file.document).toEqual(DOCUMENT);
      const calls = read.mock.calls.length;
      expect((await file.rows("table", [4, 0])).map((row) => [...row])).toEqual([
        [8, 9],
        [0, 1],
      ]);
      expect(read.mock.calls.length).toBe(calls + 1); // near rows come together
      expect([...(await file.array("table"))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      await file.array("table");
      await file.rows("table", [2]);
      expect(read.mock.calls.length).toBe(calls + (version === 1 ? 1 : 2));
      const [one, minusTwo, third, smallest] = await file.array("half");
      expect([one, minusTwo, smallest]).toEqual([1, -2, 2 ** -24]);
      expect(third).toBeCloseTo(1 / 3, 3);
      expect([...(await file.array("big"))]).toEqual([3n, -(2n ** 60n)]);
      expect([...(await file.array("unsigned"))]).toEqual([2n ** 63n]);
      expect(() => file.shape("absent")).toThrow("no array 'absent'");
    },
  );

  it("reads no more of a large array than the blocks its rows lie in", async () => {
    const bytes = fileOf(LARGE, LARGE_DOCUMENT);
    const read = reader(bytes);
    const file = await openLensFile(read, bytes.length);
    read.mockClear();
    const rows = [6999, 2047, 3];
    const found = await file.rows("vectors", rows);
    for (const [i, row] of rows.entries())
      expect([...found[i]]).toEqual(Array.from({ length: 8 }, (_, d) => Number(d === row % 8)));
    const asked = read.mock.calls.reduce((sum, [begin, end]) => sum + end - begin, 0);
    expect(asked).toBeLessThanOrEqual(2 * 65_536);
    await expect(file.rows("vectors", [7000])).rejects.toThrow("row 7000 of 'vectors', which has 7000");
  });

  it("tells each damaged byte of its header at once", async () => {
    const bytes = fileOf(ARRAYS, DOCUMENT);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    for (let at = 0; at < 8 + length; at += 7) {
      const broken = bytes.slice();
      broken[at] ^= 1 << (at % 8);
      await expect(opened(broken)).rejects.toThrow(DamagedFile);
    }
  });

  it("tells a damaged byte of an array when the block it lies in is read", async () => {
    const bytes = fileOf(LARGE, LARGE_DOCUMENT);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const places = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    const [begin, end] = places.vectors.data_offsets.map((place) => 8 + length + place);
    for (const at of [begin, begin + 65_535, end - 1]) {
      const broken = bytes.slice();
      broken[at] ^= 16;
      const file = await opened(broken);
      await expect(file.array("vectors")).rejects.toThrow("the array 'vectors' is damaged");
      await expect(file.rows("vectors", [Math.floor((at - begin) / 32)])).rejects.toThrow("is damaged");
      await file.rows("vectors", [4000]); // of a block that is whole
      await file.array("crop_of");
    }
  });

  it("of version 1 has checksums of whole arrays, and of its header", async () => {
    const bytes = fileOf(ARRAYS, DOCUMENT, { version: 1 });
    const broken = bytes.slice();
    broken[bytes.length - 30] ^= 2; // in the last arrays
    const file = await opened(broken);
    await expect(Promise.all(["big", "half", "table"].map((name) => file.array(name)))).rejects.toThrow(
      "damaged",
    );
    const text = new TextDecoder().decode(bytes);
    const name = text.indexOf("small");
    const other = bytes.slice();
    other[name] ^= 1;
    await expect(opened(other)).rejects.toThrow("its header is damaged");
  });

  it.each([
    ["is too short", () => new Uint8Array(5), "too few for a header"],
    ["is cut off", () => fileOf(ARRAYS, DOCUMENT).slice(0, -4), "does not fit the file"],
    ["goes on", () => new Uint8Array([...fileOf(ARRAYS, DOCUMENT), 0]), "its arrays end at byte"],
    ["is cut in its header", () => fileOf(ARRAYS, DOCUMENT).slice(0, 60), "its header claims"],
    ["is another safetensors file", () => fileOf(ARRAYS, DOCUMENT, { format: "other" }), "not ours"],
    [
      "is from the future",
      () => fileOf(ARRAYS, DOCUMENT, { version: 9 }),
      "version 9, this program reads up to 2",
    ],
    ["has no version", () => fileOf(ARRAYS, DOCUMENT, { version: null }), "version is null"],
    [
      "has a part of another type",
      () => fileOf(ARRAYS, { ...DOCUMENT, classes: 5 }),
      "classes is 5; needed is a list",
    ],
    [
      "claims what it does not hold",
      () => fileOf(ARRAYS, { ...DOCUMENT, components: { layers: ["a"], sizes: [1e9], signed: [false] } }),
      "says 5 for 'component', components.sizes 1000000000",
    ],
    ["lacks an array", () => fileOf({ ...OTHERS }, DOCUMENT), "it has no array 'bins'"],
  ])("that %s is refused with the reason", async (_, make, says) => {
    const bytes = make();
    await expect(opened(bytes)).rejects.toThrow(says);
    await expect(opened(bytes)).rejects.toThrow(DamagedFile);
  });

  it.each([
    ["vectors", (v) => v.set(v.map((x) => 7 * x)), "a vector of length 7"],
    ["vectors", (v) => v.fill(Number.NaN, 2, 3), "NaN; needed are numbers that are finite"],
    ["lengths", (v) => v.fill(3), "holds 3; needed are numbers from 0 to 1.01"],
    ["crop_of", (v) => v.fill(15, 4, 5), "holds 15; needed are numbers from 0 to 14"],
    ["crop_of", (v) => v.fill(-1, 4, 5), "holds -1"],
    ["example_responses", (v) => v.fill(9, 4, 5), "falling order"],
    ["image_ids", (v) => v.fill(1n), "rising order"],
    ["image_name_offsets", (v) => v.fill(2n, 3, 4), "does not rise from 0 to 3"],
    ["bins", (v) => v.fill(10n, 3, 4), "holds 10; needed are numbers from 0 to 9"],
  ])("whose %s are sealed and still wrong is refused when they are read", async (name, change, says) => {
    const file = await opened(fileOf(changed(ARRAYS, name, change), DOCUMENT));
    await expect(file.array(name)).rejects.toThrow(says);
  });

  it("is taken whole, once, from a server that ignores ranges, unless it is large", async () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
    const request = vi.fn(async () => new Response(bytes, { headers: { "Content-Length": "100" } }));
    const read = rangeReader(request);
    expect(new Uint8Array(await read(0, 8))).toEqual(bytes.slice(0, 8));
    expect(new Uint8Array(await read(90, 100))).toEqual(bytes.slice(90));
    expect(request).toHaveBeenCalledTimes(1);
    for (const headers of [{ "Content-Length": String(2 ** 30) }, {}]) {
      const large = new Response(bytes, { headers });
      await expect(rangeReader(async () => large)(0, 8)).rejects.toThrow("cannot send parts of a file");
    }
    const short = new Response(new Uint8Array(4), { status: 206 });
    await expect(rangeReader(async () => short)(0, 8)).rejects.toThrow("not all there");
    const gone = new Response("", { status: 404, statusText: "Not Found" });
    await expect(rangeReader(async () => gone)(0, 8)).rejects.toThrow("404 Not Found");
  });
});

/** CRC-32 bit by bit. @param {Uint8Array} bytes */
function plainCrc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

it("the checksum is CRC-32, at every length and place", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 97 + (i >> 3)) & 255);
  for (const length of [0, 1, 7, 8, 9, 63, 64, 65, 1000])
    for (const start of [0, 1, 2, 3])
      expect(crc32(bytes.subarray(start, length))).toBe(plainCrc32(bytes.subarray(start, length)));
});

describe("a picture", () => {
  const WEBP = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAgA0JaQAA3AA/vuUAAA=";
  const bytes = () => Uint8Array.from(atob(WEBP), (letter) => letter.charCodeAt(0));

  it("is a still WebP of bounded size, or is not shown", () => {
    expect(webpSize(bytes().buffer)).toEqual([1, 1]);
    expect(showable(bytes().buffer)).toBe(true);
    const large = bytes();
    new DataView(large.buffer).setUint16(26, 16_383, true);
    expect(webpSize(large.buffer)).toEqual([16_383, 1]);
    expect(showable(large.buffer)).toBe(false);
    const png = Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, ...new Array(40).fill(0)]);
    for (const other of [png.buffer, new ArrayBuffer(0), bytes().buffer.slice(0, 20), null])
      expect(showable(other)).toBe(false);
  });
});

describe("a file of many components", () => {
  const [COUNT, k] = [12_000, 16];
  const arrays = smallArrays(COUNT, k, 2);
  arrays.negative.data = Uint8Array.from({ length: COUNT }, (_, row) => Number(row === 7));
  arrays.example_responses.data = Float32Array.from({ length: COUNT * k }, (_, i) =>
    i % k < Math.floor(i / k) % (k + 1) ? k - (i % k) : 0,
  );

  it("says what some are called and how many examples they have without being read as a whole", async () => {
    const bytes = fileOf(arrays, smallDocument(COUNT, k));
    const read = reader(bytes);
    const file = await openLensFile(read, bytes.length);
    read.mockClear();
    const rows = [0, 1, 5, 7, 11_999];
    const { components } = await fileAnswers(file).verbs.components({ rows }, {});
    expect(components.map(({ id, dead, responses }) => [id, dead, responses.length])).toEqual([
      ["conv:0", true, 0],
      ["conv:1", false, 1],
      ["conv:5", false, 5],
      ["conv:7", false, k],
      ["conv:11999", false, 11_999 % (k + 1)],
    ]);
    const sum = read.mock.calls.reduce((all, [begin, end]) => all + end - begin, 0);
    expect(sum).toBeLessThan(4 * 65_536);
    expect(sum, "of an array that is larger").toBeLessThan(arrays.example_responses.data.byteLength / 2);
  });
});
