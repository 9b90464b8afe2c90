/** What stands where there is no checklist yet, or no audit. */

import { button, html } from "../shared/dom.js";
import { stateActions } from "../shared/state.js";

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

/** @param {{onAbcde: () => void, onEmpty: () => void}} options */
export const beginnings = ({ onAbcde, onEmpty }) => [
  html`<h2>What should this model use, and what must it not?</h2>`,
  html`<p class="sl-quiet">
    A checklist holds what a decision should rest on, what it must not rest on, and what is neutral.
    ${" "}The audit finds each in the model and says how much the score rests on it.
  </p>`,
  stateActions(
    button({ text: "Start with ABCDE", class: "sl-main", "data-testid": "start-abcde", onclick: onAbcde }),
    button({ text: "Start empty", class: "sl-outlined", "data-testid": "start-empty", onclick: onEmpty }),
  ),
  html`<p class="sl-quiet sl-small-text">
    ABCDE is the rule dermatologists know, with the usual artefacts. From a file:${" "}
    <code class="sl-id">lens.checklist = sl.Checklist.from_file("checklist.json")</code>
  </p>`,
];
