/** The JupyterLab extension: files that open, commands, settings, and the lenses of the notebook in front. */

import { ILayoutRestorer } from "@jupyterlab/application";
import { ICommandPalette, WidgetTracker } from "@jupyterlab/apputils";
import { IDocumentManager } from "@jupyterlab/docmanager";
import { IDefaultFileBrowser } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { addCommands, CATEGORY, commandIds, FACTORY } from "./commands.js";
import { addFileType } from "./file_type.js";
import { LensesPanel } from "./lenses_panel.js";
import { followSettings, PLUGIN } from "./settings.js";

/** @type {import("@jupyterlab/application").JupyterFrontEndPlugin<void>} */
const plugin = {
  id: PLUGIN,
  description: "SemanticLens: .semlens files, notebooks for audits, and the lenses of a notebook.",
  autoStart: true,
  requires: [IDocumentManager],
  optional: [ICommandPalette, ILauncher, ISettingRegistry, ILayoutRestorer, IDefaultFileBrowser],
  activate(app, documents, palette, launcher, registry, restorer, browser) {
    const settings = followSettings(registry);
    addCommands(app, { settings, documents, folder: () => browser?.model.path ?? "" });

    const tracker = new WidgetTracker({ namespace: "semlens-files" });
    addFileType(app, tracker);
    restorer?.restore(tracker, {
      command: "docmanager:open",
      args: (/** @type {any} */ widget) => ({ path: widget.context.path, factory: FACTORY }),
      name: (/** @type {any} */ widget) => widget.context.path,
    });

    const panel = new LensesPanel(app);
    app.shell.add(panel, "right", { rank: 900 });
    restorer?.add(panel, panel.id);

    for (const command of Object.values(commandIds)) palette?.addItem({ command, category: CATEGORY });
    launcher?.add({
      command: commandIds.newAudit,
      category: CATEGORY,
      args: { isLauncher: true },
      rank: 1,
    });
    launcher?.add({ command: commandIds.demo, category: CATEGORY, args: { isLauncher: true }, rank: 2 });
  },
};

export default plugin;
