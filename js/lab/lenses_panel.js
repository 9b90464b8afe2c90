/** The side panel: the lenses alive in the kernel of the notebook in front. */

import { Widget } from "@lumino/widgets";
import { button, fill, html } from "../shared/dom.js";
import { plural } from "../shared/format.js";
import { literal } from "../shared/python.js";
import { currentNotebook, insertAndRun } from "./commands.js";
import { lensIcon } from "./icon.js";
import "../shared/theme.css";
import "../shared/layout.css";
import "./lab.css";

/**
 * One lens as the kernel tells of it.
 * @typedef {{name: string, title: string, layers: string[], components: number, fitted: boolean}} Alive
 */

/** Asks without importing anything: a kernel that has not met the package holds no lens. */
const QUESTION = `(__import__("semlens_widgets.lab", fromlist=["lenses"]).lenses(globals()) if "semlens_widgets" in __import__("sys").modules else "[]")`;

/**
 * The lenses in a kernel's namespace.
 * @param {any} kernel @returns {Promise<Alive[]>}
 */
async function ask(kernel) {
  const future = kernel.requestExecute({
    code: "",
    silent: true,
    store_history: false,
    user_expressions: { lenses: QUESTION },
    allow_stdin: false,
  });
  const { content } = await future.done;
  const answer = content.user_expressions?.lenses;
  if (answer?.status !== "ok") throw new Error(answer?.evalue ?? "The kernel gave no answer.");
  // The answer is the repr of a Python string in which everything but ASCII is escaped: JSON inside quotes.
  const quoted = /** @type {string} */ (answer.data["text/plain"]);
  return JSON.parse(quoted.slice(1, -1).replace(/\\(['\\])/g, "$1"));
}

export class LensesPanel extends Widget {
  /** @param {import("@jupyterlab/application").JupyterFrontEnd} app */
  constructor(app) {
    super();
    this.app = app;
    this.id = "semlens-lenses";
    this.title.icon = lensIcon;
    this.title.caption = "Lenses in the current notebook";
    this.addClass("semlens-panel");
    this.list = html`<div data-testid="lenses" />`;
    this.node.append(html`<div class="semlens sl-lenses">${this.list}</div>`);
    /** @type {any} the notebook that is listened to */
    this.panel = null;
    this.onIdle = (/** @type {unknown} */ _, /** @type {string} */ status) => {
      if (status === "idle") this.refresh();
      else if (status === "busy") return;
      else this.showMessage("The kernel is starting or gone.");
    };
    const shell = /** @type {any} */ (app.shell);
    shell.currentChanged?.connect(() => this.follow());
    this.follow();
  }

  /** Listen to the notebook in front; what is no notebook leaves the list as it is. */
  follow() {
    const panel = currentNotebook(this.app);
    if (!panel) {
      if (!this.panel) this.showMessage("Open a notebook to see the lenses in it.");
      return;
    }
    if (panel !== this.panel) {
      this.panel?.sessionContext?.statusChanged.disconnect(this.onIdle);
      this.panel = panel;
      panel.sessionContext.statusChanged.connect(this.onIdle);
      panel.disposed.connect(() => {
        if (this.panel !== panel) return;
        this.panel = null;
        this.follow();
      });
    }
    this.refresh();
  }

  async refresh() {
    const { panel } = this;
    const kernel = panel?.sessionContext?.session?.kernel;
    if (!this.isVisible || !panel) return;
    if (!kernel) return this.showMessage("This notebook has no kernel yet.");
    try {
      const alive = await ask(kernel);
      if (panel === this.panel) this.draw(alive);
    } catch (error) {
      if (panel === this.panel)
        this.showMessage(`The kernel could not be asked: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {string} text */
  showMessage(text) {
    fill(this.list, html`<p class="sl-quiet" data-testid="no-lenses">${text}</p>`);
  }

  /** @param {Alive[]} alive */
  draw(alive) {
    if (!alive.length)
      return this.showMessage(
        "No lens in this notebook. sl.Lens(…), sl.open(…) or sl.demo.lens() makes one.",
      );
    fill(
      this.list,
      ...alive.map(
        ({ name, title, layers, components, fitted }) =>
          html`<div class="sl-lens" data-testid="lens" data-name=${name}>
            <div class="sl-lens-head">
              <code class="sl-id">${name}</code>
              ${button({
                text: "Show",
                label: `Insert a cell that shows ${name}`,
                class: "sl-outlined",
                disabled: !fitted,
                "data-testid": "show-lens",
                onclick: () => this.show_(name),
              })}
            </div>
            <div class="sl-ellipsis" title=${title}>${title}</div>
            <div class="sl-quiet">
              ${
                fitted
                  ? `${plural(components, "component")} in ${layers.join(", ")}`
                  : `${layers.join(", ")}; not fitted`
              }
            </div>
          </div>`,
      ),
    );
  }

  /** @param {string} name */
  async show_(name) {
    // The name is a key of the namespace; one that is no identifier is looked up by its name.
    const expression = /^[A-Za-z_]\w*$/.test(name) ? name : `globals()[${literal(name)}]`;
    this.app.shell.activateById(this.panel.id);
    await insertAndRun(this.app, `${expression}.show()`);
  }

  /** @param {any} message */
  onAfterShow(message) {
    super.onAfterShow(message);
    this.follow();
  }
}
