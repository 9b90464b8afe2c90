/** Points of a plane by place: the nearest to a pointer, and those inside a lasso, without looking at all of them. */

/** About how many points a cell of the grid holds. */
const A_CELL = 4;

/**
 * From places to pixels: `x · sx + ox`, `y · sy + oy`.
 * @typedef {{sx: number, sy: number, ox: number, oy: number}} Projection
 */
/** @typedef {readonly [number, number]} Place */

/** The place that is seen at a pixel. @param {Projection} view @param {number} px @param {number} py @returns {[number, number]} */
export const unprojected = ({ sx, sy, ox, oy }, px, py) => [(px - ox) / sx, (py - oy) / sy];

/** Where a point is seen, in px; null for one without a place. @param {Float32Array} places @param {Projection} view @param {number} row @returns {[number, number] | null} */
export function seenAt(places, { sx, sy, ox, oy }, row) {
  const [x, y] = [places[2 * row], places[2 * row + 1]];
  return Number.isFinite(x) && Number.isFinite(y) ? [x * sx + ox, y * sy + oy] : null;
}

/** Whether a place lies inside a closed line (even-odd). @param {readonly Place[]} line @param {number} x @param {number} y */
export const inside = (line, x, y) => crossed(edgesOf(line), x, y);

/** @typedef {[ax: number, ay: number, bx: number, by: number]} Edge */

/** @param {readonly Place[]} line @returns {Edge[]} */
const edgesOf = (line) => line.map(([x, y], i) => [x, y, ...line[(i || line.length) - 1]]);

/** Whether a ray from x to the right crosses the edges an odd number of times. @param {readonly Edge[]} edges @param {number} x @param {number} y */
function crossed(edges, x, y) {
  let odd = false;
  for (const [ax, ay, bx, by] of edges)
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  return odd;
}

/** The bounds of all places that are numbers: [left, bottom, right, top], of none the unit square. @param {Float32Array} places */
export function bounds(places) {
  let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < places.length; i += 2) {
    const [x, y] = [places[i], places[i + 1]];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < bottom) bottom = y;
    if (y > top) top = y;
  }
  return left > right ? [0, 0, 1, 1] : [left, bottom, right, top];
}

/**
 * Points by the cells of a grid. One whose place is no number is never found.
 * @param {Float32Array} places x and y of each row
 */
export function placesOf(places) {
  const count = places.length >> 1;
  const [left, bottom, right, top] = bounds(places);
  const side = Math.max(1, Math.ceil(Math.sqrt(count / A_CELL)));
  const cellOf = (/** @type {number} */ share) => Math.max(0, Math.min(side - 1, Math.floor(share * side)));
  const column = (/** @type {number} */ x) => cellOf((x - left) / (right - left || 1));
  const line = (/** @type {number} */ y) => cellOf((y - bottom) / (top - bottom || 1));
  // Rows in the order of their cells; those of cell c are at start[c] to start[c + 1].
  const start = new Uint32Array(side * side + 1);
  const cells = new Int32Array(count);
  for (let row = 0; row < count; row++) {
    const [x, y] = [places[2 * row], places[2 * row + 1]];
    cells[row] = Number.isFinite(x) && Number.isFinite(y) ? line(y) * side + column(x) : -1;
    if (cells[row] >= 0) start[cells[row] + 1]++;
  }
  for (let cell = 0; cell < side * side; cell++) start[cell + 1] += start[cell];
  const ordered = new Uint32Array(start[side * side]);
  const next = start.slice();
  for (let row = 0; row < count; row++) if (cells[row] >= 0) ordered[next[cells[row]]++] = row;

  return {
    /** [left, bottom, right, top] */
    bounds: [left, bottom, right, top],
    /**
     * The row that is seen nearest to a pixel and not farther than `reach` px, −1 for none; of equally near ones the first.
     * @param {Projection} view @param {number} px @param {number} py @param {number} reach @param {(row: number) => boolean} seen
     */
    nearest(view, px, py, reach, seen) {
      const [x, y] = unprojected(view, px, py);
      const [across, up] = [Math.abs(reach / view.sx), Math.abs(reach / view.sy)];
      let [best, closest] = [-1, reach * reach];
      for (let at = line(y - up); at <= line(y + up); at++) {
        const end = start[at * side + column(x + across) + 1];
        for (let i = start[at * side + column(x - across)]; i < end; i++) {
          const row = ordered[i];
          const [dx, dy] = [(places[2 * row] - x) * view.sx, (places[2 * row + 1] - y) * view.sy];
          const distance = dx * dx + dy * dy;
          if (distance > closest || (distance === closest && best >= 0 && row > best) || !seen(row)) continue;
          [best, closest] = [row, distance];
        }
      }
      return best;
    },
    /**
     * The rows seen inside a closed line, in their order.
     * @param {Projection} view @param {readonly Place[]} path in px @param {(row: number) => boolean} seen
     */
    within(view, path, seen) {
      const drawn = path.map(([px, py]) => unprojected(view, px, py));
      const edges = edgesOf(drawn);
      const [x, y] = [drawn.map(([at]) => at), drawn.map(([, at]) => at)];
      const [first, last] = [column(Math.min(...x)), column(Math.max(...x))];
      const found = new Uint8Array(count);
      if (!drawn.length) return [];
      for (let at = line(Math.min(...y)); at <= line(Math.max(...y)); at++) {
        // Only edges that reach into this line of cells can lie beside its points.
        const near = edges.filter(
          ([, ay, , by]) => line(Math.min(ay, by)) <= at && line(Math.max(ay, by)) >= at,
        );
        const end = start[at * side + last + 1];
        for (let i = start[at * side + first]; i < end; i++) {
          const row = ordered[i];
          if (seen(row) && crossed(near, places[2 * row], places[2 * row + 1])) found[row] = 1;
        }
      }
      const rows = [];
      for (let row = 0; row < count; row++) if (found[row]) rows.push(row);
      return rows;
    },
  };
}
