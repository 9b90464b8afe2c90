/** How the points were laid out, in words; where another way is better it is under way, or can be had. */

import { button, fill, html } from "../shared/dom.js";
import { latest } from "../shared/latest.js";

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
  let progress = "";
  const wanted = latest(
    (signal) =>
      ask(
        "compute_layout",
        {},
        {
          signal,
          onProgress: ({ done, what }) => showStatus(`${what}: ${done} s`),
        },
      ),
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
    else fill(node, method === "pca" ? "principal coordinates" : method.toUpperCase());
  }

  draw();
  return {
    node,
    /** @param {{method: string, better: boolean}} next `better`: UMAP can be had */
    update(next) {
      ({ method, better } = next);
      if (better && !wanted.running) start();
      else draw();
    },
    stop: wanted.stop,
  };
}
