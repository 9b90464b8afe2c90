/**
 * Bundles every window to `semlens_widgets/static/NAME.js` and `NAME.css`.
 *
 * Each bundle is synced to the browser with every instance and saved in the notebook, so its size is a
 * promise: a bundle over its budget fails the build.
 *
 *   node js/build.mjs            build once
 *   node js/build.mjs --watch    build again whenever a file changes
 */
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";
import { writeTokens } from "./tokens.mjs";
import { VIEWS, writeViews } from "./views.mjs";

/**
 * Largest size in kB (1000 bytes) of JS and CSS together, by bundle. The map, the checklist and the scores each bring
 * the scatter, 10 kB that draw, find and enclose a hundred thousand points: still less than a drawing library. The
 * checklist has an editor and a queue as well. The window chooses another model, opens checklists, and tells work where it
 * was begun. `page` is the window over a file, for a page of its own, with the table
 * that the file is held against. The style that all have in common, with the colours of both themes, is 8 kB of each.
 */
const BUDGETS = {
  ...Object.fromEntries(
    VIEWS.filter(({ alone_kB }) => alone_kB).map(({ folder, alone_kB }) => [folder, alone_kB]),
  ),
  window: 318,
  page: 368,
};

const root = fileURLToPath(new URL("..", import.meta.url));
const browsers = JSON.parse(readFileSync(`${root}js/browsers.json`, "utf8"));
const outdir = `${root}semlens_widgets/static`;

/** Line breaks and indentation mean nothing between the tags of a template; esbuild would keep them. */
const flush = {
  name: "flush",
  setup: (/** @type {import("esbuild").PluginBuild} */ { onLoad }) =>
    onLoad({ filter: /\/js\/[\w/]+\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8")
        .replace(/\n\s+/g, "\n")
        .replace(/([>}])\n(?=<|\$\{)/g, "$1"),
    })),
};

/** @type {import("esbuild").BuildOptions} */
const options = {
  entryPoints: Object.keys(BUDGETS).map((name) => ({
    in: `${root}js/${name}/${name === "page" ? "page" : "widget"}.js`,
    out: name,
  })),
  outdir,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", ...browsers],
  charset: "utf8",
  legalComments: "none",
  plugins: [flush],
  // The house writes them out.
  define: { "Number.POSITIVE_INFINITY": "Infinity", "Number.NaN": "NaN" },
  logLevel: "warning",
};

writeTokens();
writeViews();
// The one library that the bundles carry a copy of asks for its licence beside them.
mkdirSync(outdir, { recursive: true });
copyFileSync(`${root}node_modules/htm/LICENSE`, `${outdir}/htm.LICENSE.txt`);
if (process.argv.includes("--watch")) {
  const watcher = await context({ ...options, logLevel: "info" });
  await watcher.watch();
} else {
  await build(options);
  for (const [name, budget] of Object.entries(BUDGETS)) {
    const read = (/** @type {string} */ ending) => readFileSync(`${outdir}/${name}.${ending}`, "utf8");
    const [js, css] = ["js", "css"].map((ending) => Buffer.byteLength(read(ending)));
    console.log(
      `${name}: ${(js / 1000).toFixed(1)} kB js, ${(css / 1000).toFixed(1)} kB css (budget ${budget} kB)`,
    );
    if (js + css > budget * 1000) {
      console.error(`${name} is larger than its budget of ${budget} kB.`);
      process.exitCode = 1;
    }
  }
}
