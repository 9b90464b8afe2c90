/** From a value to a step of a colour scale; the steps' colours are in the theme. */

/** Steps of the sequential scale, low to high, and on either side of zero of the diverging one. */
export const STEPS = 6;
export const SIDES = 3;

/**
 * The step 0 … 5 of a value between `low` and `high`, what lies outside going to the ends.
 * @param {number} value @param {[number, number]} domain
 */
export function sequential(value, [low, high]) {
  if (!(high > low)) return 0;
  return Math.min(STEPS - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * STEPS)));
}

/**
 * The step −3 … 3 of a value; zero is the neutral middle whatever the values are.
 * @param {number} value @param {number} reach the largest absolute value
 */
export function diverging(value, reach) {
  if (!(reach > 0)) return 0;
  const step = Math.round((value / reach) * (SIDES + 0.49));
  return Math.min(SIDES, Math.max(-SIDES, step)) || 0;
}

/** The inks that can be read on the steps, where the common one cannot. */
const INKS = {
  sequential: { 3: "sl-on-mid-blue", 4: "sl-on-strong", 5: "sl-on-strong" },
  diverging: { 2: "sl-on-middle", 3: "sl-on-strong" },
};

/**
 * An element in the colour of a step, and in an ink that can be read on it.
 * @param {HTMLElement} node @param {number} step @param {"sequential" | "diverging"} kind
 */
export function paintStep(node, step, kind) {
  const name =
    kind === "sequential" ? `seq-${step}` : `div-${step < 0 ? `n${-step}` : step > 0 ? `p${step}` : "0"}`;
  const ink = /** @type {Record<number, string>} */ (INKS[kind])[Math.abs(step)];
  node.style.background = `var(--sl-${name})`;
  if (ink) node.classList.add(ink);
  return node;
}
