/** What the prediction view asks, in its own words; see `widgets/prediction.py` for the answers. */

/**
 * A class and its probability; of what has none (a number of a regression, a function) null. `text` is what to show.
 * @typedef {{index: number, name: string, probability: number | null, text: string}} ClassScore
 */

/**
 * A target as it is written on the wire; `semlens_widgets/targets` reads it. Places are in shares of the picture.
 * @typedef {{kind: "segment", which: string | number, within: number[] | string | null}
 *   | {kind: "box", which: string | number | null, at: number[] | null}
 *   | {kind: "text", which: string} | {kind: "similarity", which: number}} TargetDocument
 */

/**
 * One explained prediction. Relevances are parts of what moved in their layer: of the sum of absolute values, with sign.
 * @typedef {object} Prediction
 * @property {string} state "ready", or why there is nothing: "empty", "no-model"
 * @property {string} message what to do about it
 * @property {{images: number, classes: string[], labelled: boolean}} data the data set that can be browsed
 * @property {string} method as it was asked: "auto", or by name
 * @property {[string, string][]} [methods] those that can be chosen, each as it is asked for and as it is read
 * @property {{index: number | null, name: string, label: string | null}} [image]
 * @property {ClassScore[]} [top] the five likeliest classes
 * @property {ClassScore & {chosen: boolean, document?: TargetDocument | null}} [target] what is explained; `chosen` by the
 *   person, else the likeliest; `document` as it is written, null for what only Python can say
 * @property {string | null} [form] what the answer is: "classes", "map", "boxes", "embedding"
 * @property {{document: TargetDocument | string | null, python: string | null}} [wanted] what is to be explained of the
 *   image that is still to be chosen
 * @property {{name: string, share: number, text: string, document: TargetDocument, place: number[] | null, explained?: boolean}[]} [choices] of
 *   an answer without class scores; `place` of a box (left, top, right, bottom) in shares of what the model saw, which is
 *   `explained` whatever words asked for it
 * @property {number[]} [window] what the model saw of the picture
 * @property {Int16Array} [cells] the class at every place of a map, `lines` of `columns`, called `names`
 * @property {number} [columns]
 * @property {number} [lines]
 * @property {string[]} [names]
 * @property {number} [classes] how many classes there are
 * @property {string | null} [kind] what the model's outputs mean: "single", "binary", "multi", "regression"
 * @property {string} [note] what to know about the names of the classes, such as why they are numbers
 * @property {string} [backend] what computed it
 * @property {string} [chosen] what "auto" chose and why
 * @property {string} [reliability] in one line, how far relevance can be read as the effect of switching off
 * @property {boolean} [weak] whether it says little about that in some layer
 * @property {{name: string, start: number, count: number}[]} [layers]
 * @property {Float32Array} [relevances] by component row
 * @property {Blob} [picture] the part of the image that the model saw
 * @property {HeatMap} [heat] over that part, of all components together
 */

/**
 * A map over a picture, positive for, negative against; the strongest places are ±127.
 * @typedef {{width: number, height: number, values: Int8Array}} HeatMap
 */

/** @typedef {HeatMap & {row: number, relevance: number, words: string}} ComponentHeat `words` say where it lies */

/**
 * Relevance on its way from the class (`upper` null) down. Numbers are shares of the class's own relevance.
 * @typedef {object} Circuit
 * @property {string[]} layers lowest first
 * @property {{row: number, layer: number, relevance: number}[]} nodes
 * @property {{lower: number, upper: number | null, relevance: number}[]} edges
 */

/** @typedef {{index: number, name: string, label: string | null, predicted: string | null, text: string | null, wrong: boolean}} Listed */
/** @typedef {{start: number, total: number, images: Listed[], columns: number, sheet: Blob}} Page */

/** @param {{width: number, height: number, heat: Int8Array}} answer @returns {HeatMap} */
const heatMap = ({ width, height, heat }) => ({ width, height, values: heat });

/** @param {import("../shared/channel.js").Channel["ask"]} ask */
export function predictionSource(ask) {
  return {
    /** @param {AbortSignal} [signal] @returns {Promise<Prediction>} */
    async prediction(signal) {
      const answer = await ask("prediction", {}, { signal });
      return answer.state === "ready" ? { ...answer, heat: heatMap(answer) } : answer;
    },
    /**
     * Explains something else; the answer comes as a new `explanation_version`.
     * @param {{image?: number | null, name?: string, target?: number | string | TargetDocument | null, method?: string}} wish
     * @param {{signal?: AbortSignal, picture?: Blob, onProgress?: (p: import("../shared/channel.js").Progress) => void}} options
     * @returns {Promise<{python?: string}>} the line of Python, where only the kernel can write it
     */
    async explain(wish, { signal, picture, onProgress }) {
      const buffers = picture ? [await picture.arrayBuffer()] : undefined;
      return ask("explain", wish, { signal, buffers, onProgress });
    },
    /** @param {number} row @param {AbortSignal} [signal] @returns {Promise<ComponentHeat>} */
    async heat(row, signal) {
      const answer = await ask("heat", { row }, { signal });
      return { ...answer, ...heatMap(answer) };
    },
    /**
     * @param {number} depth @param {number} top
     * @param {import("../shared/channel.js").AskOptions} [options] @returns {Promise<Circuit>}
     */
    circuit: (depth, top, options) => ask("circuit", { depth, top }, options),
    /**
     * @param {{start: number, count: number, label: number | null, order: string, size: number}} wish
     * @param {import("../shared/channel.js").AskOptions} [options] @returns {Promise<Page>}
     */
    browse: (wish, options) => ask("browse", wish, options),
    /** @param {number} row @param {number} scale @param {AbortSignal} [signal] @returns {Promise<import("./steering.js").Steered>} */
    steer: (row, scale, signal) => ask("steer", { row, scale }, { signal }),
    /** @param {string} text @returns {Promise<ClassScore[]>} */
    classes: async (text) => (await ask("classes", { text })).classes,
  };
}

/** @typedef {ReturnType<typeof predictionSource>} PredictionSource */
