/** A site: a `.semlens` file that lies in parts beside the page, and the examples of each component as one picture. */

import { fewAtOnce, sheetOf } from "../offline/examples.js";
import { DamagedFile } from "../offline/format.js";

/** Parts that are kept once they are read. */
const KEPT = 96;

/**
 * What the page says of its site: bytes of the file and of a part, how many parts; of pictures the folder of each layer,
 * what a sign is in a name, and the pixels of a side.
 * @typedef {{size: number, part: number, parts: number, folders: string[], signs: Record<string, string>, side: number}} Index
 */

/** @param {string} url @param {typeof fetch} ask */
async function fetched(url, ask) {
  let response;
  try {
    response = await ask(url);
  } catch {
    throw new Error(`${url} cannot be read; is the page served by a web server, and is the network there?`);
  }
  if (!response.ok)
    throw new Error(`the server answered ${response.status} for ${url}; was the whole site copied?`);
  return response;
}

/**
 * Reads ranges of bytes off the parts they lie in. @param {Index} index @param {typeof fetch} [ask]
 * @returns {import("../offline/file.js").Read}
 */
export function partReader({ size, part, parts }, ask = (...args) => fetch(...args)) {
  /** The last ones read, the latest last. @type {Map<number, Promise<ArrayBuffer>>} */
  const known = new Map();

  /** @param {number} number */
  async function load(number) {
    const name = `data/${String(number).padStart(5, "0")}.bin`;
    const bytes = await (await fetched(name, ask)).arrayBuffer();
    const wanted = number === parts - 1 ? size - part * number : part;
    if (bytes.byteLength !== wanted)
      throw new DamagedFile(`${name} has ${bytes.byteLength} bytes; needed are ${wanted}`);
    return bytes;
  }

  /** @param {number} number */
  function get(number) {
    const coming = known.get(number) ?? load(number);
    known.delete(number);
    known.set(number, coming);
    coming.catch(() => known.delete(number));
    if (known.size > KEPT) known.delete(/** @type {number} */ (known.keys().next().value));
    return coming;
  }

  return async (begin, end) => {
    const first = Math.floor(begin / part);
    const count = Math.max(0, Math.ceil(end / part) - first);
    const read = await Promise.all(Array.from({ length: count }, (_, i) => get(first + i)));
    const bytes = new Uint8Array(end - begin);
    for (const [i, piece] of read.entries()) {
      const start = (first + i) * part;
      const [from, to] = [Math.max(begin, start), Math.min(end, start + piece.byteLength)];
      bytes.set(new Uint8Array(piece, from - start, to - from), from - begin);
    }
    return bytes.buffer;
  };
}

/**
 * The pictures of a site.
 * @param {Index} index @param {ReturnType<typeof import("../offline/answers.js").components>} table
 * @param {typeof fetch} [ask] @returns {import("../offline/examples.js").Pictures}
 */
export function stripPictures({ folders, signs, side }, table, ask = (...args) => fetch(...args)) {
  /** @param {number} row */
  async function strip(row) {
    const { id, index } = table.of(row);
    const folder = encodeURIComponent(folders[table.layerNumber(row)]);
    const sign = /[+-]$/.exec(id)?.[0] ?? "";
    const response = await fetched(`crops/${folder}/${index}${signs[sign]}.webp`, ask);
    return createImageBitmap(await response.blob());
  }

  return {
    sheet: (rows, shown, size, columns) =>
      sheetOf(size, columns, rows.length, (pen) =>
        fewAtOnce(rows, async (row, line) => {
          if (!shown[line]) return;
          try {
            const image = await strip(row);
            for (let rank = 0; rank < shown[line]; rank += 1)
              pen.drawImage(image, rank * side, 0, side, side, rank * size, line * size, size, size);
            image.close();
          } catch {
            // What is missing stays grey; the example alone says why.
          }
        }),
      ),
    async one(row, rank) {
      const image = await strip(row);
      const square = await sheetOf(side, 1, 1, async (pen) =>
        pen.drawImage(image, rank * side, 0, side, side, 0, 0, side, side),
      );
      image.close();
      return square;
    },
  };
}
