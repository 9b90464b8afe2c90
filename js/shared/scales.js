/** From data to pixels. */

import "./scales.css";

/**
 * @param {[number, number]} domain @param {[number, number]} range
 * @returns {(value: number) => number} a line; a domain without width maps to the middle of the range
 */
export function linear([from, to], [start, end]) {
  if (from === to) return () => (start + end) / 2;
  return (value) => start + ((value - from) / (to - from)) * (end - start);
}

/**
 * Round values (1, 2 or 5 times a power of ten) inside a domain.
 * @param {[number, number]} domain @param {number} wanted about how many
 * @returns {{step: number, values: number[]}}
 */
export function ticks([from, to], wanted) {
  const raw = (to - from) / Math.max(1, wanted);
  if (!(raw > 0) || !Number.isFinite(raw)) return { step: 1, values: [from] };
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= raw) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return { step, values: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step) };
}
