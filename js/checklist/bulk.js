/** One verdict on all components that are chosen. */

import { button, fill, h } from "../shared/dom.js";
import { count, plural } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { DECISIONS, glyph } from "./glyphs.js";

/**
 * @param {object} options
 * @param {(subjects: import("./source.js").Subject[], decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {(rows: number[]) => void} options.onClose the first stays chosen
 * @param {(text: string) => void} options.say
 */
export function bulkMenu({ onDecide, onClose, say }) {
  const node = h("div", {
    class: "sl-bulk",
    role: "toolbar",
    "aria-label": "Verdict on the chosen components",
    hidden: true,
    "data-testid": "bulk",
  });
  return {
    node,
    /** Opens for two and more. @param {readonly number[]} rows */
    open(rows) {
      node.hidden = rows.length < 2;
      if (node.hidden) return;
      say(`${plural(rows.length, "component")} chosen`);
      fill(
        node,
        h("b", { "data-testid": "bulk-count" }, count(rows.length)),
        h("span", { class: "sl-quiet" }, "chosen"),
        ...DECISIONS.map((decision, i) => {
          const choice = button({
            title: `All ${decision} (${i + 1})`,
            class: "sl-outlined",
            "data-testid": `bulk-${decision}`,
            onclick: () => onDecide([...rows], decision),
          });
          fill(choice, glyph(decision, { hollow: decision === "unsure" }), h("span", {}, decision));
          return choice;
        }),
        button({
          text: "none",
          title: "Take the verdicts back",
          class: "sl-outlined",
          "data-testid": "bulk-none",
          onclick: () => onDecide([...rows], null),
        }),
        button({
          label: "Close",
          icon: icons.cross,
          class: "sl-square",
          onclick: () => onClose(rows.slice(0, 1)),
        }),
      );
    },
  };
}
