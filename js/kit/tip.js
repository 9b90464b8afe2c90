/** A box that opens beside a point of its parent, and stays inside it. */

const EDGE = 4;

/**
 * To the right of the point, or to the left where there is no room.
 * @param {HTMLElement} node that is shown already @param {number} x in px of its parent @param {number} y
 * @param {{gap: number, top: (y: number, high: number, room: number) => number}} options
 */
export function placeBeside(node, x, y, { gap, top }) {
  const [width, height] = [node.parentElement?.clientWidth ?? 0, node.parentElement?.clientHeight ?? 0];
  const [wide, high] = [node.offsetWidth, node.offsetHeight];
  const left = x + gap + wide < width ? x + gap : x - gap - wide;
  node.style.left = `${Math.max(EDGE, left)}px`;
  node.style.top = `${Math.max(EDGE, Math.min(top(y, high, height), height - high - EDGE))}px`;
}
