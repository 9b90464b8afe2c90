/**
 * The tabs of the window. A tab is a function from the window's context to a view; the kernel says by
 * name, in the trait `tabs`, which of them this lens can fill, and in which order.
 */

import { checklistView } from "../checklist/view.js";
import { compareTab } from "../compare/view.js";
import { predictionView } from "../prediction/view.js";
import { describeTab } from "./describe_tab.js";
import { evaluateTab } from "./evaluate_tab.js";
import { mapTab } from "./map_tab.js";
import { searchTab } from "./search_tab.js";

/**
 * What a tab is given besides the context of every view. `act` sets a trait as something the person did: the
 * footer then shows the line of Python that does the same, `lens.TRAIT = value` unless `python` says it otherwise.
 * `tell` shows a line of Python for a gesture that sets no trait. `work` does what may take long, with its progress
 * and a way to give it up in the footer.
 * @typedef {import("../shared/catalog.js").NamedContext & {act: (trait: string, value: any, python?: string) => void, tell: (python: string) => void, work: import("../shared/work.js").Work}} TabContext
 */

/**
 * A view; `keys` work everywhere in the window while the tab is open, and `tools` stand in its header.
 * @typedef {import("../shared/mount.js").View & {keys?: Record<string, () => unknown>, tools?: HTMLElement}} TabView
 */

/** @typedef {(context: TabContext) => TabView} Tab */

/** @type {Record<string, {title: string, mount: Tab}>} */
export const TABS = {
  search: { title: "Search", mount: searchTab },
  map: { title: "Map", mount: mapTab },
  describe: { title: "Describe", mount: describeTab },
  evaluate: { title: "Evaluate", mount: evaluateTab },
  prediction: { title: "Prediction", mount: predictionView },
  compare: { title: "Compare", mount: compareTab },
  audit: {
    title: "Audit",
    mount: (context) => ({
      ...checklistView(context),
      figures: () => [
        { view: "audit", title: "Audit" },
        { view: "checklist", title: "Checklist" },
      ],
    }),
  },
};
