/** How many crops a row has room for. */

import { layout } from "../shared/palette.js";

/** From one crop of a line to the next, in px. */
const STEP = layout.crop + 2;
/** The least crops of a line, and the width of the label beside it: a share of what they have together, within bounds. */
const [FEWEST, SHARE, NARROW, WIDE] = [3, 0.29, 120, 240];

/** How many crops a row has room for beside its label. @param {number} width of the two together, in px */
export function cropsThatFit(width) {
  const label = Math.min(WIDE, Math.max(NARROW, SHARE * width));
  return Math.max(FEWEST, Math.floor((width - label + 2) / STEP));
}

/** The width of a line of so many crops, in px. @param {number} crops */
export const lineWidth = (crops) => crops * STEP - 2;
