/** `ComparisonHeatmap`: several models as one matrix, and the pairs behind its cells. */

import "../shared/theme.css";
import "../shared/parts.css";
import "../shared/figure_menu.css";
import "../shared/toggle.css";
import "../compare/choice.css";
import "./view.css";
import { mount } from "../shared/mount.js";
import { comparisonHeatmapView } from "./view.js";

const TRAITS = [
  "models",
  "concepts",
  "of",
  "measure",
  "order",
  "by_layer",
  "against",
  "cell",
  "query",
  "selection",
  "heatmap_version",
  "hits_version",
];

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
const render = (widget) => mount(widget, TRAITS, comparisonHeatmapView);

export default { render };
