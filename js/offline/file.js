/**
 * A `.semlens` file read piece by piece: the header at once, an array or some of its rows when they are needed.
 * The format is safetensors with our JSON in its metadata (`semlens_widgets/store.py`); where the bytes come from
 * does not matter: ranges of a file on a server, or a page that holds it all.
 */

/** @typedef {(begin: number, end: number) => Promise<ArrayBuffer>} Read bytes [begin, end) */
/** @typedef {{dtype: string, shape: number[], begin: number, end: number}} Tensor its place in the file */
/** @typedef {Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array | Uint32Array} Numbers */

/** The file is no whole `.semlens` file of a version we know; the message says what is wrong. */
export class DamagedFile extends Error {
  /** @param {string} what */
  constructor(what) {
    super(what);
    this.name = "DamagedFile";
  }
}

const HEADER_LIMIT = 100_000_000;
const VERSION = 1;
/** Gaps up to this many bytes are read along rather than asked around. */
const GAP = 32_768;

/** @type {Record<string, number>} bytes per number */
const SIZES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

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
    case "U64":
      return new BigInt64Array(bytes);
    default:
      return new Uint8Array(bytes);
  }
}

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
  const whole = 8 + length <= first.byteLength ? first : await read(0, 8 + length);
  /** @type {any} */
  let table;
  /** @type {any} */
  let header;
  try {
    table = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 8, length)));
    header = JSON.parse(table.__metadata__.semlens);
    if (header.format !== "semlens") throw new Error("foreign");
  } catch {
    throw new DamagedFile("its header is not ours (another safetensors file, or a damaged one?)");
  }
  if (header.version > VERSION)
    throw new DamagedFile(
      `it has format version ${header.version}, this program reads up to ${VERSION}; update semlens-widgets`,
    );
  /** @type {Map<string, Tensor>} */
  const tensors = new Map();
  const start = 8 + length;
  for (const [name, entry] of Object.entries(table)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: place } = entry;
    const bytes =
      shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1) *
      (SIZES[dtype] ?? Number.NaN);
    if (place[1] - place[0] !== bytes || start + place[1] > size)
      throw new DamagedFile(`the place of array '${name}' does not fit the file (cut off while copying?)`);
    tensors.set(name, { dtype, shape, begin: start + place[0], end: start + place[1] });
  }
  return lensFile(read, tensors, header.document);
}

/** @param {Read} read @param {Map<string, Tensor>} tensors @param {any} document */
function lensFile(read, tensors, document) {
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

  return {
    document,
    /** @param {string} name */
    has: (name) => tensors.has(name),
    /** @param {string} name @returns {number[]} */
    shape: (name) => tensor(name).shape,

    /** A whole array, read once. @param {string} name @returns {Promise<any>} flat, in row order */
    array(name) {
      let coming = known.get(name);
      if (!coming) {
        const { dtype, begin, end } = tensor(name);
        coming = (end > begin ? read(begin, end) : Promise.resolve(new ArrayBuffer(0))).then((bytes) =>
          numbers(dtype, bytes),
        );
        coming.catch(() => known.delete(name));
        known.set(name, coming);
      }
      return coming;
    },

    /** Some rows of an array. @param {string} name @param {readonly number[]} rows @returns {Promise<any[]>} */
    async rows(name, rows) {
      if (known.has(name)) {
        const all = /** @type {any} */ (await known.get(name));
        const width = all.length / tensor(name).shape[0];
        return rows.map((row) => all.subarray(row * width, (row + 1) * width));
      }
      const { dtype, shape, begin, end } = tensor(name);
      const width = (end - begin) / shape[0];
      const read = await pieces(rows.map((row) => [begin + row * width, begin + (row + 1) * width]));
      return read.map((bytes) => numbers(dtype, bytes));
    },

    /** Ranges of a byte array. @param {string} name @param {[number, number][]} ranges */
    async bytes(name, ranges) {
      const { begin } = tensor(name);
      return pieces(ranges.map(([a, b]) => [begin + a, begin + b]));
    },
  };
}

/**
 * Reads ranges of a file from a server, which must answer them: else the whole file would come each time.
 * @param {(begin: number, end: number) => Promise<Response>} request
 * @returns {Read}
 */
export function rangeReader(request) {
  return async (begin, end) => {
    const response = await request(begin, end);
    if (response.status === 200 && Number(response.headers.get("Content-Length")) !== end - begin)
      throw new Error(
        "This server sends whole files where a part was asked for; open the file in a notebook.",
      );
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
