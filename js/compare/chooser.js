/** Which other model this one is compared with: a lens of this kernel, or one in a file. */

import { button, fill, html } from "../shared/dom.js";
import { fixed } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { stateActions } from "../shared/state.js";
import { workPlace } from "../shared/work.js";

/** A lens of this kernel; `refused` says why it cannot be compared with, which `only_data` may be overruled. @typedef {{key: string, variable: string, name: string, about: string, refused: string, only_data: boolean}} LensChoice */
/** @typedef {{known: string[], lenses: LensChoice[], files: {path: string, size: number}[]}} Choices */
/** What is chosen: a lens by its key, or the path of a file. @typedef {{lens: string} | {path: string}} Chosen */

/** @param {number} bytes */
const sizeOf = (bytes) => (bytes < 1e6 ? `${fixed(bytes / 1e3, 0)} kB` : `${fixed(bytes / 1e6, 1)} MB`);

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {import("../shared/work.js").Work} options.work
 * @param {(name: string) => void} options.onKnown one that was compared before is chosen again
 * @param {(python: string) => void} options.onCompared
 * @param {() => void} options.onCancel
 * @param {(error: unknown) => void} options.fail
 */
export function chooser({ ask, work, onKnown, onCompared, onCancel, fail }) {
  /** The model that is B now. @type {string | null} */
  let present = null;
  /** @type {Choices | null} */
  let choices = null;
  /** What was refused, and why. @type {{chosen: Chosen, refused: string, only_data: boolean} | null} */
  let refusal = null;
  /** Something is being compared. */
  let busy = false;
  const path = /** @type {HTMLInputElement} */ (
    html`<input type="text" class="sl-input sl-box sl-grows" placeholder="models/other.semlens" aria-label="Path of a .semlens file"
      data-testid="choose-path" onkeydown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Enter" && path.value.trim()) begin({ path: path.value.trim() }, opening);
      }} />`
  );
  const open = button({
    text: "Open and compare",
    class: "sl-outlined",
    "data-testid": "choose-open",
    onclick: () => (path.value.trim() ? begin({ path: path.value.trim() }, opening) : path.focus()),
  });
  const opening = workPlace(open);
  const body = html`<div class="sl-pile sl-gap-12" />`;
  const elsewhere = html`<div class="sl-pile">
    <h3>Another file</h3>
    <div class="sl-line">${path}${opening.node}</div>
  </div>`;
  // Cells may have made or dropped lenses since.
  const node = html`<div class="sl-state" data-testid="compare-chooser" onpointerenter=${() => !busy && wanted.start()} />`;
  const wanted = latest(
    (signal) => ask("comparison_choices", {}, { signal }),
    (/** @type {Choices} */ answer) => {
      if (JSON.stringify(answer) === JSON.stringify(choices)) return;
      choices = answer;
      draw();
    },
    fail,
  );

  /** @param {Chosen} chosen @param {import("../shared/work.js").Place} place @param {boolean} [different_data] */
  async function begin(chosen, place, different_data = false) {
    if (busy) return;
    busy = true;
    refusal = null;
    const controller = new AbortController();
    try {
      const asked = { ...chosen, different_data };
      const answer = await work(
        "Comparing",
        (options) => ask("compare_with", asked, options),
        controller,
        place,
      );
      if (answer.refused) refusal = { chosen, ...answer };
      else onCompared(answer.python);
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
      draw();
    }
  }

  /**
   * One model that may be B: what it is, and the button that compares with it.
   * @param {Chosen} chosen @param {import("../shared/dom.js").Child[]} about @param {{refused: string, only_data: boolean}} known
   */
  function line(chosen, about, known) {
    const here = refusal && JSON.stringify(refusal.chosen) === JSON.stringify(chosen) ? refusal : known;
    const begins = button({
      text: here.only_data ? "Compare anyway" : "Compare",
      class: "sl-outlined",
      disabled: here.refused !== "" && !here.only_data,
      title:
        here.only_data &&
        "The images differ: what is alike may be alike in the images only, and the answer says so",
      "data-testid": "choose-compare",
      onclick: () => begin(chosen, place, here.only_data),
    });
    const place = workPlace(begins);
    return html`<li class="sl-model-choice sl-under" data-testid="choice">
      <div class="sl-line sl-text">${about}<span class="sl-spring" />${place.node}</div>
      ${here.refused && html`<p class="sl-quiet sl-small-text sl-breaks" data-testid="refused">${here.refused}</p>`}
    </li>`;
  }

  /** @param {LensChoice} lens */
  const lensLine = (lens) =>
    line(
      { lens: lens.key },
      [
        lens.variable && html`<code class="sl-id">${lens.variable}</code>`,
        html`<b class="sl-ellipsis" title=${lens.name}>${lens.name}</b>`,
        html`<span class="sl-quiet sl-nowrap">${lens.about}</span>`,
      ],
      lens,
    );

  /** @param {Choices["files"][number]} file */
  const fileLine = ({ path: name, size }) =>
    line(
      { path: name },
      [
        html`<code class="sl-id sl-ellipsis" title=${name}>${name}</code>`,
        html`<span class="sl-quiet sl-nowrap">${sizeOf(size)}</span>`,
      ],
      { refused: "", only_data: false },
    );

  /** @param {string} title @param {HTMLElement[]} lines @param {string} [nothing] */
  const part = (title, lines, nothing) =>
    (lines.length > 0 || nothing) &&
    html`<section aria-label=${title}>
      <h3>${title}</h3>
      ${lines.length ? html`<ul class="sl-models">${lines}</ul>` : html`<p class="sl-quiet sl-text">${nothing}</p>`}
    </section>`;

  function draw() {
    if (!choices || busy) return;
    const { known, lenses, files } = choices;
    const others = known.filter((name) => name !== present);
    // What a person typed was refused: it stands among the files, with the reason.
    const typed = refusal && "path" in refusal.chosen ? refusal.chosen.path : null;
    const listed = typed !== null && !files.some((file) => file.path === typed);
    fill(
      body,
      others.length > 0 &&
        part(
          "Compared before",
          others.map(
            (name) => html`<li class="sl-model-choice sl-line sl-under sl-text" data-testid="choice">
              <b class="sl-ellipsis" title=${name}>${name}</b><span class="sl-spring" />
              ${button({ text: "Show", class: "sl-outlined", "data-testid": "choose-known", onclick: () => onKnown(name) })}
            </li>`,
          ),
        ),
      part(
        "Lenses in this kernel",
        lenses.map(lensLine),
        "There is no other. Make one with the same CLIP, crop and images, or open a file.",
      ),
      part("Files beside this notebook", [
        ...(listed
          ? [
              line({ path: /** @type {string} */ (typed) }, [html`<code class="sl-id">${typed}</code>`], {
                refused: "",
                only_data: false,
              }),
            ]
          : []),
        ...files.map(fileLine),
      ]),
    );
    fill(
      node,
      html`<h2>${present === null ? "Compare with which model?" : "Compare with another model"}</h2>`,
      html`<p class="sl-quiet">
        What do both know, and what only one of them? The other model (B) must be seen with the same CLIP, crop and images.
      </p>`,
      body,
      elsewhere,
      present !== null &&
        stateActions(
          button({
            text: "Back to the comparison",
            class: "sl-outlined",
            "data-testid": "choose-cancel",
            onclick: onCancel,
          }),
        ),
      html`<p class="sl-quiet sl-small-text">In Python: <code class="sl-id">lens.compare(other)</code></p>`,
    );
  }

  return {
    node,
    /** Asks anew what there is. @param {string | null} name the model that is B now */
    open(name) {
      present = name;
      refusal = null;
      draw();
      wanted.start();
    },
    stop: wanted.stop,
  };
}
