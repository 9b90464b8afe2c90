/**
 * A `.semlens` file read piece by piece: the header at once, an array or some of its rows when they are needed, each
 * held against its checksums and the table of what it may hold. The format is safetensors with our JSON in its metadata
 * (`semlens_widgets/store.py`); where the bytes come from does not matter: ranges of a file on a server, or a page that
 * holds it all.
 */

import { crc32 } from "./crc32.js";
import {
  BLOCK,
  checkDocument,
  DamagedFile,
  DTYPES,
  fitting,
  HEADER_LIMIT,
  RENAMED,
  VERSION,
} from "./format.js";

export { DamagedFile };

/** @typedef {(begin: number, end: number) => Promise<ArrayBuffer>} Read bytes [begin, end) */
/** @typedef {{dtype: string, shape: number[], begin: number, end: number, checksums: number[]}} Tensor its place in the file, and the checksum of each of its blocks (of the whole in version 1) */
/** @typedef {Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | BigInt64Array | BigUint64Array | Uint8Array | Uint16Array | Uint32Array} Numbers */

/** The largest file that is taken whole, from a server that sends no parts, in bytes. */
const WHOLE = 128 * 2 ** 20;
/** Gaps up to this many bytes are read along rather than asked around. */
const GAP = 32_768;
const SEAL = /^\{"__metadata__":\{"seal":"([0-9a-f]{8})"/;
const SEAL_AT = '{"__metadata__":{"seal":"'.length;
const FIRST_SEAL = /"header_checksum":(\d{1,10}),(?="version":1\}$)/;

/** @param {number} half the 16 bits of a half-precision number */
function halfToFloat(half) {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction
          ? Number.NaN
          : Number.POSITIVE_INFINITY
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return half & 0x8000 ? -size : size;
}

/** @param {string} dtype @param {ArrayBuffer} bytes @returns {Numbers} 64-bit integers stay exact as BigInt */
function numbers(dtype, bytes) {
  switch (dtype) {
    case "F32":
      return new Float32Array(bytes);
    case "F64":
      return new Float64Array(bytes);
    case "F16":
      return Float32Array.from(new Uint16Array(bytes), halfToFloat);
    case "I8":
      return new Int8Array(bytes);
    case "I16":
      return new Int16Array(bytes);
    case "U16":
      return new Uint16Array(bytes);
    case "I32":
      return new Int32Array(bytes);
    case "U32":
      return new Uint32Array(bytes);
    case "I64":
      return new BigInt64Array(bytes);
    case "U64":
      return new BigUint64Array(bytes);
    default:
      return new Uint8Array(bytes);
  }
}

/** @param {string} name */
const damaged = (name) => new DamagedFile(`the array '${name}' is damaged (its checksum does not match)`);

/**
 * @param {Read} read @param {number} size of the file in bytes
 * @returns {Promise<ReturnType<typeof lensFile>>}
 */
export async function openLensFile(read, size) {
  if (size < 8) throw new DamagedFile(`it has ${size} bytes, too few for a header`);
  // Headers are small: one request usually has it all.
  const first = await read(0, Math.min(size, 65_536));
  const length = Number(new DataView(first).getBigUint64(0, true));
  if (length > Math.min(HEADER_LIMIT, size - 8))
    throw new DamagedFile(`its header claims ${length} bytes, the file has ${size}`);
  const raw = new Uint8Array(length);
  raw.set(new Uint8Array(first).subarray(8, 8 + length));
  if (8 + length > first.byteLength)
    raw.set(new Uint8Array(await read(first.byteLength, 8 + length)), first.byteLength - 8);
  const { table, ours } = header(raw);
  const tensors = renamed(places(table, ours, 8 + length, size));
  checkDocument(ours.document);
  return lensFile(read, tensors, ours.document, ours.version);
}

/** The table of arrays and our own part of a header, whose seal is whole. @param {Uint8Array} raw */
function header(raw) {
  const text = new TextDecoder().decode(raw);
  const seal = SEAL.exec(text)?.[1];
  if (seal) {
    const unsealed = raw.slice();
    unsealed.fill("0".charCodeAt(0), SEAL_AT, SEAL_AT + seal.length);
    if (crc32(unsealed) !== Number.parseInt(seal, 16)) throw brokenHeader();
  }
  /** @type {any} */
  let table;
  /** @type {any} */
  let ours;
  let metadata = "";
  try {
    table = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw));
    metadata = table.__metadata__.semlens;
    ours = JSON.parse(metadata);
    if (ours.format !== "semlens") throw new Error("foreign");
  } catch {
    throw new DamagedFile("its header is not ours (another safetensors file, or a damaged one?)");
  }
  const { version } = ours;
  if (!Number.isInteger(version) || version < 1)
    throw new DamagedFile(`version is ${JSON.stringify(version)}; needed is a whole number from 1`);
  if (version > VERSION)
    throw new DamagedFile(
      `it has format version ${version}, this program reads up to ${VERSION}; update semlens-widgets`,
    );
  if (!seal && (version > 1 || !firstSealFits(metadata))) throw brokenHeader();
  return { table, ours };
}

