/** What stands in place of the table: an offer to describe, or that nothing fits. */

import { button, h } from "../shared/dom.js";
import { plural } from "../shared/format.js";

export const askingState = () => h("p", { class: "sl-state sl-quiet" }, "Asking for labels…");

/** Nothing is described yet. @param {number} count components @param {Element[]} describing what describes them */
export function undescribedState(count, describing) {
  return h(
    "div",
    { class: "sl-state", "data-testid": "labels-empty" },
    h("h2", {}, "What do these components stand for?"),
    h(
      "p",
      { class: "sl-quiet" },
      `${plural(count, "component")} get the best words of a vocabulary each, with the lead over the second best and how sure the label is. Where no word is good enough, the component stays unexplained.`,
    ),
    h("div", { class: "sl-words" }, ...describing),
    h(
      "p",
      { class: "sl-quiet" },
      "A list of your own words or a text file: ",
      h("code", { class: "sl-id" }, 'lens.describe(["ruler", "hair"])'),
      ".",
    ),
  );
}

/** The filters leave nothing. @param {() => void} onAll */
export function nothingState(onAll) {
  return h(
    "div",
    { class: "sl-state", "data-testid": "labels-none" },
    h("h2", {}, "No component fits"),
    h("p", { class: "sl-quiet" }, "Nothing here has that word, id or kind."),
    h(
      "div",
      { class: "sl-words" },
      button({ text: "Show all", class: "sl-outlined", "data-testid": "show-all", onclick: onAll }),
    ),
  );
}
