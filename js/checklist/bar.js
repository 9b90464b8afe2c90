/** The bar of the audit: target, level and thresholds, how much is reviewed, and the report. */

import { button, fill, html, icon } from "../shared/dom.js";
import { score } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { reportMenu } from "./report_menu.js";
import { thresholdsMenu } from "./thresholds_menu.js";

/** Levels offered; any other can be set from Python or by dragging a line of the scatter. */
const LEVELS = [0.05, 0.01, 0.001, 0.0001];

/** @typedef {import("./source.js").Audit} Audit */

/** A level as it is written: .05, .001. @param {number} p */
const plainLevel = (p) => String(p).replace(/^0\./, ".");
const alike = (/** @type {number} */ a, /** @type {number} */ b) => Math.abs(a - b) < 1e-9;

/** A select after its word. @param {string} text @param {string} label @param {string} id @param {() => void} onchange */
function labelled(text, label, id, onchange) {
  const select = /** @type {HTMLSelectElement} */ (
    html`<select aria-label=${label} data-testid=${id} onchange=${onchange} />`
  );
  return {
    select,
    node: html`<label class="sl-select"><span class="sl-quiet">${text}</span>${select}</label>`,
  };
}

/**
 * @param {object} options
 * @param {(target: string | null) => void} options.onTarget @param {(level: number) => void} options.onLevel
 * @param {(thresholds: Partial<import("./source.js").Thresholds>) => void} options.onThresholds
 * @param {import("../shared/dom.js").Child} options.tools
 * @param {(panel: "dossier" | "readers") => void} options.onPanel
 * @param {Parameters<typeof reportMenu>[0]} options.report
 */
export function auditBar({ onTarget, onLevel, onThresholds, onPanel, tools, report: making }) {
  /** @type {readonly string[]} */
  let names = [];
  const targets = labelled("Target", "Target", "audit-target", () =>
    onTarget(names[targets.select.selectedIndex] ?? null),
  );
  const levels = labelled("Above null at", "Level", "audit-level", () =>
    onLevel(Number(levels.select.value)),
  );
  levels.node.classList.add("sl-above-null");
  const thresholds = thresholdsMenu(onThresholds);
  const busy = html`<span class="sl-quiet sl-small-text" data-testid="auditing" />`;
  const reviewed = html`<div class="sl-reviewed sl-small-text" data-testid="reviewed" />`;
  const report = reportMenu(making);
  const [dossier, readers] = /** @type {const} */ (["dossier", "readers"]).map((name) =>
    button({
      text: name === "dossier" ? "Dossier" : "Readers",
      class: "sl-outlined",
      title:
        name === "dossier"
          ? "What people say of the model: purpose, data, plan, risks, who signs"
          : "Two people decide blind, and how well they agree",
      "data-testid": `open-${name}-panel`,
      onclick: () => onPanel(name),
    }),
  );

  /** @param {readonly string[]} next @param {string | null} chosen */
  function drawTargets(next, chosen) {
    if (names.join("\n") !== next.join("\n") || !targets.select.options.length)
      fill(targets.select, ...next.map((name) => html`<option>${name}</option>`));
    names = next;
    targets.select.selectedIndex = names.indexOf(chosen ?? "");
  }

  /** @param {number} p @param {number | undefined} z that it comes to */
  function drawLevels(p, z) {
    const offered = LEVELS.some((one) => alike(one, p)) ? LEVELS : [...LEVELS, p].sort((a, b) => b - a);
    fill(levels.select, ...offered.map((one) => html`<option value=${one}>p = ${plainLevel(one)}</option>`));
    levels.select.selectedIndex = offered.findIndex((one) => alike(one, p));
    levels.select.title = z === undefined ? "" : `z above ${score(z, 2)}`;
  }

  return {
    node: html`<div class="sl-audit-bar sl-line sl-wraps sl-fixed sl-pad sl-under sl-nowrap">
      ${targets.node}${levels.node}${thresholds.node}${busy}${reviewed}${tools}${readers}${dossier}${report.node}
    </div>`,
    busy,
    /**
     * @param {Audit | null} audit
     * @param {{started: boolean, alive: boolean, done: number, target: string | null, level: number | null}} now `done`: how many concepts are reviewed
     */
    update(audit, { started, alive, done, target, level }) {
      const found = audit?.report ?? null;
      for (const part of [levels.node, reviewed, dossier, readers, report.node]) part.hidden = !started;
      dossier.disabled = readers.disabled = !alive;
      thresholds.update(started ? (found?.thresholds ?? null) : null, alive);
      targets.node.hidden = !started || !audit?.targets.length;
      targets.select.disabled = levels.select.disabled = !alive;
      const formats = audit?.formats ?? [];
      const elsewhere = found && !formats.length ? 'In a notebook: lens.write_report("audit.html")' : "";
      report.update(formats, !found || !alive || !formats.length, elsewhere);
      if (!audit) return;
      drawTargets(audit.targets, found?.target ?? target);
      drawLevels(found?.level ?? level ?? 0.01, found?.z);
      const all = audit.concepts.length;
      const bar = /** @type {HTMLProgressElement} */ (
        html`<progress max=${Math.max(1, all)} aria-label="Reviewed" />`
      );
      bar.value = done;
      fill(reviewed, html`<span>Reviewed</span>`, html`<b>${done} of ${all}</b>`, bar);
    },
  };
}

/** Something that was restored or could not be saved, until it is read. */
export function noticeLine() {
  let dismissed = "";
  const node = html`<div class="sl-line sl-soft sl-pad-low sl-under sl-text sl-breaks" role="status" hidden data-testid="audit-notice" />`;
  return {
    node,
    /** @param {string} text */
    show(text) {
      node.hidden = !text || text === dismissed;
      if (node.hidden) return;
      const close = {
        label: "Dismiss",
        icon: icons.cross,
        class: "sl-square sl-small",
        "data-testid": "notice-dismiss",
      };
      const dismiss = () => {
        dismissed = text;
        node.hidden = true;
      };
      fill(
        node,
        icon(icons.check),
        html`<span class="sl-spring">${text}</span>`,
        button({ ...close, onclick: dismiss }),
      );
    },
  };
}
