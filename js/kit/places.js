/** Points of a plane by place: the nearest to a pointer, and those inside a lasso, without looking at all. */

/** About how many points a cell of the grid holds. */
const A_CELL = 4;

/** Whether a point lies inside a closed line (even-odd). @param {readonly (readonly [number, number])[]} line @param {number} x @param {number} y */
export function inside(line, x, y) {
  let within = false;
  for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
    const [ax, ay] = line[i];
    const [bx, by] = line[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  }
  return within;
}

/** The bounds of the points that have a place. @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys */
function bounds(xs, ys) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < xs.length; at++) {
    if (!Number.isFinite(xs[at]) || !Number.isFinite(ys[at])) continue;
    left = Math.min(left, xs[at]);
    right = Math.max(right, xs[at]);
    top = Math.min(top, ys[at]);
    bottom = Math.max(bottom, ys[at]);
  }
  return { left, top, wide: right - left || 1, high: bottom - top || 1, none: left > right };
}

/**
 * Points without a place (not a finite number) are never found. Points are looked at by cells of a grid.
 * @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys
 */
export function placesOf(xs, ys) {
  const { left, top, wide, high, none } = bounds(xs, ys);
  const side = Math.max(1, Math.ceil(Math.sqrt(xs.length / A_CELL)));
  const clamp = (/** @type {number} */ cell) => Math.max(0, Math.min(side - 1, cell));
  const column = (/** @type {number} */ x) => clamp(Math.floor(((x - left) / wide) * side));
  const line = (/** @type {number} */ y) => clamp(Math.floor(((y - top) / high) * side));
  // Points in the order of their cells; those of cell c are at start[c] to start[c + 1].
  const start = new Uint32Array(side * side + 1);
  const cells = new Int32Array(xs.length).fill(-1);
  for (let at = 0; at < xs.length; at++) {
    if (!Number.isFinite(xs[at]) || !Number.isFinite(ys[at])) continue;
    cells[at] = line(ys[at]) * side + column(xs[at]);
    start[cells[at] + 1]++;
  }
  for (let cell = 0; cell < side * side; cell++) start[cell + 1] += start[cell];
  const ordered = new Uint32Array(start[side * side]);
  const next = start.slice();
  for (let at = 0; at < xs.length; at++) if (cells[at] >= 0) ordered[next[cells[at]]++] = at;

  /** Calls `visit` with all points of the cells that a box touches. @param {number[]} box left, top, right, bottom @param {(at: number) => void} visit */
  function visitBox([x0, y0, x1, y1], visit) {
    if (none) return;
    for (let row = line(y0); row <= line(y1); row++) {
      const end = start[row * side + column(x1) + 1];
      for (let i = start[row * side + column(x0)]; i < end; i++) visit(ordered[i]);
    }
  }

  return {
    /**
     * The point nearest to a place, −1 for none within reach; of equally near ones the last.
     * @param {number} x @param {number} y @param {number} across reach along x, in the points' own unit
     * @param {number} up reach along y: distances are measured in reaches @param {(at: number) => boolean} [seen]
     */
    nearest(x, y, across, up = across, seen = () => true) {
      let [best, closest] = [-1, 1];
      visitBox([x - across, y - up, x + across, y + up], (at) => {
        const distance = ((xs[at] - x) / across) ** 2 + ((ys[at] - y) / up) ** 2;
        if (distance > closest || (distance === closest && at < best) || !seen(at)) return;
        [best, closest] = [at, distance];
      });
      return best;
    },
    /** The points inside a closed line, in their order. @param {readonly (readonly [number, number])[]} path @param {(at: number) => boolean} [seen] */
    within(path, seen = () => true) {
      const [x, y] = [path.map(([px]) => px), path.map(([, py]) => py)];
      const box = [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
      /** @type {number[]} */
      const found = [];
      visitBox(box, (at) => {
        if (xs[at] < box[0] || xs[at] > box[2] || ys[at] < box[1] || ys[at] > box[3]) return;
        if (seen(at) && inside(path, xs[at], ys[at])) found.push(at);
      });
      return found.sort((a, b) => a - b);
    },
  };
}
