/** The tab "Map". */

import { semanticMapView } from "../semantic_map/view.js";

/** @type {import("./tabs.js").Tab} */
export function mapTab({ source, ask, say, fail, act, tell }) {
  const map = semanticMapView({
    source,
    ask,
    say,
    fail,
    tell,
    onSelect: (selection) => act("selection", selection),
    onLayer: (layer) => act("layer", layer),
    onColour: (colour) => act("map_colour", colour),
  });
  return { ...map, keys: { Escape: () => map.clear() } };
}
