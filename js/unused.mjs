/**
 * Leaves out of a bundle's styles what nothing in the bundle names: colours of other windows, rules for other windows'
 * classes. Sheets are shared between windows, and each bundle brings its own copy.
 */

const RULE = /([^{}]+)\{[^{}]*\}/g;
const EMPTY = /@[^{}]+\{\}/g;
const TOKEN = /(--sl-[\w-]+):[^;{}]+;?/g;

/**
 * Whether a script may mean a name: it stands there, or its beginning does, before a part that is filled in.
 * @param {string} script @param {string} start of the names, "sl-" or "--sl-"
 */
function namedIn(script, start) {
  const begun = [...script.matchAll(new RegExp(`(?<![\\w-])(${start}[\\w-]*)\\$\\{`, "g"))].map(
    ([, name]) => name,
  );
  return (/** @type {string} */ name) =>
    script.includes(name) ||
    begun.some(
      (prefix) => name.startsWith(prefix) && (prefix !== start || quoted(script, name.slice(prefix.length))),
    );
}

/** @param {string} script @param {string} word */
const quoted = (script, word) =>
  [`"${word}"`, `'${word}'`, `\`${word}\``, `${word}:`].some((one) => script.includes(one));

/** @param {string} css minified @param {string} script of the same bundle @returns {string} */
export function withoutUnused(css, script) {
  const isClass = namedIn(script, "sl-");
  const isToken = namedIn(script, "--sl-");
  const means = (/** @type {string} */ selector) =>
    [...selector.matchAll(/\.(sl-[\w-]+)/g)].every(([, name]) => isClass(name));
  let left = css.replace(RULE, (rule, selectors) =>
    // What `:is(…)` and `:not(…)` list is no condition that all of it be there.
    /:(is|not|where|has)\(/.test(selectors) || selectors.split(",").some(means) ? rule : "",
  );
  left = left.replace(EMPTY, "");
  for (let before = ""; before !== left; ) {
    before = left;
    const used = new Set([...left.matchAll(/var\((--sl-[\w-]+)/g)].map(([, name]) => name));
    left = left.replace(TOKEN, (whole, name) => (used.has(name) || isToken(name) ? whole : ""));
  }
  return left;
}
