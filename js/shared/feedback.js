/** What a window tells about itself: banners for failures, a live region for counts. */

import { button, fill, html, icon } from "./dom.js";
import * as icons from "./icons.js";

/** Whether a message begins with a word; names of files and of Python stay as they are. @param {string | undefined} text */
const begins = (text) => /^[“"]?\p{L}[\p{L}\p{M}'’-]*[:;,.!?]?(\s|$)/u.test(text ?? "");

/**
 * A place for one banner at a time. The last good result below it stays.
 * @returns {{node: HTMLElement, show: (banner: {kind: string, text: string, detail?: string, name?: string, action?: {text: string, onclick: () => void}, sticky?: boolean}) => void, hide: (kind?: string) => void}}
 */
export function bannerPlace() {
  const node = html`<div class="sl-banners" role="alert" data-browser data-testid="banners" />`;
  /** @type {string | null} */
  let shown = null;
  /** @param {string} [kind] */
  const hide = (kind) => {
    if (kind !== undefined && kind !== shown) return;
    shown = null;
    fill(node);
  };
  return {
    node,
    hide,
    show({ kind, text, detail, name, action, sticky = false }) {
      shown = kind;
      fill(
        node,
        html`<div class="sl-banner sl-line sl-under sl-text" data-testid="banner" data-kind=${kind}>
          ${icon(icons.warn)}
          <p class=${`sl-grows sl-breaks${begins(text || detail) ? " sl-sentence" : ""}`} title=${name}>${text && html`<b>${text}</b>`}${text && detail ? " " : ""}${detail}</p>
          ${action && button({ text: action.text, class: "sl-outlined", onclick: action.onclick })}
          ${
            !sticky &&
            button({
              label: "Dismiss",
              icon: icons.cross,
              class: "sl-square",
              "data-testid": "banner-dismiss",
              onclick: () => hide(),
            })
          }
        </div>`,
      );
    },
  };
}

/**
 * A region that screen readers read when it changes. Repeated words are spoken once.
 * @returns {{node: HTMLElement, announce: (text: string) => void}}
 */
export function liveRegion() {
  const node = html`<div class="sl-unseen" role="status" aria-live="polite" data-testid="live" />`;
  return {
    node,
    announce(text) {
      if (node.textContent !== text) node.textContent = text;
    },
  };
}
