/** What stands in a view where it has nothing to show: why, and what can be done about it. */

import "./state.css";
import { html } from "./dom.js";

/**
 * @param {string} id for tests @param {string} title @param {string} text
 * @param {...import("./dom.js").Child} more below it
 */
export const statePane = (id, title, text, ...more) =>
  html`<div class="sl-state" data-testid=${id}><h2>${title}</h2><p class="sl-quiet">${text}</p>${more}</div>`;

/** Things to do, or words to choose from, in a line. @param {...import("./dom.js").Child} actions */
export const stateActions = (...actions) => html`<div class="sl-line sl-wraps">${actions}</div>`;
