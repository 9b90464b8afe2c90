/** Files for the person, and what is said where a page may not give them. */

import { html } from "./dom.js";
import { addressOf } from "./held.js";
import { notice } from "./notice.js";

/** Whether a page of another origin is around this one: it may forbid downloads, or take them over, without a word. */
function isGuest() {
  try {
    return !window.top?.document;
  } catch {
    return true;
  }
}

/**
 * Hands a file to the browser, which saves it where it saves files. The link stands in the window while it is clicked: VS
 * Code and Positron, whose pages may save nothing, take such clicks over.
 * @param {Blob} content @param {string} name @param {Element} from anything in the window
 * @param {string} [python] what writes the same file
 */
export async function download(content, name, from, python) {
  const url = await addressOf(content);
  const link = html`<a href=${url} download=${name} hidden />`;
  const holder = from.closest(".semlens") ?? from;
  holder.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  if (isGuest())
    notice(
      holder,
      `${name} was handed to the page around this window, which saves it or asks where to. If nothing happens, ${
        python ? `run ${python}` : "save it by Python"
      }.`,
    );
}
