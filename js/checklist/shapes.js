/** Arithmetic of the scatter: marks, regions, the lasso. */

/**
 * The outline of a mark of radius `r` around a point, as a piece of an SVG path; equal areas across shapes.
 * @param {import("./source.js").Region} region @param {number} x @param {number} y @param {number} r
 */
export function mark(region, x, y, r) {
  const f = (/** @type {number} */ value) => value.toFixed(1);
  if (region === "spurious") {
    const a = r * 1.2;
    return `M${f(x)} ${f(y - a)}l${f(a)} ${f(a * 1.73)}h${f(-2 * a)}z`;
  }
  if (region === "unexpected") {
    const a = r * 1.2;
    return `M${f(x)} ${f(y - a)}l${f(a)} ${f(a)}l${f(-a)} ${f(a)}l${f(-a)} ${f(-a)}z`;
  }
  if (region === "neutral") {
    const a = r * 0.9;
    return `M${f(x - a)} ${f(y - a)}h${f(2 * a)}v${f(2 * a)}h${f(-2 * a)}z`;
  }
  return `M${f(x - r)} ${f(y)}a${f(r)} ${f(r)} 0 1 1 ${f(2 * r)} 0a${f(r)} ${f(r)} 0 1 1 ${f(-2 * r)} 0z`;
}

/** The right half of a round mark. @param {number} x @param {number} y @param {number} r */
export const rightHalf = (x, y, r) =>
  `M${x.toFixed(1)} ${(y - r).toFixed(1)}a${r.toFixed(1)} ${r.toFixed(1)} 0 0 1 0 ${(2 * r).toFixed(1)}z`;

/** Radius in px for a share of relevance in per cent: area grows with it. @param {number} share @param {number} largest */
export const radius = (share, largest) =>
  Number.isFinite(share) && largest > 0 ? 2.2 + 7.2 * Math.sqrt(Math.abs(share) / largest) : 3.4;

/** Whether a point lies inside a closed line. @param {[number, number][]} line @param {number} x @param {number} y */
export function inside(line, x, y) {
  let within = false;
  for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
    const [xi, yi] = line[i];
    const [xj, yj] = line[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}
