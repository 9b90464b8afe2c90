/** What the score of the class rests on: shares of relevance by region, with their intervals. */

import { fill, h } from "../shared/dom.js";
import { glyph } from "./glyphs.js";

const PARTS = /** @type {const} */ (["valid", "ambiguous", "spurious", "unexpected", "neutral"]);

/** @param {number | null} share in per cent */
export const percent = (share) =>
  share === null || !Number.isFinite(share)
    ? "–"
    : share > 0 && share < 0.5
      ? "< 1 %"
      : `${Math.round(share)} %`;

/**
 * @param {object} options
 * @param {() => void} options.onCompute asks for the relevance @param {() => void} options.onCancel
 */
export function balanceView({ onCompute, onCancel }) {
  const node = h("section", {
    class: "sl-balance",
    "aria-label": "What the score rests on",
    "data-testid": "balance",
  });

  /**
   * @param {import("./source.js").Report} report
   * @param {{computable: boolean, work: import("../shared/channel.js").Progress | null}} relevance
   */
  function update(report, { computable, work }) {
    const of = report.target === null ? "the score" : `the ${report.target} score`;
    if (work)
      return fill(node, heading(`Computing relevance for ${report.target ?? "the class"}`), progress(work));
    if (!report.weighted)
      return fill(
        node,
        heading(`What ${of} rests on`, "relevance not computed"),
        h(
          "div",
          { class: "sl-unweighted", "data-testid": "unweighted" },
          h(
            "p",
            { class: "sl-quiet" },
            computable
              ? "The audit below is not weighted: it says what the model knows, not yet what it uses."
              : "The audit below is not weighted: this lens holds no relevance, and has no model to compute it with.",
          ),
          computable &&
            h(
              "button",
              {
                type: "button",
                class: "sl-button sl-outlined",
                "data-testid": "compute-relevance",
                onclick: onCompute,
              },
              "Compute relevance",
            ),
        ),
      );
    const shown = PARTS.map((name) => ({ name, ...report.regions[name] })).filter(
      ({ share }) => share !== undefined,
    );
    const bar = h("div", { class: "sl-shares", "aria-hidden": "true" });
    for (const { name, share } of shown) {
      const part = h("i", { class: `sl-share sl-of-${name}` });
      part.style.flexGrow = String(Math.max(0, share ?? 0));
      if (share) bar.append(part);
    }
    fill(
      node,
      heading(`What ${of} rests on`, "share of relevance, 95 % interval", report.basis),
      bar,
      h(
        "ul",
        { class: "sl-legend" },
        ...shown.map(({ name, share, low, high }) =>
          h(
            "li",
            { "data-testid": `share-${name}` },
            glyph(name),
            h("span", {}, name),
            h(
              "div",
              {},
              h("b", {}, percent(share)),
              low !== null &&
                high !== null &&
                h("span", { class: "sl-quiet sl-small-text" }, ` ${Math.round(low)}–${Math.round(high)}`),
            ),
          ),
        ),
      ),
    );
  }

  /** @param {string} text @param {string} [unit] @param {string} [title] */
  const heading = (text, unit, title) =>
    h(
      "h3",
      { class: "sl-heading" },
      h("span", { class: "sl-ellipsis", title: title ?? text }, text),
      unit && h("span", { class: "sl-quiet" }, unit),
    );

  /** @param {import("../shared/channel.js").Progress} work */
  function progress({ what, done, total }) {
    const bar = h("progress", { "aria-label": what || "relevance", max: total ?? 1 });
    if (total) bar.value = done;
    return h(
      "div",
      { class: "sl-unweighted", "data-testid": "relevance-progress" },
      bar,
      h("span", { class: "sl-quiet" }, total ? `${what} ${done} of ${total}` : what),
      h(
        "button",
        {
          type: "button",
          class: "sl-button sl-outlined",
          "data-testid": "cancel-relevance",
          onclick: onCancel,
        },
        "Cancel",
      ),
    );
  }

  return { node, update };
}
