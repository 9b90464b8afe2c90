/** The bar of the scores: their form, the layer, and evaluating. */

import { button, fill, html } from "../shared/dom.js";
import { workPlace } from "../shared/work.js";

const FORMS = [
  {
    centred: true,
    text: "Mean removed",
    label: "The data set's mean is removed, which separates components from random images better",
    "data-testid": "form-centred",
  },
  {
    centred: false,
    text: "Raw",
    label: "As defined in the paper; all images of a data set are somewhat similar",
    "data-testid": "form-raw",
  },
];

/**
 * @param {object} options
 * @param {HTMLElement} options.filter
 * @param {(place: import("../shared/work.js").Place) => ReturnType<typeof import("../shared/busy.js").busyWork>} options.workAt evaluates, told in a place
 * @param {(centred: boolean) => void} options.onForm @param {(work: ReturnType<typeof import("../shared/busy.js").busyWork>) => void} options.onEvaluate
 */
export function scoresBar({ filter, workAt, onForm, onEvaluate }) {
  const forms = html`<div class="sl-line sl-gap-4" role="group" aria-label="Form of the scores" data-browser />`;
  const evaluate = /** @type {HTMLButtonElement} */ (
    button({
      text: "Evaluate",
      class: "sl-outlined sl-main",
      "data-testid": "evaluate",
      onclick: () => onEvaluate(work),
    })
  );
  const place = workPlace(evaluate);
  const work = workAt(place);
  const about = html`<span class="sl-quiet sl-small-text" data-testid="scores-about" />`;
  const node = html`<div class="sl-line sl-wraps sl-pad sl-under" />`;
  return {
    node,
    evaluate: place.node,
    stop: work.stop,
    /** @param {{made: boolean, clip: string | null | undefined, centred: boolean}} now `made`: whether there are scores */
    update({ made, clip, centred: chosen }) {
      evaluate.disabled = work.running;
      evaluate.classList.toggle("sl-main", !made);
      evaluate.querySelector("span")?.replaceChildren(made ? "Evaluate again" : "Evaluate");
      about.textContent = made ? `seen by ${clip?.split("@")[0]}` : "";
      const form = (/** @type {typeof FORMS[number]} */ { centred, ...about }) =>
        button({
          ...about,
          class: "sl-outlined",
          "aria-pressed": String(centred === chosen),
          onclick: () => onForm(centred),
        });
      fill(forms, ...FORMS.map(form));
      const spring = html`<span class="sl-spring" />`;
      if (made) fill(node, forms, filter, spring, about, place.node);
      else fill(node, filter, spring);
    },
  };
}

/** A choice of one score. @param {string} text @param {string} label @param {string} id @param {readonly {name: string}[]} scores @param {(score: string) => void} onChoose */
export function scoreSelect(text, label, id, scores, onChoose) {
  const select = /** @type {HTMLSelectElement} */ (
    html`<select aria-label=${label} data-testid=${id} onchange=${() => onChoose(select.value)}>
      ${scores.map(({ name }) => html`<option value=${name}>${name}</option>`)}
    </select>`
  );
  const node = html`<label class="sl-select" data-browser><span class="sl-quiet">${text}</span>${select}</label>`;
  return { node, select };
}
