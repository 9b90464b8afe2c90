// @vitest-environment node
/** The styles of all windows stand in one sheet: a class means the same wherever it is written. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { transformSync } from "esbuild";
import { describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

/** @typedef {{place: string, selector: string, declarations: string[]}} Rule `place` names the at-rules around it */

/** The rules of a sheet, those inside at-rules too. @param {string} css @param {string} [place] @returns {Rule[]} */
function rulesOf(css, place = "") {
  /** @type {Rule[]} */
  const rules = [];
  let [depth, from, head] = [0, 0, ""];
  const text = css.replace(/\/\*[\s\S]*?\*\//g, "").replace(/@import[^;]*;/g, "");
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "{" && depth++ === 0) {
      head = words(text.slice(from, at));
      from = at + 1;
    } else if (text[at] === "}" && --depth === 0) {
      const body = text.slice(from, at);
      from = at + 1;
      if (head.startsWith("@")) rules.push(...rulesOf(body, `${place}${head} `));
      else
        rules.push(
          ...partsOf(head).map((selector) => ({ place, selector, declarations: partsOf(body, ";") })),
        );
    }
  }
  return rules;
}

/** Files of all folders, by their place in `js`. @param {string} end */
const filesThatEnd = (end) =>
  readdirSync(ROOT, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(end))
    .sort();

/** A file as it is written; of styles, nested rules written out. @param {string} file */
function read(file) {
  const text = readFileSync(join(ROOT, file), "utf8");
  return file.endsWith(".css") ? transformSync(text, { loader: "css", target: "chrome111" }).code : text;
}

/** A module and all that it imports, styles too. @param {string} file @param {Set<string>} [found] */
function imported(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  if (file.endsWith(".js"))
    for (const [, from] of read(file).matchAll(/^\s*(?:import|export|\}).*?"(\.[^"]+)"/gm))
      imported(join(dirname(file), from), found);
  else
    for (const [, from] of read(file).matchAll(/@import "(\.[^"]+)"/g))
      imported(join(dirname(file), from), found);
  return found;
}

/** @param {string} text */
const words = (text) => text.trim().replace(/\s+/g, " ");

/** What a separator outside of brackets parts. @param {string} text @param {string} [separator] */
function partsOf(text, separator = ",") {
  const parts = [""];
  let depth = 0;
  for (const letter of text) {
    if (letter === "(") depth += 1;
    if (letter === ")") depth -= 1;
    if (letter === separator && depth === 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts.map(words).filter(Boolean);
}

/** `:is(a, b)` written out. @param {string} selector @returns {string[]} */
function writtenOut(selector) {
  const found = /:is\(([^()]*)\)/.exec(selector);
  if (!found) return [selector];
  return partsOf(found[1]).flatMap((one) => writtenOut(selector.replace(found[0], one)));
}

/**
 * Classes that a sheet styles wherever they stand, and how: `.semlens .sl-x`, with its states and the elements in it.
 * What is written under another class (`.sl-y .sl-x`) or with another (`.sl-x.sl-y`) keeps to that place.
 * @param {string} css @returns {Map<string, Record<string, string>>} by class: property under its selector → value
 */
function meanings(css) {
  /** @type {Map<string, Record<string, string>>} */
  const found = new Map();
  for (const { place, selector, declarations } of rulesOf(css))
    for (const one of writtenOut(selector)) {
      const [name, ...others] = one.match(/(?<=\.)sl-[\w-]+/g) ?? [];
      if (!name || others.length) continue;
      const meant = found.get(name) ?? {};
      found.set(name, meant);
      for (const declaration of declarations) {
        const [property, ...value] = declaration.split(":");
        meant[`${place}${one} ${property.trim()}`] = words(value.join(":"));
      }
    }
  return found;
}

/**
 * Classes with more than one meaning: in two folders unlike each other, or in `shared` and again elsewhere.
 * @param {Record<string, string>} sheets css by folder
 */
function collisions(sheets) {
  /** @type {Record<string, [string, Record<string, string>][]>} */
  const by = {};
  for (const [folder, css] of Object.entries(sheets))
    for (const [name, meant] of meanings(css)) {
      by[name] ??= [];
      by[name].push([folder, meant]);
    }
  const told = (/** @type {Record<string, string>} */ meant) => JSON.stringify(Object.entries(meant).sort());
  return Object.entries(by)
    .filter(([, all]) => all.length > 1)
    .filter(
      ([, all]) =>
        all.some(([folder]) => folder === "shared") || new Set(all.map(([, m]) => told(m))).size > 1,
    )
    .map(([name, all]) => `.${name} in ${all.map(([folder]) => folder).join(" and ")}`);
}

describe("collisions", () => {
  test("are found where two folders mean different things, or one changes what is shared", () => {
    const css = ".semlens .sl-x, .semlens .sl-y { color: red }";
    expect(collisions({ a: css, b: ".semlens :is(.sl-x, .sl-z) { color: blue }" })).toEqual([
      ".sl-x in a and b",
    ]);
    expect(collisions({ a: css, b: ".semlens .sl-y:hover { color: blue }" })).toEqual([".sl-y in a and b"]);
    expect(collisions({ a: css, b: "@media print { .semlens .sl-x { color: red } }" })).toEqual([
      ".sl-x in a and b",
    ]);
    expect(collisions({ shared: css, b: ".semlens .sl-x { color: red }" })).toEqual([
      ".sl-x in shared and b",
    ]);
  });

  test("are not found where the meaning is the same, or kept to a place", () => {
    const css = ".semlens .sl-x { color: red; width: calc(1px * (2 + 3)) }";
    expect(collisions({ a: css, b: `/* again */ ${css}` })).toEqual([]);
    expect(
      collisions({ a: css, b: ".semlens .sl-b .sl-x { color: blue } .semlens .sl-x.sl-b { color: blue }" }),
    ).toEqual([]);
  });

  test("there are none between the folders", () => {
    /** @type {Record<string, string>} */
    const sheets = {};
    for (const file of filesThatEnd(".css")) {
      const folder = file.split("/")[0];
      sheets[folder] = (sheets[folder] ?? "") + read(file);
    }
    expect(Object.keys(sheets).length).toBeGreaterThan(8);
    expect(collisions(sheets)).toEqual([]);
  });
});

describe("a widget alone", () => {
  const sheets = filesThatEnd(".css").map((file) => /** @type {const} */ ([file, meanings(read(file))]));

  test.each(filesThatEnd("/widget.js"))("brings the styles of all that it draws: %s", (widget) => {
    const files = [...imported(widget)];
    expect(files).toContain("shared/theme.css");
    const drawn = new Set(
      files
        .filter((file) => file.endsWith(".js"))
        .flatMap((file) => read(file).match(/(?<!--)sl-[a-z][\w-]*/g) ?? []),
    );
    const brought = new Set(
      sheets.flatMap(([file, meant]) => (files.includes(file) ? [...meant.keys()] : [])),
    );
    const missing = sheets.flatMap(([file, meant]) =>
      [...meant.keys()]
        .filter((name) => drawn.has(name) && !brought.has(name))
        .map((name) => `.${name} of ${file}`),
    );
    expect(missing).toEqual([]);
  });
});
