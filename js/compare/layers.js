/** How well one model knows the other, layer by layer. */

import { button, fill, html } from "../shared/dom.js";
import { score } from "../shared/format.js";
import { heatmap } from "./heatmap.js";

/** @typedef {import("./heatmap.js").Cell} Cell */

/** What the matrix of layers can show. */
const MEASURES = {
  cosines: {
    text: "Cosine",
    title: "mean of each component's best cosine",
    words: ["unrelated", "identical"],
  },
  known: { text: "Known", title: "share of components with a counterpart", words: ["none", "all"] },
};

/** @param {{onCell: (cell: Cell | null) => void}} options */
export function layersPane({ onCell }) {
  /** @type {import("./questions.js").Comparison | null} */
  let comparison = null;
  /** @type {"ab" | "ba"} */
  let direction = "ab";
  /** @type {keyof typeof MEASURES} */
  let measure = "cosines";
  /** @type {Cell | null} */
  let chosen = null;
  const map = heatmap({ label: "Similarity layer by layer", onCell });
  const title = html`<h3 />`;
  const measures = html`<div class="sl-toggle" role="group" aria-label="Measure" data-browser />`;
  const turn = button({
    label: "Exchange the direction: how well A knows B",
    text: "⇄",
    class: "sl-square sl-outlined",
    "data-testid": "compare-turn",
    onclick: () => {
      direction = direction === "ab" ? "ba" : "ab";
      draw();
    },
  });
  const node = html`<section class="sl-compare-part sl-pile sl-gap-8" aria-label="Layer by layer">
    <div class="sl-heading">${title}<span class="sl-spring" />${measures}${turn}</div>
    ${map.node}
  </section>`;

  function draw() {
    if (!comparison) return;
    const found = comparison;
    const values = found[measure][direction];
    const known = found.known[direction];
    const [rows, across] =
      direction === "ab" ? [found.layers_a, found.layers_b] : [found.layers_b, found.layers_a];
    const [knows, whom] = direction === "ab" ? ["B", "A"] : ["A", "B"];
    const chance = direction === "ab" ? found.a_in_b.chance : found.b_in_a.chance;
    const lowest = Math.min(chance, ...values.flat().filter((value) => value !== null));
    title.textContent = `How well ${knows} knows ${whom}`;
    turn.title = `Exchange the direction: how well ${whom} knows ${knows}`;
    fill(
      measures,
      .../** @type {(keyof typeof MEASURES)[]} */ (Object.keys(MEASURES)).map((name) =>
        button({
          text: MEASURES[name].text,
          label: MEASURES[name].title,
          "aria-pressed": String(name === measure),
          "data-testid": `layers-${name}`,
          onclick: () => {
            measure = name;
            draw();
          },
        }),
      ),
    );
    map.update({
      chosen,
      matrix: {
        rows,
        columns: across,
        corner: `${whom} \\ ${knows}`,
        values,
        weak: known.map((row) => row.map((share) => share === 0)),
        format: (value) => score(value, 2),
        kind: "sequential",
        domain: measure === "known" ? [0, 1.0001] : [lowest, 1.0001],
        words: /** @type {[string, string]} */ (MEASURES[measure].words),
        weakWord: "not above chance",
        note: `Rows ${whom}, columns ${knows}: ${MEASURES[measure].title}${measure === "known" ? " above chance" : ""}.`,
      },
    });
  }

  return {
    node,
    /** The layer of A and that of B that a cell stands for. @param {Cell | null} cell @returns {[string, string] | null} */
    layersOf(cell) {
      if (!cell || !comparison) return null;
      const [a, b] = direction === "ab" ? [cell.row, cell.column] : [cell.column, cell.row];
      return [comparison.layers_a[a], comparison.layers_b[b]];
    },
    /** @param {Cell | null} cell */
    choose(cell) {
      chosen = cell;
      map.update({ chosen });
    },
    /** @param {import("./questions.js").Comparison} next @param {Cell | null} cell that is chosen */
    update(next, cell) {
      comparison = next;
      chosen = cell;
      draw();
    },
  };
}
