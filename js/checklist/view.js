/** The audit: the checklist on the left; what the score rests on, the scatter and the unexpected on the right. */

import "../shared/heading.css";
import "./view.css";
import { button, fill, html } from "../shared/dom.js";
import { plural } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { bindKeys } from "../shared/keyboard.js";
import { normalTail } from "../shared/normal.js";
import { preview } from "../shared/preview.js";
import { balanceView } from "./balance.js";
import { auditBar, noticeLine } from "./bar.js";
import { added, freshName, ordered } from "./concepts.js";
import { dossierPanel } from "./dossier.js";
import { listView } from "./list.js";
import { liveAudit } from "./live.js";
import { beginnings, openButton, takeDropped, waiting } from "./nothing.js";
import { queueView } from "./queue.js";
import { readersPanel } from "./readers.js";
import { scatterView } from "./scatter.js";

/**
 * A view of the audit of one lens. It follows `audit_version`, `audit_target`, `audit_level` and `selection`; in a
 * window its header has undo and redo, `alone` its own bar.
 * @param {import("../shared/alone.js").ViewContext} context
 * @returns {import("../shared/alone.js").TabView}
 */
export function checklistView({
  source,
  ask,
  catalog,
  banner,
  announce,
  fail,
  act,
  showPython,
  work,
  alone = false,
}) {
  /** @type {string | null} */
  let target = null;
  /** @type {number | null} */
  let level = null;
  /** @type {readonly number[]} */
  let selection = [];
  /** Whether there is a kernel to ask. */
  let alive = true;
  /** Whether the person wants to start from nothing. */
  let begun = false;
  let version = 0;
  /** What stands in the place of the checklist. @type {"dossier" | "readers" | null} */
  let panel = null;

  const onTaken = () => banner.hide("error");
  const live = liveAudit({
    ask,
    work,
    showPython,
    fail,
    onChange: draw,
    onTaken,
    onBusy(busy) {
      bar.busy.textContent = busy ? "Auditing…" : "";
      if (busy) node.setAttribute("aria-busy", "true");
      else node.removeAttribute("aria-busy");
    },
  });
  const select = (/** @type {number[]} */ rows) => {
    selection = rows;
    act("selection", rows);
    show({ selection });
  };
  const parts = { source, catalog, announce, fail, onSelect: select, onDecide: decide };
  const list = listView({ ...parts, onEdit: live.edit, onAdd: add });
  const scatter = scatterView({ ...parts, onThreshold: (z) => setLevel(normalTail(z)) });
  const queue = queueView(parts);
  const balance = balanceView({ onCompute: live.compute });

  /** @param {string} label @param {import("../shared/icons.js").Icon} drawing @param {string} id @param {() => void} onclick */
  const tool = (label, drawing, id, onclick) =>
    /** @type {HTMLButtonElement} */ (
      button({ label, icon: drawing, class: "sl-square", "data-testid": id, onclick })
    );
  const undo = tool("Undo (u)", icons.undo, "undo", live.undo);
  const redo = tool("Redo (Shift u)", icons.redo, "redo", live.redo);
  const tools = html`<div class="sl-gap-2 sl-line">${undo}${redo}</div>`;
  const bar = auditBar({
    onTarget: (next) => act("audit_target", next),
    onLevel: setLevel,
    onThresholds: live.thresholds,
    onPanel: (name) => openPanel(panel === name ? null : name),
    tools: alone && tools,
    report: { make: live.report, announce, fail },
  });
  const within = { ask, showPython, fail, onTaken, onClose: () => openPanel(null) };
  const panels = { dossier: dossierPanel(within), readers: readersPanel(within) };
  const notice = noticeLine();
  const note = html`<p class="sl-pad-low sl-under sl-sunk sl-quiet sl-text" hidden data-testid="audit-note">
    Choose the class to audit.
  </p>`;
  const files = html`<div class="sl-line sl-wraps sl-pad" data-testid="checklist-files">
    ${openButton("Open another checklist…", "sl-outlined", live.open)}
    ${button({ text: "Save the checklist", class: "sl-outlined", "data-testid": "save-checklist", onclick: live.keep })}
  </div>`;
  const scroller = html`<div class="sl-check-scroll sl-scrolls">${list.node}${files}</div>`;
  const left = html`<div class="sl-stack sl-banner-place">${bar.node}${notice.node}${note}${scroller}${panels.dossier.node}${panels.readers.node}</div>`;
  const right = html`<div class="sl-beside sl-stack">${balance.node}${scatter.node}${queue.node}</div>`;
  const nothing = html`<div class="sl-state sl-audit-state" />`;
  const node = html`<div class="sl-audit sl-view sl-panes" data-testid="audit">${left}${right}${nothing}</div>`;
  const large = preview({
    area: node,
    source,
    known: (row) => ({ of: catalog.get(row)?.responses.length }),
    announce,
    fail,
  });
  takeDropped(node, live.open);
  for (const place of [node, tools]) bindKeys(place, { u: live.undo, U: live.redo });

  /** @param {Record<string, any>} changed */
  function show(changed) {
    for (const part of [list, scatter, queue]) part.update(changed);
  }

  function draw() {
    const { audit, failed } = live;
    const started = audit !== null && (begun || audit.concepts.length > 0);
    left.classList.toggle("sl-bare", !started);
    nothing.hidden = started;
    scroller.hidden = !started || panel !== null;
    right.hidden = !started || !audit?.report || panel !== null;
    left.classList.toggle("sl-whole", right.hidden);
    if (audit && started) {
      const { report, verdicts, targets: classes, blind } = audit;
      show({ concepts: ordered(audit.concepts), report, verdicts, classes, selection, blind });
      if (report) balance.update(report, audit.computable);
    } else
      fill(
        nothing,
        ...(audit
          ? beginnings({ onFile: live.open, onStart: live.start, onEmpty: begin })
          : waiting({ failed, onAgain: live.refresh })),
      );
    bar.update(audit, { started, alive, done: list.reviewed(), target, level });
    undo.disabled = !alive || !audit?.undo;
    redo.disabled = !alive || !audit?.redo;
    note.hidden =
      panel !== null || !started || audit.report !== null || !audit.targets.length || !audit.concepts.length;
    notice.show(audit?.notice ?? "");
    large.close();
  }

  /** @param {"dossier" | "readers" | null} name */
  function openPanel(name) {
    panel = name;
    for (const [of, { show: shows }] of Object.entries(panels)) shows(of === name);
    draw();
  }

  function begin() {
    begun = true;
    draw();
  }

  /** @param {import("./source.js").Kind} kind */
  function add(kind) {
    const concepts = live.audit?.concepts ?? [];
    const name = freshName(concepts);
    live.edit(added(concepts, kind, name));
    list.openEditor(name);
  }

  /** @param {import("./source.js").Subject[]} subjects @param {import("./source.js").Decision | null} decision */
  function decide(subjects, decision) {
    if (!live.audit || !subjects.length) return;
    const [first] = subjects;
    const about = typeof first === "string" ? first.slice(1, 80) : (catalog.get(first)?.id ?? "component");
    const whom = subjects.length === 1 ? about : plural(subjects.length, "component");
    live.decide(subjects, decision);
    announce(`${whom}: ${decision ?? "no verdict"}`);
  }

  /** @param {number} p */
  function setLevel(p) {
    const rounded = Number(p.toPrecision(2));
    if (rounded > 0 && rounded < 0.5) act("audit_level", rounded);
  }

  draw();
  return {
    node,
    figures: () => [
      { view: "audit", title: "Audit" },
      { view: "checklist", title: "Checklist" },
    ],
    update(changed) {
      if ("selection" in changed) {
        selection = changed.selection ?? [];
        if (live.audit) show({ selection });
      }
      if ("audit_target" in changed) target = changed.audit_target;
      if ("audit_level" in changed) level = changed.audit_level;
      if ("alive" in changed && changed.alive !== alive) {
        alive = changed.alive;
        for (const { live: lives } of Object.values(panels)) lives(alive);
        draw();
      }
      const again = "audit_version" in changed && changed.audit_version !== version;
      if (again) version = changed.audit_version;
      if (again || !live.asked) live.refresh();
      if (again) for (const { refresh } of Object.values(panels)) refresh();
    },
    destroy() {
      live.stop();
      for (const { stop } of Object.values(panels)) stop();
      for (const part of [large, list, scatter, queue]) part.destroy();
    },
  };
}
