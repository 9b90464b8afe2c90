/** `PredictionView`: one prediction and the components that carried it, alone. */

import "../shared/theme.css";
import "../shared/heading.css";
import "../shared/low.css";
import "../shared/parts.css";
import "../shared/relevance.css";
import "../shared/toggle.css";
import "../window/card.css";
import "./view.css";
import { withCatalog } from "../shared/catalog.js";
import { html } from "../shared/dom.js";
import { mount } from "../shared/mount.js";
import { worker, workLine } from "../shared/work.js";
import { predictionView } from "./view.js";

const TRAITS = ["selection", "explanation_version", "relevance_version"];

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
const render = (widget) =>
  mount(
    widget,
    TRAITS,
    withCatalog((context) => {
      const line = workLine();
      const view = predictionView({
        ...context,
        act: (trait, value) => context.set({ [trait]: value }),
        tell: () => {},
        work: worker(line.show),
      });
      const node = html`<div class="sl-alone sl-prediction-alone">${view.node}${line.node}</div>`;
      node.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || event.defaultPrevented || view.keys?.Escape?.() === false) return;
        event.stopPropagation();
      });
      return { ...view, node };
    }),
  );

export default { render };
