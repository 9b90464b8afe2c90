// Made by js/views.mjs from semlens_widgets/views.json, when the windows are built.
// biome-ignore-all assist/source/organizeImports: the styles of tabs stand in the order of tabs
import { searchView } from "../search/view.js";
import { semanticMapView } from "../semantic_map/view.js";
import { labelTableView } from "../label_table/view.js";
import { scoreView } from "../score_view/view.js";
import { predictionView } from "../prediction/view.js";
import { compareView } from "../compare/view.js";
import { checklistView } from "../checklist/view.js";

/** @type {Record<string, {title: string, mount: import("../shared/alone.js").CreateView}>} */
export const TABS = {
  search: { title: "Search", mount: searchView },
  map: { title: "Map", mount: semanticMapView },
  describe: { title: "Describe", mount: labelTableView },
  evaluate: { title: "Evaluate", mount: scoreView },
  prediction: { title: "Prediction", mount: predictionView },
  compare: { title: "Compare", mount: compareView },
  audit: { title: "Audit", mount: checklistView },
};
