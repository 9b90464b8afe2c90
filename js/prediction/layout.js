/** Where the nodes of a layered graph stand. */

/** @typedef {import("./source.js").Circuit} Circuit */
/** @typedef {{row: number, layer: number, relevance: number, x: number, y: number}} Placed centre of the node, in px */

/** Height that one node takes with its name, in px. */
export const PITCH = 60;

/**
 * Layers stand in columns, the lowest at the left, the class in a column of its own at the right. In a column
 * nodes stand in the order of what they feed, so that few edges cross.
 * @param {Circuit} circuit @param {{width: number, height: number, left: number, right: number}} room the centres
 *   of the first column and of the class stand `left` and `right` px from the edges
 * @returns {{nodes: Map<number, Placed>, columns: number[], target: {x: number, y: number}, height: number}}
 */
export function placed({ layers, nodes, edges }, { width, height, left, right }) {
  const most = Math.max(1, ...layers.map((_, i) => nodes.filter(({ layer }) => layer === i).length));
  const tall = Math.max(height, most * PITCH);
  const step = (width - left - right) / Math.max(1, layers.length);
  const target = { x: width - right, y: tall / 2 };
  /** @type {Map<number, Placed>} */
  const found = new Map();
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    const column = nodes
      .filter((node) => node.layer === layer)
      .map((node) => ({ node, wish: wish(node.row) }))
      .sort((a, b) => a.wish - b.wish || b.node.relevance - a.node.relevance);
    const gap = tall / Math.max(1, column.length);
    column.forEach(({ node }, i) => {
      found.set(node.row, { ...node, x: left + layer * step, y: gap * (i + 0.5) });
    });
  }
  return { nodes: found, columns: layers.map((_, i) => left + i * step), target, height: tall };

  /** The mean height of what a node feeds, by strength; what feeds the class stands by its sign and strength. @param {number} row */
  function wish(row) {
    let sum = 0;
    let weight = 0;
    for (const { lower, upper, relevance } of edges) {
      if (lower !== row) continue;
      const above = upper === null ? { y: target.y - 1e3 * relevance } : found.get(upper);
      if (!above) continue;
      sum += Math.abs(relevance) * above.y;
      weight += Math.abs(relevance);
    }
    return weight ? sum / weight : target.y;
  }
}

/**
 * All edges on ways through a node: from it up to the class, and down to the lowest layer.
 * @param {Circuit} circuit @param {number} row @returns {Set<Circuit["edges"][number]>}
 */
export function waysThrough({ edges }, row) {
  /** @type {Set<Circuit["edges"][number]>} */
  const ways = new Set();
  const walk = (
    /** @type {number | null} */ at,
    /** @type {"lower" | "upper"} */ from,
    /** @type {"lower" | "upper"} */ to,
  ) => {
    for (const edge of edges) {
      if (edge[from] !== at || ways.has(edge)) continue;
      ways.add(edge);
      if (edge[to] !== null) walk(edge[to], from, to);
    }
  };
  walk(row, "lower", "upper");
  walk(row, "upper", "lower");
  return ways;
}

/**
 * The node a key leads to: ← along the strongest edge down, → up, ↑ ↓ within the column.
 * @param {Circuit} circuit @param {Map<number, Placed>} nodes @param {number} row @param {string} key
 * @returns {number | null} null where there is none, or the key does not walk
 */
export function walked({ edges }, nodes, row, key) {
  const strongest = (/** @type {"lower" | "upper"} */ from, /** @type {"lower" | "upper"} */ to) =>
    edges
      .filter((edge) => edge[from] === row && edge[to] !== null)
      .sort((a, b) => Math.abs(b.relevance) - Math.abs(a.relevance))[0]?.[to] ?? null;
  if (key === "ArrowLeft") return strongest("upper", "lower");
  if (key === "ArrowRight") return strongest("lower", "upper");
  const by = { ArrowUp: -1, ArrowDown: 1 }[key];
  const here = nodes.get(row);
  if (!by || !here) return null;
  const column = [...nodes.values()].filter(({ layer }) => layer === here.layer).sort((a, b) => a.y - b.y);
  return column[column.findIndex((node) => node.row === row) + by]?.row ?? null;
}
