/** Components beside the plots, by one score: the best and worst, all of them, or those that are selected. */

import { componentList } from "../shared/component_list.js";
import { button, fill, h } from "../shared/dom.js";
import { count as counted } from "../shared/format.js";
import { toggled } from "../shared/selection.js";
import { extremeStrips } from "./extremes.js";
import { extremes } from "./scores.js";

/** How many are the best, and how many the worst. */
const EXTREMES = 4;
/** What a component with much of a score is, in words. @type {Record<string, string>} */
const WORDS = {
  clarity: "clear",
  polysemanticity: "polysemantic, of the clear ones",
  redundancy: "redundant",
};

/**
 * The components that are shown, by a score: `allowed` are those of whom it says something.
 * @typedef {{score: string, numbers: Float32Array, rows: number[], allowed: (row: number) => boolean}} Ranking
 */

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {(row: number) => {id: string, text: string, quiet: boolean, value: string, beside: string}} options.describe
 * @param {(next: readonly number[]) => void} options.onChoose
 * @param {(row: number | null) => void} options.onPoint the row under the pointer or the focus
 * @param {(error: unknown) => void} options.fail
 */
export function scoreSide({ source, describe, onChoose, onPoint, fail }) {
  /** @type {"extremes" | "all" | "selected"} */
  let shown = "extremes";
  /** @type {readonly number[]} */
  let selection = [];
  /** @type {Ranking | null} */
  let ranking = null;
  /** The rows that the list has. @type {readonly number[]} */
  let listed = [];

  const strips = extremeStrips({ source, describe, onChoose, fail });
  const list = componentList({
    source,
    label: "Components by score",
    testid: "score-list",
    describe: (row) => {
      const { beside, value, ...rest } = describe(row);
      return { ...rest, value: [value, beside].filter(Boolean).join(" · ") };
    },
    onPoint,
    fail,
    onChoose(row, how) {
      if (how === "toggle") onChoose(toggled(selection, row));
      else if (how === "first") onChoose([row, ...selection.filter((other) => other !== row)]);
      else onChoose([row]);
    },
  });
  const choice = h("div", { class: "sl-scores-choice", role: "group", "aria-label": "Listed" });

  /** @param {number[]} rows largest number first, those without one last */
  function byNumber(rows) {
    const numbers = ranking?.numbers ?? new Float32Array(0);
    const worth = (/** @type {number} */ row) =>
      Number.isFinite(numbers[row]) ? numbers[row] : Number.NEGATIVE_INFINITY;
    return rows.sort((a, b) => worth(b) - worth(a) || a - b);
  }

  /** @param {boolean} [anew] whether the components say something else now */
  function draw(anew = false) {
    if (!ranking) return;
    const { score, numbers, rows, allowed } = ranking;
    const now = shown === "selected" && !selection.length ? "extremes" : shown;
    /** @param {typeof shown} value @param {string} text */
    const option = (value, text) =>
      button({
        text,
        class: "sl-outlined",
        "aria-pressed": String(now === value),
        "data-testid": `list-${value}`,
        onclick() {
          shown = value;
          draw(true);
        },
      });
    fill(
      choice,
      option("extremes", "Best and worst"),
      option("all", `All ${counted(rows.length)}`),
      selection.length > 0 && option("selected", `Selected ${counted(selection.length)}`),
    );
    strips.node.hidden = now !== "extremes";
    list.node.hidden = now === "extremes";
    if (now === "extremes") {
      if (!anew) return strips.select(selection);
      const best = extremes(numbers, allowed, EXTREMES, true);
      const worst = extremes(numbers, (row) => allowed(row) && !best.includes(row), EXTREMES, false);
      strips.show({ score, word: WORDS[score], best, worst: worst.reverse() });
      return strips.select(selection);
    }
    const wanted = byNumber([...(now === "all" ? rows : selection)]);
    const others = anew || wanted.length !== listed.length || wanted.some((row, i) => row !== listed[i]);
    listed = wanted;
    list.update({ rows: others ? wanted : undefined, selection, keeps: now === "selected" });
  }

  return {
    node: h("div", {}, choice, strips.node, list.node),
    /** @param {Ranking} next */
    show(next) {
      ranking = next;
      draw(true);
    },
    /** @param {readonly number[]} next */
    select(next) {
      const left = shown === "selected" && !next.length;
      selection = next;
      if (left) shown = "extremes";
      draw(left);
    },
    destroy() {
      strips.destroy();
      list.destroy();
    },
  };
}
