/** The line of Python that does what a gesture did. */

/** A Python string literal, in double quotes. @param {string} text */
export const literal = (text) => JSON.stringify(text);

/** @param {string} name of a property of the lens @param {string | null | readonly string[]} value */
export function assignment(name, value) {
  if (value === null) return `lens.${name} = None`;
  if (typeof value === "string") return `lens.${name} = ${literal(value)}`;
  return `lens.${name} = [${value.map(literal).join(", ")}]`;
}
