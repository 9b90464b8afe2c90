/** Unexpected components: relevant, but on no list; the most relevant without a verdict first. */

import { button, fill, html } from "../shared/dom.js";
import { count, signed, z as written } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { used } from "../shared/keyboard.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { decisionOf, verdictButtons } from "./glyphs.js";

const CARDS = 3;
const CROPS = 4;
const CROP = 34;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(rows: number[]) => void} options.onSelect
 * @param {(subjects: import("./source.js").Subject[], decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {(error: unknown) => void} options.fail
 */
export function queueView({ source, catalog, onSelect, onDecide, fail }) {
  /** @type {import("./source.js").Report | null} */
  let report = null;
  /** @type {Map<import("./source.js").Subject, import("./source.js").Verdict>} */
  let verdicts = new Map();
  /** @type {readonly number[]} */
  let selection = [];
  let page = 0;

  const thumbnails = sprites({
    source,
    examples: CROPS,
    size: imagePixels(CROP),
    capacity: 100,
    onArrive: paintAll,
    onError: fail,
  });
  const stopListening = catalog.onArrive(draw);
  const cards = html`<div class="sl-queue-cards" onclick=${onClick} onkeydown=${onKey} />`;
  const where = html`<span class="sl-quiet" data-testid="queue-where" />`;
  /** @param {"Previous" | "Next"} label @param {import("../shared/icons.js").Icon} drawing @param {number} by */
  const turner = (label, drawing, by) =>
    /** @type {HTMLButtonElement} */ (
      button({
        label,
        icon: drawing,
        class: "sl-square sl-small",
        "data-testid": `queue-${label.toLowerCase()}`,
        onclick: () => turn(by),
      })
    );
  const previous = turner("Previous", icons.left, -1);
  const next = turner("Next", icons.right, 1);
  const node = html`<section class="sl-queue sl-pile sl-gap-8 sl-fixed sl-pad sl-over" aria-label="Unexpected components" data-testid="queue">
    <h3 class="sl-heading">
      <span class="sl-ellipsis">Unexpected: nothing listed fits</span><span class="sl-spring" />${where}${previous}${next}
    </h3>
    ${cards}
  </section>`;

  const waiting = () => (report?.queue ?? []).filter((row) => !verdicts.get(row)?.decision);

  /** @param {number} by */
  function turn(by) {
    page += by;
    draw();
  }

  function draw() {
    if (!report) return;
    const rows = waiting();
    const pages = Math.max(1, Math.ceil(rows.length / CARDS));
    page = Math.min(Math.max(0, page), pages - 1);
    const shown = rows.slice(page * CARDS, page * CARDS + CARDS);
    const reviewed = report.queue.length - rows.length;
    fill(
      where,
      rows.length
        ? `${page * CARDS + 1}–${page * CARDS + shown.length} of ${count(rows.length)}${report.weighted ? ", largest share first" : ""}`
        : reviewed
          ? `all ${count(reviewed)} reviewed`
          : "none",
    );
    previous.disabled = page === 0;
    next.disabled = page >= pages - 1;
    previous.hidden = next.hidden = pages < 2;
    catalog.want(shown);
    const focus = focused();
    fill(cards, ...shown.map(drawCard));
    if (!shown.length)
      fill(
        cards,
        html`<p class="sl-quiet sl-small-text">
          ${
            reviewed
              ? "Every component outside the checklist has a verdict."
              : "Every component matches something on the checklist."
          }
        </p>`,
      );
    thumbnails.want(shown);
    paintAll();
    if (!focus) return;
    const target = cards.querySelector(focus) ?? cards.querySelector("[data-card]");
    /** @type {HTMLElement | null} */ (target)?.focus();
  }

  /** @param {number} row */
  function drawCard(row) {
    const { points, weighted } = /** @type {import("./source.js").Report} */ (report);
    const component = catalog.get(row);
    const share = points.relevance[points.at.get(row) ?? -1] ?? Number.NaN;
    const label = component?.label;
    const id = component?.id ?? "component";
    const buttons = verdictButtons({
      value: verdicts.get(row)?.decision ?? null,
      of: id,
      onDecide: (decision) => onDecide([row], decision),
    });
    return html`<article class="sl-queue-card sl-box sl-pile sl-squares sl-text ${row === selection[0] ? "sl-primary" : ""}" tabindex="0"
      aria-label="${id}${weighted ? `, ${signed(share)} % of the relevance` : ""}" data-card=${row}
      data-testid="queue-card">
      <div class="sl-queue-line sl-ends sl-line">
        <span class="sl-id">${component?.id ?? "…"}</span>
        ${weighted && html`<span class="sl-number ${share < 0 ? "sl-against" : "sl-for"}">${signed(share)} %</span>`}
      </div>
      ${cropStrip(row, CROPS)}
      <div class="sl-queue-line sl-ends sl-line sl-wraps">
        ${describe(row, label)}
        ${buttons}
      </div>
    </article>`;
  }

  /**
   * What the component is called. A word of the list would say that it fits what it only resembles.
   * @param {number} row @param {import("../shared/source.js").Component["label"] | undefined} label
   */
  function describe(row, label) {
    const { points, names, z: line } = /** @type {import("./source.js").Report} */ (report);
    const at = points.at.get(row) ?? -1;
    const listed = [
      { z: points.valid[at], name: names[points.validConcept[at]] },
      { z: points.spurious[at], name: names[points.spuriousConcept[at]] },
    ].find(({ name }) => label && name?.toLowerCase() === label.text.toLowerCase());
    if (listed)
      return html`<span class="sl-quiet" title="z ${written(listed.z)}; a concept matches from ${written(line)} on"
        data-testid="resembles">resembles ${listed.name}, below the line</span>`;
    const text = label ? (label.confident === false ? `${label.text}?` : label.text) : "no label";
    return html`<span class="sl-ellipsis sl-quiet" title=${label?.text}>${text}</span>`;
  }

  function focused() {
    const at = document.activeElement;
    const card = /** @type {HTMLElement | null} */ (at?.closest?.("[data-card]") ?? null);
    if (!card || !cards.contains(card)) return null;
    const decision = /** @type {HTMLElement} */ (at).dataset.decision;
    return `[data-card="${card.dataset.card}"]${decision ? ` [data-decision="${decision}"]` : ""}`;
  }

  function paintAll() {
    paintStrips(cards, thumbnails.get);
  }

  /** @param {Event} event */
  const cardAt = (event) =>
    /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-card]"));

  /** @param {MouseEvent} event */
  function onClick(event) {
    const card = cardAt(event);
    if (card) onSelect([Number(card.dataset.card)]);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const card = cardAt(event);
    if (!card) return;
    const decision = decisionOf(event);
    if (decision) onDecide([Number(card.dataset.card)], decision);
    else if (event.key === "Enter" && event.target === card) onSelect([Number(card.dataset.card)]);
    else return;
    used(event);
  }

  return {
    node,
    /** @param {{report?: import("./source.js").Report | null, verdicts?: Map<import("./source.js").Subject, import("./source.js").Verdict>, selection?: readonly number[]}} changed */
    update(changed) {
      if ("report" in changed) report = changed.report ?? null;
      if (changed.verdicts) verdicts = changed.verdicts;
      if (changed.selection) selection = changed.selection;
      draw();
    },
    destroy() {
      stopListening();
      thumbnails.clear();
    },
  };
}
