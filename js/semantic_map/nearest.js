/** Which component lies nearest to the pointer: places sorted into the cells of a grid. */

const CELLS = 64;

/** @param {number} place */
const cellOf = (place) => Math.min(CELLS - 1, Math.max(0, Math.floor(place * CELLS)));

/** @param {Float32Array} places in the unit square, NaN for none */
export function gridIndex(places) {
  const starts = new Int32Array(CELLS * CELLS + 1);
  const count = places.length / 2;
  const cells = new Int32Array(count);
  for (let row = 0; row < count; row++) {
    const [x, y] = [places[2 * row], places[2 * row + 1]];
    cells[row] = Number.isNaN(x) ? -1 : cellOf(y) * CELLS + cellOf(x);
    if (cells[row] >= 0) starts[cells[row] + 1] += 1;
  }
  for (let cell = 0; cell < CELLS * CELLS; cell++) starts[cell + 1] += starts[cell];
  const rows = new Int32Array(starts[CELLS * CELLS]);
  const filled = starts.slice();
  for (let row = 0; row < count; row++) if (cells[row] >= 0) rows[filled[cells[row]]++] = row;

  return {
    /**
     * The nearest row within `radius` px of a place, or −1.
     * @param {import("./projection.js").Projection} view @param {number} x @param {number} y place of the pointer
     * @param {number} radius @param {(row: number) => boolean} seen
     */
    near({ sx, sy }, x, y, radius, seen) {
      const [dx, dy] = [Math.abs(radius / sx), Math.abs(radius / sy)];
      let [best, closest] = [-1, radius * radius];
      for (let cy = cellOf(y - dy); cy <= cellOf(y + dy); cy++) {
        for (let cx = cellOf(x - dx); cx <= cellOf(x + dx); cx++) {
          const cell = cy * CELLS + cx;
          for (let at = starts[cell]; at < starts[cell + 1]; at++) {
            const row = rows[at];
            const [px, py] = [(places[2 * row] - x) * sx, (places[2 * row + 1] - y) * sy];
            const distance = px * px + py * py;
            if (distance <= closest && seen(row)) [best, closest] = [row, distance];
          }
        }
      }
      return best;
    },
  };
}
