/** How the code of the windows is kept readable: no part of it too long, and nothing written twice. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
/** Lines of a function at most. */
const LONGEST = 200;
/** Pairs of places that may share so many lines. */
const [PAIRS, SHARED] = [25, 6];

const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((file) => /(?<!\.test)\.m?js$/.test(file))
  .map((file) => ({ file, lines: readFileSync(join(ROOT, file), "utf8").split("\n") }));

const indent = (/** @type {string} */ line) => line.length - line.trimStart().length;

test("no function is longer than two hundred lines", () => {
  // In formatted code a block ends with the first line that closes it and stands as far left as its first.
  const long = files.flatMap(({ file, lines }) =>
    lines.flatMap((line, start) => {
      if (!/[{(`]$/.test(line)) return [];
      const end = lines.findIndex((other, at) => at > start && other.trim() && indent(other) <= indent(line));
      return end - start >= LONGEST ? [`${file}:${start + 1} ${end - start + 1}`] : [];
    }),
  );
  expect(long).toEqual([]);
});

test("few places share six lines", () => {
  const all = files.flatMap(({ file, lines }) => {
    const said = lines
      .map((line, at) => ({ text: line.trim().replace(/\s+/g, " "), place: `${file}:${at + 1}` }))
      .filter(({ text }) => text && !/^(import |\/\/|\*|\/\*\*)/.test(text));
    return [...said, { text: `the end of ${file}`, place: file }];
  });
  /** @type {Map<string, number[]>} */
  const places = new Map();
  for (let at = 0; at + SHARED <= all.length; at++) {
    const text = all.slice(at, at + SHARED).map((line) => line.text);
    places.set(text.join("\n"), [...(places.get(text.join("\n")) ?? []), at]);
  }
  // A longer piece is found once for each line it goes on: where the lines before are the same, it is the same piece.
  const pairs = [...places.values()].flatMap((same) =>
    same.flatMap((one, i) =>
      same
        .slice(i + 1)
        .filter((other) => all[one - 1]?.text !== all[other - 1].text)
        .map((other) => `${all[one].place} ${all[other].place}`),
    ),
  );
  expect(pairs.length, pairs.join("\n")).toBeLessThan(PAIRS);
});
