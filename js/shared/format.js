/** Numbers as the interface writes them: true minus sign, tabular, scores without leading zero. */

const MINUS = "−";

/** @param {number} value @param {number} digits */
function fixed(value, digits) {
  if (!Number.isFinite(value)) return "–";
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** A score in [−1, 1] without leading zero: .312, −.04. @param {number} value */
export const score = (value, digits = 3) => fixed(value, digits).replace(/^(−?)0\./, "$1.");

/** A z value with one digit: 6.8, −0.3. @param {number} value */
export const z = (value) => fixed(value, 1);

/** A probability in (0, 1]; what is smaller than .001 says only that. @param {number} value */
export const p = (value) => (value < 0.001 ? "< .001" : score(value, value < 0.095 ? 3 : 2));

/** "p = .34" or "p < .001". @param {number} value */
export const pEquals = (value) => (value < 0.001 ? "p < .001" : `p = ${p(value)}`);

/** A whole number with thin groups: 12,000. @param {number} value */
export const count = (value) =>
  Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** An activation: three significant digits, never scientific below a million. @param {number} value */
export function activation(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-4)) return value.toExponential(1).replace("-", MINUS);
  return fixed(value, size >= 100 ? 0 : size >= 1 ? 1 : size >= 0.1 ? 2 : 3);
}

/** An axis tick, sign always written except at zero: −0.1, 0, +0.1. @param {number} value @param {number} step */
export function signedTick(value, step) {
  if (Math.abs(value) < step / 1e6) return "0";
  return (value > 0 ? "+" : "") + fixed(value, decimals(step));
}

/** Digits after the point that tell ticks of this step apart. @param {number} step */
export const decimals = (step) => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));

/** A signed share in per cent, with one digit: +14.6, −0.4; a dash for none. @param {number | null} value */
export function signed(value) {
  const text = z(value ?? Number.NaN);
  return Number.isFinite(value) && Number(value) > 0 && text !== "0.0" ? `+${text}` : text;
}

/** "1 component", "2 components". @param {number} number @param {string} noun */
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
