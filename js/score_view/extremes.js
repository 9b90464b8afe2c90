/** The best and the worst components by one score, with their crops. */

import { fill, h } from "../shared/dom.js";
import { pointed, showChosen } from "../shared/selection.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";

const EXAMPLES = 5;
const CROP = 36;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {(row: number) => {id: string, text: string, value: string, beside: string}} options.describe
 *   `beside`: what the value never stands without, empty for nothing
 * @param {(next: readonly number[]) => void} options.onChoose
 * @param {(error: unknown) => void} options.fail
 */
export function extremeStrips({ source, describe, onChoose, fail }) {
  const node = h("div", { class: "sl-extremes", onclick: onClick, onkeydown: onKey });
  /** @type {readonly number[]} */
  let selection = [];
  const thumbnails = sprites({
    source,
    examples: EXAMPLES,
    size: imagePixels(CROP),
    onArrive: paintAll,
    onError: fail,
  });

  function paintAll() {
    paintStrips(node, thumbnails.get);
  }

  /** @param {number} row @param {string} score */
  function drawStrip(row, score) {
    const { id, text, value, beside } = describe(row);
    const facts = [value, beside].filter(Boolean).join(", ");
    return h(
      "div",
      {
        class: "sl-extreme sl-item",
        role: "button",
        tabindex: "0",
        "data-extreme": row,
        "data-testid": "extreme",
        "data-id": id,
        "aria-label": `${id}, ${score} ${facts}${text ? `, ${text}` : ""}`,
      },
      h(
        "span",
        { class: "sl-component-words" },
        h("span", { class: "sl-id" }, id),
        h("span", { class: "sl-ellipsis sl-quiet", title: text }, text),
      ),
      h("span", { class: "sl-number" }, value, beside && h("span", { class: "sl-meta" }, beside)),
      cropStrip(row, EXAMPLES),
    );
  }

  function mark() {
    for (const strip of /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll("[data-extreme]")))
      showChosen(strip, selection, Number(strip.dataset.extreme), "aria-pressed");
  }

  /** @param {MouseEvent | KeyboardEvent} event @returns {boolean} whether it was on a component */
  function chooseAt(event) {
    const strip = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-extreme]")
    );
    if (strip) onChoose(pointed(selection, Number(strip.dataset.extreme), event));
    return strip !== null;
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    chooseAt(event);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if ((event.key !== "Enter" && event.key !== " ") || !chooseAt(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    node,
    /** @param {{score: string, word: string, best: number[], worst: number[]}} next `word` says what the best are most of */
    show({ score, word, best, worst }) {
      fill(
        node,
        h("div", { class: "sl-divider" }, `most ${word}`),
        ...best.map((row) => drawStrip(row, score)),
        worst.length > 0 && h("div", { class: "sl-divider" }, `least ${word}`),
        ...worst.map((row) => drawStrip(row, score)),
      );
      thumbnails.want([...best, ...worst]);
      paintAll();
      mark();
    },
    /** @param {readonly number[]} next */
    select(next) {
      selection = next;
      mark();
    },
    destroy: thumbnails.clear,
  };
}
