/** What a part of a window has to say that knows no banner: the window hears it, and shows it. */

const NOTICE = "semlens-notice";

/** @param {Element} from @param {string} text */
export const notice = (from, text) =>
  from.dispatchEvent(new CustomEvent(NOTICE, { bubbles: true, detail: text }));

/** @param {HTMLElement} root @param {(text: string) => void} show */
export const onNotice = (root, show) =>
  root.addEventListener(NOTICE, (event) => show(/** @type {CustomEvent} */ (event).detail));
