/** What all components of a view are called: their ids and layers, computed labels, and a person's own, which win. */

import { askLabels, bestOf, countRows, idOf, labelsOfRows, spanOf } from "./labels.js";
import { latest } from "./latest.js";

/**
 * @param {object} options
 * @param {import("./channel.js").Channel["ask"]} options.ask
 * @param {(computed: boolean) => void} options.onChange labels are others now: computed ones that came, or own ones
 * @param {(error: unknown) => void} options.fail
 */
export function componentNames({ ask, onChange, fail }) {
  /** @type {import("./labels.js").Layer[]} */
  let layers = [];
  let count = 0;
  /** @type {string | null} */
  let layer = null;
  /** @type {[number, number]} */
  let span = [0, 0];
  /** @type {import("./labels.js").Labels | null} */
  let labels = null;
  /** @type {Record<string, string>} */
  let own = {};
  let named = labelsOfRows(null, {}, [], 0);
  let started = false;
  const wanted = latest(
    (signal) => askLabels(ask, signal),
    (answer) => {
      labels = answer;
      rename(true);
    },
    fail,
  );

  function rename(computed = false) {
    named = labelsOfRows(labels, own, layers, count);
    onChange(computed);
  }

  const idOfRow = (/** @type {number} */ row) => idOf(layers, row);
  const bestOfRow = (/** @type {number} */ row) => labels && bestOf(labels, row);

  return {
    get layers() {
      return layers;
    },
    get count() {
      return count;
    },
    /** The one layer that is shown, or null. */
    get layer() {
      return layer;
    },
    /** Rows of the layer that is shown, [first, end); all without one. */
    get span() {
      return span;
    },
    get labels() {
      return labels;
    },
    get own() {
      return own;
    },
    /** Labels of all rows as numbers of words, −1 for none. */
    get named() {
      return named;
    },
    idOf: idOfRow,
    /** A person's own label. @param {number} row @returns {string | undefined} */
    ownOf: (row) => own[idOfRow(row)],
    /** The best computed word, believed or not; null for none. @param {number} row */
    bestOf: bestOfRow,
    /** A label in words; quiet where none is believed. @param {number} row */
    wordOf(row) {
      const word = named.words[row];
      if (word >= 0) return { text: named.names[word], quiet: false };
      const best = bestOfRow(row);
      return { text: best ? `unexplained (${best.text}?)` : "", quiet: true };
    },
    /** A person's own labels were changed here. @param {Record<string, string>} next */
    call(next) {
      own = next;
      rename();
    },
    /** @param {Record<string, any>} changed traits: layers, layer, own_labels, labels_version */
    update(changed) {
      if ("layers" in changed) {
        layers = changed.layers ?? [];
        count = countRows(layers);
      }
      if ("layer" in changed) layer = changed.layer ?? null;
      if ("layer" in changed || "layers" in changed) span = spanOf(layers, layer) ?? [0, count];
      if ("own_labels" in changed) own = changed.own_labels ?? {};
      if (!started && count) {
        started = true;
        wanted.start();
      } else if (started && "labels_version" in changed) wanted.start();
      else if (started && "own_labels" in changed) rename();
    },
    stop: wanted.stop,
  };
}
