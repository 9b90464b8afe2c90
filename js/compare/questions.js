/** What the views of a comparison ask, in their own words. */

import { kernelSource } from "../shared/source.js";

/** @typedef {{score: number, low: number, high: number, chance: number, chance_sd: number}} Similarity */
/** @typedef {{ab: (number | null)[][], ba: (number | null)[][]}} BothWays */

/**
 * @typedef {object} Comparison
 * @property {[string, string]} names of A and B
 * @property {Similarity} a_in_b how much of A is in B @property {Similarity} b_in_a
 * @property {boolean} different_data @property {boolean} centre
 * @property {string[]} layers_a @property {string[]} layers_b
 * @property {[import("../shared/labels.js").Layer[], import("../shared/labels.js").Layer[]]} layers of A and B, with sizes
 * @property {BothWays} cosines the mean of each component's best cosine, layer by layer
 * @property {BothWays} known which share of a layer has a counterpart in the other
 * @property {number} pairs @property {number} one_way @property {number} a_only @property {number} b_only
 */

/** @typedef {{others: string[], other: string | null, comparison: Comparison | null}} Overview */

/**
 * One concept in each model. `relevance` is the share of the model's relevance that passes through
 * the components that carry the concept; null where it is not known.
 * @typedef {{concept: string, query: boolean, unknown: string[], score: (number | null)[], z: (number | null)[], found: boolean[], unchecked?: boolean[], carriers: number[], relevance: (number | null)[], best: (string | null)[]}} ConceptRow
 */

/** @typedef {{models: string[], rows: ConceptRow[], relevance: boolean, message: string | null}} ConceptTable */

/** @typedef {{a: import("./list.js").Item[], pairs: import("./list.js").Item[], b: import("./list.js").Item[]}} Lists */

/** @param {import("../shared/channel.js").Channel["ask"]} ask */
export function questions(ask) {
  return {
    /** @param {AbortSignal} signal @returns {Promise<Overview>} */
    overview: (signal) => ask("comparison", {}, { signal }),

    /** @param {AbortSignal} signal @returns {Promise<ConceptTable>} */
    concepts: (signal) => ask("comparison_concepts", {}, { signal }),

    /**
     * The three columns, kept to one layer of each model, to what carries a concept, and to what has a text in it.
     * @param {{layers: [string, string] | null, concept: string | null, find: [string, string, string]}} filter
     * @param {AbortSignal} signal @returns {Promise<Lists>}
     */
    async lists(filter, signal) {
      const found = await ask("comparison_lists", filter, { signal });
      return {
        a: Array.from(found.a, (a, i) => ({ a, b: null, score: found.a_scores[i] })),
        pairs: Array.from(found.pair_a, (a, i) => ({ a, b: found.pair_b[i], score: found.pair_scores[i] })),
        b: Array.from(found.b, (b, i) => ({ a: null, b, score: found.b_scores[i] })),
      };
    },
  };
}

/**
 * A source for the components of another model of the comparison.
 * @param {import("../shared/channel.js").Channel["ask"]} ask @param {string} model its name
 */
export const sourceOf = (ask, model) =>
  kernelSource((verb, args, options) => ask(`other_${verb}`, { ...args, model }, options));
