/** The window of `lens.show()`: a header with tabs, the open tab, and a footer that ends in Python. */

import { button, copyButton, fill, html } from "../shared/dom.js";
import { figureMenu } from "../shared/figure_menu.js";
import { count } from "../shared/format.js";
import { bindKeys } from "../shared/keyboard.js";
import { assignment } from "../shared/python.js";
import { worker, workLine } from "../shared/work.js";
import { helpSheet } from "./help.js";
import { TABS } from "./tabs.js";

/** Ids shown in the footer; the rest is counted. */
const SHOWN_IDS = 6;

let windows = 0;

/**
 * @param {import("../shared/catalog.js").NamedContext} context
 * @param {Record<string, {title: string, mount: import("./tabs.js").Tab}>} [tabs]
 * @returns {import("../shared/mount.js").View}
 */
export function windowView(context, tabs = TABS) {
  const { catalog, set, banner } = context;
  const own = `sl-window-${++windows}-${Math.random().toString(36).slice(2, 8)}`;
  /** Everything the window was told, so that a tab opened late knows as much as one opened early. @type {Record<string, any>} */
  const known = { tabs: Object.keys(tabs), tab: Object.keys(tabs)[0] };
  /** @type {Map<string, import("./tabs.js").TabView>} */
  const opened = new Map();
  /** The last gesture that named components, until their ids are known. @type {readonly number[] | null} */
  let namedLast = null;
  /** @type {HTMLElement | null} */
  let help = null;

  const title = html`<div class="sl-name-title" data-testid="title" />`;
  const subtitle = html`<div class="sl-name-subtitle" data-testid="subtitle" />`;
  const tabList = html`<div class="sl-tabs" role="tablist" aria-label="Views" onkeydown=${onTabKey} />`;
  const helpButton = button({
    label: "Keys (?)",
    text: "?",
    class: "sl-square",
    "data-browser": true,
    "data-testid": "help-button",
    onclick: toggleHelp,
  });
  const working = workLine();
  const work = worker(working.show);
  const figure = figureMenu({
    ask: context.ask,
    work,
    tell: tellPython,
    say: context.say,
    fail: context.fail,
  });
  const tools = html`<div class="sl-tools">${figure.node}${helpButton}</div>`;
  const panel = html`<div class="sl-panel" role="tabpanel" id="${own}-panel" />`;
  const selected = html`<div class="sl-selection" data-testid="selection" />`;
  const busy = html`<div class="sl-busy" data-testid="busy" hidden />`;
  const line = html`<code class="sl-id sl-python-line" data-testid="python-line" />`;
  const python = html`<div class="sl-python">
    <span class="sl-quiet">In Python</span>
    ${line}
    ${copyButton({
      label: "Copy the line of Python",
      text: () => line.textContent ?? "",
      "data-testid": "copy-python",
    })}
  </div>`;
  const node = html`<div class="sl-window" data-testid="lens-window">
    <header class="sl-header"><div class="sl-name">${title}${subtitle}</div>${tabList}${tools}</header>
    ${panel}
    <footer class="sl-footer">
      ${selected}
      <span class="sl-spring" />
      ${working.node}
      ${busy}
      ${python}
    </footer>
  </div>`;
  // The banner stands in the open tab, first in the pane it calls its banner place; until there is one, here.
  panel.append(banner.node);

  bindKeys(node, { "?": toggleHelp, "/": () => press("/"), Escape: () => press("Escape") });
  const stopListening = catalog.onArrive(drawSelection);

  /** @param {string} key @returns {unknown} false when the open tab has no use for it */
  function press(key) {
    const action = opened.get(known.tab)?.keys?.[key];
    return action ? action() : false;
  }

  function toggleHelp() {
    if (help) {
      help.remove();
      help = null;
      helpButton.focus();
      return;
    }
    help = helpSheet({ onClose: toggleHelp });
    node.append(help);
    help.querySelector("button")?.focus();
  }

  /** @type {import("./tabs.js").TabContext["act"]} */
  function act(trait, value, python = assignment(trait, value)) {
    const change = { [trait]: value };
    if (!set(trait === "selection" ? change : { ...change, python })) return;
    namedLast = trait === "selection" ? value : null;
    update(change);
    if (trait !== "selection") tell(python);
  }

  /** @type {import("./tabs.js").TabContext["tell"]} */
  function tellPython(python) {
    namedLast = null;
    set({ python });
    tell(python);
  }

  /** @param {string} text */
  function tell(text) {
    known.python = text;
    line.textContent = text;
    line.title = text;
    python.hidden = !text;
  }

  function drawSelection() {
    const rows = /** @type {number[]} */ (known.selection ?? []);
    catalog.want(rows.slice(0, namedLast ? rows.length : SHOWN_IDS));
    fill(
      selected,
      html`<span class="sl-quiet">${count(rows.length)} selected</span>`,
      ...rows.slice(0, SHOWN_IDS).map(
        (row, i) =>
          html`<span class="sl-id sl-selected-id${i === 0 ? " sl-first" : ""}" data-testid="selected-id">
            ${catalog.get(row)?.id ?? "…"}
          </span>`,
      ),
      rows.length > SHOWN_IDS &&
        html`<span class="sl-quiet">and ${count(rows.length - SHOWN_IDS)} more</span>`,
    );
    if (!namedLast) return;
    const ids = namedLast.map((row) => catalog.get(row)?.id);
    if (!ids.every((id) => id !== undefined)) return;
    namedLast = null;
    const text = assignment("selection", /** @type {string[]} */ (ids));
    tell(text);
    set({ python: text });
  }

  function drawTabs() {
    const names = /** @type {string[]} */ (known.tabs).filter((name) => Object.hasOwn(tabs, name));
    if (!names.includes(known.tab)) known.tab = names[0];
    fill(
      tabList,
      ...names.map(
        (name) =>
          html`<button type="button" role="tab" class="sl-tab" id="${own}-${name}"
            aria-selected=${String(name === known.tab)} aria-controls=${panel.id}
            tabindex=${name === known.tab ? 0 : -1} data-browser data-title=${tabs[name].title}
            data-testid="tab-${name}" onclick=${() => openTab(name)}>${tabs[name].title}</button>`,
      ),
    );
    panel.setAttribute("aria-labelledby", `${own}-${known.tab}`);
    drawFigure();
  }

  function drawFigure() {
    const parts = () => opened.get(known.tab)?.figures?.() ?? [{ view: known.tab, title: "" }];
    figure.update({
      tab: known.tab,
      title: Object.hasOwn(tabs, known.tab) ? tabs[known.tab].title : "",
      figures: known.figures ?? [],
      parts,
    });
  }

  /** @param {string} name */
  function openTab(name) {
    set({ tab: name });
    known.tab = name;
    drawTabs();
    drawPanel();
    document.getElementById(`${own}-${name}`)?.focus();
  }

  /** @param {KeyboardEvent} event */
  function onTabKey(event) {
    const names = [...tabList.children].map((tab) => tab.id.slice(own.length + 1));
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    openTab(names[(names.indexOf(known.tab) + by + names.length) % names.length]);
  }

  function drawPanel() {
    if (!known.tab || !Object.hasOwn(tabs, known.tab)) return;
    let view = opened.get(known.tab);
    const before = panel.firstElementChild;
    // What went wrong in the tab before says nothing about this one.
    if (before && before !== banner.node && before !== view?.node) banner.hide("error");
    if (!view) {
      view = tabs[known.tab].mount({ ...context, act, tell: tellPython, work });
      opened.set(known.tab, view);
      view.update(known);
    }
    if (panel.firstElementChild === view.node) return;
    fill(panel, view.node);
    fill(tools, view.tools, figure.node, helpButton);
    if (!view.node.contains(banner.node))
      (view.node.querySelector(".sl-banner-place") ?? view.node).prepend(banner.node);
  }

  function drawBusy() {
    const work = /** @type {{what: string, done: number, total: number | null} | null} */ (
      known.busy ?? null
    );
    busy.hidden = !work;
    if (work) fill(busy, work.total ? `${work.what} ${count(work.done)} of ${count(work.total)}` : work.what);
  }

  /** @param {Record<string, any>} changed */
  function update(changed) {
    Object.assign(known, changed);
    if ("title" in changed) title.textContent = title.title = changed.title;
    if ("subtitle" in changed) subtitle.textContent = changed.subtitle;
    if ("python" in changed) tell(changed.python ?? "");
    if ("busy" in changed) drawBusy();
    if ("figures" in changed) drawFigure();
    if ("tabs" in changed || "tab" in changed) {
      drawTabs();
      drawPanel();
    }
    for (const view of opened.values()) view.update(changed);
    if ("selection" in changed || "relabelled" in changed) drawSelection();
  }

  tell("");
  drawTabs();
  drawPanel();
  drawSelection();
  return {
    node,
    update,
    destroy() {
      stopListening();
      for (const view of opened.values()) view.destroy();
    },
  };
}
