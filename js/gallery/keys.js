/** The keys of the rows: steps, selection, the card, and crops of the active row, large. */

import { used } from "../shared/keyboard.js";
import { adds } from "../shared/selection.js";
import { positionOf } from "../shared/virtual_rows.js";

/** The crop beside the one that is looked at, or the first of a row. @param {HTMLElement | undefined} row @param {number} by */
function neighbour(row, by) {
  const crops = /** @type {HTMLElement[]} */ ([...(row?.querySelectorAll("[data-rank]") ?? [])]);
  const at = crops.findIndex((crop) => crop.classList.contains("sl-ring"));
  return at < 0 ? crops.at(by > 0 ? 0 : -1) : (crops[at + by] ?? crops[at]);
}

/**
 * @param {object} options
 * @param {ReturnType<typeof import("../shared/chosen_rows.js").chosenRows>} options.chosen
 * @param {ReturnType<typeof import("../shared/preview.js").preview>} options.large
 * @param {(position: number) => number} options.rowAt
 * @param {(row: number) => void} [options.onOpen] @param {(row: number) => void} [options.onPin]
 * @returns {(event: KeyboardEvent) => void}
 */
export function rowKeys({ chosen, large, rowAt, onOpen, onPin }) {
  const { rows } = chosen;

  /** Steps the large crop along the active row. @param {number} by */
  function stepCrop(by) {
    const next = neighbour(rows.at(rows.active), by);
    if (next) large.open(next);
  }

  return (event) => {
    if (positionOf(event) === null || event.altKey) return;
    const row = rowAt(rows.active);
    if (chosen.step(event)) large.close();
    else if (event.key === " " && adds(event)) chosen.toggle();
    else if (event.key === " ") onPin?.(row);
    else if (event.key === "Enter") {
      if (!chosen.has(row)) chosen.choose([row]);
      onOpen?.(row);
    } else if (event.key === "ArrowRight") stepCrop(1);
    else if (event.key === "ArrowLeft") stepCrop(-1);
    else if (event.key === "Escape" && large.isOpen) large.close();
    else return;
    used(event);
  };
}
