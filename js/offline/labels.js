/** What components of a file are called, as Python judged it, and a person's own words. */

import { once } from "./once.js";

/** @typedef {import("./answers.js").LensFile} LensFile */

/** @param {Record<string, string>} own @param {string} id */
const ownLabel = (own, id) =>
  Object.hasOwn(own, id) ? { text: own[id], margin: null, confident: true, own: true } : null;

/**
 * @param {LensFile} file @param {(row: number) => string} idOf
 * @param {() => Promise<Uint8Array | null>} acceptedLabels which labels are believed [component label], if that is kept
 */
export function fileLabels(file, idOf, acceptedLabels) {
  const { labels: made, own_labels: own = {} } = file.document.extra.parts ?? {};

  /** Of all components: a person's own word, else the closest label. */
  const all = once(async () => {
    if (!made) return (/** @type {number} */ row) => ownLabel(own, idOf(row));
    const [best, margins] = await Promise.all(
      ["words", "margins"].map((name) => file.array(`labels/${name}`)),
    );
    const width = file.shape("labels/words")[1];
    const accepted = await acceptedLabels();
    return (/** @type {number} */ row) => {
      const given = ownLabel(own, idOf(row));
      const text = made.names[Number(best[row * width])];
      if (given || text === undefined) return given;
      return { text, margin: margins[row], confident: accepted?.[row * width] === 1, own: false };
    };
  });

  /** Of some components, without reading all. @param {number[]} rows */
  async function some(rows) {
    const given = rows.map((row) => ownLabel(own, idOf(row)));
    if (!made) return given;
    const [best, margins, accepted] = await Promise.all([
      file.rows("labels/words", rows),
      file.rows("labels/margins", rows),
      acceptedLabels(),
    ]);
    const width = file.shape("labels/words")[1];
    return rows.map((row, at) => {
      const text = made.names[Number(best[at][0])];
      if (given[at] || text === undefined) return given[at];
      return { text, margin: margins[at][0], confident: accepted?.[row * width] === 1, own: false };
    });
  }

  return {
    all,
    some,
    /** A component's label with the score and confidence of its word; a person's own has neither. @param {number} row */
    async judged(row) {
      const [label] = await some([row]);
      if (!label || label.own) return label;
      const [[scores], [confidence]] = await Promise.all([
        file.rows("labels/scores", [row]),
        file.rows("labels/confidence", [row]),
      ]);
      return { ...label, score: scores[0], confidence: confidence[0] };
    },
  };
}
