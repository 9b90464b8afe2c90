/** Widgets opened on a page, as an application opens them, and closed after each test. */

import { afterEach } from "vitest";
import { html } from "../shared/dom.js";
import { settled } from "./toy.js";

/**
 * A function that opens a widget (or another) over a toy model and waits until it has come to rest. Closes what it opened,
 * and empties the page, after each test of the file that calls it; `close` closes one sooner.
 * @param {{render: (widget: any) => unknown}} widget @param {() => Promise<unknown>} [rest] until it has come to rest
 */
export function opener(widget, rest = answered) {
  /** @type {Map<Element, AbortController>} by the element that the widget was given */
  const lives = new Map();
  afterEach(() => {
    for (const life of lives.values()) life.abort();
    lives.clear();
    document.body.replaceChildren();
  });

  /** @param {{model: import("../shared/channel.js").Model}} toy @param {typeof widget} [other] */
  async function open(toy, other = widget) {
    const el = html`<div />`;
    document.body.append(el);
    const life = new AbortController();
    lives.set(el, life);
    other.render({ model: toy.model, el, signal: life.signal });
    await rest();
    return el;
  }
  return Object.assign(open, { close: (/** @type {Element} */ el) => lives.get(el)?.abort() });
}

/** Lets answers come that lead to other questions. */
export async function answered() {
  for (let i = 0; i < 4; i++) await settled();
}

/** A select's value is chosen. @param {Element} select @param {string} value */
export function pick(select, value) {
  /** @type {HTMLSelectElement} */ (select).value = value;
  select.dispatchEvent(new Event("change"));
}
