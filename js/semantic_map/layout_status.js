/** How the points were laid out, in words; where another way is better it is under way, or can be had. */

import { button, fill, html } from "../shared/dom.js";
import { count, plural } from "../shared/format.js";
import { latest } from "../shared/latest.js";

/** @param {number} seconds */
const minutes = (seconds) => `about ${plural(Math.max(1, Math.round(seconds / 60)), "minute")}`;

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {(python: string) => void} options.showPython
 * @param {() => void} options.onDone points have other places
 * @param {(error: unknown) => void} options.fail
 */
export function layoutStatus({ ask, showPython, onDone, fail }) {
  const node = html`<div class="sl-map-status sl-small-text sl-tabular sl-line sl-quiet" data-testid="map-status" />`;
  let method = "";
  let better = false;
  /** How many were laid out, where the others stand among them only. @type {number | null | undefined} */
  let sample = null;
  /** Seconds that laying out all of them takes, where that can be had. @type {number | null | undefined} */
  let whole = null;
  let progress = "";
  const wanted = latest(
    (signal) =>
      ask("compute_layout", sample ? { whole: true } : {}, {
        signal,
        onProgress: ({ done, what }) => showStatus(`${what}; ${done} s so far`),
      }),
    () => {
      better = false;
      showStatus("");
      onDone();
    },
    (error) => {
      showStatus("");
      fail(error);
    },
  );

  /** @param {string} next of the work under way, empty without any */
  function showStatus(next) {
    progress = next;
    draw();
  }

  function start() {
    progress = "UMAP begins";
    wanted.start();
    draw();
  }

  function stop() {
    wanted.stop();
    showStatus("");
  }

  /** @param {string} text @param {string} label @param {string} id @param {() => void} onclick */
  const offer = (text, label, id, onclick) =>
    button({ text, label, class: "sl-outlined", "data-testid": id, onclick });

  function draw() {
    if (progress) fill(node, progress, offer("Stop", "Stop UMAP", "map-stop", stop));
    else if (better)
      fill(
        node,
        "principal coordinates",
        offer("UMAP", "Lay out with UMAP", "map-umap", () => {
          showPython("lens.compute_layout()");
          start();
        }),
      );
    else if (sample) fill(node, `preview: ${count(sample)} laid out, the others placed among them`, ofAll());
    else fill(node, method === "pca" ? "principal coordinates" : method.toUpperCase());
  }

  function ofAll() {
    if (!whole) return null;
    return offer("Lay out all", `Lay out all with UMAP: ${minutes(whole)}`, "map-whole", () => {
      showPython("lens.compute_layout(sample=None)");
      start();
    });
  }

  draw();
  return {
    node,
    /** @param {Pick<import("./facts.js").Places, "method" | "better" | "sample" | "whole">} next `better`: UMAP can be had */
    update(next) {
      ({ method, better, sample, whole } = next);
      if (better && !wanted.running) start();
      else draw();
    },
    stop: wanted.stop,
  };
}
