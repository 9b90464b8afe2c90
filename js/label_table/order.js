/** Which components the table shows, and in which order. */

/** What can be shown, with the words of the interface. @type {Record<string, string>} */
export const KINDS = {
  all: "all",
  explained: "explained",
  unexplained: "unexplained",
  shared: "label is shared",
  own: "own labels",
};

/** @typedef {{key: "row" | "label" | "confidence" | "margin" | "shared", descending: boolean}} Sorting */

/**
 * @param {object} facts
 * @param {import("../shared/labels.js").Labels | null} facts.labels
 * @param {{words: Int32Array, names: readonly string[], sizes: readonly number[]}} facts.named labels of all rows
 * @param {(row: number) => boolean} facts.isOwn @param {(row: number) => string} facts.idOf
 * @param {number} facts.count
 * @param {{kind: string, text: string, word: string | null, span: readonly number[] | null, sorting: Sorting}} wanted
 *   `text` is looked for in ids, labels and the closest words; `span`: rows of the one layer that is shown
 * @returns {number[]}
 */
export function tableRows({ labels, named, isOwn, idOf, count }, { kind, text, word, span, sorting }) {
  const sought = text.trim().toLowerCase();
  const k = labels?.k ?? 0;
  const found = new Map();
  const matches = (/** @type {string} */ name) => {
    if (!found.has(name)) found.set(name, name.toLowerCase().includes(sought));
    return found.get(name);
  };
  const rows = [];
  for (let row = span?.[0] ?? 0; row < (span?.[1] ?? count); row++) {
    const number = named.words[row];
    const alive = labels?.alive[row] === 1;
    if (kind === "explained" && number < 0) continue;
    if (kind === "unexplained" && (number >= 0 || !alive)) continue;
    if (kind === "shared" && (number < 0 || named.sizes[number] < 2)) continue;
    if (kind === "own" && !isOwn(row)) continue;
    if (word !== null && (number < 0 || named.names[number] !== word)) continue;
    if (sought && !matches(idOf(row)) && !(number >= 0 && matches(named.names[number]))) {
      let near = false;
      for (let rank = 0; rank < k && !near; rank++) {
        const other = labels?.numbers[row * k + rank] ?? -1;
        near = other >= 0 && matches(labels?.words[other] ?? "");
      }
      if (!near) continue;
    }
    rows.push(row);
  }
  return sorted(rows, sorting, { labels, named });
}

/**
 * @param {number[]} rows @param {Sorting} sorting
 * @param {{labels: import("../shared/labels.js").Labels | null, named: {words: Int32Array, names: readonly string[], sizes: readonly number[]}}} facts
 */
function sorted(rows, { key, descending }, { labels, named }) {
  const sign = descending ? -1 : 1;
  if (key === "label") {
    // Explained ones by their word, then the others: an absent label is not the first of the alphabet.
    const name = (/** @type {number} */ row) => named.names[named.words[row]];
    return rows.sort((a, b) => {
      const [one, other] = [name(a), name(b)];
      if (one === undefined || other === undefined) return one === other ? a - b : one === undefined ? 1 : -1;
      return sign * one.localeCompare(other) || a - b;
    });
  }
  const k = labels?.k ?? 0;
  /** @param {number} row */
  const worth = (row) => {
    if (key === "confidence") return labels?.confidence[row * k];
    if (key === "margin") return labels?.margins[row];
    if (key === "shared") return named.words[row] < 0 ? Number.NaN : named.sizes[named.words[row]];
    return row;
  };
  return rows.sort((a, b) => {
    const [one, other] = [worth(a) ?? Number.NaN, worth(b) ?? Number.NaN];
    if (Number.isNaN(one) || Number.isNaN(other))
      return Number(Number.isNaN(one)) - Number(Number.isNaN(other)) || a - b;
    return sign * (one - other) || a - b;
  });
}
