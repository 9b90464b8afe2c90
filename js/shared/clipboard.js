/** The clipboard, where the page has one. */

import { notice } from "./notice.js";

/** As browsers did it before there was a clipboard to ask for: it works on pages without https, too. @param {string} text */
function copiedByCommand(text) {
  let taken = false;
  /** @param {ClipboardEvent} event */
  const give = (event) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    event.stopImmediatePropagation();
    taken = true;
  };
  document.addEventListener("copy", give, { capture: true, once: true });
  const done = document.execCommand?.("copy");
  document.removeEventListener("copy", give, { capture: true });
  return Boolean(done) && taken;
}

/**
 * Puts text on the clipboard; where the page may not, the window says so, with the text to copy by hand.
 * @param {string} text @param {Element} from anything in the window @returns {Promise<boolean>} whether it is there
 */
export async function copyText(text, from) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (copiedByCommand(text)) return true;
    notice(from, `This page may not write to the clipboard. Select and copy it here: ${text}`);
    return false;
  }
}
