/** Making elements. Text always goes in as text: nothing here, or built on it, parses HTML. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element. Properties starting with `on` are listeners, `class`, `data-…`, `aria-…`, `role` and other
 * names are attributes; null, undefined and false leave an attribute out, true sets it empty.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {Record<string, any>} [attributes] @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  assign(node, attributes);
  fill(node, ...children);
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * An SVG element, as `h`.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag @param {Record<string, any>} [attributes] @param {...Child} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function s(tag, attributes = {}, ...children) {
  const node = /** @type {SVGElementTagNameMap[Tag]} */ (document.createElementNS(SVG, tag));
  assign(node, attributes);
  fill(node, ...children);
  return node;
}

/** @param {Element} node @param {Record<string, any>} attributes */
function assign(node, attributes) {
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

const ICONS = {
  search: "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0 -9M10.5 10.5 14 14",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  cross: "m4.5 4.5 7 7m0-7-7 7",
  image:
    "M3 3h10a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM5.5 5.5a1 1 0 1 0 0 2a1 1 0 1 0 0-2M3 12l4-4 3 3 2-2 2 2",
  copy: "M6 5h7a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1M3 11H2.5a.9.9 0 0 1-.9-.9V3a1.2 1.2 0 0 1 1.200-1.200H10a.9.9 0 0 1 .9.9",
  check: "m3.500 8.500 3 3 6-7",
  pin: "M6 2.500h4M6.500 2.500v4L4.500 9h7l-2-2.500v-4M8 9v4.500",
  note: "M3 2.500h10v7.500l-3.500 3.500H3ZM13 10H9.500v3.500M5.500 5.500h5M5.500 8h3",
  undo: "M5.500 3 2.500 6l3 3M2.500 6h6.500a4 3.700 0 0 1 0 7.400H6",
  redo: "M10.500 3l3 3-3 3M13.500 6H7a4 3.700 0 0 0 0 7.400h3",
  left: "m9.500 4-4 4 4 4",
  right: "m6.500 4 4 4-4 4",
  up: "m4 9.500 4-4 4 4",
  down: "m4 6.500 4 4 4-4",
  bin: "M3 4.500h10M6.500 4.500V3h3v1.500M4.500 4.500l.5 8.500h6l.5-8.500",
  download: "M8 2.500v7m-3-3 3 3 3-3M3 13h10",
  warn: "M8 2.500 14 13.500H2ZM8 6.500v3M8 11.500v.2",
};

/** @param {keyof typeof ICONS} name a 16 px line drawing that carries no meaning of its own */
export function icon(name) {
  return s(
    "svg",
    { class: "sl-icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    s("path", { d: ICONS[name] }),
  );
}

/**
 * A button. `label` is what a screen reader says and the tooltip shows; `text` is what stands on it.
 * @param {{label?: string, text?: string, icon?: keyof typeof ICONS, class?: string, onclick: (event: MouseEvent) => void, [attribute: string]: any}} options
 */
export function button({ label, text, icon: name, class: extra = "", ...attributes }) {
  return h(
    "button",
    { type: "button", class: `sl-button ${extra}`.trim(), "aria-label": label, title: label, ...attributes },
    name && icon(name),
    text !== undefined && h("span", {}, text),
  );
}

/**
 * A button that puts `text()` on the clipboard and says so with a tick.
 * @param {{label: string, text: () => string, [attribute: string]: any}} options
 */
export function copyButton({ label, text, ...attributes }) {
  const node = button({
    label,
    icon: "copy",
    class: "sl-square sl-small",
    ...attributes,
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text());
      } catch {
        return; // pages that are not served securely have no clipboard; the text stays selectable
      }
      fill(node, icon("check"));
      setTimeout(() => fill(node, icon("copy")), 1200);
    },
  });
  return node;
}
