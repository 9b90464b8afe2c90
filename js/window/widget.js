/** The one window of `lens.show()`. */

import "../shared/theme.css";
import "../shared/relevance.css";
import "../search_box/view.css";
import "../gallery/view.css";
import "../semantic_map/view.css";
import "./card.css";
import "../compare/view.css";
import "./view.css";
import "../prediction/view.css";
import { mount } from "../shared/mount.js";
import { windowView } from "./view.js";

const TRAITS = [
  "title",
  "subtitle",
  "tabs",
  "tab",
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
];

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
const render = (widget) => mount(widget, TRAITS, (context) => windowView(context));

export default { render };
