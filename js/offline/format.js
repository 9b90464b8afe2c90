/**
 * What a `.semlens` file may hold, by the table that Python reads files by too (`semlens_widgets/format.py` says how it
 * is meant): the document is held against its schema, arrays against their kinds, shapes and ranges.
 */

import table from "../../semlens_widgets/format.json" with { type: "json" };
import { decode } from "../shared/wire.js";

/** @typedef {{dtype: string, shape: number[]}} Shaped */
/** @typedef {ArrayLike<number> | ArrayLike<bigint>} Numbers */
/** @typedef {{kind: string, shape: (string | number)[], from?: number, to?: number | string, below?: string, none?: number, nan?: boolean, rows?: string, order?: string, of?: string}} Rule */
/** @typedef {Record<string, any>} Schema */

const { version: VERSION, block: BLOCK, header_limit: HEADER_LIMIT, picture: LONGEST_SIDE } = table;

export { BLOCK, HEADER_LIMIT, LONGEST_SIDE, VERSION };

/** What a number in a file is: its kind, and its bytes. @type {Record<string, [string, number]>} */
export const DTYPES = /** @type {any} */ (table.dtypes);
/** @type {Record<string, Rule>} */
const ARRAYS = /** @type {any} */ (table.arrays);
/** Names that earlier versions wrote, of arrays, members and columns, with the names of now. @type {Map<string, string>} */
export const RENAMED = new Map(Object.entries(table.renamed));
const LARGEST = 2 ** 53;
/** @type {Record<string, string>} */
const SPOKEN = {
  object: "an object",
  array: "a list",
  string: "a text",
  boolean: "true or false",
  null: "null",
  integer: "a whole number",
  number: "a number",
};

/** The file is no whole `.semlens` file of a version we know; the message says what is wrong. */
export class DamagedFile extends Error {
  /** @param {string} what */
  constructor(what) {
    super(what);
    this.name = "DamagedFile";
  }
}

/** @param {any} value @param {string} kind */
function is(value, kind) {
  if (kind === "null") return value === null;
  if (kind === "array") return Array.isArray(value);
  if (kind === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (kind === "integer") return Number.isInteger(value);
  if (kind === "number") return Number.isFinite(value);
  if (kind === "string") return typeof value === "string";
  return typeof value === "boolean";
}

/** @param {any} value */
function shown(value) {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

/**
 * DamagedFile unless the document is one that the table allows, with lists that fit together. Members under a name of an
 * earlier version get their name of now, in place.
 * @param {any} document
 */
export function checkDocument(document) {
  check(document, table.document, "");
  for (const group of table.same_length) {
    const lists = group
      .map((path) => ({ path: path.join("."), list: at(document, path) }))
      .filter(({ list }) => list !== undefined);
    if (new Set(lists.map(({ list }) => list.length)).size > 1)
      throw new DamagedFile(
        `${lists.map(({ path }) => path).join(" and ")} have ${lists.map(({ list }) => list.length).join(" and ")} entries; they must have as many`,
      );
  }
  checkSigned(document.components);
}

/** @param {{layers: string[], sizes: number[], signed: boolean[]}} components */
function checkSigned({ layers, sizes, signed }) {
  for (const [i, size] of sizes.entries())
    if (signed[i] && size % 2)
      throw new DamagedFile(`components.sizes has ${size} for '${layers[i]}'; with both signs they are even`);
}

/** @param {any} value @param {Schema} schema @param {string} where */
function check(value, schema, where) {
  const kinds = [schema.type].flat();
  if (!kinds.some((kind) => is(value, kind)))
    throw new DamagedFile(
      `${where || "the document"} is ${shown(value)}; needed is ${kinds.map((kind) => SPOKEN[kind]).join(" or ")}`,
    );
  if (schema.enum && !schema.enum.includes(value))
    throw new DamagedFile(`${where} is ${shown(value)}; needed is ${schema.enum.join(" or ")}`);
  if (Array.isArray(value)) {
    const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items } = schema;
    if (value.length < minItems || value.length > maxItems)
      throw new DamagedFile(
        `${where} has ${value.length} entries; needed are from ${minItems} to ${maxItems}`,
      );
    if (items) for (const [i, part] of value.entries()) check(part, items, `${where}[${i}]`);
    if (schema.uniqueItems && new Set(value).size < value.length)
      throw new DamagedFile(`${where} names something twice`);
  } else if (typeof value === "object" && value !== null) checkMembers(value, schema, where);
  else if (typeof value === "number") {
    const { minimum = -LARGEST, maximum = LARGEST } = schema;
    if (value < minimum || value > maximum)
      throw new DamagedFile(`${where} is ${value}; needed is a number from ${minimum} to ${maximum}`);
  }
}

/** @param {Record<string, any>} value @param {Schema} schema @param {string} where */
function checkMembers(value, schema, where) {
  const { properties = {}, required = [], additionalProperties: rest = true, discriminator } = schema;
  const inner = where ? `${where}.` : "";
  for (const [old, name] of RENAMED)
    if (Object.hasOwn(properties, name) && Object.hasOwn(value, old) && !Object.hasOwn(value, name)) {
      value[name] = value[old];
      delete value[old];
    }
  for (const name of required)
    if (!Object.hasOwn(value, name)) throw new DamagedFile(`${inner}${name} is missing`);
  for (const [name, part] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) check(part, properties[name], inner + name);
    else if (rest === false)
      throw new DamagedFile(
        `${inner}${name.slice(0, 60)} is not known; there are ${Object.keys(properties).join(", ")}`,
      );
    else if (rest !== true) check(part, rest, inner + name.slice(0, 60));
  }
  if (discriminator) {
    const { by, of, mapping } = discriminator;
    check(value[of], mapping[value[by]], inner + of);
  }
}

