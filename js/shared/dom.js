/** Making elements. Text always goes in as text: nothing here, or built on it, parses HTML. */

import htm from "htm";
import { copyText } from "./clipboard.js";
import * as icons from "./icons.js";

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {(strings: TemplateStringsArray, ...values: any[]) => HTMLElement} Html */
/** @typedef {(strings: TemplateStringsArray, ...values: any[]) => SVGElement} Svg */

/**
 * An element from a template: html`<p class="sl-quiet" onclick=${go}>${text}</p>`. Attributes starting with `on` are
 * listeners; null, undefined and false leave an attribute or a child out, a list puts in all that it holds. As in JSX,
 * whitespace around a line break is none, and every element is closed: `<i />`. @type {Html}
 */
export const html = /** @type {any} */ (htm.bind(maker("http://www.w3.org/1999/xhtml")));

/** An SVG element, as `html`. @type {Svg} */
export const svg = /** @type {any} */ (htm.bind(maker("http://www.w3.org/2000/svg")));

/** @param {string} namespace */
function maker(namespace) {
  return /** @type {(this: any, tag: string, attributes?: Record<string, any> | null, ...children: any[]) => any} */ (
    function (tag, attributes, ...children) {
      this[0] = 3; // else a part without values would be made once, and given out again
      const node = document.createElementNS(namespace, tag);
      assign(node, attributes ?? {});
      fill(node, ...children.flat());
      return node;
    }
  );
}

/** Attributes and listeners of an element, as `html` takes them. @param {Element} node @param {Record<string, any>} attributes */
export function assign(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * Replaces the children of `node`.
 * @param {Element} node @param {...Child} children
 */
export function fill(node, ...children) {
  node.replaceChildren(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
}

/** Makes `nodes` the children of `parent`, in order, moving as few as possible. @param {Element} parent @param {Element[]} nodes */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  for (const [i, child] of nodes.entries())
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
}

/** @param {import("./icons.js").Icon} drawing that carries no meaning of its own */
export function icon({ d }) {
  return svg`<svg class="sl-icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${d} /></svg>`;
}

/**
 * A button. `label` is what a screen reader says and the tooltip shows; `text` is what stands on it.
 * @param {{label?: string, text?: string, icon?: import("./icons.js").Icon, class?: string, onclick: (event: MouseEvent) => void, [attribute: string]: any}} options
 */
export function button({ label, text, icon: drawing, class: extra = "", ...attributes }) {
  return /** @type {HTMLButtonElement} */ (
    html`<button type="button" class=${`sl-button ${extra}`.trim()} aria-label=${label} title=${label} ...${attributes}>
      ${drawing && icon(drawing)}${text !== undefined && html`<span>${text}</span>`}
    </button>`
  );
}

/**
 * A button that puts `text()` on the clipboard and says so with a tick.
 * @param {{label: string, text: () => string, [attribute: string]: any}} options
 */
export function copyButton({ label, text, ...attributes }) {
  const node = button({
    label,
    icon: icons.copy,
    class: "sl-square sl-small",
    "data-browser": true,
    ...attributes,
    onclick: async () => {
      if (!(await copyText(text(), node))) return;
      fill(node, icon(icons.check));
      setTimeout(() => fill(node, icon(icons.copy)), 1200);
    },
  });
  return node;
}
