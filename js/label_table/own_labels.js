/** A person's own labels, by id: written, taken away, and the way back. */

import { literal } from "../shared/python.js";

/** How many changes can be taken back. */
const STEPS = 100;

/**
 * @param {object} options
 * @param {() => Record<string, string>} options.present the labels as they are now
 * @param {(next: Record<string, string>, python: string) => void} options.onChange with the Python line that does the same
 * @param {(text: string) => void} options.announce
 */
export function ownLabels({ present, onChange, announce }) {
  /** @type {Record<string, string>[]} */
  const before = [];

  return {
    get undoable() {
      return before.length > 0;
    },

    /** A person's own label; an empty text takes it away. @param {string} id @param {string} text */
    rewrite(id, text) {
      const own = present();
      const words = text.trim().replace(/\s+/g, " ");
      if (words === (own[id] ?? "")) return;
      const { [id]: _, ...others } = own;
      before.push(own);
      if (before.length > STEPS) before.shift();
      const python = words
        ? `lens.own_labels = {**lens.own_labels, ${literal(id)}: ${literal(words)}}`
        : `lens.own_labels = {c: w for c, w in lens.own_labels.items() if c != ${literal(id)}}`;
      onChange(words ? { ...others, [id]: words } : others, python);
      announce(words ? `${id} is called ${words}` : `own label of ${id} removed`);
    },

    /** Takes the last change back; false where there is none. */
    undo() {
      const last = before.pop();
      if (!last) return false;
      onChange(last, `lens.own_labels = ${literal(last)}`);
      announce("undone");
      return true;
    },
  };
}
