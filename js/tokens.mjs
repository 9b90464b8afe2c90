/** The design tokens as CSS, made from the table that Python's figures read too: screen and paper agree. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DARK = ':is([data-jp-theme-light="false"], .vscode-dark, .vscode-high-contrast) .semlens';
/** The diverging colours from "against" to "for". */
const DIVERGING = ["n3", "n2", "n1", "0", "p1", "p2", "p3"];

/**
 * One theme's colours as declarations; colours the host has of its own come from its variables.
 * @param {Record<string, any>} theme @param {Record<string, string>} host
 */
function colours(theme, host) {
  const named = Object.entries(theme).flatMap(([name, value]) => {
    if (name === "div") return value.map((colour, i) => [`div-${DIVERGING[i]}`, colour]);
    if (name === "seq") return value.map((colour, i) => [`seq-${i}`, colour]);
    if (name === "cat") return value.map((colour, i) => [`cat-${i + 1}`, colour]);
    return [[name, name in host ? `var(${host[name]}, ${value})` : value]];
  });
  return named.map(([name, value]) => `  --sl-${name}: ${value};`).join("\n");
}

/** @param {any} palette @returns {string} rules for `.semlens`, light and dark */
export function tokens({ themes, host, layout }) {
  const sizes = Object.entries(layout)
    .filter(([name]) => name !== "crop") // of scripts alone
    .map(([name, px]) => `  --sl-${name}: ${px}px;`);
  return `/* Made from semlens_widgets/palette.json by js/tokens.mjs; not in git. */
.semlens {
${sizes.join("\n")}
${colours(themes.light, host)}
}
${DARK} {
  color-scheme: dark;
${colours(themes.dark, host)}
}
`;
}

/** Writes `js/shared/tokens.css`, which `theme.css` begins with. */
export function writeTokens() {
  const here = fileURLToPath(new URL(".", import.meta.url));
  const palette = JSON.parse(readFileSync(`${here}../semlens_widgets/palette.json`, "utf8"));
  writeFileSync(`${here}shared/tokens.css`, tokens(palette));
}