/** @param {any} document @param {readonly string[]} path */
const at = (document, path) =>
  path.reduce(
    (found, name) => (is(found, "object") && Object.hasOwn(found, name) ? found[name] : undefined),
    document,
  );

/**
 * Holds the arrays of a file against the table: their shapes, which must come to the same lengths everywhere. Returns
 * the check of their numbers.
 * @param {any} document one that was checked @param {Map<string, Shaped>} tensors
 */
export function fitting(document, tensors) {
  /** @type {Map<string, {length: number, by: string}>} */
  const lengths = new Map();
  const known = (/** @type {string} */ name) => lengths.get(name)?.length ?? 0;

  /** @param {string} name @param {number} length @param {string} by */
  function setLength(name, length, by) {
    const before = lengths.get(name);
    if (!before) lengths.set(name, { length, by });
    else if (before.length !== length)
      throw new DamagedFile(
        `${by} says ${length} for '${name}', ${before.by} ${before.length}; they must agree`,
      );
  }

  for (const [name, source] of Object.entries(table.lengths)) {
    const [[how, path]] = Object.entries(source);
    const found = at(document, path);
    if (found === undefined || found === null) continue;
    const sum = () => found.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
    setLength(name, how === "sum" ? sum() : how === "length" ? found.length : found, path.join("."));
  }
  for (const name of table.needed) if (!tensors.has(name)) throw new DamagedFile(`it has no array '${name}'`);
  for (const [name, { dtype, shape }] of tensors) {
    const rule = Object.hasOwn(ARRAYS, name) ? ARRAYS[name] : null;
    if (!rule) continue;
    const kind = rule.kind === "byte" && dtype === "U8" ? "byte" : DTYPES[dtype][0];
    if (kind !== rule.kind)
      throw new DamagedFile(`the array '${name}' holds ${dtype} numbers; needed is ${rule.kind}`);
    const fits = shape.length === rule.shape.length;
    if (!fits || rule.shape.some((wanted, i) => typeof wanted === "number" && wanted !== shape[i]))
      throw new DamagedFile(`the array '${name}' has shape [${shape}]; needed is [${rule.shape}]`);
    for (const [i, wanted] of rule.shape.entries())
      if (typeof wanted === "string")
        setLength(
          wanted.replace(" + 1", ""),
          shape[i] - Number(wanted.endsWith(" + 1")),
          `the array '${name}'`,
        );
  }

  /** DamagedFile unless the numbers are such as the table allows: of a whole array, or some of its rows. @param {string} name @param {Numbers} numbers */
  function checkValues(name, numbers) {
    const rule = Object.hasOwn(ARRAYS, name) ? ARRAYS[name] : null;
    if (!rule || !numbers.length) return;
    if (rule.kind === "float" || rule.from !== undefined || rule.to !== undefined || rule.below)
      checkRange(name, numbers, rule);
    if (rule.rows === "unit") checkUnit(name, /** @type {ArrayLike<number>} */ (numbers), known("dim"));
    if (rule.order) checkOrder(name, numbers, rule, known);
  }

  /** @param {string} name @param {Numbers} numbers @param {Rule} rule */
  function checkRange(name, numbers, rule) {
    const low = rule.from ?? Number.NEGATIVE_INFINITY;
    const end = typeof rule.to === "string" ? known(rule.to) : (rule.to ?? Number.POSITIVE_INFINITY);
    const high = rule.below ? known(rule.below) - 1 : end;
    for (let i = 0; i < numbers.length; i += 1) {
      const value = Number(numbers[i]);
      if (value >= low && value <= high && Math.abs(value) !== Number.POSITIVE_INFINITY) continue;
      if ((rule.nan && Number.isNaN(value)) || value === rule.none) continue;
      throw new DamagedFile(
        `the array '${name}' holds ${value}; needed are numbers from ${low} to ${high}`.replace(
          "from -Infinity to Infinity",
          "that are finite",
        ),
      );
    }
  }

  return checkValues;
}

