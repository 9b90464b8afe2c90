/** The tab "Evaluate". */

import { scoreView } from "../score_view/view.js";

/** @type {import("./tabs.js").Tab} */
export const evaluateTab = ({ source, ask, say, fail, act, tell }) =>
  scoreView({
    source,
    ask,
    say,
    fail,
    tell,
    onSelect: (selection) => act("selection", selection),
    onLayer: (layer) => act("layer", layer),
  });
