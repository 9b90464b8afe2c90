/** The pictures of a file: whose they are, and many on one sheet. */

import { once } from "./once.js";
import { showable } from "./picture.js";

/** Pictures that are decoded at one time. */
const AT_ONCE = 8;

/** @typedef {import("./answers.js").LensFile} LensFile */

/** What images are called, and their classes. @param {LensFile} file @param {string[]} classes */
export const imageNames = (file, classes) =>
  once(async () => {
    const [ids, offsets, text, labels] = await Promise.all(
      ["image_ids", "image_name_offsets", "image_names", "image_labels"].map((name) => file.array(name)),
    );
    const decoder = new TextDecoder();
    const places = new Map(Array.from(ids, (id, i) => [Number(id), i]));
    return (/** @type {number} */ image) => {
      const at = places.get(image);
      if (at === undefined) return { name: String(image), label: null };
      const name = decoder.decode(text.subarray(Number(offsets[at]), Number(offsets[at + 1])));
      const number = Number(labels[at]);
      return { name, label: number < 0 ? null : (classes[number] ?? String(number)) };
    };
  });

/** WebP bytes of some crops; null for one that is damaged, or no picture. @param {LensFile} file @param {readonly number[]} crops */
export async function webps(file, crops) {
  const [offsets, checksums] = await Promise.all([
    file.array("thumbnail_offsets"),
    file.array("thumbnail_checksums"),
  ]);
  const found = await file.bytes(
    "thumbnails",
    crops.map((crop) => ({
      range: [Number(offsets[crop]), Number(offsets[crop + 1])],
      checksum: Number(checksums[crop]),
    })),
  );
  return found.map((bytes) => (showable(bytes) ? bytes : null));
}

/**
 * One picture of many squares, which `draw` puts there.
 * @param {number} size of a square @param {number} columns @param {number} lines
 * @param {(pen: CanvasRenderingContext2D) => Promise<unknown>} draw
 */
export async function sheetOf(size, columns, lines, draw) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, columns * size);
  canvas.height = Math.max(1, lines * size);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = "#808080";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  await draw(pen);
  const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ done) =>
    canvas.toBlob(done, "image/webp", 0.85),
  );
  if (!blob) throw new Error("the browser could not draw the examples");
  return blob;
}

/** Does something with all of a list, a few at a time. @template T @param {readonly T[]} list @param {(one: T, at: number) => Promise<unknown>} work */
export async function fewAtOnce(list, work) {
  for (let start = 0; start < list.length; start += AT_ONCE)
    await Promise.all(list.slice(start, start + AT_ONCE).map((one, i) => work(one, start + i)));
}

/**
 * Where the pictures of examples come from.
 * @typedef {object} Pictures
 * @property {(rows: number[], shown: number[], size: number, columns: number) => Promise<Blob>} sheet a line for each of
 *   the rows, with so many of its examples as squares
 * @property {(row: number, rank: number) => Promise<Blob | null>} one null where it is damaged
 */

/** The pictures that lie in a file. @param {LensFile} file @returns {Pictures} */
export const filePictures = (file) => ({
  async sheet(rows, shown, size, columns) {
    const cropsOf = await file.rows("crop_of", rows);
    const wanted = cropsOf.flatMap((crops, line) => Array.from(crops.subarray(0, shown[line])));
    const places = shown.flatMap((n, line) =>
      Array.from({ length: n }, (_, rank) => [rank * size, line * size]),
    );
    const pictures = await webps(file, wanted);
    return sheetOf(size, columns, rows.length, (pen) =>
      fewAtOnce(pictures, async (bytes, at) => {
        if (!bytes) return; // A damaged picture stays grey, as it does in Python.
        try {
          const image = await createImageBitmap(new Blob([bytes], { type: "image/webp" }));
          const edge = Math.min(image.width, image.height);
          const [left, top] = [(image.width - edge) / 2, (image.height - edge) / 2];
          pen.drawImage(image, left, top, edge, edge, places[at][0], places[at][1], size, size);
          image.close();
        } catch {
          // What the browser cannot decode stays grey as well.
        }
      }),
    );
  },
  async one(row, rank) {
    const [crops] = await file.rows("crop_of", [row]);
    const [bytes] = await webps(file, [crops[rank]]);
    return bytes && new Blob([bytes], { type: "image/webp" });
  },
});
