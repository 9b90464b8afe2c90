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
 * One picture of many crops: the middle square of each, at its place.
 * @param {(ArrayBuffer | null)[]} pictures @param {number[][]} places @param {number} size @param {number} columns @param {number} lines
 */
export async function drawSheet(pictures, places, size, columns, lines) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, columns * size);
  canvas.height = Math.max(1, lines * size);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = "#808080";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const draw = async (/** @type {ArrayBuffer | null} */ bytes, /** @type {number[]} */ [x, y]) => {
    if (!bytes) return; // A damaged picture stays grey, as it does in Python.
    try {
      const image = await createImageBitmap(new Blob([bytes], { type: "image/webp" }));
      const edge = Math.min(image.width, image.height);
      const [left, top] = [(image.width - edge) / 2, (image.height - edge) / 2];
      pen.drawImage(image, left, top, edge, edge, x, y, size, size);
      image.close();
    } catch {
      // What the browser cannot decode stays grey as well.
    }
  };
  for (let start = 0; start < pictures.length; start += AT_ONCE)
    await Promise.all(
      pictures.slice(start, start + AT_ONCE).map((bytes, i) => draw(bytes, places[start + i])),
    );
  const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ done) =>
    canvas.toBlob(done, "image/webp", 0.85),
  );
  if (!blob) throw new Error("the browser could not draw the examples");
  return blob;
}
