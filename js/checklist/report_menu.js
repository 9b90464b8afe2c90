/** The report of the audit, in a format that is chosen from a menu. */

import { fill, html, icon } from "../shared/dom.js";
import { download } from "../shared/download.js";
import * as icons from "../shared/icons.js";
import { used } from "../shared/keyboard.js";

/** @type {Record<string, string>} */
const FORMATS = {
  html: "HTML, opens offline",
  md: "Markdown",
  json: "JSON, to make it again",
  csv: "CSV, a row per component",
};

/**
 * @param {object} options
 * @param {(format: string) => Promise<{name: string, file: Blob, python?: string}>} options.make
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 */
export function reportMenu({ make, announce, fail }) {
  /** @type {readonly string[]} */
  let formats = [];
  let off = true;
  const items = html`<div class="sl-menu sl-report-menu sl-box sl-stack sl-text" role="menu" hidden data-testid="report-menu" />`;
  const opener = /** @type {HTMLButtonElement} */ (
    html`<button type="button" class="sl-button sl-main" aria-haspopup="menu" aria-expanded="false" data-testid="report"
      onclick=${() => toggle(Boolean(items.hidden))}>${icon(icons.download)}<span>Report</span>${icon(icons.down)}</button>`
  );
  const node = html`<div class="sl-menu-holder sl-place" onkeydown=${onKey} onfocusout=${onLeave}>${opener}${items}</div>`;

  /** @param {boolean} open */
  function toggle(open) {
    items.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (!open) return;
    items.classList.remove("sl-menu-left");
    fill(
      items,
      ...formats.map(
        (
          format,
        ) => html`<button type="button" role="menuitem" class="sl-button" data-testid="report-${format}"
          onclick=${() => report(format)}>${FORMATS[format] ?? format}</button>`,
      ),
    );
    // Where it would leave the window on the left it opens to the right.
    const edge = (node.closest(".semlens") ?? node).getBoundingClientRect().left;
    items.classList.toggle("sl-menu-left", items.getBoundingClientRect().left < edge);
    /** @type {HTMLElement | null} */ (items.firstElementChild)?.focus();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const all = /** @type {HTMLElement[]} */ ([...items.children]);
    const at = all.indexOf(/** @type {HTMLElement} */ (event.target));
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && !items.hidden) {
      toggle(false);
      opener.focus();
    } else if (by && at >= 0) all[(at + by + all.length) % all.length].focus();
    else return;
    used(event);
  }

  /** @param {FocusEvent} event */
  function onLeave({ relatedTarget }) {
    if (!node.contains(/** @type {Node | null} */ (relatedTarget))) toggle(false);
  }

  /** @param {string} format */
  async function report(format) {
    toggle(false);
    opener.disabled = true;
    try {
      const { name, file, python } = await make(format);
      await download(file, name, node, python);
      announce(`${name} saved`);
    } catch (error) {
      fail(error);
    } finally {
      opener.disabled = off;
    }
  }

  return {
    node,
    /** @param {readonly string[]} next formats @param {boolean} disabled @param {string} title */
    update(next, disabled, title) {
      formats = next;
      opener.disabled = off = disabled;
      opener.title = title;
      if (disabled) toggle(false);
    },
  };
}
