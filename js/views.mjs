/** What is generated from the table of views: the tabs of the window, and the entries of views that stand alone. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HEAD = "// Made by js/views.mjs from semlens_widgets/views.json, when the windows are built.\n";
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @typedef {{name: string, title?: string, folder: string, view: string, works?: boolean, alone_kB?: number}} Entry */

/** @type {Entry[]} */
export const VIEWS = JSON.parse(readFileSync(join(root, "semlens_widgets/views.json"), "utf8"));

/** @param {Entry} entry */
const entryOf = ({ view, works }) => `${HEAD}
import { alone } from "../shared/alone.js";${works ? '\nimport { withWork } from "../shared/work.js";' : ""}
import { ${view} } from "./view.js";

export default alone(${works ? `withWork(${view})` : view});
`;

/** In the order of tabs, in which their styles stand as well. @param {Entry[]} tabs */
const tabsOf = (
  tabs,
) => `${HEAD}// biome-ignore-all assist/source/organizeImports: the styles of tabs stand in the order of tabs
${tabs.map(({ folder, view }) => `import { ${view} } from "../${folder}/view.js";`).join("\n")}

/** @type {Record<string, {title: string, mount: import("../shared/alone.js").CreateView}>} */
export const TABS = {
${tabs.map(({ name, title, view }) => `  ${name}: { title: "${title}", mount: ${view} },`).join("\n")}
};
`;

/** The text of all generated files, by their place. @returns {Map<string, string>} */
export const generated = () =>
  new Map([
    ["js/window/tabs.js", tabsOf(VIEWS.filter(({ title }) => title))],
    ...VIEWS.filter((entry) => entry.alone_kB).map(
      (entry) => /** @type {const} */ ([`js/${entry.folder}/widget.js`, entryOf(entry)]),
    ),
  ]);

/** Writes what is not there already. */
export function writeViews() {
  for (const [place, text] of generated()) {
    const path = join(root, place);
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
  }
}
