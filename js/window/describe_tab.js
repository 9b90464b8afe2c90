/** The tab "Describe". */

import { labelTableView } from "../label_table/view.js";

/** @type {import("./tabs.js").Tab} */
export function describeTab({ source, ask, say, fail, act, tell, work }) {
  const table = labelTableView({
    source,
    ask,
    say,
    fail,
    tell,
    work,
    onSelect: (selection) => act("selection", selection),
    onLayer: (layer) => act("layer", layer),
    onOwn: (own, python) => act("own_labels", own, python),
  });
  return { ...table, keys: { "/": table.find } };
}
