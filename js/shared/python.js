/** The line of Python that does what a gesture did. */

/**
 * A Python literal: strings in double quotes, null as None, arrays as lists, plain objects as dicts.
 * @param {unknown} value @returns {string}
 */
export function literal(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value)
      .map(([key, item]) => `${literal(key)}: ${literal(item)}`)
      .join(", ")}}`;
  return JSON.stringify(value);
}

/** @param {string} name of a property of the lens @param {unknown} value */
export const assignment = (name, value) => `lens.${name} = ${literal(value)}`;
