/** What the kernel knows of the map: the places of its points, the numbers of a colour, and relevance as sizes. */

import { latest } from "../shared/latest.js";

/** Colours that need no numbers from the kernel. */
const KNOWN_HERE = ["label", "layer", "search"];

/** `sample`: so many were laid out, and the others placed among them. @typedef {{method: string, better: boolean, sample?: number | null, whole?: number | null, colours: string[], places: Float32Array}} Places */

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {() => string} options.colour the one whose numbers are wanted
 * @param {(places: Places) => void} options.onPlaces `colours`: what can be shown
 * @param {(values: import("./colours.js").Values | null) => void} options.onValues
 * @param {(sizes: Float32Array | null) => void} options.onSizes
 * @param {(error: unknown) => void} options.fail
 */
export function mapFacts({ ask, colour, onPlaces, onValues, onSizes, fail }) {
  /** @type {string[]} */
  let available = [];

  const places = latest(
    (signal) => ask("map", {}, { signal }),
    (/** @type {Places} */ answer) => {
      available = answer.colours;
      onPlaces(answer);
      values.start();
      sizes.start();
    },
    fail,
  );
  const values = latest(
    (signal) => (KNOWN_HERE.includes(colour()) ? none() : valuesOf(colour(), signal)),
    onValues,
    fail,
  );
  const sizes = latest(
    (signal) => (available.includes("relevance") ? valuesOf("relevance", signal) : none()),
    (answer) => onSizes(answer?.numbers ?? null),
    fail,
  );

  /** @param {string} wanted @param {AbortSignal} signal @returns {Promise<import("./colours.js").Values | null>} */
  async function valuesOf(wanted, signal) {
    return { numbers: null, ...(await ask("map_values", { colour: wanted }, { signal })) };
  }

  return {
    /** Places anew, and with them all that is drawn at them. */
    start: places.start,
    startValues: values.start,
    stop() {
      for (const asked of [places, values, sizes]) asked.stop();
    },
  };
}

/** @returns {Promise<null>} */
const none = async () => null;
