/** Widgets opened on a page, as an application opens them, and closed after each test. */

import { afterEach } from "vitest";
import { h } from "../shared/dom.js";
import { settled } from "./toy.js";

/**
 * A function that opens a widget over a toy model and waits until it has come to rest. Closes what it opened, and empties
 * the page, after each test of the file that calls it.
 * @param {{render: (widget: any) => unknown}} widget @param {() => Promise<unknown>} [rest] until it has come to rest
 */
export function opener(widget, rest = answered) {
  /** @type {AbortController[]} */
  const lives = [];
  afterEach(() => {
    for (const life of lives.splice(0)) life.abort();
    document.body.replaceChildren();
  });

  return async (/** @type {{model: import("../shared/channel.js").Model}} */ toy) => {
    const el = h("div");
    document.body.append(el);
    const life = new AbortController();
    lives.push(life);
    widget.render({ model: toy.model, el, signal: life.signal });
    await rest();
    return el;
  };
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
