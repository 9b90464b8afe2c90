/** The page of a `.semlens` file: the window over the file, read by ranges; or what is wrong with it. */

import { openLensFile, rangeReader } from "../offline/file.js";
import { mountFile } from "../offline/window.js";
import { html } from "../shared/dom.js";
import "./lab.css";

/**
 * Shows a file in `node`.
 * @param {HTMLElement} node
 * @param {{name: string, request: (begin: number, end: number) => Promise<Response>, size: number, onLive: () => void}} source
 * @returns {Promise<() => void>} takes it away
 */
export async function showFile(node, { name, request, size, onLive }) {
  try {
    const file = await openLensFile(rangeReader(request), size);
    return mountFile(file, node, { onLive });
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    const page = html`<div class="semlens" data-testid="file-error">
      <div class="sl-file-error" role="alert">
        <h2 class="sl-card-title sl-ellipsis">${name} cannot be opened</h2>
        <p>${`It is not a readable .semlens file: ${message}.`.replace(/\.\.$/, ".")}</p>
        <p class="sl-quiet">
          Copy it again from where it was made, or write it anew there with lens.save(…). A file with another ending than .semlens must not be renamed to it.
        </p>
      </div>
    </div>`;
    node.append(page);
    return () => page.remove();
  }
}