/** Each row has length one, or is zero where there is no direction. @param {string} name @param {ArrayLike<number>} numbers @param {number} dim */
function checkUnit(name, numbers, dim) {
  for (let start = 0; start < numbers.length; start += dim) {
    let square = 0;
    for (let d = start; d < start + dim; d += 1) square += numbers[d] * numbers[d];
    if (square !== 0 && !(Math.abs(square - 1) <= 2 * table.unit))
      throw new DamagedFile(
        `the array '${name}' holds a vector of length ${Math.sqrt(square)}; needed is 1 (or 0: no direction)`,
      );
  }
}

/** @param {string} name @param {Numbers} numbers @param {Rule} rule @param {(name: string) => number} known */
function checkOrder(name, numbers, { order, shape, of = "" }, known) {
  if (order === "falling") {
    const width = known(/** @type {string} */ (shape[1]));
    for (let i = 1; i < numbers.length; i += 1)
      if (i % width && !(numbers[i] <= numbers[i - 1]))
        throw new DamagedFile(`the array '${name}' has a row that is not in falling order`);
    return;
  }
  for (let i = 1; i < numbers.length; i += 1)
    if (order === "rising" ? !(numbers[i] > numbers[i - 1]) : !(numbers[i] >= numbers[i - 1]))
      throw new DamagedFile(`the array '${name}' is not in rising order`);
  if (order === "offsets" && (Number(numbers[0]) !== 0 || Number(numbers[numbers.length - 1]) !== known(of)))
    throw new DamagedFile(`the array '${name}' does not rise from 0 to ${known(of)}, the number of ${of}s`);
}

/**
 * A reply that was recorded in a file, as a channel gives it to views. In older files buffers have no names: they stand
 * in the table's order. DamagedFile unless those that the table knows are there, of the kinds and lengths it says.
 * @param {string} verb @param {any} result @param {Uint8Array[]} buffers
 * @param {{component: number, k: number}} sizes components of the file, labels of each
 */
export function recordedAnswer(verb, result, buffers, { component, k }) {
  const known = /** @type {Record<string, any[][]>} */ (table.buffers)[verb];
  const unsaid = /** @type {Record<string, object>} */ (table.unsaid)[verb];
  /** @type {Record<string, number>} */
  const sizes = { component, k, audited: (buffers[0]?.byteLength ?? 0) / 4 };
  const shapeOf = (/** @type {(string | number)[]} */ shape) => shape.map((n) => sizes[n] ?? Number(n));
  const inOrder = known.map(([name, kind, ...shape], i) => [
    name,
    kind,
    buffers[i]?.byteLength ? shapeOf(shape) : [0],
  ]);
  const listed = result.buffers ?? (buffers.length ? inOrder : []);
  if (!Array.isArray(listed) || !listed.every(isNamed) || listed.length !== buffers.length)
    throw new DamagedFile(`the reply '${verb}' has ${buffers.length} buffers; ${listed.length} are named`);
  const named = listed.map(([name, ...kind]) => [RENAMED.get(name) ?? name, ...kind]);
  const views = buffers.map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const answer = { ...unsaid, ...decoded(verb, { ...result, buffers: named }, views) };
  for (const [name, kind, ...shape] of buffers.length ? known : [])
    checkColumn(`'${name}' of the reply '${verb}'`, named.find(([other]) => other === name)?.[1], kind, {
      values: answer[name],
      count: shapeOf(shape).reduce((all, n) => all * n, 1),
    });
  // Columns that files of before do not have; they are of any length.
  for (const [name, kind] of /** @type {Record<string, string[][]>} */ (table.later)[verb] ?? []) {
    const values = answer[name];
    if (values)
      checkColumn(`'${name}' of the reply '${verb}'`, named.find(([other]) => other === name)?.[1], kind, {
        values,
        count: values.length,
      });
  }
  const rows = [answer.rows, answer.queue, answer.found_rows].flatMap((column) => Array.from(column ?? []));
  if (rows.some((row) => !(row >= 0 && row < component)))
    throw new DamagedFile(`the reply '${verb}' names components that do not exist`);
  return answer;
}

/** @param {any} entry */
const isNamed = (entry) =>
  Array.isArray(entry) &&
  typeof entry[0] === "string" &&
  Array.isArray(entry[2]) &&
  entry[2].every((length) => Number.isSafeInteger(length) && length >= 0);

/** @param {string} verb @param {any} result @param {DataView[]} views */
function decoded(verb, result, views) {
  try {
    return decode(result, views);
  } catch (error) {
    throw new DamagedFile(`the reply '${verb}': ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {string} what @param {string | undefined} kind @param {string} wanted @param {{values: any, count: number}} has */
function checkColumn(what, kind, wanted, { values, count }) {
  if (kind !== wanted || (values.length !== 0 && values.length !== count))
    throw new DamagedFile(
      `${what} has ${values?.length ?? 0} numbers (${kind}); needed are ${count} (${wanted})`,
    );
  if (values.some((/** @type {number} */ value) => Math.abs(value) === Number.POSITIVE_INFINITY))
    throw new DamagedFile(`${what} holds infinite numbers`);
}
