/** What the window of `lens.show()` is made of, over a kernel or over a file: its styles, its traits, its view. */

import "../shared/theme.css";
import "../shared/layout.css";
import "../shared/heading.css";
import "../shared/low.css";
import "../shared/parts.css";
import "../shared/state.css";
import "../shared/relevance.css";
import "../shared/toggle.css";
import "../shared/figure_menu.css";
import "../search_box/view.css";
import "../shared/rows.css";
import "../gallery/view.css";
import "../semantic_map/view.css";
import "../label_table/view.css";
import "../score_view/view.css";
import "./card.css";
import "../compare/view.css";
import "../checklist/view.css";
import "./view.css";
import "../prediction/view.css";

export { windowView } from "./view.js";

export const TRAITS = [
  "title",
  "subtitle",
  "tabs",
  "tab",
  "figures",
  "query",
  "layer",
  "layers",
  "selection",
  "hits_version",
  "map_colour",
  "own_labels",
  "layout_version",
  "labels_version",
  "evaluation_version",
  "explanation_version",
  "relevance_version",
  "vocabulary_hint",
  "python",
  "status",
  "busy",
  "other",
  "other_selection",
  "concepts",
  "comparison_version",
  "audit_version",
  "audit_target",
  "audit_level",
];
