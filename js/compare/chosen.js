/** The components that are chosen in both models, whoever chose them. */

import { literal } from "../shared/python.js";
import { same } from "../shared/selection.js";

/**
 * @param {Pick<import("../shared/alone.js").ViewContext, "act" | "set" | "showPython">} context
 * @param {() => {name: string, idOf: (row: number) => string | undefined} | null} other B, where there is one
 * @param {(a: number[], b: number[], reveal: boolean) => void} onChange
 */
export function chosenInBoth({ act, set, showPython }, other, onChange) {
  /** @type {number[]} */
  let ofA = [];
  /** @type {number[]} */
  let ofB = [];
  return {
    /** Marks them anew, and brings them into sight if `reveal`. */
    mark: (reveal = false) => onChange(ofA, ofB, reveal),
    /** @param {number[]} rows */
    chooseA(rows) {
      ofA = rows;
      act("selection", rows);
      onChange(ofA, ofB, false);
    },
    /** @param {number[]} rows @param {boolean} alone whether nothing of A is chosen with it */
    chooseB(rows, alone) {
      ofB = rows;
      set({ other_selection: rows });
      const beside = other();
      const id = beside?.idOf(rows[0]);
      if (alone && id) showPython(`lens.others[${literal(beside?.name)}].selection = ${literal([id])}`);
      onChange(ofA, ofB, false);
    },
    /** What the lenses say. @param {Record<string, any>} changed */
    update(changed) {
      const a = "selection" in changed ? (changed.selection ?? []) : ofA;
      const b = "other_selection" in changed ? (changed.other_selection ?? []) : ofB;
      if (same(a, ofA) && same(b, ofB)) return;
      [ofA, ofB] = [a, b];
      onChange(ofA, ofB, true);
    },
  };
}
