/**
 * The query grammar: chips separated by commas; a chip starting with `-` pushes away; `image:ID` is an
 * image the kernel knows. "ruler, -hair" is two chips.
 */

/** @typedef {{text: string, negative: boolean}} Chip `text` never contains a comma and is never empty */

/**
 * As `Query.parse` in semlens_widgets/session/query.py: the kernel has the last word, and this one stands in where
 * there is none. tests/queries.json holds both together.
 * @param {string} query @returns {Chip[]}
 */
export function parse(query) {
  return query.split(",").flatMap((part) => {
    const tidy = part.replace(/\s+/g, " ").trim();
    const negative = tidy.startsWith("-");
    const text = negative ? tidy.slice(1).trim() : tidy;
    return /[^- ]/.test(text) ? [{ text, negative }] : [];
  });
}

/** The query as it is written. `parse(write(chips))` gives the chips back. @param {readonly Chip[]} chips */
export const write = (chips) => chips.map(({ text, negative }) => (negative ? `-${text}` : text)).join(", ");

/**
 * Chips with those of `query` added; a chip that is there already takes the new sign.
 * @param {readonly Chip[]} chips @param {string} query
 */
export function add(chips, query) {
  const signs = new Map([...chips, ...parse(query)].map(({ text, negative }) => [text, negative]));
  return [...signs].map(([text, negative]) => ({ text, negative }));
}

/** @param {readonly Chip[]} chips @param {number} index */
export const without = (chips, index) => chips.filter((_, i) => i !== index);

/** @param {readonly Chip[]} chips @param {number} index */
export const flipped = (chips, index) =>
  chips.map((chip, i) => (i === index ? { ...chip, negative: !chip.negative } : chip));

/** The id of an image chip, or null for a word. @param {Chip} chip */
export const imageId = (chip) => /^image:(.+)$/.exec(chip.text)?.[1] ?? null;
