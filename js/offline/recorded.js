/** The replies that were recorded when a file was written: of views whose answers depend on nothing else. */

import { recordedAnswer } from "./format.js";
import { needsKernel } from "./model.js";

/** A question with its arguments, the same text whatever their order. @param {string} verb @param {any} args */
const asked = (verb, args) => `${verb} ${JSON.stringify(args, Object.keys(args).sort())}`;

/**
 * One column of bytes of a reply, without the others; null where it is not known by name.
 * @param {import("./answers.js").LensFile} file @param {any[]} replies @param {string} verb @param {string} name
 * @returns {Promise<Uint8Array | null>}
 */
export async function recordedColumn(file, replies, verb, name) {
  const number = replies.findIndex((reply) => reply.verb === verb);
  const named = replies[number]?.result?.buffers;
  const at = Array.isArray(named) ? named.findIndex((entry) => entry[0] === name && entry[1] === "U8") : -1;
  return at < 0 ? null : file.array(`answers/${number}.${at}`);
}

/**
 * @param {import("./answers.js").LensFile} file @param {any[]} replies @param {number} total components
 * @returns {Record<string, import("./model.js").Verb>}
 */
export function recordedVerbs(file, replies, total) {
  /** @type {Map<string, number>} */
  const numbers = new Map();
  for (const [number, { verb, args }] of replies.entries()) numbers.set(asked(verb, args), number);
  /** @type {Record<string, import("./model.js").Verb>} */
  const verbs = {};
  for (const { verb } of replies)
    verbs[verb] = async (args) => {
      const number = numbers.get(asked(verb, args));
      if (number === undefined)
        throw needsKernel("This is not kept in the file. Open the lens in a notebook to go live.");
      const { result, buffers } = replies[number];
      const parts = Array.from({ length: buffers }, (_, at) => file.array(`answers/${number}.${at}`));
      const lengths = { component: total, k: result.k ?? 0 };
      return recordedAnswer(verb, result, await Promise.all(parts), lengths);
    };
  const { meanings } = verbs;
  if (meanings)
    verbs.meanings = async ({ rows }, state) => {
      const each = await Promise.all(
        rows.map((/** @type {number} */ row) => meanings({ rows: [row] }, state)),
      );
      return { meanings: each.flatMap((answer) => answer.meanings) };
    };
  return verbs;
}
