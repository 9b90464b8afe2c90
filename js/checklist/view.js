/** The audit: the checklist on the left; what the score rests on, the scatter and the unexpected on the right. */

import "../shared/scrolls.css";
import { isAbort } from "../shared/channel.js";
import { button, fill, h, icon } from "../shared/dom.js";
import { plural, score } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { bindKeys } from "../shared/keyboard.js";
import { normalTail } from "../shared/normal.js";
import { preview } from "../shared/preview.js";
import { stateActions } from "../shared/state.js";
import { balanceView } from "./balance.js";
import { added, freshName, ordered } from "./concepts.js";
import { listView } from "./list.js";
import { queueView } from "./queue.js";
import { scatterView } from "./scatter.js";
import { auditSource } from "./source.js";

/** Nothing is said about work that is done sooner, in ms. */
const UNNOTICED = 150;
/** Levels offered; any other can be set from Python or by dragging a line of the scatter. */
const LEVELS = [0.05, 0.01, 0.001, 0.0001];
/** @type {Record<string, string>} */
const FORMATS = {
  html: "HTML, opens offline",
  md: "Markdown",
  json: "JSON, to make it again",
  csv: "CSV, a row per component",
};

/** The lines that a person can move beside the level: as shown, `scale` times as large as the kernel's. */
const LINES = /** @type {const} */ ([
  { name: "margin", scale: 1, step: 0.5, max: 100, text: "One of valid and spurious leads by, in z" },
  { name: "used", scale: 100, step: 0.5, max: 100, text: "Used from this share of relevance, %" },
  { name: "still", scale: 1, step: 0.01, max: 1, text: "Not used where relevance moves by less than ±" },
]);

/**
 * A view of the audit of one lens. It follows `audit_version`, `audit_target`, `audit_level` and `selection`; its
 * `tools` (undo and redo) stand in the header of a window, or in its own bar when `alone`.
 * @param {Omit<import("../window/tabs.js").TabContext, "work">} context @param {{alone?: boolean}} [options]
 * @returns {import("../window/tabs.js").TabView}
 */
