/** The tab "Evaluate". */

import { scoreView } from "../score_view/view.js";

/** @type {import("./tabs.js").Tab} */
export const evaluateTab = ({ source, ask, say, fail, act, tell, work }) =>
  scoreView({
    source,
    ask,
    say,
    fail,
    tell,
    work,
    onSelect: (selection) => act("selection", selection),
    onLayer: (layer) => act("layer", layer),
  });
