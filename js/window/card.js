/** The card: everything about one component. */

import "./card.css";
import { isAbort } from "../shared/channel.js";
import { button, fill, html } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { preview } from "../shared/preview.js";
import { imagePixels, paint, sprites } from "../shared/sprites.js";
import { onResize } from "../shared/surroundings.js";
import { worker, workLine } from "../shared/work.js";
import { cardFacts, cardHead, cardPart, classRelevance, otherEnd, pinButton, sibling } from "./card_parts.js";
import { displayModes } from "./display_modes.js";
import { histogram } from "./histogram.js";
import { streamsView } from "./streams.js";
import { wholeRange } from "./whole_range.js";

const CROPS = 10;
const CROP = 60;
/** Examples of the other end. */
const END_CROPS = 5;
const SIBLING = 28;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {import("../shared/channel.js").Channel["ask"]} [options.ask] for what needs the model: display modes of the examples
 *   other than crops, up- and downstream
 * @param {(selection: number[]) => void} options.onSelect
 * @param {((row: number) => void) | null} options.onPin the pin was pressed for this component; null: there is no pin
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 * @param {boolean} [options.pinned] a pinned card stays while others are looked at; it shows the crops only
 * @returns {import("../shared/mount.js").View} updated with `row` (number or null) and `stale` (ask again)
 */
export function cardView({ source, ask, onSelect, onPin, announce, fail, pinned = false }) {
  const node = html`<section class="sl-card sl-stack" data-testid=${pinned ? "pinned-card" : "card"}
    aria-label=${pinned ? "Pinned component" : "Component"} />`;
  /** @type {number | null} */
  let row = null;
  /** @type {import("../shared/source.js").Card | null} */
  let card = null;
  const wanted = latest(
    (signal, /** @type {number} */ of) => source.card(of, signal),
    (answer) => {
      card = answer;
      draw(answer);
    },
    fail,
  );
  const options = { source, capacity: 60, onArrive: paintCrops, onError: fail };
  const crops = sprites({ ...options, examples: CROPS, size: imagePixels(CROP) });
  const siblings = sprites({ ...options, examples: 1, size: imagePixels(SIBLING) });
  const large = preview({
    area: node,
    source,
    known: () => ({ of: card?.responses.length }),
    announce,
    fail,
  });
  const stopResizing = onResize(node, () => drawHistogram());
  const plot = html`<div class="sl-plot" />`;
  const cropGrid = html`<div class="sl-crops sl-squares sl-pile" />`;
  const full = ask && !pinned ? ask : null;
  const modes =
    full &&
    displayModes({
      ask: full,
      count: CROPS,
      size: imagePixels(CROP),
      fail,
      onMode(asCrops) {
        cropGrid.hidden = !asCrops;
      },
    });
  const relating = workLine();
  const range = full && wholeRange({ ask: full, size: imagePixels(CROP), fail });
  const streams = full && streamsView({ ask: full, source, size: imagePixels(SIBLING), onSelect, fail });

  function paintCrops() {
    for (const crop of /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll("[data-crop]"))) {
      const [of, rank] = [Number(crop.dataset.crop), Number(crop.dataset.rank ?? 0)];
      const sheet = (crop.dataset.rank === undefined ? siblings : crops).get(of);
      if (!sheet) continue;
      if (rank < sheet.count) paint(crop, sheet, rank);
      else crop.hidden = true;
    }
  }

  function drawHistogram() {
    if (card?.histogram && !pinned)
      fill(
        plot,
        histogram({
          histogram: card.histogram,
          cut: card.responses.at(-1) ?? null,
          examples: card.responses.length,
          width: plot.clientWidth || 308,
        }),
      );
  }

  /** @param {import("../shared/source.js").Card} data */
  function draw(data) {
    large.close();
    fill(
      cropGrid,
      ...data.responses
        .slice(0, CROPS)
        .map(
          (_, rank) =>
            html`<i class="sl-crop" data-crop=${data.row} data-row=${data.row} data-rank=${rank} />`,
        ),
    );
    const pin = onPin && pinButton(pinned, () => onPin(data.row));
    if (pinned) fill(node, cardHead(data, pin), cropGrid, large.node);
    else
      fill(
        node,
        cardHead(data, pin),
        ...cardFacts(data),
        modes?.toggle,
        modes?.line,
        cropGrid,
        modes?.place,
        data.other_end && otherEnd(data.other_end, END_CROPS, onSelect),
        range?.node,
        data.histogram && cardPart("Activation", `${count(data.histogram.images)} images, log count`, plot),
        data.relevance ? classRelevance(data.relevance) : data.relatable && full && drawRelate(),
        data.siblings.length > 0 &&
          cardPart("Nearest siblings", "cosine", ...data.siblings.map((one) => sibling(one, onSelect))),
        streams?.node,
        large.node,
      );
    modes?.show(data.row, data.display_modes ?? ["crop"]);
    range?.show(data.row, data.whole_range ?? false);
    streams?.show(data.row, data.streams ?? false);
    drawHistogram();
    crops.want(data.other_end && !pinned ? [data.row, data.other_end.row] : [data.row]);
    if (!pinned) siblings.want(data.siblings.map(({ row: other }) => other));
    paintCrops();
  }

  /** Nobody has explained the data set yet: that takes its time, and is offered. */
  function drawRelate() {
    const offer = button({
      text: "Explain the data set",
      title: "lens.relate(): every image explained once, for all components",
      class: "sl-outlined",
      "data-testid": "relate",
      onclick() {
        offer.toggleAttribute("disabled", true);
        relate();
      },
    });
    return cardPart("Speaks for / against", "not computed", relating.node.hidden && offer, relating.node);
  }

  async function relate() {
    try {
      await worker(relating.show)("Explaining the data set", (options) =>
        /** @type {import("../shared/channel.js").Channel["ask"]} */ (full)("relate", {}, options),
      );
      fetchCard();
    } catch (error) {
      if (!isAbort(error)) fail(error);
      else if (card) draw(card);
    }
  }

  function drawNothing() {
    large.close();
    modes?.show(null);
    streams?.show(null, false);
    fill(
      node,
      html`<p data-testid="no-selection">No component selected.</p>`,
      html`<p class="sl-quiet sl-small-text">
        Click a row, or step with the arrow keys, to see its examples, its activations and its nearest siblings.
      </p>`,
    );
  }

  function fetchCard() {
    if (row !== null) return wanted.start(row);
    wanted.stop();
    card = null;
    drawNothing();
  }

  drawNothing();
  return {
    node,
    update(changed) {
      const isNew = "row" in changed && changed.row !== row;
      if (isNew) row = changed.row;
      if (isNew || changed.stale) fetchCard();
    },
    destroy() {
      wanted.stop();
      stopResizing();
      crops.clear();
      siblings.clear();
      large.destroy();
      modes?.destroy();
      range?.destroy();
      streams?.destroy();
    },
  };
}
