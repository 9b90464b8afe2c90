/** A line drawn around points. */

import "./lasso.css";
import { s } from "../shared/dom.js";

export function lasso() {
  const node = s("path", { class: "sl-lasso", d: "" });
  /** In px. @type {[number, number][] | null} */
  let path = null;
  return {
    node,
    get drawing() {
      return path !== null;
    },
    /** Goes on to a place, or begins there. @param {[number, number]} place */
    add(place) {
      path ??= [];
      path.push(place);
      node.setAttribute("d", `M${path.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`);
    },
    /** Takes the line away. @returns {[number, number][]} its places; fewer than three enclose nothing */
    end() {
      const line = path ?? [];
      path = null;
      node.setAttribute("d", "");
      return line;
    },
  };
}