export function checklistView(
  { source, ask, catalog, banner, say, fail, act, tell },
  { alone = false } = {},
) {
  const kernel = auditSource(ask);
  /** @type {import("./source.js").Audit | null} */
  let audit = null;
  /** @type {string | null} */
  let target = null;
  /** @type {number | null} */
  let level = null;
  /** @type {readonly number[]} */
  let selection = [];
  let failed = false;
  /** Whether there is a kernel to ask. */
  let alive = true;
  /** What the kernel answered last, to go back to when it does not take a change. @type {import("./source.js").Audit | null} */
  let held = null;
  /** Changes that the kernel has not answered yet: until then what is drawn is ahead of it. */
  let ahead = 0;
  /** The notice that was read. */
  let dismissed = "";
  /** Whether the person wants to start from nothing. */
  let begun = false;
  /** @type {AbortController | undefined} */
  let asking;
  /** @type {AbortController | undefined} */
  let computing;
  /** @type {import("../shared/channel.js").Progress | null} */
  let work = null;
  let version = 0;

  const select = (/** @type {number[]} */ rows) => {
    selection = rows;
    act("selection", rows);
    show({ selection });
  };
  const parts = { source, catalog, say, fail, onSelect: select, onDecide: decide };
  const list = listView({ ...parts, onEdit: edit, onAdd: add });
  const scatter = scatterView({ ...parts, onThreshold: (z) => setLevel(normalTail(z)) });
  const queue = queueView(parts);
  const balance = balanceView({ onCompute: compute, onCancel: () => computing?.abort() });

  const targets = h("select", {
    "aria-label": "Target",
    "data-testid": "audit-target",
    onchange: () => act("audit_target", audit?.targets[targets.selectedIndex] ?? null),
  });
  const levels = h("select", {
    "aria-label": "Level",
    "data-testid": "audit-level",
    onchange: () => setLevel(Number(levels.value)),
  });
  const labelled = (/** @type {string} */ text, /** @type {HTMLElement} */ control) =>
    h("label", { class: "sl-select sl-low" }, h("span", { class: "sl-quiet" }, text), control);
  const targetLabel = labelled("Target", targets);
  const levelLabel = labelled("Above null at", levels);
  levelLabel.classList.add("sl-above-null");
  const lines = linesMenu();
  const reviewed = h("div", { class: "sl-reviewed", "data-testid": "reviewed" });
  const busy = h("span", { class: "sl-quiet sl-small-text", "data-testid": "auditing" });
  const undo = button({
    label: "Undo (u)",
    icon: icons.undo,
    class: "sl-square",
    "data-testid": "undo",
    onclick: () => change(kernel.undo),
  });
  const redo = button({
    label: "Redo (Shift u)",
    icon: icons.redo,
    class: "sl-square",
    "data-testid": "redo",
    onclick: () => change(kernel.redo),
  });
  const tools = h("div", { class: "sl-audit-tools" }, undo, redo);
  const report = reportMenu();
  const notice = h("div", {
    class: "sl-restored",
    role: "status",
    hidden: true,
    "data-testid": "audit-notice",
  });
  const note = h("p", {
    class: "sl-audit-note sl-quiet sl-small-text",
    hidden: true,
    "data-testid": "audit-note",
  });
  const scroller = h("div", { class: "sl-check-scroll sl-scrolls" }, list.node);
  const left = h(
    "div",
    { class: "sl-audit-left sl-banner-place" },
    h(
      "div",
      { class: "sl-audit-bar" },
      targetLabel,
      levelLabel,
      lines.node,
      busy,
      reviewed,
      alone && tools,
      report.node,
    ),
    notice,
    note,
    scroller,
  );
  const right = h("div", { class: "sl-audit-right" }, balance.node, scatter.node, queue.node);
  const nothing = h("div", { class: "sl-state sl-audit-state" });
  const node = h("div", { class: "sl-audit", "data-testid": "audit" }, left, right, nothing);
  const large = preview({
    area: node,
    source,
    known: (row) => ({ of: catalog.get(row)?.responses.length }),
    say,
    fail,
  });
  const keys = { u: () => change(kernel.undo), U: () => change(kernel.redo) };
  bindKeys(node, keys);
  bindKeys(tools, keys);

  /** @param {Record<string, any>} changed */
  function show(changed) {
    list.update(changed);
    scatter.update(changed);
    queue.update(changed);
  }

  function draw() {
    const started = audit !== null && (begun || audit.concepts.length > 0);
    left.classList.toggle("sl-bare", !started);
    nothing.hidden = started;
    scroller.hidden = !started;
    right.hidden = !started || !audit?.report;
    left.classList.toggle("sl-whole", right.hidden);
    if (audit && started) {
      const { report: found, verdicts, targets: classes, computable } = audit;
      show({ concepts: ordered(audit.concepts), report: found, verdicts, classes, selection });
      if (found) balance.update(found, { computable, work });
    } else drawNothing();
    drawBar(started);
    large.close();
  }

  function drawNothing() {
    if (!audit) {
      fill(
        nothing,
        failed
          ? h("p", {}, "The message above says why there is no audit.")
          : h(
              "div",
              { class: "sl-waiting", "aria-hidden": "true" },
              ...Array.from({ length: 8 }, () => h("i")),
            ),
        failed &&
          button({ text: "Try again", class: "sl-outlined", "data-testid": "audit-again", onclick: refresh }),
      );
      return;
    }
    fill(
      nothing,
      h("h2", {}, "What should this model use, and what must it not?"),
      h(
        "p",
        { class: "sl-quiet" },
        "A checklist holds what a decision should rest on, what it must not rest on, and what makes no difference. The audit finds each in the model and says how much the score rests on it.",
      ),
      stateActions(
        button({
          text: "Start with ABCDE",
          class: "sl-main",
          "data-testid": "start-abcde",
          onclick: () => change(kernel.startAbcde),
        }),
        button({
          text: "Start empty",
          class: "sl-outlined",
          "data-testid": "start-empty",
          onclick: () => {
            begun = true;
            draw();
          },
        }),
      ),
      h(
        "p",
        { class: "sl-quiet sl-small-text" },
        "ABCDE is the rule dermatologists know, with the usual artefacts. From a file: ",
        h("code", { class: "sl-id" }, 'lens.checklist = sl.Checklist.from_file("checklist.json")'),
      ),
    );
  }

  /** @param {boolean} started */
  function drawBar(started) {
    const now = audit?.report ?? null;
    for (const part of [levelLabel, reviewed, report.node]) part.hidden = !started;
    lines.update(started ? (now?.lines ?? null) : null);
    targetLabel.hidden = !started || !audit?.targets.length;
    report.disable(!now || !alive || !audit?.formats.length, now && !audit?.formats.length);
    undo.disabled = !alive || !audit?.undo;
    redo.disabled = !alive || !audit?.redo;
    targets.disabled = levels.disabled = !alive;
    if (!audit) return;
    const names = audit.targets;
    const chosen = now?.target ?? target;
    if (targets.dataset.drawn !== JSON.stringify(names)) {
      targets.dataset.drawn = JSON.stringify(names);
      fill(targets, ...names.map((name) => h("option", {}, name)));
    }
    targets.selectedIndex = names.indexOf(chosen ?? "");
    const p = now?.level ?? level ?? 0.01;
    const offered = LEVELS.some((one) => Math.abs(one - p) < 1e-9)
      ? LEVELS
      : [...LEVELS, p].sort((a, b) => b - a);
    fill(levels, ...offered.map((one) => h("option", { value: one }, `p = ${plainLevel(one)}`)));
    levels.selectedIndex = offered.findIndex((one) => Math.abs(one - p) < 1e-9);
    levels.title = now ? `z above ${score(now.z, 2)}` : "";
    const [done, all] = [list.reviewed(), audit.concepts.length];
    const bar = h("progress", { max: Math.max(1, all), "aria-label": "Reviewed" });
    bar.value = done;
    fill(reviewed, h("span", {}, "Reviewed"), h("b", {}, `${done} of ${all}`), bar);
    const asksForTarget = started && !now && names.length > 0 && audit.concepts.length > 0;
    note.hidden = !asksForTarget;
    note.textContent = asksForTarget ? "Choose the class to audit." : "";
    notice.hidden = !audit.notice || audit.notice === dismissed;
    if (!notice.hidden)
      fill(
        notice,
        icon(icons.check),
        h("span", {}, audit.notice),
        button({
          label: "Dismiss",
          icon: icons.cross,
          class: "sl-square sl-small",
          "data-testid": "notice-dismiss",
          onclick: () => {
            dismissed = audit?.notice ?? "";
            notice.hidden = true;
          },
        }),
      );
  }

  /** The lines beside the level, in a small box that opens below its word. */
  function linesMenu() {
    /** @type {import("./source.js").Lines | null} */
    let drawn = null;
    const inputs = LINES.map(({ name, scale, step, max }) =>
      h("input", {
        type: "number",
        class: "sl-field",
        min: 0,
        max,
        step,
        "data-testid": `line-${name}`,
        onchange: (/** @type {Event} */ event) => {
          const input = /** @type {HTMLInputElement} */ (event.target);
          const value = Number(input.value) / scale;
          const good = input.value !== "" && value >= 0 && Number(input.value) <= max;
          if (good && value !== drawn?.[name]) change(() => kernel.lines({ [name]: value }));
          else fillIn();
        },
      }),
    );
    const node = h(
      "details",
      { class: "sl-menu-holder sl-audit-lines", "data-testid": "lines" },
      h("summary", {}, "More lines"),
      h(
        "div",
        { class: "sl-menu" },
        ...LINES.map(({ text }, i) => h("label", {}, h("span", {}, text), inputs[i])),
      ),
    );
    node.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && node.open) {
        node.open = false;
        node.querySelector("summary")?.focus();
      }
      event.stopPropagation();
    });
    node.addEventListener("focusout", (event) => {
      const to = /** @type {Node | null} */ (event.relatedTarget);
      if (to && !node.contains(to)) node.open = false;
    });
    function fillIn() {
      for (const [i, { name, scale }] of LINES.entries())
        inputs[i].value = drawn ? String(Number((drawn[name] * scale).toPrecision(6))) : "";
    }
    return {
      node,
      /** @param {import("./source.js").Lines | null} now */
      update(now) {
        node.hidden = !now;
        drawn = now;
        for (const input of inputs) input.disabled = !alive;
        if (!node.contains(document.activeElement)) fillIn();
      },
    };
  }

  function reportMenu() {
    const items = h("div", { class: "sl-menu", role: "menu", hidden: true, "data-testid": "report-menu" });
    const opener = h(
      "button",
      {
        type: "button",
        class: "sl-button sl-main",
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        "data-testid": "report",
        onclick: () => toggle(Boolean(items.hidden)),
      },
      icon(icons.download),
      h("span", {}, "Report"),
      icon(icons.down),
    );
    const holder = h("div", { class: "sl-menu-holder" }, opener, items);
    /** @param {boolean} open */
    function toggle(open) {
      items.hidden = !open;
      opener.setAttribute("aria-expanded", String(open));
      if (!open) return;
      fill(
        items,
        ...(audit?.formats ?? []).map((format) =>
          h(
            "button",
            {
              type: "button",
              role: "menuitem",
              class: "sl-button",
              "data-testid": `report-${format}`,
              onclick: () => download(format),
            },
            FORMATS[format] ?? format,
          ),
        ),
      );
      /** @type {HTMLElement | null} */ (items.firstElementChild)?.focus();
    }
    holder.addEventListener("keydown", (event) => {
      const all = /** @type {HTMLElement[]} */ ([...items.children]);
      const at = all.indexOf(/** @type {HTMLElement} */ (event.target));
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape" && !items.hidden) {
        toggle(false);
        opener.focus();
      } else if (by && at >= 0) all[(at + by + all.length) % all.length].focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    holder.addEventListener("focusout", (event) => {
      if (!holder.contains(/** @type {Node | null} */ (event.relatedTarget))) toggle(false);
    });
    /** @param {string} format */
    async function download(format) {
      toggle(false);
      opener.disabled = true;
      try {
        const { name, file, python } = await kernel.download(format);
        const url = URL.createObjectURL(file);
        const link = h("a", { href: url, download: name });
        holder.append(link);
        link.click();
        link.remove();
        setTimeout(() => URL.revokeObjectURL(url), 10_000);
        if (python) tell(python);
        say(`${name} saved`);
      } catch (error) {
        fail(error);
      } finally {
        opener.disabled = !alive;
      }
    }
    return {
      node: holder,
      /** @param {boolean} disabled @param {boolean | null} [elsewhere] whether reports are made elsewhere only */
      disable(disabled, elsewhere) {
        opener.disabled = disabled;
        opener.title = elsewhere ? 'In a notebook: lens.write_report("audit.html")' : "";
        if (disabled) toggle(false);
      },
    };
  }

  /** Sends a change; what the person sees may run ahead of the kernel until it has answered. @param {() => Promise<string>} send */
  async function change(send) {
    ahead += 1;
    asking?.abort();
    try {
      const python = await send();
      if (python) tell(python);
      banner.hide("error");
    } catch (error) {
      // Nothing was kept, and what is drawn must not look as if it were.
      audit = held ?? audit;
      draw();
      fail(error);
    } finally {
      ahead -= 1;
      if (ahead === 0) refresh();
    }
  }

  /** @param {import("./source.js").Concept[]} concepts */
  function edit(concepts) {
    if (!audit) return;
    audit = { ...audit, concepts };
    draw();
    change(() => kernel.edit(concepts));
  }

  /** @param {import("./source.js").Kind} kind */
  function add(kind) {
    const concepts = audit?.concepts ?? [];
    const name = freshName(concepts);
    edit(added(concepts, kind, name));
    list.openEditor(name);
  }

  /** @param {import("./source.js").Subject[]} subjects @param {import("./source.js").Decision | null} decision */
  function decide(subjects, decision) {
    if (!audit || !subjects.length) return;
    const verdicts = new Map(audit.verdicts);
    for (const subject of subjects) {
      const old = verdicts.get(subject);
      if (decision === null && !old?.note && !old?.label) verdicts.delete(subject);
      else verdicts.set(subject, { note: "", label: "", who: "", when: "", ...old, decision });
    }
    audit = { ...audit, verdicts };
    draw();
    const [first] = subjects;
    const about = typeof first === "string" ? first.slice(1, 80) : (catalog.get(first)?.id ?? "component");
    say(
      `${subjects.length === 1 ? about : plural(subjects.length, "component")}: ${decision ?? "no verdict"}`,
    );
    change(() => kernel.decide(subjects, decision));
  }

  /** @param {number} p */
  function setLevel(p) {
    const rounded = Number(p.toPrecision(2));
    if (rounded > 0 && rounded < 0.5) act("audit_level", rounded);
  }

  async function compute() {
    computing = new AbortController();
    work = { done: 0, total: null, what: "starting" };
    draw();
    try {
      await kernel.relevance(computing.signal, (progress) => {
        work = progress;
        if (audit?.report) balance.update(audit.report, { computable: audit.computable, work });
      });
    } catch (error) {
      if (!isAbort(error)) fail(error);
    } finally {
      work = null;
      computing = undefined;
      refresh();
    }
  }

  async function refresh() {
    if (ahead) return;
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    const noticed = setTimeout(() => {
      busy.textContent = "Auditing…";
      node.setAttribute("aria-busy", "true");
    }, UNNOTICED);
    try {
      const answer = await kernel.audit(signal);
      if (signal.aborted) return;
      audit = held = answer;
      failed = false;
      draw();
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      failed = true;
      fail(error);
      draw();
    } finally {
      clearTimeout(noticed);
      if (!signal.aborted) {
        busy.textContent = "";
        node.removeAttribute("aria-busy");
      }
    }
  }

  draw();
  return {
    node,
    tools: alone ? undefined : tools,
    update(changed) {
      if ("selection" in changed) {
        selection = changed.selection ?? [];
        if (audit) show({ selection });
      }
      if ("audit_target" in changed) target = changed.audit_target;
      if ("audit_level" in changed) level = changed.audit_level;
      if ("alive" in changed && changed.alive !== alive) {
        alive = changed.alive;
        draw();
      }
      const again = "audit_version" in changed && changed.audit_version !== version;
      if (again) version = changed.audit_version;
      if (again || !asking) refresh();
    },
    destroy() {
      asking?.abort();
      computing?.abort();
      large.destroy();
      for (const part of [list, scatter, queue]) part.destroy();
    },
  };
}

/** A level as it is written: .05, .001. @param {number} p */
const plainLevel = (p) => String(p).replace(/^0\./, ".");
