/**
 * The normal distribution, where there is no scipy: `tests/numbers.json` holds both to the same chances.
 */

/**
 * The normal deviate that is exceeded as often as z, a standardised number with this skewness: `as_normal` in Python.
 * @param {number} z @param {number} skewness
 */
export function asNormal(z, skewness) {
  const some = Math.max(skewness, 1e-3);
  return (6 / some) * (Math.cbrt(Math.max(1 + (z * some) / 2, 0)) - 1) + some / 6;
}

/** P(Z >= z) of a standard normal Z, relative error below 2e-7 (Numerical Recipes, erfcc). @param {number} z */
export function normalTail(z) {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const fit = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
    1.00002368, -1.26551223,
  ].reduce((sum, coefficient) => sum * t + coefficient, 0);
  const upper = (t * Math.exp(-x * x + fit)) / 2;
  return z >= 0 ? upper : 1 - upper;
}
