/** A view that stands alone, as an anywidget. */

import { withCatalog } from "./catalog.js";
import { html } from "./dom.js";
import { used } from "./keyboard.js";
import { mount } from "./mount.js";

/**
 * What a view is given besides the context of every widget. `act` sets a trait as something the person did: the footer
 * of a window then shows the line of Python that does the same, `lens.TRAIT = value` unless `python` says it otherwise.
 * `showPython` shows a line of Python for a gesture that sets no trait. `work` does what may take long, with its progress and
 * a way to give it up. `alone`: there is no window around it.
 * @typedef {import("./catalog.js").NamedContext & {act: (trait: string, value: any, python?: string) => void, showPython: (python: string) => void, work: import("./work.js").Work, alone?: boolean}} ViewContext
 */

/**
 * `keys` work everywhere in the window while the view is open; `tools` stand in its header. `below` stands under it where
 * there is no window.
 * @typedef {import("./mount.js").View & {keys?: Record<string, () => unknown>, tools?: HTMLElement, below?: HTMLElement}} TabView
 */

/** @typedef {(context: ViewContext) => TabView} CreateView */

/**
 * @param {CreateView} createView
 * @returns {{render: (widget: {model: import("./channel.js").Model, el: HTMLElement, signal?: AbortSignal}) => () => void}}
 */
export const alone = (createView) => ({
  render: (widget) =>
    mount(
      widget,
      withCatalog((context) => {
        const view = createView({
          ...context,
          act: (trait, value) => context.set({ [trait]: value }),
          showPython: () => {},
          work: (_, ask) => ask({}),
          alone: true,
        });
        const node = html`<div class="sl-alone">${view.node}${view.below}</div>`;
        node.addEventListener("keydown", (event) => {
          if (event.key !== "Escape" || event.defaultPrevented || !view.keys?.Escape) return;
          if (view.keys.Escape() !== false) used(event);
        });
        return { ...view, node };
      }),
    ),
});