const brokenHeader = () => new DamagedFile("its header is damaged (checksum does not match)");

/** Whether the header of a file of version 1 has its checksum, which was taken of the other members. @param {string} metadata */
function firstSealFits(metadata) {
  const found = FIRST_SEAL.exec(metadata);
  return (
    found !== null && crc32(new TextEncoder().encode(metadata.replace(FIRST_SEAL, ""))) === Number(found[1])
  );
}

/**
 * Where all arrays lie: one after the other, to the end of the file.
 * @param {any} table @param {any} ours @param {number} start @param {number} size
 */
function places(table, ours, start, size) {
  const checksums = ours.version > 1 ? ours.blocks : ours.checksums;
  const entries = Object.entries(table).filter(([name]) => name !== "__metadata__");
  if (typeof checksums !== "object" || checksums === null || Object.keys(checksums).length !== entries.length)
    throw new DamagedFile("arrays and checksums do not agree");
  /** @type {Map<string, Tensor>} */
  const tensors = new Map();
  for (const [name, entry] of entries) {
    const { dtype, shape, data_offsets: place } = entry ?? {};
    const known = Array.isArray(shape) && Array.isArray(place) && place.length === 2;
    if (
      !known ||
      ![...shape, ...place].every((n) => Number.isSafeInteger(n) && n >= 0) ||
      !Object.hasOwn(DTYPES, dtype)
    )
      throw new DamagedFile(`the place of array '${name}' is damaged`);
    const bytes = shape.reduce((a, b) => a * b, DTYPES[dtype][1]);
    if (place[1] - place[0] !== bytes || start + place[1] > size)
      throw new DamagedFile(`the place of array '${name}' does not fit the file (cut off while copying?)`);
    const listed = Object.hasOwn(checksums, name) ? checksums[name] : null;
    const crcs = ours.version > 1 ? blocks(listed, bytes) : [listed];
    if (!crcs) throw new DamagedFile(`the checksums of array '${name}' are not one of each block`);
    tensors.set(name, { dtype, shape, begin: start + place[0], end: start + place[1], checksums: crcs });
  }
  let end = start;
  for (const { begin, end: next } of [...tensors.values()].sort(
    (a, b) => a.begin - b.begin || a.end - b.end,
  )) {
    if (begin !== end) throw new DamagedFile("its arrays do not lie one after the other");
    end = next;
  }
  if (end !== size)
    throw new DamagedFile(`its arrays end at byte ${end}, the file at ${size} (cut off while copying?)`);
  return tensors;
}

/** The same with the arrays' names of now, where an earlier version wrote others. @param {Map<string, Tensor>} tensors */
function renamed(tensors) {
  for (const [old, name] of RENAMED) {
    const tensor = tensors.get(old);
    if (tensor && !tensors.has(name)) tensors.set(name, tensor);
  }
  return tensors;
}

/** The checksums of the blocks of an array, or null where they are not one of each. @param {unknown} listed @param {number} bytes */
function blocks(listed, bytes) {
  const count = Math.ceil(bytes / BLOCK);
  if (typeof listed !== "string" || listed.length !== 8 * count || /[^0-9a-f]/.test(listed)) return null;
  return Array.from({ length: count }, (_, i) => Number.parseInt(listed.slice(8 * i, 8 * i + 8), 16));
}

