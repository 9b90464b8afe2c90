/**
 * What the views ask, in the views' words. Over a live kernel it is a request channel; anything that
 * answers the same questions may stand in its place (a file without a kernel, a test).
 */

/**
 * The null distribution of the scores: random sets of images from the same data.
 * `score_at_p01` is the score (`z_at_p01` the z) that one random set in a hundred exceeds.
 * @typedef {{mean: number, sd: number, size?: number, hist: {edges: number[], counts: number[]}, z_at_p01: number, score_at_p01: number}} NullDistribution
 */

/**
 * The answer to a query. The first `n_above_null` of `rows` lie above the null. Without a query `scores`, `z`, `p`
 * are null and rows are in natural order.
 * @typedef {object} Hits
 * @property {string} query
 * @property {number} count components after the layer filter: the length of `rows`
 * @property {number} total components of the lens
 * @property {number} n_above_null how many of `rows`, from the top, lie above the null
 * @property {boolean} not_found whether nothing speaks for the query
 * @property {"found" | "unchecked" | "not found" | null} [state] `unchecked`: better than chance and close enough, but too
 *   few sampled images could check it, so that nothing is found
 * @property {NullDistribution | null} null
 * @property {{rank?: number, row: number, id: string, score: number, z: number, p: number, p_all?: number, adjusted_similarity?: number, held_out?: number | null, shown?: number} | null} best
 *   the hit that the answer stands on; `rank`: hits before it are passed over;
 *   `p_all`: the chance that the best of so many random sets does as well; `adjusted_similarity`: how far it gets from
 *   chance (0) to the images that match best (1); `held_out`: the AUROC with which it tells the `shown` sampled
 *   images that show the query from the others, null where they are too few
 * @property {string | null} message something the person should know about this result
 * @property {string | null} [reason] what the best hit is, and why that is found or not, in words
 * @property {boolean} [by_chance] whether the best hit scores no higher than the best of as many random components may
 * @property {string[]} [query_components] components that the query names: it is about the others, and they are no hits
 * @property {string[]} unknown_words words the CLIP or the lens does not know
 * @property {{possible: boolean, message: string} | null} couldshow whether the data could show the concept
 * @property {"examples" | "activations" | "both" | null} [by] which evidence was asked for; without responses, and in a page: examples
 * @property {{share: number | null, low: number, high: number, text: string} | null} [prevalence] how many images show the query
 * @property {Int32Array} rows @property {Float32Array | null} scores @property {Float32Array | null} z @property {Float32Array | null} p
 * @property {Uint8Array | null} [evidence] which evidence of each lies above chance: 1 its examples, 2 its activations, 3 both
 * @property {Float32Array | null} [z_examples] the z of its examples alone
 */

/**
 * What a component is called: `own` by a person, else by the closest word; not `confident`: unexplained. `margin` is the
 * lead over the second best word; `score` and `confidence` are told by the card alone.
 * @typedef {{text: string, margin?: number | null, confident?: boolean, own?: boolean, score?: number | null, confidence?: number | null}} Label
 */
/** @typedef {{row: number, id: string, layer: string, index: number, label: Label | null, dead: boolean, responses: number[]}} Component */
/** @typedef {{image: Blob, columns: number, size: number, rows: number[], counts: number[]}} Sprite one row of crops per component, strongest first; `counts` says how many each has */
/** @typedef {{image: Blob, response: number, rank: number, of: number, image_id: string, name?: string | null, label?: string | null}} Example */

/**
 * @typedef {object} Card
 * @property {number} row @property {string} id @property {string} layer @property {number} index
 * @property {Label | null} label @property {boolean} dead @property {number[]} responses
 * @property {number | null} score @property {number | null} z @property {number | null} p for the present query
 * @property {"examples" | "activations" | "both" | null} [by] which of its evidence for the query lies above chance
 * @property {boolean} [whole_range] whether it can be shown over all sampled images
 * @property {{edges: number[], counts: number[], images: number} | null} histogram responses over all images
 * @property {{row: number, id: string, score: number, label?: Label | null}[]} siblings
 * @property {{row: number, id: string, label: Label | null, dead: boolean} | null} [other_end] of a signed layer
 * @property {{classes: {name: string, share: number, images: number}[], more: number} | null} [relevance] what it speaks
 *   for and against over a data set, the strongest classes; `more` classes are left out
 * @property {boolean} [relatable] whether that can be computed
 * @property {string[]} [display_modes] how its examples can be shown: "crop", "mask", "heat", "whole"
 * @property {boolean} [streams] whether it can be computed what feeds it and what it feeds
 */

/**
 * What may be done where nothing is found: queries that leave a part out, known words near by spelling or meaning, and
 * the images that come closest, side by side in one sheet.
 * @typedef {object} Ways
 * @property {{query: string, without: string}[]} shorter @property {string[]} spelling @property {string[]} meaning
 * @property {{name: string, label: string | null, score: number}[]} images
 * @property {Blob | null} sheet
 */

/**
 * @typedef {object} Source
 * @property {(signal?: AbortSignal, part?: {since?: number, most?: number}) => Promise<Hits>} hits of the columns a part
 * @property {(rows: number[], signal?: AbortSignal) => Promise<Component[]>} components
 * @property {(rows: number[], examples: number, size: number, signal?: AbortSignal) => Promise<Sprite>} sprite
 * @property {(row: number, rank: number, size: number, signal?: AbortSignal) => Promise<Example>} example
 * @property {(row: number, signal?: AbortSignal) => Promise<Card>} card
 * @property {(prefix: string, signal?: AbortSignal) => Promise<string[]>} suggest
 * @property {(image: Blob, name: string) => Promise<{id: string, name: string}>} queryImage
 * @property {(signal?: AbortSignal) => Promise<Ways>} ways from a query that finds nothing
 * @property {(signal?: AbortSignal) => Promise<string[]>} startWords
 */

/** Images larger than this are refused before they are sent: the server drops messages above 10 MiB. */
export const MAX_IMAGE_BYTES = 8 * 2 ** 20;

/** @param {import("./channel.js").Channel["ask"]} ask @returns {Source} */
export function kernelSource(ask) {
  return {
    hits: (signal, part = {}) => ask("hits", part, { signal }),
    components: async (rows, signal) => (await ask("components", { rows }, { signal })).components,
    sprite: (rows, examples, size, signal) => ask("sprite", { rows, examples, size }, { signal }),
    example: (row, rank, size, signal) => ask("example", { row, rank, size }, { signal }),
    card: (row, signal) => ask("card", { row }, { signal }),
    suggest: async (prefix, signal) => (await ask("suggest", { prefix }, { signal })).words,
    async queryImage(image, name) {
      const buffers = [await image.arrayBuffer()];
      return (await ask("query_image", { name, type: image.type }, { buffers })).chip;
    },
    ways: (signal) => ask("ways", {}, { signal }),
    startWords: async (signal) => (await ask("start_words", {}, { signal })).words,
  };
}
