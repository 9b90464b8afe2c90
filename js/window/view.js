/** The window of `lens.show()`: a header with tabs, the open tab, and a footer that ends in Python. */

import "../shared/heading.css";
import "../shared/state.css";
import "../shared/relevance.css";
import "../shared/toggle.css";
import "../shared/figure_menu.css";
import "../shared/rows.css";
import "./view.css";
import { button, fill, html } from "../shared/dom.js";
import { figureMenu } from "../shared/figure_menu.js";
import { bindKeys, isTyping, used } from "../shared/keyboard.js";
import { assignment } from "../shared/python.js";
import { sharedAnswers } from "../shared/shared_answers.js";
import { worker, workLine } from "../shared/work.js";
import { footer } from "./footer.js";
import { helpSheet } from "./help.js";
import { historyTools } from "./history.js";
import { TABS } from "./tabs.js";

let windows = 0;

/**
 * @param {import("../shared/catalog.js").NamedContext} context
 * @param {Record<string, {title: string, mount: import("../shared/alone.js").CreateView}>} [tabs]
 * @returns {import("../shared/mount.js").View}
 */
export function windowView(context, tabs = TABS) {
  const { catalog, set, banner } = context;
  const own = `sl-window-${++windows}-${Math.random().toString(36).slice(2, 8)}`;
  /** Everything the window was told, so that a tab opened late knows as much as one opened early. @type {Record<string, any>} */
  const known = { tabs: Object.keys(tabs), tab: Object.keys(tabs)[0] };
  /** @type {Map<string, import("../shared/alone.js").TabView>} */
  const opened = new Map();
  /** @type {HTMLElement | null} */
  let help = null;

  const title = html`<div class="sl-ellipsis sl-bold" data-testid="title" />`;
  const subtitle = html`<div class="sl-ellipsis sl-small-text sl-quiet" data-testid="subtitle" />`;
  const tabList = html`<div class="sl-tabs" role="tablist" aria-label="Views" onkeydown=${onTabKey} />`;
  const helpButton = button({
    label: "Keys (?)",
    text: "?",
    class: "sl-square",
    "data-browser": true,
    "data-testid": "help-button",
    onclick: toggleHelp,
  });
  const shared = sharedAnswers(context.ask, ["labels"]);
  const working = workLine();
  const work = worker(working.show);
  const figure = figureMenu({
    ask: context.ask,
    work,
    showPython: (python) => showPython(known.tab, python),
    announce: context.announce,
    fail: context.fail,
  });
  const history = historyTools({
    ask: context.ask,
    showPython: (python) => showPython(known.tab, python),
    announce: context.announce,
    fail: context.fail,
  });
  const tools = html`<div class="sl-tools sl-line">${history.node}${figure.node}${helpButton}</div>`;
  const panel = html`<div class="sl-grows" role="tabpanel" id="${own}-panel" />`;
  /** The last gesture of each tab as a line of Python. @type {Record<string, string>} */
  const lines = {};
  const foot = footer({
    catalog,
    working: working.node,
    onNamed: (python) => showPython(known.tab, python),
  });
  const node = html`<div class="sl-window sl-place sl-stack" data-testid="lens-window">
    <header class="sl-header sl-fixed sl-under"><div class="sl-name">${title}${subtitle}</div>${tabList}${tools}</header>
    ${panel}
    ${foot.node}
  </div>`;
  // The banner stands in the open tab, first in the pane it calls its banner place; until there is one, here.
  panel.append(banner.node);

  node.addEventListener("keydown", (event) => {
    if (!event.defaultPrevented && !isTyping(event) && history.key(event)) used(event);
  });
  bindKeys(node, { "?": toggleHelp, "/": () => press("/"), Escape: () => press("Escape") });

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

  /** What somebody did in a tab. @param {string} tab @param {string} trait @param {any} value @param {string} [python] */
  function act(tab, trait, value, python = assignment(trait, value)) {
    const change = { [trait]: value };
    if (!set(trait === "selection" ? change : { ...change, python })) return;
    update(change);
    if (trait === "selection") foot.nameRows(value);
    else showPython(tab, python);
  }

  /** The foot shows the line of the tab that is open. @param {string} tab @param {string} python */
  function showPython(tab, python) {
    lines[tab] = python;
    if (tab !== known.tab) return;
    set({ python });
    foot.showPython(python);
  }

  function drawTabs() {
    const names = /** @type {string[]} */ (known.tabs).filter((name) => Object.hasOwn(tabs, name));
    if (!names.includes(known.tab)) known.tab = names[0];
    const hadFocus = tabList.contains(document.activeElement);
    fill(
      tabList,
      ...names.map(
        (name) =>
          html`<button type="button" role="tab" class="sl-tab sl-press sl-stack" id="${own}-${name}"
            aria-selected=${String(name === known.tab)} aria-controls=${panel.id}
            tabindex=${name === known.tab ? 0 : -1} data-browser data-title=${tabs[name].title}
            data-testid="tab-${name}" onclick=${() => openTab(name)}>${tabs[name].title}</button>`,
      ),
    );
    if (hadFocus) document.getElementById(`${own}-${known.tab}`)?.focus();
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
    used(event);
    openTab(names[(names.indexOf(known.tab) + by + names.length) % names.length]);
  }

  function drawPanel() {
    if (!known.tab || !Object.hasOwn(tabs, known.tab)) return;
    let view = opened.get(known.tab);
    const before = panel.firstElementChild;
    // What went wrong in the tab before says nothing about this one.
    if (before && before !== banner.node && before !== view?.node) banner.hide("error");
    if (!view) {
      const { tab } = known;
      view = tabs[tab].mount({
        ...context,
        ask: shared.ask,
        act: (...gesture) => act(tab, ...gesture),
        showPython: (python) => showPython(tab, python),
        work,
      });
      opened.set(known.tab, view);
      view.update(known);
    }
    if (panel.firstElementChild === view.node) return;
    fill(panel, view.node);
    work.refresh();
    foot.showPython(lines[known.tab] ?? "");
    fill(tools, view.tools, history.node, figure.node, helpButton);
    if (!view.node.contains(banner.node))
      (view.node.querySelector(".sl-banner-place") ?? view.node).prepend(banner.node);
  }

  /** @param {Record<string, any>} changed */
  function update(changed) {
    Object.assign(known, changed);
    if ("labels_version" in changed || "layers" in changed) shared.forget("labels");
    if ("title" in changed) title.textContent = title.title = changed.title;
    if ("subtitle" in changed) subtitle.textContent = changed.subtitle;
    if ("figures" in changed) drawFigure();
    if ("python" in changed) lines[known.tab] = changed.python ?? "";
    if ("tabs" in changed || "tab" in changed) {
      drawTabs();
      drawPanel();
    }
    for (const view of opened.values()) view.update(changed);
    history.update(changed);
    foot.update(changed);
    if ("python" in changed) foot.showPython(lines[known.tab]);
  }

  drawTabs();
  drawPanel();
  return {
    node,
    update,
    destroy() {
      foot.destroy();
      for (const view of opened.values()) view.destroy();
    },
  };
}
