/** What only A has, what both share, and what only B has, as three lists. */

import { catalog as catalogOf } from "../shared/catalog.js";
import { count } from "../shared/format.js";
import { componentList } from "./list.js";
import { sourceOf } from "./questions.js";

/**
 * @param {import("../shared/alone.js").ViewContext} context @param {import("./questions.js").Comparison} between
 * @param {object} options
 * @param {(rows: number[]) => void} options.chooseA
 * @param {(rows: number[], alone: boolean) => void} options.chooseB `alone`: nothing of A is chosen with it
 * @param {(list: 0 | 1 | 2, text: string) => void} options.onFind
 */
export function columnsOf({ ask, source, catalog, fail }, between, { chooseA, chooseB, onFind }) {
  const [a, b] = between.names;
  const other = { name: b, source: sourceOf(ask, b), catalog: catalogOf(sourceOf(ask, b), fail) };
  const shared = { fail, a: { name: a, source, catalog }, b: other };
  const onlyA = componentList({
    ...shared,
    title: "Only in A",
    hint: "Its best match in B is no better than chance",
    empty: "B has a match for every component of A.",
    testid: "only-a",
    b: null,
    paired: false,
    onChoose: ({ a: row }) => row !== null && chooseA([row]),
    onFind: (text) => onFind(0, text),
  });
  const pairs = componentList({
    ...shared,
    title: "Shared",
    hint: `Mutual nearest, above chance; ${count(between.one_way)} one-way`,
    empty: "No pair above chance.",
    testid: "shared",
    paired: true,
    pins: true,
    onChoose: (item) => {
      if (item.b !== null) chooseB([item.b], false);
      if (item.a !== null) chooseA([item.a]);
    },
    onFind: (text) => onFind(1, text),
  });
  const onlyB = componentList({
    ...shared,
    title: "Only in B",
    hint: "Its best match in A is no better than chance",
    empty: "A has a match for every component of B.",
    testid: "only-b",
    paired: false,
    onChoose: ({ b: row }) => row !== null && chooseB([row], true),
    onFind: (text) => onFind(2, text),
  });
  return {
    nodes: [onlyA.node, pairs.node, onlyB.node],
    /** @param {import("./questions.js").Lists} lists @param {import("./questions.js").Comparison | null} of where nothing is left out: how many there are */
    show(lists, of) {
      onlyA.show(lists.a, of?.a_only);
      pairs.show(lists.pairs, of?.pairs);
      onlyB.show(lists.b, of?.b_only);
    },
    /** @param {readonly number[]} rowsA @param {readonly number[]} rowsB @param {boolean} reveal */
    mark(rowsA, rowsB, reveal) {
      const [chosenA, chosenB] = [new Set(rowsA), new Set(rowsB)];
      for (const list of [onlyA, pairs]) list.mark((item) => item.a !== null && chosenA.has(item.a), reveal);
      onlyB.mark((item) => item.b !== null && chosenB.has(item.b), reveal);
    },
    /** @param {number} row */
    idOfB: (row) => other.catalog.get(row)?.id,
    /** Components of B are called otherwise now. */
    rename: () => other.catalog.clear(),
    destroy() {
      for (const list of [onlyA, pairs, onlyB]) list.destroy();
    },
  };
}
