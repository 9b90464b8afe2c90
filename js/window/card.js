/** The card: everything about one component. */

import "../shared/title.css";
import { isAbort } from "../shared/channel.js";
import { button, copyButton, fill, html } from "../shared/dom.js";
import { count, p, percent, score, z } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { preview } from "../shared/preview.js";
import { signedBar } from "../shared/signed.js";
import { imagePixels, paint, sprites } from "../shared/sprites.js";
import { onResize } from "../shared/surroundings.js";
import { worker, workLine } from "../shared/work.js";
import { histogram } from "./histogram.js";
import { looksView } from "./looks.js";
import { streamsView } from "./streams.js";

const CROPS = 10;
const CROP = 60;
const SIBLING = 28;

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {import("../shared/channel.js").Channel["ask"]} [options.ask] for what needs the model: looks of the examples
 *   other than crops, up- and downstream
 * @param {(selection: number[]) => void} options.onSelect
 * @param {((row: number) => void) | null} options.onPin the pin was pressed for this component; null: there is no pin
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 * @param {boolean} [options.pinned] a pinned card stays while others are looked at; it shows the crops only
 * @returns {import("../shared/mount.js").View} updated with `row` (number or null) and `stale` (ask again)
 */
export function cardView({ source, ask, onSelect, onPin, say, fail, pinned = false }) {
  const node = html`<section class="sl-card" data-testid=${pinned ? "pinned-card" : "card"}
    aria-label=${pinned ? "Pinned component" : "Component"} />`;
  /** @type {number | null} */
  let row = null;
  /** @type {import("../shared/source.js").Card | null} */
  let card = null;
  /** @type {AbortController | undefined} */
  let asking;
  const options = { source, capacity: 60, onArrive: paintCrops, onError: fail };
  const crops = sprites({ ...options, examples: CROPS, size: imagePixels(CROP) });
  const siblings = sprites({ ...options, examples: 1, size: imagePixels(SIBLING) });
  const large = preview({ area: node, source, known: () => ({ of: card?.responses.length }), say, fail });
  const stopResizing = onResize(node, () => drawHistogram());
  const plot = html`<div class="sl-plot" />`;
  const cropGrid = html`<div class="sl-crops" />`;
  const full = ask && !pinned ? ask : null;
  const looks =
    full &&
    looksView({
      ask: full,
      count: CROPS,
      size: imagePixels(CROP),
      fail,
      onLook(asCrops) {
        cropGrid.hidden = !asCrops;
      },
    });
  const relating = workLine();
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
          cut: card.cut,
          examples: card.responses.length,
          width: plot.clientWidth || 308,
        }),
      );
  }

  /** @param {import("../shared/source.js").Card} data */
  function draw(data) {
    const { label, id } = data;
    const confident = label && label.confident !== false;
    const title = data.dead ? "never active" : confident ? label.text : label ? "unexplained" : id;
    const shown = data.responses.slice(0, CROPS);
    large.close();
    fill(
      cropGrid,
      ...shown.map(
        (_, rank) => html`<i class="sl-crop" data-crop=${data.row} data-row=${data.row} data-rank=${rank} />`,
      ),
    );
    fill(
      node,
      html`<div class="sl-card-head">
        <h2 class="sl-card-title" title=${title} data-testid="card-title">${title}</h2>
        <span class="sl-id" data-testid="card-id" hidden=${title === id}>${id}</span>
        ${copyButton({ label: `Copy ${id}`, text: () => id, "data-testid": "copy-id" })}
        ${
          onPin &&
          button({
            label: pinned ? "Unpin (Space)" : "Pin beside the next (Space)",
            icon: pinned ? icons.cross : icons.pin,
            class: "sl-outlined sl-square",
            "aria-pressed": pinned ? null : "false",
            "data-testid": pinned ? "unpin" : "pin",
            onclick: () => onPin(data.row),
          })
        }
      </div>`,
      !pinned &&
        html`<dl class="sl-facts" data-testid="card-facts">
          ${fact("score", data.score === null ? null : score(data.score, 2))}
          ${fact("z", data.z === null ? null : z(data.z))}
          ${fact("p", data.p === null ? null : p(data.p))}
        </dl>`,
      !pinned &&
        html`<dl class="sl-facts" data-testid="label-facts">
          ${fact("given by", label?.own ? "a person" : null)}
          ${fact("closest word", label && !confident ? label.text : null)}
          ${fact("label score", typeof label?.score === "number" ? score(label.score, 2) : null)}
          ${fact("margin", typeof label?.margin === "number" ? score(label.margin, 2) : null)}
          ${fact(
            "confidence",
            typeof label?.confidence === "number" ? `${Math.round(100 * label.confidence)} %` : null,
          )}
        </dl>`,
      looks?.toggle,
      looks?.line,
      cropGrid,
      looks?.place,
      !pinned &&
        data.histogram &&
        html`<div class="sl-card-part">
          ${heading("Activation", `${count(data.histogram.images)} images, log count`)}
          ${plot}
        </div>`,
      !pinned && (data.relevance ? drawRelevance(data.relevance) : data.relatable && full && drawRelate()),
      !pinned &&
        data.siblings.length > 0 &&
        html`<div class="sl-card-part">
          ${heading("Nearest siblings", "cosine")}
          ${data.siblings.map(drawSibling)}
        </div>`,
      streams?.node,
      large.node,
    );
    looks?.show(data.row, data.looks ?? ["crop"]);
    streams?.show(data.row, data.streams ?? false);
    drawHistogram();
    crops.want([data.row]);
    if (!pinned) siblings.want(data.siblings.map((sibling) => sibling.row));
    paintCrops();
  }

  /** @param {string} name @param {string | null} value */
  const fact = (name, value) =>
    value === null ? [] : [html`<div><dt class="sl-quiet">${name}</dt><dd>${value}</dd></div>`];

  /** @param {string} text @param {string} unit */
  const heading = (text, unit) =>
    html`<h3 class="sl-heading">${text}<span class="sl-quiet">${unit}</span></h3>`;

  /** Nobody has explained the data set yet: that takes its time, and is offered. */
  const drawRelate = () =>
    html`<div class="sl-card-part">
      ${heading("Speaks for / against", "not computed")}
      ${
        relating.node.hidden &&
        button({
          text: "Explain the data set",
          title: "lens.relate(): every image explained once, for all components",
          class: "sl-outlined",
          "data-testid": "relate",
          onclick(event) {
            /** @type {HTMLElement} */ (event.currentTarget).toggleAttribute("disabled", true);
            relate();
          },
        })
      }
      ${relating.node}
    </div>`;

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

  /** @param {NonNullable<import("../shared/source.js").Card["relevance"]>} relevance */
  function drawRelevance({ classes, more }) {
    const longest = Math.max(...classes.map(({ share }) => Math.abs(share)), 1e-9);
    return html`<div class="sl-card-part" data-testid="class-relevance">
      ${heading(
        "Speaks for / against",
        more ? `share of its layer, ${more} more classes` : "share of its layer",
      )}
      ${classes.map(
        ({ name, share, images }) =>
          html`<div class="sl-class-relevance" title="mean over ${count(images)} images of ${name}">
            <span class="sl-ellipsis">${name}</span>
            ${signedBar(share, longest)}
            <span class="sl-number">${percent(share)} %</span>
          </div>`,
      )}
    </div>`;
  }

  /** @param {import("../shared/source.js").Card["siblings"][number]} sibling */
  function drawSibling({ row: other, id, score: cosine, label }) {
    return html`<button type="button" class="sl-sibling" data-testid="sibling" title="Select ${id}"
      onclick=${() => onSelect([other])}>
      <i class="sl-crop" data-crop=${other} />
      <span class="sl-id">${id}</span>
      <span class="sl-ellipsis">${label && label.confident !== false ? label.text : ""}</span>
      <span class="sl-number sl-quiet">${score(cosine, 2)}</span>
    </button>`;
  }

  function drawNothing() {
    large.close();
    looks?.show(null);
    streams?.show(null, false);
    fill(
      node,
      html`<p data-testid="no-selection">No component selected.</p>`,
      html`<p class="sl-quiet sl-small-text">
        Click a row, or step with the arrow keys, to see its examples, its activations and its nearest siblings.
      </p>`,
    );
  }

  async function fetchCard() {
    asking?.abort();
    if (row === null) {
      card = null;
      return drawNothing();
    }
    asking = new AbortController();
    const { signal } = asking;
    try {
      const answer = await source.card(row, signal);
      if (signal.aborted) return;
      card = answer;
      draw(answer);
    } catch (error) {
      if (!isAbort(error)) fail(error);
    }
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
      asking?.abort();
      stopResizing();
      crops.clear();
      siblings.clear();
      large.destroy();
      looks?.destroy();
      streams?.destroy();
    },
  };
}
