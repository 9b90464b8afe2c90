/** `.semlens` files in the file browser: their type, and the viewer that opens them without a kernel. */

import { ToolbarButton } from "@jupyterlab/apputils";
import { ABCWidgetFactory, DocumentWidget } from "@jupyterlab/docregistry";
import { RestContentProvider, ServerConnection } from "@jupyterlab/services";
import { Widget } from "@lumino/widgets";
import { commandIds, FACTORY } from "./commands.js";
import { lensIcon } from "./icon.js";

const PROVIDER = "semlens-ranges";

/**
 * Files that are never loaded as a whole: JupyterLab asks for a document's content when it opens it and copies it as a
 * checkpoint when it may be written; a lens file may have gigabytes. Where no server answers for the files, as in
 * JupyterLite, their drive does.
 */
class WithoutContent extends RestContentProvider {
  /** @param {any} options @param {any} drive */
  constructor(options, drive) {
    super(options);
    this.drive = drive;
  }

  /** @param {string} path @param {any} options */
  async get(path, options) {
    const { contentProviderId: _, ...asked } = { ...options, content: false };
    const model = await super.get(path, asked).catch(() => this.drive.get(path, asked));
    return { ...model, writable: false, content: "", format: "text" };
  }
}

class LensFileWidget extends Widget {
  /** @param {any} context @param {import("@jupyterlab/application").JupyterFrontEnd} app */
  constructor(context, app) {
    super();
    this.addClass("semlens-document");
    this.takeAway = () => {};
    context.ready.then(async () => {
      const { contents } = app.serviceManager;
      const [url, { size = 0 }] = await Promise.all([
        contents.getDownloadUrl(context.path),
        contents.get(context.path, { content: false }),
      ]);
      const settings = app.serviceManager.serverSettings;
      const request = (/** @type {number} */ begin, /** @type {number} */ end) =>
        ServerConnection.makeRequest(
          url,
          { headers: { Range: `bytes=${begin}-${end - 1}` }, cache: "no-store" },
          settings,
        );
      // The window is fetched when the first file is opened, so that JupyterLab starts as fast as without it.
      const { showFile } = await import("./document.js");
      if (this.isDisposed) return;
      this.takeAway = await showFile(this.node, {
        name: context.path.split("/").pop(),
        request,
        size,
        onLive: () => app.commands.execute(commandIds.openInNotebook, { path: context.path }),
      });
    });
  }

  dispose() {
    if (this.isDisposed) return;
    this.takeAway();
    super.dispose();
  }
}

class LensFileFactory extends ABCWidgetFactory {
  /** @param {any} options @param {import("@jupyterlab/application").JupyterFrontEnd} app */
  constructor(options, app) {
    super(options);
    this.app = app;
  }

  /** @param {any} context */
  createNewWidget(context) {
    const { app } = this;
    const widget = new DocumentWidget({ content: new LensFileWidget(context, app), context });
    widget.title.icon = lensIcon;
    widget.toolbar.addItem(
      "notebook",
      new ToolbarButton({
        label: "Open in Notebook",
        className: "semlens-live-button",
        icon: lensIcon,
        tooltip: "Write a notebook beside this file that opens the lens, run it, and go live",
        onClick: () => app.commands.execute(commandIds.openInNotebook, { path: context.path }),
      }),
    );
    return widget;
  }
}

/**
 * @param {import("@jupyterlab/application").JupyterFrontEnd} app
 * @param {any} tracker of the documents that are open
 */
export function addFileType(app, tracker) {
  const { docRegistry, serviceManager } = app;
  const drive = /** @type {any} */ (serviceManager.contents).defaultDrive;
  const registry = drive?.contentProviderRegistry;
  registry?.register(
    PROVIDER,
    new WithoutContent({ apiEndpoint: "api/contents", serverSettings: serviceManager.serverSettings }, drive),
  );
  docRegistry.addFileType({
    name: "semlens",
    displayName: "SemanticLens",
    extensions: [".semlens"],
    mimeTypes: ["application/x-semlens"],
    contentType: "file",
    fileFormat: "base64",
    icon: lensIcon,
  });
  const factory = new LensFileFactory(
    {
      name: FACTORY,
      label: "SemanticLens",
      fileTypes: ["semlens"],
      defaultFor: ["semlens"],
      modelName: "text",
      readOnly: true,
      ...(registry && { contentProviderId: PROVIDER }),
    },
    app,
  );
  docRegistry.addWidgetFactory(factory);
  factory.widgetCreated.connect((_, widget) => {
    const { context } = widget;
    context.pathChanged.connect(() => tracker.save(widget));
    tracker.add(widget);
  });
}
