/** The sentence that words of a query are put into. */

import { fill, html } from "../shared/dom.js";

/** Sentences that are offered beside the lens's own. */
const OFFERED = ["{}", "a photo of {}", "a close-up of {}", "a picture with {} in it"];

/** @param {string} sentence */
const inWords = (sentence) => (sentence === "{}" ? "the word alone" : sentence);

/** @param {{onTemplate: (sentence: string | null) => void}} options null: those of the lens */
export function templateChoice({ onTemplate }) {
  /** Those of the lens. @type {string[] | null} */
  let own = null;
  /** @type {string | null} */
  let chosen = null;
  /** @type {string[]} */
  let sentences = [];
  const select = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Template" title="The sentence that each word is put into before the CLIP reads it"
      data-testid="template" onchange=${() => onTemplate(sentences[select.selectedIndex - 1] ?? null)} />`
  );
  const node = html`<label class="sl-select sl-template" hidden><span class="sl-quiet">Template</span>${select}</label>`;

  return {
    node,
    /** @param {Record<string, any>} changed */
    update(changed) {
      if ("templates" in changed) own = changed.templates;
      if ("template" in changed) chosen = changed.template;
      node.hidden = own === null;
      if (own === null || !("templates" in changed || "template" in changed)) return;
      const alone = own.length === 1 ? own[0] : null;
      sentences = [...new Set([...OFFERED, ...(chosen === null ? [] : [chosen])])].filter(
        (one) => one !== alone,
      );
      fill(
        select,
        html`<option>${alone === null ? `mean of ${own.length}` : inWords(alone)}</option>`,
        ...sentences.map((sentence) => html`<option>${inWords(sentence)}</option>`),
      );
      select.selectedIndex = chosen === null ? 0 : 1 + sentences.indexOf(chosen);
    },
  };
}
