/** The window of `lens.show()` over a file: everything but the kernel. */

import { withCatalog } from "../shared/catalog.js";
import { mount } from "../shared/mount.js";
import { windowView } from "../window/view.js";
import { followAddress } from "./address.js";
import { fileAnswers } from "./answers.js";
import { localModel } from "./model.js";

/** @param {number} n */
const grouped = (n) => n.toLocaleString("en-US");

/**
 * Mounts the window; returns the way to take it away.
 * @param {import("./answers.js").LensFile} file @param {HTMLElement} el
 * @param {object} [options]
 * @param {(() => void) | null} [options.onLive] opens the file with a kernel
 * @param {import("./examples.js").Pictures} [options.pictures] where they come from, if not from the file
 * @param {boolean} [options.addressed] whether the address of the page names the component that is selected
 */
export function mountFile(file, el, { onLive = null, pictures, addressed = false } = {}) {
  const answers = fileAnswers(file, pictures);
  const { document, table } = answers;
  const { layers } = table;
  const span =
    layers.length === 1 ? layers[0].name : `${layers[0].name} to ${layers[layers.length - 1].name}`;
  const { words, answers: kept } = document.extra.parts ?? {};
  const model = localModel(
    {
      title: document.extra.name ?? "lens",
      subtitle: [
        span,
        `${grouped(table.total)} components`,
        document.recipe.clip.split("@")[0],
        `${grouped(document.images)} images`,
      ].join(" · "),
      query: "",
      layer: null,
      selection: [],
      hits_version: 0,
      ...kept?.traits,
      tabs: kept?.tabs ?? ["search"],
      tab: "search",
      layers,
      vocabulary_hint: (words?.names ?? []).slice(0, 24),
      python: "",
      status: { state: "ready", message: "" },
      busy: null,
      history: { past: [], future: [] },
    },
    answers.verbs,
  );
  const leave = mount({ model, el }, withCatalog(windowView), onLive);
  const stop = addressed ? followAddress(model, layers) : null;
  return () => {
    stop?.();
    leave();
  };
}
