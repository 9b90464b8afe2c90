/** The address of a page names a component, as in `page.html#layer4:57`: it is selected, and whatever is selected is named. */

import { idOf, rowOf } from "../shared/labels.js";

/** What stands behind the #. @param {string} id */
export const fragmentOf = (id) => `#${encodeURIComponent(id).replaceAll("%3A", ":").replaceAll("%2B", "+")}`;

/** The id that a page's address names; empty for none. @param {string} hash with the # */
export function namedId(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return hash.slice(1); // a lone %, which no id was written as
  }
}

/**
 * @param {ReturnType<typeof import("./model.js").localModel>} model
 * @param {readonly import("../shared/labels.js").Layer[]} layers
 * @param {Window} [page]
 * @returns {() => void} ends it
 */
export function followAddress(model, layers, page = window) {
  function read() {
    const id = namedId(page.location.hash);
    if (!id) return;
    const row = rowOf(layers, id);
    if (row < 0 || idOf(layers, row) !== id) {
      model.tell("KeyError", `There is no component ‘${id.slice(0, 80)}’ in this lens.`);
      return;
    }
    if (model.get("selection")[0] === row) return;
    model.set("tab", "search");
    model.set("selection", [row]);
  }

  function write() {
    const [row] = model.get("selection");
    const { pathname, search, hash } = page.location;
    const next = row === undefined ? "" : fragmentOf(idOf(layers, row));
    if (next === hash) return;
    try {
      page.history.replaceState(null, "", next || pathname + search);
    } catch {
      // A page inside another may have no address of its own.
    }
  }

  read();
  page.addEventListener("hashchange", read);
  model.on("change:selection", write);
  return () => {
    page.removeEventListener("hashchange", read);
    model.off("change:selection", write);
  };
}
