/** What was done, step by step: undo, redo, and the list of steps to go back to. */

import { button, fill, html } from "../shared/dom.js";
import { plural } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { used } from "../shared/keyboard.js";

/** Steps that the list shows of each kind. */
const LISTED = 15;

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {(python: string) => void} options.showPython
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 */
export function historyTools({ ask, showPython, announce, fail }) {
  /** @type {{past: string[], future: string[]}} */
  let history = { past: [], future: [] };
  let alive = true;
  const tool = (
    /** @type {string} */ label,
    /** @type {import("../shared/icons.js").Icon} */ drawing,
    /** @type {string} */ id,
    /** @type {() => void} */ onclick,
  ) =>
    /** @type {HTMLButtonElement} */ (
      button({ label, icon: drawing, class: "sl-square", "data-testid": id, onclick })
    );
  const undo = tool("Undo (Ctrl or ⌘ Z)", icons.undo, "undo", () => travel(1, false));
  const redo = tool("Redo (Ctrl or ⌘ Shift Z)", icons.redo, "redo", () => travel(1, true));
  const opener = /** @type {HTMLButtonElement} */ (
    button({
      label: "History",
      icon: icons.down,
      class: "sl-square sl-slim-button",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "data-testid": "history",
      onclick: () => toggle(Boolean(list.hidden)),
    })
  );
  const list = html`<div class="sl-menu sl-history sl-box sl-stack sl-scrolls sl-text" role="menu" aria-label="History" hidden data-testid="history-list" />`;
  const node = html`<div class="sl-menu-holder sl-place sl-line sl-gap-2" onkeydown=${onKey} onfocusout=${onLeave}>
    ${undo}${redo}${opener}${list}
  </div>`;

  /** @param {number} steps @param {boolean} isRedo */
  async function travel(steps, isRedo) {
    const { past, future } = history;
    const waiting = isRedo ? future : past;
    if (!alive || !waiting.length) return;
    const words = steps === 1 ? waiting[waiting.length - 1] : plural(steps, "step");
    try {
      const { python } = await ask("history_travel", { steps, redo: isRedo });
      if (python) showPython(python);
      announce(`${isRedo ? "done again" : "taken back"}: ${words}`);
    } catch (error) {
      fail(error);
    }
  }

  /** @param {boolean} open */
  function toggle(open) {
    list.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (!open) return;
    draw();
    const now = list.querySelector("[aria-current]");
    /** @type {HTMLElement | null} */ (now ?? list.querySelector("button"))?.focus();
  }

  /** @param {string} words @param {number} steps @param {boolean} isRedo @param {boolean} [isNow] */
  const item = (words, steps, isRedo, isNow = false) =>
    html`<button type="button" role="menuitem" class="sl-button ${isRedo ? "sl-quiet" : ""}" aria-current=${isNow ? "step" : null}
      data-testid="history-step" title=${isNow ? "Now" : isRedo ? "Do again up to here" : "Go back to here"}
      onclick=${() => {
        toggle(false);
        opener.focus();
        if (steps) travel(steps, isRedo);
      }}><span class="sl-ellipsis">${words}</span></button>`;

  function draw() {
    const { past, future } = history;
    const shown = past.slice(-LISTED);
    fill(
      list,
      past.length <= LISTED && item("the beginning", past.length, false, !past.length),
      ...shown.map((words, at) => item(words, shown.length - 1 - at, false, at === shown.length - 1)),
      ...future
        .slice(-LISTED)
        .reverse()
        .map((words, at) => item(words, at + 1, true)),
    );
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (list.hidden) return;
    const items = /** @type {HTMLElement[]} */ ([...list.children]);
    const at = items.indexOf(/** @type {HTMLElement} */ (event.target));
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      toggle(false);
      opener.focus();
    } else if (by && at >= 0) items[(at + by + items.length) % items.length].focus();
    else return;
    used(event);
  }

  /** @param {FocusEvent} event */
  function onLeave({ relatedTarget }) {
    if (!node.contains(/** @type {Node | null} */ (relatedTarget))) toggle(false);
  }

  function update() {
    const { past, future } = history;
    undo.disabled = !alive || !past.length;
    redo.disabled = !alive || !future.length;
    opener.disabled = !alive || !(past.length || future.length);
    undo.title = past.length ? `Undo: ${past[past.length - 1]} (Ctrl or ⌘ Z)` : "Nothing to undo";
    redo.title = future.length ? `Redo: ${future[future.length - 1]} (Ctrl or ⌘ Shift Z)` : "Nothing to redo";
  }

  update();
  return {
    node,
    /** Ctrl or ⌘ with Z, and with Shift; false where the keys mean something else. @param {KeyboardEvent} event */
    key(event) {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "z") return false;
      travel(1, event.shiftKey);
      return true;
    },
    /** @param {Record<string, any>} changed */
    update(changed) {
      if ("history" in changed) history = changed.history ?? { past: [], future: [] };
      if ("alive" in changed) alive = changed.alive;
      if (!("history" in changed || "alive" in changed)) return;
      update();
      if (!list.hidden) draw();
    },
  };
}
