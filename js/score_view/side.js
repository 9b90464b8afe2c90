/** Components beside the plots, by one score: the best and worst, or those that are selected. */

import { button, fill, html } from "../shared/dom.js";
import { count as counted } from "../shared/format.js";
import { extremes } from "./scores.js";
import { componentStrips } from "./strips.js";

/** How many are the best, and how many the worst. */
const EXTREMES = 4;
/** So many of the selected are shown at most. */
const MOST = 50;
/** What a component with much of a score is, in words. @type {Record<string, string>} */
const WORDS = {
  clarity: "clear",
  polysemanticity: "polysemantic, of the clear ones",
  redundancy: "redundant",
};

/** `allowed` are the components of whom the score says something. @typedef {{score: string, numbers: Float32Array, allowed: (row: number) => boolean}} Ranking */

/**
 * @param {Omit<Parameters<typeof componentStrips>[0], "onChoose"> & {onChoose: (next: readonly number[]) => void}} options
 */
export function scoreSide(options) {
  let showsSelected = false;
  /** @type {readonly number[]} */
  let selection = [];
  /** @type {Ranking | null} */
  let ranking = null;
  const choice = html`<div class="sl-line sl-wraps sl-pad-below" role="group" aria-label="Listed" />`;
  const strips = componentStrips({ ...options, onChoose: choose });

  /** Of the selected, one that is pointed at becomes the primary, and the rest stays. @param {readonly number[]} next */
  function choose(next) {
    const [row] = next;
    const keeps = showsSelected && next.length === 1 && selection.includes(row);
    options.onChoose(keeps ? [row, ...selection.filter((other) => other !== row)] : next);
  }

  /** @returns {import("./strips.js").Group[]} */
  function groups() {
    if (!ranking) return [];
    const { score, numbers, allowed } = ranking;
    if (showsSelected) {
      const rows = [...selection].sort((a, b) => numbers[b] - numbers[a] || a - b).slice(0, MOST);
      const left = selection.length - rows.length;
      return [{ title: left ? `the first ${MOST}, and ${counted(left)} more` : "selected", rows }];
    }
    const best = extremes(numbers, allowed, EXTREMES, true);
    const worst = extremes(numbers, (row) => allowed(row) && !best.includes(row), EXTREMES, false);
    return [
      { title: `most ${WORDS[score]}`, rows: best },
      { title: `least ${WORDS[score]}`, rows: worst.reverse() },
    ];
  }

  /** @param {boolean} selected @param {string} text @param {string} id */
  const option = (selected, text, id) =>
    button({
      text,
      class: "sl-outlined",
      "aria-pressed": String(showsSelected === selected),
      "data-testid": id,
      onclick() {
        showsSelected = selected;
        draw();
      },
    });

  function draw() {
    if (!selection.length) showsSelected = false;
    drawChoice();
    strips.show(groups());
  }

  function drawChoice() {
    choice.hidden = !selection.length;
    fill(
      choice,
      option(false, "Best and worst", "list-extremes"),
      option(true, `Selected ${counted(selection.length)}`, "list-selected"),
    );
  }

  return {
    node: html`<div>${choice}${strips.node}</div>`,
    /** @param {Ranking} next */
    show(next) {
      ranking = next;
      draw();
    },
    /** @param {readonly number[]} next */
    select(next) {
      const had = new Set(selection);
      const same = next.length === selection.length && next.every((row) => had.has(row));
      selection = next;
      strips.select(next);
      if (showsSelected && !same) draw();
      else drawChoice();
    },
    destroy: strips.destroy,
  };
}
