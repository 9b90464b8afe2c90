/**
 * Numbers as the interface writes them: true minus sign, thousands apart, ties away from zero, scores without leading zero.
 * `semlens_widgets/numbers.py` writes the same in Python; `tests/numbers.json` holds both to it.
 */

const MINUS = "−";

/** With so many digits after the point; never −0.0; a dash for what is no number. @param {number} value @param {number} digits */
export function fixed(value, digits) {
  if (!Number.isFinite(value)) return "–";
  const plain = Math.abs(value).toFixed(digits);
  const text = plain.replace(/\B(?<!\..*)(?=(\d{3})+(?!\d))/g, ",");
  return value < 0 && Number(plain) !== 0 ? MINUS + text : text;
}

/** A written number with its sign, where it is above zero as it is written. @param {number} value @param {string} text */
export const plus = (value, text) => (value > 0 && /[1-9]/.test(text) ? `+${text}` : text);

/** The same with its sign: +1.2, −0.3, 0.0. @param {number} value @param {number} digits */
export const withSign = (value, digits) => plus(value, fixed(value, digits));

/** A score in [−1, 1] without leading zero: .312, −.04. @param {number} value */
export const score = (value, digits = 3) => fixed(value, digits).replace(/^(−?)0\./, "$1.");

/** A z value with one digit: 6.8, −0.3. @param {number} value */
export const z = (value) => fixed(value, 1);

/** A probability in (0, 1]; what is smaller than .001 says only that. @param {number} value */
export const p = (value) => (value < 0.001 ? "< .001" : score(value, value < 0.095 ? 3 : 2));

/** "p = .34" or "p < .001". @param {number} value */
export const pEquals = (value) => (value < 0.001 ? "p < .001" : `p = ${p(value)}`);

/** A whole number: 12,000. @param {number} value */
export const count = (value) => fixed(value, 0);

/** An activation: three significant digits, never scientific below a million. @param {number} value */
export function activation(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-4)) return value.toExponential(1).replaceAll("-", MINUS);
  return fixed(value, size >= 100 ? 0 : size >= 1 ? 1 : size >= 0.1 ? 2 : 3);
}

/** An axis tick, sign always written except at zero: −0.1, 0, +0.1. @param {number} value @param {number} step */
export function signedTick(value, step) {
  if (Math.abs(value) < step / 1e6) return "0";
  return (value > 0 ? "+" : "") + fixed(value, decimals(step));
}

/** Digits after the point that tell ticks of this step apart. @param {number} step */
export const decimals = (step) => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));

/** A share with its sign, in %: +22.1, −8.9, 0.0; below .1 with another digit, −0.04. @param {number} share */
export function percent(share) {
  const text = withSign(100 * share, Math.abs(share) < 0.00095 ? 2 : 1);
  return /[1-9]|–/.test(text) ? text : "0.0";
}

/** The same of what is in per cent already; a dash for none. @param {number | null} value */
export const signed = (value) => percent((value ?? Number.NaN) / 100);

/** "1 component", "2 components". @param {number} number @param {string} noun */
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
