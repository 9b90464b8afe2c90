/** Drawn rows by key: one is left alone as long as what it shows is the same, and the focus stays where it was. */

import { arrange } from "../shared/dom.js";

/** @param {HTMLElement} body */
export function drawnRows(body) {
  /** Rows and what is drawn in them. @type {Map<string, {drawn: string, node: HTMLElement}>} */
  let rows = new Map();

  /** Which control of which row has the focus. */
  function focused() {
    const at = /** @type {HTMLElement | null} */ (document.activeElement);
    const row = /** @type {HTMLElement | null} */ (at?.closest?.("[data-name]") ?? null);
    if (!at || !row || !body.contains(row)) return null;
    const { decision } = at.dataset;
    const control = decision ? `[data-decision="${decision}"]` : '[data-focus="note"]';
    return { name: row.dataset.name ?? "", control: at === row ? null : control };
  }

  return {
    /** The row of a concept. @param {string} name */
    of: (name) => rows.get(`row ${name}`)?.node,
    /** @param {(node: HTMLElement) => void} visit */
    each: (visit) => {
      for (const { node } of rows.values()) visit(node);
    },
    /**
     * Draws rows anew, in the order in which they are asked for.
     * @param {(keep: (key: string, facts: any, make: () => HTMLElement) => HTMLElement, put: (node: HTMLElement) => void) => void} fill
     *   `keep` gives the row with these facts, made where there is none; `put` takes any other node
     * @param {() => string | null} otherwise whose row gets the focus where the one that had it is gone
     */
    draw(fill, otherwise) {
      const had = focused();
      const fresh = new Map();
      /** @type {HTMLElement[]} */
      const nodes = [];
      fill(
        (key, facts, make) => {
          const [drawn, old] = [JSON.stringify(facts), rows.get(key)];
          const entry = old?.drawn === drawn ? old : { drawn, node: make() };
          fresh.set(key, entry);
          nodes.push(entry.node);
          return entry.node;
        },
        (node) => nodes.push(node),
      );
      rows = fresh;
      arrange(body, nodes);
      if (!had) return;
      const row = this.of(had.name) ?? this.of(otherwise() ?? "");
      const target = /** @type {HTMLElement | null | undefined} */ (
        had.control ? row?.querySelector(had.control) : row
      );
      if (target !== document.activeElement) target?.focus({ preventScroll: true });
    },
  };
}
