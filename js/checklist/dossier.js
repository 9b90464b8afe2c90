/** The dossier as a form: a field for each thing that can be said; what is left empty is told as not provided. */

import { button, html } from "../shared/dom.js";
import { download } from "../shared/download.js";
import { field } from "./fields.js";
import { openButton } from "./nothing.js";
import { panelView } from "./panel.js";

/** @typedef {{name: string, title: string, hint: string, text: string}} Field */
/** @typedef {{finding: string, residual: string, owner: string, action: string}} Risk */
/** @typedef {{title: string, parts: {name: string, fields: Field[]}[], risks: Risk[], signatories: string, done: number, there: number}} Dossier */

/** What can be said of a finding. @type {["residual" | "owner" | "action", string][]} */
const OF_RISKS = [
  ["residual", "Residual risk"],
  ["owner", "Owner"],
  ["action", "Action"],
];

/** A text of several lines. @param {string} label @param {string} hint @param {string} text @param {string} id @param {(text: string) => void} say */
function area(label, hint, text, id, say) {
  const input = field(
    html`<textarea rows=${text ? Math.min(12, text.split("\n").length + 1) : 1} placeholder=${hint} data-testid=${id} />`,
    ({ value }) => {
      if (value !== input.defaultValue) say(value);
    },
  );
  input.value = input.defaultValue = text;
  // Enter is a new line here: a text has paragraphs.
  input.addEventListener("keydown", (/** @type {Event} */ event) => event.stopImmediatePropagation(), true);
  return html`<label class="sl-said sl-pile"><span class="sl-line"><b>${label}</b>
    ${!text && html`<span class="sl-quiet sl-small-text">not provided</span>`}</span>${input}</label>`;
}

/** @param {Dossier} dossier @param {import("./panel.js").Kernel} kernel @param {(error: unknown) => void} fail */
function draw({ title, parts, risks, signatories, done, there }, kernel, fail) {
  const say = (/** @type {string} */ name) => (/** @type {string} */ text) =>
    kernel.change("dossier_say", { field: name, text });
  const part = (/** @type {{name: string, fields: Field[]}} */ { name, fields }) => {
    const filled = fields.filter(({ text }) => text).length;
    return html`<details class="sl-part" data-testid="part-${name}" open=${open.has(name)}
      ontoggle=${(/** @type {Event} */ event) =>
        /** @type {HTMLDetailsElement} */ (event.target).open ? open.add(name) : open.delete(name)}>
      <summary class="sl-line"><b>${name}</b><span class="sl-quiet sl-small-text">${filled} of ${fields.length}</span></summary>
      ${fields.map(({ name: of, title: label, hint, text }) => area(label, hint, text, `say-${of}`, say(of)))}
    </details>`;
  };
  const risk = (/** @type {Risk} */ one) => html`<fieldset class="sl-risk" data-testid="risk">
    <legend>${one.finding}</legend>
    ${OF_RISKS.map(([name, label]) =>
      area(label, "", one[name], `risk-${name}`, (text) =>
        kernel.change("dossier_finding", { finding: one.finding, name, text }),
      ),
    )}
  </fieldset>`;
  /** @param {Event} event */
  const keep = async ({ currentTarget }) => {
    const from = /** @type {Element} */ (currentTarget);
    try {
      const { name, file } = await kernel.ask("dossier_file");
      await download(file, name, from);
    } catch (error) {
      fail(error);
    }
  };
  const file = (/** @type {File} */ one) => {
    const read = async () =>
      kernel.change("dossier_open", { name: one.name }, { buffers: [await one.arrayBuffer()] });
    read();
  };
  return [
    html`<div class="sl-line sl-wraps">
      <span class="sl-spring sl-quiet" data-testid="dossier-done">${done} of ${there} fields are filled in. What is left empty is told as “not provided”; nothing is filled in for you.</span>
      ${openButton("Open a dossier…", "sl-outlined", file, { accept: ".md,.markdown", about: "A dossier in Markdown", id: "dossier" })}
      ${button({ text: "Save the dossier", class: "sl-outlined", "data-testid": "save-dossier", onclick: keep })}
    </div>`,
    area("Title of the report", "Audit of …", title, "say-title", say("title")),
    ...parts.map(part),
    html`<h3 class="sl-heading">Findings<span class="sl-quiet">what stays of each, who looks after it, what is done</span></h3>`,
    ...(risks.length
      ? risks.map(risk)
      : [html`<p class="sl-quiet">No spurious concept was found or is used, as far as the audit goes.</p>`]),
    area(
      "Names to sign",
      "One line for each: Name, role",
      signatories,
      "say-signatories",
      say("signatories"),
    ),
  ];
}

/** Parts that are open, in any window: drawing anew leaves them so. */
const open = new Set(["Purpose"]);

/** @param {Omit<Parameters<typeof panelView>[0], "verb" | "title" | "id" | "draw">} options */
export const dossierPanel = (options) =>
  panelView({
    ...options,
    verb: "dossier",
    title: "Dossier",
    id: "dossier-panel",
    draw: (answer, kernel) => draw(answer, kernel, options.fail),
  });
