/** The design tokens as CSS, made from the table that Python's figures read too: screen and paper agree. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DARK = ':is([data-jp-theme-light="false"], .vscode-dark, .vscode-high-contrast) .semlens';
/** The diverging colours from "against" to "for". */
const DIVERGING = ["n3", "n2", "n1", "0", "p1", "p2", "p3"];
/** Sheets of tokens that not every view uses, by what the names begin with; all others are in `tokens.css`. */
const SHEETS = {
  categorical: /^cat-/,
  sequential: /^seq-/,
  diverging: /^div-/,
  regions: /^(valid|ambiguous|unexpected)/,
};

/** @typedef {[name: string, value: string][]} Tokens */

/**
 * One theme's colours; those the host has of its own come from its variables.
 * @param {Record<string, any>} theme @param {Record<string, string>} host @returns {Tokens}
 */
const colours = (theme, host) =>
  Object.entries(theme).flatMap(([name, value]) => {
    if (name === "div") return value.map((colour, i) => [`div-${DIVERGING[i]}`, colour]);
    if (name === "seq") return value.map((colour, i) => [`seq-${i}`, colour]);
    if (name === "cat") return value.map((colour, i) => [`cat-${i + 1}`, colour]);
    return [[name, name in host ? `var(${host[name]}, ${value})` : value]];
  });

/** @param {Tokens} light @param {Tokens} dark @param {string} [scheme] */
function sheet(light, dark, scheme = "") {
  const lines = (/** @type {Tokens} */ tokens) =>
    tokens.map(([name, value]) => `  --sl-${name}: ${value};\n`).join("");
  return `/* Made from semlens_widgets/palette.json by js/tokens.mjs; not in git. */
.semlens {
${lines(light)}}
${DARK} {
${scheme}${lines(dark)}}
`;
}

/** @param {any} palette @returns {Record<string, string>} rules for `.semlens`, light and dark, by the name of their sheet */
export function tokens({ themes, host, layout }) {
  const sizes = /** @type {Tokens} */ (
    Object.entries(layout)
      .filter(([name]) => name !== "crop") // of scripts alone
      .map(([name, px]) => [name, `${px}px`])
  );
  const [light, dark] = [themes.light, themes.dark].map((theme) => colours(theme, host));
  const of = (/** @type {RegExp} */ names, /** @type {Tokens} */ all) =>
    all.filter(([name]) => names.test(name));
  const rest = (/** @type {Tokens} */ all) =>
    all.filter(([name]) => !Object.values(SHEETS).some((names) => names.test(name)));
  return {
    tokens: sheet([...sizes, ...rest(light)], rest(dark), "  color-scheme: dark;\n"),
    ...Object.fromEntries(
      Object.entries(SHEETS).map(([name, names]) => [
        `tokens_${name}`,
        sheet(of(names, light), of(names, dark)),
      ]),
    ),
  };
}

/** Writes `js/shared/tokens.css`, which `theme.css` begins with, and the sheets that views bring. */
export function writeTokens() {
  const here = fileURLToPath(new URL(".", import.meta.url));
  const palette = JSON.parse(readFileSync(`${here}../semlens_widgets/palette.json`, "utf8"));
  for (const [name, css] of Object.entries(tokens(palette))) writeFileSync(`${here}shared/${name}.css`, css);
}
