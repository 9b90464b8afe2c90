/** Answers on the wire: facts as JSON, and beside them named buffers, as `semlens_widgets/widgets/wire.py` writes them. */

/** The kinds of arrays, by their names in a `.semlens` file. */
const ARRAYS = { F32: Float32Array, I32: Int32Array, I16: Int16Array, I8: Int8Array, U8: Uint8Array };

/** A buffer by name: an array of a kind and shape, or a file of a media type. @typedef {[string, string, number[]?]} Named */

/**
 * An answer by name: its facts, arrays as typed arrays (flat, in row order), files as Blobs. Buffers are copied, for one
 * of a message need not be aligned to the numbers in it.
 * @param {any} result facts, with `buffers` naming what came beside them @param {readonly DataView[]} buffers
 * @returns {any}
 */
export function decode(result, buffers) {
  /** @type {Named[]} */
  const named = result?.buffers;
  if (!Array.isArray(named)) return result;
  const { buffers: _, ...answer } = result;
  if (named.length !== buffers.length)
    throw new RangeError(`${buffers.length} buffers came; expected ${named.length}`);
  for (const [i, [name, kind, shape]] of named.entries()) {
    if (Object.hasOwn(answer, name)) throw new RangeError(`'${name}' came twice`);
    Object.defineProperty(answer, name, {
      value: received(name, kind, shape, buffers[i]),
      enumerable: true,
      writable: true,
    });
  }
  return answer;
}

/** @param {string} name @param {string} kind @param {number[] | undefined} shape @param {DataView} view */
function received(name, kind, shape, { buffer, byteOffset, byteLength }) {
  const bytes = /** @type {ArrayBuffer} */ (buffer.slice(byteOffset, byteOffset + byteLength));
  if (!shape) return new Blob([bytes], { type: kind });
  const Numbers = Object.hasOwn(ARRAYS, kind) ? ARRAYS[/** @type {keyof typeof ARRAYS} */ (kind)] : null;
  const size = shape.reduce((all, length) => all * length, Numbers?.BYTES_PER_ELEMENT ?? 0);
  if (!Numbers || size !== byteLength)
    throw new RangeError(`'${name}' has ${byteLength} bytes; ${kind} [${shape}] needs ${size}`);
  return new Numbers(bytes);
}
