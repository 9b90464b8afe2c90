/** The foot of the window: what is selected, what the kernel is doing, and the last gesture as a line of Python. */

import { copyButton, fill, html } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { assignment } from "../shared/python.js";

/** Ids shown; the rest is counted. */
const SHOWN_IDS = 6;

/**
 * @param {object} options
 * @param {import("../shared/catalog.js").NamedContext["catalog"]} options.catalog
 * @param {HTMLElement} options.working work under way
 * @param {(python: string) => void} options.onNamed the line of a gesture whose components have their names now
 */
export function footer({ catalog, working, onNamed }) {
  /** @type {readonly number[]} */
  let rows = [];
  /** The last gesture that named components, until their ids are known. @type {readonly number[] | null} */
  let named = null;
  const selected = html`<div class="sl-line sl-gap-12 sl-slim sl-ellipsis" data-testid="selection" />`;
  const busy = html`<div class="sl-busy" data-testid="busy" hidden />`;
  const line = html`<code class="sl-id sl-python-line sl-ellipsis" data-testid="python-line" />`;
  const copy = copyButton({
    label: "Copy the line of Python",
    text: () => line.textContent ?? "",
    "data-testid": "copy-python",
  });
  const python = html`<div class="sl-line sl-gap-12 sl-slim sl-nowrap sl-wide" hidden><span class="sl-quiet">In Python</span>${line}${copy}</div>`;
  const node = html`<footer class="sl-footer sl-line sl-fixed sl-over sl-sunk sl-small-text">
    ${selected}<span class="sl-spring" />${working}${busy}${python}
  </footer>`;
  const stopListening = catalog.onArrive(draw);
  draw();

  /** @param {string} text */
  function show(text) {
    line.textContent = line.title = text;
    python.hidden = !text;
  }

  function draw() {
    catalog.want(rows.slice(0, named ? rows.length : SHOWN_IDS));
    fill(
      selected,
      html`<span class="sl-quiet">${count(rows.length)} selected</span>`,
      ...rows.slice(0, SHOWN_IDS).map(
        (row, i) =>
          html`<span class="sl-id sl-selected-id sl-box${i === 0 ? " sl-first" : ""}" data-testid="selected-id">
            ${catalog.get(row)?.id ?? "…"}
          </span>`,
      ),
      rows.length > SHOWN_IDS &&
        html`<span class="sl-quiet">and ${count(rows.length - SHOWN_IDS)} more</span>`,
    );
    const ids = named?.map((row) => catalog.get(row)?.id);
    if (!ids?.every((id) => id !== undefined)) return;
    named = null;
    onNamed(assignment("selection", ids));
  }

  return {
    node,
    /** A gesture that is one line of Python. @param {string} text */
    showPython(text) {
      named = null;
      show(text);
    },
    /** A gesture that selected these rows; its line is told once they have their ids. @param {readonly number[]} gesture */
    nameRows(gesture) {
      named = gesture;
      draw();
    },
    /** @param {Record<string, any>} changed */
    update(changed) {
      if ("busy" in changed) {
        const { what, done, total } = changed.busy ?? {};
        busy.hidden = !changed.busy;
        busy.textContent = total ? `${what} ${count(done)} of ${count(total)}` : (what ?? "");
      }
      if ("selection" in changed) rows = changed.selection ?? [];
      if ("selection" in changed || "relabelled" in changed) draw();
    },
    destroy: stopListening,
  };
}
