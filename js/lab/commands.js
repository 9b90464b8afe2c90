/** The commands, for the palette, the launcher, menus and keys. Notebooks are reached by the names of their commands. */

import { FileDialog } from "@jupyterlab/filebrowser";
import { lensIcon } from "./icon.js";
import { auditNotebook, demoNotebook, openNotebook } from "./notebooks.js";

/** @typedef {import("@jupyterlab/application").JupyterFrontEnd} App */

export const CATEGORY = "SemanticLens";
export const FACTORY = "SemanticLens";

export const commandIds = {
  newAudit: "semlens:new-audit",
  openFile: "semlens:open-file",
  openInNotebook: "semlens:open-in-notebook",
  demo: "semlens:demo",
  figureTheme: "semlens:toggle-figure-theme",
  insertShow: "semlens:insert-show",
};

/** @param {string} path */
const folderOf = (path) => path.split("/").slice(0, -1).join("/");
/** @param {string} path */
const nameOf = (path) => path.split("/").pop() ?? path;

/**
 * Writes a notebook under a name that is still free and opens it.
 * @param {App} app @param {object} content @param {{folder: string, name: string}} place
 * @returns {Promise<any>} the notebook's widget
 */
async function openNew(app, content, { folder, name }) {
  const { contents } = app.serviceManager;
  for (let number = 0; ; number += 1) {
    const path = `${folder ? `${folder}/` : ""}${name}${number ? ` ${number}` : ""}.ipynb`;
    const taken = await contents.get(path, { content: false }).then(
      () => true,
      (error) => {
        if (error?.response?.status === 404) return false;
        throw error;
      },
    );
    if (taken) continue;
    await contents.save(path, { type: "notebook", format: "json", content });
    return app.commands.execute("docmanager:open", { path });
  }
}

/** The kernel that new notebooks ask for. @param {App} app */
async function defaultKernel(app) {
  const { kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const { specs } = kernelspecs;
  const python = Object.values(specs?.kernelspecs ?? {}).find((spec) => spec?.language === "python");
  const standard = specs?.kernelspecs[specs.default];
  return (standard?.language === "python" ? standard : python) ?? null;
}

/** The notebook in front, or null. @param {App} app @returns {any} */
export function currentNotebook(app) {
  const widget = /** @type {any} */ (app.shell.currentWidget);
  return widget?.content?.model?.cells && widget?.sessionContext ? widget : null;
}

/**
 * Puts a cell with this source below the active one and runs it.
 * @param {App} app @param {string} source
 */
export async function insertAndRun(app, source) {
  const panel = currentNotebook(app);
  if (!panel) throw new Error("No notebook is in front; open one and try again.");
  await app.commands.execute("notebook:insert-cell-below");
  panel.content.activeCell.model.sharedModel.setSource(source);
  await app.commands.execute("notebook:run-cell");
}

/**
 * @param {App} app
 * @param {object} parts
 * @param {ReturnType<typeof import("./settings.js").followSettings>} parts.settings
 * @param {import("@jupyterlab/docmanager").IDocumentManager} parts.documents
 * @param {() => string} parts.folder where new notebooks go
 */
export function addCommands(app, { settings, documents, folder }) {
  const { commands } = app;

  commands.addCommand(commandIds.newAudit, {
    label: (args) => (args.isLauncher ? "New Audit" : "New Audit Notebook"),
    caption: "A notebook that asks what your model has learned, and whether it may use it",
    icon: lensIcon,
    execute: async (args) =>
      openNew(app, auditNotebook(settings.get(), await defaultKernel(app)), {
        folder: /** @type {string} */ (args.cwd ?? folder()),
        name: "audit",
      }),
  });

  commands.addCommand(commandIds.openFile, {
    label: "Open a Lens from a File…",
    caption: "Open a .semlens file: its components, map, scores, labels and search, without a kernel",
    icon: lensIcon,
    async execute(args) {
      let path = /** @type {string | undefined} */ (args.path);
      if (!path) {
        const chosen = await FileDialog.getOpenFiles({
          manager: documents,
          title: "Open a .semlens file",
          filter: (model) => (model.type === "directory" || model.name.endsWith(".semlens") ? {} : null),
        });
        path = chosen.button.accept ? chosen.value?.[0]?.path : undefined;
      }
      return path ? commands.execute("docmanager:open", { path, factory: FACTORY }) : null;
    },
  });

  commands.addCommand(commandIds.openInNotebook, {
    label: "Open Lens in Notebook",
    caption: "Write a notebook beside the file that opens it with sl.open, and go live",
    icon: lensIcon,
    isVisible: (args) => Boolean(args.path) || chosenFile() !== null,
    async execute(args) {
      const path = /** @type {string | null} */ (args.path ?? chosenFile());
      if (!path) throw new Error("Choose a .semlens file in the file browser first.");
      const name = nameOf(path);
      const place = { folder: folderOf(path), name: name.replace(/\.semlens$/, "") };
      return openAndRun(openNotebook(name, await defaultKernel(app)), place);
    },
  });

  /** @param {object} content @param {{folder: string, name: string}} place */
  async function openAndRun(content, place) {
    const panel = await openNew(app, content, place);
    if (!panel?.sessionContext) return panel; // in another browser tab, as Notebook 7 opens it
    await panel.context.ready;
    await panel.sessionContext.ready;
    await commands.execute("notebook:run-all-cells");
    return panel;
  }

  /** The .semlens file that is selected in the file browser, or null. */
  function chosenFile() {
    const item = document.querySelector(".jp-DirListing-item.jp-mod-selected[data-file-type='semlens']");
    const name = item?.querySelector(".jp-DirListing-itemText")?.textContent;
    return name ? [folder(), name].filter(Boolean).join("/") : null;
  }

  commands.addCommand(commandIds.demo, {
    label: (args) => (args.isLauncher ? "Demo" : "Show the Demo"),
    caption: "A notebook with the built-in demo: synthetic pictures, a classifier that takes shortcuts",
    icon: lensIcon,
    async execute() {
      const place = { folder: folder(), name: "semanticlens-demo" };
      return openAndRun(demoNotebook(await defaultKernel(app)), place);
    },
  });

  commands.addCommand(commandIds.figureTheme, {
    label: "Figures for Print (White Paper)",
    caption: "Whether the figure menu of windows proposes the print theme, or the theme on screen",
    isToggled: () => settings.get().figureTheme === "print",
    execute: () => settings.set("figureTheme", settings.get().figureTheme === "print" ? onScreen() : "print"),
  });

  commands.addCommand(commandIds.insertShow, {
    label: "Insert and Run lens.show()",
    caption: "Put a cell with lens.show() below the active cell and run it",
    icon: lensIcon,
    isEnabled: () => currentNotebook(app) !== null,
    execute: () => insertAndRun(app, "lens.show()"),
  });
}

/** @returns {"light" | "dark"} */
const onScreen = () => (document.body.dataset.jpThemeLight === "false" ? "dark" : "light");
