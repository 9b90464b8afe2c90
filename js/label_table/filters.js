/** Which components the table shows: what is sought, of what kind, of which layer, with which label. */

import { button, fill, html } from "../shared/dom.js";
import * as icons from "../shared/icons.js";
import { layerFilter } from "../shared/layer_filter.js";
import { KINDS } from "./order.js";

/** After the last letter is typed, before it is looked for, in ms. */
const TYPING = 120;

/**
 * @param {object} options
 * @param {() => void} options.onChange other components are wanted
 * @param {(layer: string | null) => void} options.onLayer
 */
export function tableFilters({ onChange, onLayer }) {
  let kind = "all";
  /** The one label that is shown, or null. @type {string | null} */
  let word = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const find = /** @type {HTMLInputElement} */ (
    html`<input type="search" class="sl-filter sl-input sl-box sl-text" data-browser placeholder="Search within"
      aria-label="Search ids, labels and closest words" data-testid="label-search"
      oninput=${() => {
        clearTimeout(typing);
        typing = setTimeout(onChange, TYPING);
      }}
      onkeydown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape" || !find.value) return;
        event.stopPropagation();
        find.value = "";
        onChange();
      }} />`
  );
  const kinds = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Components shown" data-browser data-testid="label-kind"
      onchange=${() => {
        kind = kinds.value;
        onChange();
      }}>
      ${Object.entries(KINDS).map(([value, text]) => html`<option value=${value}>${text}</option>`)}
    </select>`
  );
  const layers = layerFilter({ onLayer });
  const chip = html`<span class="sl-word-filter" />`;

  /** @param {string | null} next */
  function showWord(next) {
    word = next;
    fill(
      chip,
      word !== null &&
        button({
          text: `label: ${word}`,
          label: `Show all labels again, not only ${word}`,
          icon: icons.cross,
          class: "sl-outlined",
          "data-testid": "word-filter",
          onclick: () => {
            showWord(null);
            onChange();
          },
        }),
    );
  }

  return {
    find,
    layers,
    nodes: [
      find,
      html`<label class="sl-select"><span class="sl-quiet">Show</span>${kinds}</label>`,
      layers.node,
      chip,
    ],
    get wanted() {
      return { kind, text: find.value, word };
    },
    /** Shows the components with one label. @param {string} only */
    showOnly(only) {
      showWord(only);
      onChange();
    },
    /** Shows everything again; which layer is shown is not decided here. */
    reset() {
      [find.value, kinds.value, kind] = ["", "all", "all"];
      showWord(null);
      onChange();
    },
    destroy() {
      clearTimeout(typing);
      layers.destroy();
    },
  };
}