/** @param {Read} read @param {Map<string, Tensor>} tensors @param {any} document @param {number} version */
function lensFile(read, tensors, document, version) {
  const checkValues = fitting(document, tensors);
  /** @type {Map<string, Promise<Numbers>>} */
  const known = new Map();

  /** @param {string} name @returns {Tensor} */
  function tensor(name) {
    const found = tensors.get(name);
    if (!found) throw new DamagedFile(`it has no array '${name}'`);
    return found;
  }

  /** Several byte ranges, near ones in one request. @param {[number, number][]} ranges @returns {Promise<ArrayBuffer[]>} */
  async function pieces(ranges) {
    const order = ranges.map((_, i) => i).sort((a, b) => ranges[a][0] - ranges[b][0]);
    /** @type {{begin: number, end: number, members: number[]}[]} */
    const runs = [];
    for (const i of order) {
      const [begin, end] = ranges[i];
      const last = runs[runs.length - 1];
      if (last && begin - last.end <= GAP) {
        last.end = Math.max(last.end, end);
        last.members.push(i);
      } else runs.push({ begin, end, members: [i] });
    }
    /** @type {ArrayBuffer[]} */
    const result = [];
    await Promise.all(
      runs.map(async ({ begin, end, members }) => {
        const bytes = end > begin ? await read(begin, end) : new ArrayBuffer(0);
        for (const i of members) result[i] = bytes.slice(ranges[i][0] - begin, ranges[i][1] - begin);
      }),
    );
    return result;
  }

  /** @param {string} name */
  async function whole(name) {
    const { dtype, begin, end, checksums } = tensor(name);
    const bytes = end > begin ? await read(begin, end) : new ArrayBuffer(0);
    const size = version > 1 ? BLOCK : Math.max(bytes.byteLength, 1);
    for (const [block, crc] of checksums.entries())
      if (crc32(new Uint8Array(bytes).subarray(block * size, (block + 1) * size)) !== crc)
        throw damaged(name);
    const found = numbers(dtype, bytes);
    checkValues(name, found);
    return found;
  }

  /** Byte ranges of an array, cut from the blocks they lie in, which are whole. @param {string} name @param {[number, number][]} ranges */
  async function checkedPieces(name, ranges) {
    const { begin, end, checksums } = tensor(name);
    const wanted = new Set(
      ranges.flatMap(([a, b]) => {
        const first = Math.floor(a / BLOCK);
        return Array.from({ length: Math.max(0, Math.ceil(b / BLOCK) - first) }, (_, i) => first + i);
      }),
    );
    const numbered = [...wanted];
    const read = await pieces(
      numbered.map((block) => [begin + block * BLOCK, Math.min(begin + (block + 1) * BLOCK, end)]),
    );
    /** @type {Map<number, Uint8Array>} */
    const blocks = new Map();
    for (const [i, block] of numbered.entries()) {
      const bytes = new Uint8Array(read[i]);
      if (crc32(bytes) !== checksums[block]) throw damaged(name);
      blocks.set(block, bytes);
    }
    return ranges.map(([a, b]) => {
      const piece = new Uint8Array(b - a);
      for (let at = a; at < b; ) {
        const block = Math.floor(at / BLOCK);
        const until = Math.min(b, (block + 1) * BLOCK);
        const bytes = /** @type {Uint8Array} */ (blocks.get(block));
        piece.set(bytes.subarray(at - block * BLOCK, until - block * BLOCK), at - a);
        at = until;
      }
      return piece.buffer;
    });
  }

  /** A whole array, read once. @param {string} name @returns {Promise<any>} flat, in row order */
  function array(name) {
    let coming = known.get(name);
    if (!coming) {
      coming = whole(name);
      coming.catch(() => known.delete(name));
      known.set(name, coming);
    }
    return coming;
  }

  return {
    document,
    version,
    array,
    /** @param {string} name */
    has: (name) => tensors.has(name),
    /** @param {string} name @returns {number[]} */
    shape: (name) => tensor(name).shape,

    /** Some rows of an array. @param {string} name @param {readonly number[]} rows @returns {Promise<any[]>} */
    async rows(name, rows) {
      const { dtype, shape, begin, end } = tensor(name);
      for (const row of rows)
        if (!(Number.isInteger(row) && row >= 0 && row < shape[0]))
          throw new RangeError(`row ${row} of '${name}', which has ${shape[0]}`);
      if (version === 1 || known.has(name)) {
        const all = await array(name);
        const width = all.length / shape[0];
        return rows.map((row) => all.subarray(row * width, (row + 1) * width));
      }
      const width = (end - begin) / shape[0];
      const bytes = await checkedPieces(
        name,
        rows.map((row) => [row * width, (row + 1) * width]),
      );
      return bytes.map((piece) => {
        const found = numbers(dtype, piece);
        checkValues(name, found);
        return found;
      });
    },

    /**
     * Ranges of a byte array whose parts have checksums of their own; a part that does not match is null.
     * @param {string} name @param {{range: [number, number], checksum: number}[]} parts
     */
    async bytes(name, parts) {
      const { begin } = tensor(name);
      const found = await pieces(parts.map(({ range: [a, b] }) => [begin + a, begin + b]));
      return found.map((bytes, i) => (crc32(new Uint8Array(bytes)) === parts[i].checksum ? bytes : null));
    },
  };
}

/**
 * Reads ranges of a file from a server. One that does not answer them sends the whole file, which is taken once if it is small.
 * @param {(begin: number, end: number) => Promise<Response>} request
 * @returns {Read}
 */
export function rangeReader(request) {
  /** All of it, where the server sent that. @type {ArrayBuffer | null} */
  let whole = null;
  return async (begin, end) => {
    if (whole) return whole.slice(begin, end);
    const response = await request(begin, end);
    const length = Number(response.headers.get("Content-Length") ?? Number.NaN);
    if (response.status === 200 && length !== end - begin) {
      if (!(length <= WHOLE))
        throw new Error("This server cannot send parts of a file; open the file in a notebook.");
      // A server of plain files, as JupyterLite has it: what is small is kept whole.
      const all = await response.arrayBuffer();
      if (all.byteLength > end - begin) whole = all;
      if (all.byteLength >= end) return all.slice(begin, end);
      throw new DamagedFile(`bytes ${begin} to ${end} are not all there (${all.byteLength} came)`);
    }
    if (response.status !== 206 && response.status !== 200)
      throw new Error(
        `The server answered ${response.status} ${response.statusText} for bytes ${begin} to ${end}.`,
      );
    const bytes = await response.arrayBuffer();
    if (bytes.byteLength !== end - begin)
      throw new DamagedFile(`bytes ${begin} to ${end} are not all there (${bytes.byteLength} came)`);
    return bytes;
  };
}
