/**
 * Arithmetic of a long list of rows of one height, with at most one taller or lower divider between them.
 * `count` rows of `row` pixels; the divider of `divider` pixels stands before row `cut` (null: none).
 * @typedef {{count: number, row: number, cut: number | null, divider: number}} Grid
 */

/** Height of everything in px. @param {Grid} grid */
export const totalHeight = (grid) => grid.count * grid.row + (grid.cut === null ? 0 : grid.divider);

/** Distance from the top to the top of a row. @param {Grid} grid @param {number} position */
export const topOf = (grid, position) =>
  position * grid.row + (grid.cut !== null && position >= grid.cut ? grid.divider : 0);

/**
 * The row at a distance from the top, clamped to the rows there are; the divider belongs to the row below it.
 * @param {Grid} grid @param {number} y
 */
export function positionAt(grid, y) {
  const cutTop = grid.cut === null ? Number.POSITIVE_INFINITY : grid.cut * grid.row;
  const beyond = y < cutTop ? y : Math.max(cutTop, y - grid.divider);
  return Math.min(Math.max(0, Math.floor(beyond / grid.row)), Math.max(0, grid.count - 1));
}

/**
 * Rows to draw for a viewport, [first, end), with `spare` rows on both sides.
 * @param {Grid} grid @param {number} scrollTop @param {number} height @param {number} spare
 * @returns {[number, number]}
 */
export function visible(grid, scrollTop, height, spare = 0) {
  if (!grid.count) return [0, 0];
  const first = positionAt(grid, scrollTop);
  const last = positionAt(grid, Math.max(scrollTop, scrollTop + height - 1));
  return [Math.max(0, first - spare), Math.min(grid.count, last + 1 + spare)];
}

/**
 * The scrollTop that shows a row whole with the least movement.
 * @param {Grid} grid @param {number} position @param {number} scrollTop @param {number} height
 */
export function scrollTo(grid, position, scrollTop, height) {
  const top = topOf(grid, position);
  if (top < scrollTop) return top;
  return Math.max(scrollTop, top + grid.row - height);
}

/**
 * Where a key takes the focused row; null when the key does not move it.
 * @param {string} key @param {number} position @param {number} count @param {number} page rows per page
 */
export function step(key, position, count, page) {
  const moved = {
    ArrowDown: position + 1,
    j: position + 1,
    ArrowUp: position - 1,
    k: position - 1,
    PageDown: position + page,
    PageUp: position - page,
    Home: 0,
    End: count - 1,
  }[key];
  return moved === undefined || !count ? null : Math.min(Math.max(0, moved), count - 1);
}
