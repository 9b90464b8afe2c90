/** What stands where there is no checklist yet, or no audit. */

import "../shared/state.css";
import { button, html } from "../shared/dom.js";
import { used } from "../shared/keyboard.js";

/** @param {{failed: boolean, onAgain: () => void}} options whether the audit failed */
export const waiting = ({ failed, onAgain }) =>
  failed
    ? [
        html`<p>The message above says why there is no audit.</p>`,
        button({ text: "Try again", class: "sl-outlined", "data-testid": "audit-again", onclick: onAgain }),
      ]
    : [
        html`<div class="sl-waiting sl-stack" aria-hidden="true">${Array.from({ length: 8 }, () => html`<i />`)}</div>`,
      ];

/** The formats that a checklist is read from. */
const ACCEPTED = ".json,.csv,.md,.markdown";

/** What is opened, unless something else is. */
const CHECKLIST = {
  accept: ACCEPTED,
  about: "A checklist in a .json, .csv or .md file; it may also be dropped here",
  id: "checklist",
};

/**
 * Opens a checklist, or `what` it says, that the person has as a file.
 * @param {string} text @param {string} style @param {(file: File) => void} onFile @param {typeof CHECKLIST} what
 */
export function openButton(text, style, onFile, { accept, about, id } = CHECKLIST) {
  const input = /** @type {HTMLInputElement} */ (
    html`<input type="file" accept=${accept} hidden tabindex="-1" aria-hidden="true" data-testid="${id}-file"
      onchange=${() => {
        const file = input.files?.[0];
        input.value = "";
        if (file) onFile(file);
      }} />`
  );
  const opens = button({
    text,
    class: style,
    title: about,
    "data-testid": `open-${id}`,
    onclick: () => input.click(),
  });
  return html`<span>${opens}${input}</span>`;
}

/**
 * @param {{onFile: (file: File) => void, onStart: (kind: import("./source.js").Beginning) => void, onEmpty: () => void}} options
 */
export function beginnings({ onFile, onStart, onEmpty }) {
  const begin = (
    /** @type {string} */ text,
    /** @type {string} */ id,
    /** @type {string} */ about,
    /** @type {() => void} */ onclick,
  ) => html`<li class="sl-line sl-gap-12">
    ${button({ text, class: "sl-outlined", "data-testid": id, onclick })}
    <span class="sl-quiet sl-text">${about}</span>
  </li>`;
  return [
    html`<h2>What should this model use, and what must it not?</h2>`,
    html`<p class="sl-quiet">
      A checklist holds what a decision should rest on, what it must not rest on, and what is neutral.
      ${" "}The audit finds each in the model and says how much the score rests on it.
    </p>`,
    html`<ul class="sl-beginnings">
      <li class="sl-line sl-gap-12">
        ${openButton("Open a file…", "sl-main", onFile)}
        <span class="sl-quiet sl-text">A list you have: .json, .csv or .md. Or drop it here.</span>
      </li>
      ${begin("Start empty", "start-empty", "Write down your own concepts, one by one.", onEmpty)}
      ${begin("Start from an example", "start-example", "The class itself, and what no diagnosis should rest on: text, rulers, borders.", () => onStart("example"))}
      ${begin("Photographs of objects", "start-objects", "Shape, parts and surface; text, watermarks, hands and backgrounds.", () => onStart("objects"))}
      ${begin("Chest radiographs", "start-chest", "Opacities and effusions; tubes, side markers and burnt-in text.", () => onStart("chest"))}
      ${begin("Histology", "start-histology", "Nuclei and glands; stain, pen marks and folds.", () => onStart("histology"))}
      ${begin("Start with ABCDE", "start-abcde", "For moles: the rule dermatologists know, with the usual artefacts.", () => onStart("abcde"))}
    </ul>`,
    html`<p class="sl-quiet sl-small-text">
      In Python: <code class="sl-id">lens.checklist = sl.Checklist(valid=["border"], spurious=["ruler"])</code>
    </p>`,
  ];
}

/** Takes files that are dropped on a place. @param {HTMLElement} place @param {(file: File) => void} onFile */
export function takeDropped(place, onFile) {
  place.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  place.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    used(event);
    onFile(file);
  });
}
