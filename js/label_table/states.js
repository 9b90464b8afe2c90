/** What stands in place of the table: an offer to describe, or that nothing fits. */

import { button, html } from "../shared/dom.js";
import { plural } from "../shared/format.js";
import { stateActions, statePane } from "../shared/state.js";

const askingState = () => html`<p class="sl-state sl-quiet">Asking for labels…</p>`;

/** Nothing is described yet. @param {number} count components @param {Element[]} describing what describes them */
function undescribedState(count, describing) {
  return statePane(
    "labels-empty",
    "What do these components stand for?",
    `Each of ${plural(count, "component")} gets the best words of a vocabulary, with a confidence and the lead over the second best. Where no word is good enough, the component stays unexplained.`,
    stateActions(...describing),
    html`<p class="sl-quiet">
      ${"A list of your own words or a text file: "}
      <code class="sl-id">lens.describe(["ruler", "hair"])</code>
      .
    </p>`,
  );
}

/** The filters leave nothing. @param {() => void} onAll */
function nothingState(onAll) {
  return statePane(
    "labels-none",
    "No component fits",
    "Nothing here has that word, id or kind.",
    stateActions(
      button({ text: "Show all", class: "sl-outlined", "data-testid": "show-all", onclick: onAll }),
    ),
  );
}

/**
 * What stands instead of rows.
 * @param {{names: ReturnType<typeof import("../shared/names.js").componentNames>, made: boolean, actions: ReturnType<typeof import("./actions.js").tableActions>}} what
 * @param {() => void} onAll all components are wanted
 */
export function tableState({ names, made, actions }, onAll) {
  if (names.labels === null) return askingState();
  return made ? nothingState(onAll) : undescribedState(names.count, actions.describing);
}
