/** What the table has the kernel do: describe components with the words of a vocabulary, and write labels to a file. */

import { busyWork } from "../shared/busy.js";
import { button, fill, html } from "../shared/dom.js";
import { download } from "../shared/download.js";
import { count as counted } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { latest } from "../shared/latest.js";
import { literal } from "../shared/python.js";
import { workPlace } from "../shared/work.js";

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {(python: string) => void} options.showPython @param {(error: unknown) => void} options.fail
 * @param {() => void} options.onChange work begins or ends, or vocabularies have come
 * @param {import("../shared/work.js").Work} options.work where long work is told
 */
export function tableActions({ ask, showPython, fail, onChange, work: run }) {
  const vocabulary = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Vocabulary" data-testid="vocabulary" />`
  );
  const describe = button({
    text: "Describe",
    class: "sl-outlined sl-main",
    "data-testid": "describe",
    onclick: () => {
      const name = vocabulary.value || null;
      showPython(name === null ? "lens.describe()" : `lens.describe(${literal(name)})`);
      work.start("describe", { vocabulary: name }, "Embedding words");
    },
  });
  const place = workPlace(describe);
  const work = busyWork({ ask, fail, onChange, work: run, place });
  const exports = ["csv", "json"].map((format) =>
    button({
      text: format.toUpperCase(),
      icon: icons.download,
      label: `Download the labels as ${format.toUpperCase()}`,
      class: "sl-outlined",
      "data-testid": `export-${format}`,
      onclick: () => exported(format),
    }),
  );
  const vocabulariesWanted = latest(
    async (signal) => (await ask("vocabularies", {}, { signal })).vocabularies,
    (/** @type {{name: string | null, title: string, count: number}[]} */ found) => {
      fill(
        vocabulary,
        ...found.map(
          ({ name, title, count: size }) =>
            html`<option value=${name ?? ""}>${title} (${counted(size)})</option>`,
        ),
      );
      onChange();
    },
    fail,
  );

  /** @param {string} format */
  async function exported(format) {
    try {
      const { file, name } = await ask("labels_file", { format });
      const python = `open(${literal(name)}, "w").write(lens.labels.to_${format}(lens.own_labels))`;
      showPython(python);
      await download(file, name, exports[0], python);
    } catch (error) {
      fail(error);
    }
  }

  return {
    /** Describing: the work under way, the vocabulary, the button. */
    describing: [
      html`<label class="sl-select"><span class="sl-quiet sl-wide">Words</span>${vocabulary}</label>`,
      place.node,
    ],
    exports,
    start: vocabulariesWanted.start,
    /** @param {boolean} made whether components are described already */
    update(made) {
      describe.disabled = work.running;
      describe.classList.toggle("sl-main", !made);
      describe.querySelector("span")?.replaceChildren(made ? "Describe again" : "Describe");
      for (const node of exports) node.disabled = !made;
    },
    stop() {
      vocabulariesWanted.stop();
      work.stop();
    },
  };
}
