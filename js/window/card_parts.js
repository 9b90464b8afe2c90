/** The parts of a card that show what is known of a component, without a state of their own. */

import "../shared/title.css";
import { button, copyButton, html } from "../shared/dom.js";
import { count, p, percent, score, z } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { signedBar } from "../shared/signed.js";

/** @typedef {import("../shared/source.js").Card} Card */

/** @param {string} title @param {string} unit @param {...import("../shared/dom.js").Child} parts */
export const cardPart = (title, unit, ...parts) =>
  html`<div class="sl-pile"><h3 class="sl-heading">${title}<span class="sl-quiet">${unit}</span></h3>${parts}</div>`;

/** @param {boolean} pinned @param {() => void} onclick */
export const pinButton = (pinned, onclick) =>
  button({
    label: pinned ? "Unpin (Space)" : "Pin beside the next (Space)",
    icon: pinned ? icons.cross : icons.pin,
    class: "sl-outlined sl-square",
    "aria-pressed": pinned ? null : "false",
    "data-testid": pinned ? "unpin" : "pin",
    onclick,
  });

/** What the component is called. @param {Card} card @param {HTMLElement | null} pin */
export function cardHead({ label, id, dead }, pin) {
  const named = label ? (label.confident === false ? "unexplained" : label.text) : id;
  const title = dead ? "never active on these images" : named;
  return html`<div class="sl-card-head sl-line">
    <h2 class="sl-card-title sl-ellipsis" title=${title} data-testid="card-title">${title}</h2>
    <span class="sl-id" data-testid="card-id" hidden=${title === id}>${id}</span>
    ${copyButton({ label: `Copy ${id}`, text: () => id, "data-testid": "copy-id" })}
    ${pin}
  </div>`;
}

/** The evidence of a hit, in words. */
const TOLD_BY = {
  examples: "its strongest examples",
  activations: "its activations over all images",
  both: "examples and activations",
};

/** How it answers what is searched, and where its label comes from. @param {Card} card */
export function cardFacts({ score: hit, z: hitZ, p: hitP, by, label }) {
  /** @type {(value: number | null | undefined, write: (value: number) => string) => string | null} */
  const number = (value, write) => (typeof value === "number" ? write(value) : null);
  const short = (/** @type {number} */ value) => score(value, 2);
  return [
    factList("card-facts", {
      score: number(hit, short),
      z: number(hitZ, z),
      p: number(hitP, p),
      "told by": by ? TOLD_BY[by] : null,
    }),
    factList("label-facts", {
      "given by": label?.own ? "a person" : null,
      "closest word": label && label.confident === false ? label.text : null,
      "label score": number(label?.score, short),
      margin: number(label?.margin, short),
      confidence: number(label?.confidence, (share) => `${Math.round(100 * share)} %`),
    }),
  ];
}

/** @param {string} testid @param {Record<string, string | null>} facts by name; null: unknown, and left out */
const factList = (testid, facts) =>
  html`<dl class="sl-facts sl-text sl-nowrap" data-testid=${testid}>
    ${Object.entries(facts).map(
      ([name, value]) =>
        value !== null &&
        html`<div class="sl-line sl-gap-4"><dt class="sl-quiet">${name}</dt><dd>${value}</dd></div>`,
    )}
  </dl>`;

/** @param {NonNullable<Card["relevance"]>} relevance */
export function classRelevance({ classes, more }) {
  const longest = Math.max(...classes.map(({ share }) => Math.abs(share)), 1e-9);
  const part = cardPart(
    "Speaks for / against",
    more ? `share of its layer, ${more} more classes` : "share of its layer",
    ...classes.map(
      ({ name, share, images }) =>
        html`<div class="sl-class-relevance sl-text" title="mean over ${count(images)} images of ${name}">
          <span class="sl-ellipsis">${name}</span>
          ${signedBar(share, longest)}
          <span class="sl-number">${percent(share)} %</span>
        </div>`,
    ),
  );
  part.dataset.testid = "class-relevance";
  return part;
}

/** A component beside this one. @param {Card["siblings"][number]} sibling @param {(selection: number[]) => void} onSelect */
export const sibling = ({ row, id, score: cosine, label }, onSelect) =>
  html`<button type="button" class="sl-sibling sl-press sl-pick sl-text" data-testid="sibling" title="Select ${id}"
    onclick=${() => onSelect([row])}>
    <i class="sl-crop" data-crop=${row} />
    <span class="sl-id">${id}</span>
    <span class="sl-ellipsis">${label && label.confident !== false ? label.text : ""}</span>
    <span class="sl-number sl-quiet">${score(cosine, 2)}</span>
  </button>`;

/**
 * The component of the other sign: what the same feature answers to at its other end.
 * @param {NonNullable<Card["other_end"]>} end @param {number} crops @param {(selection: number[]) => void} onSelect
 */
export function otherEnd({ row, id, label, dead }, crops, onSelect) {
  const name = dead ? "never active on these images" : label && label.confident !== false ? label.text : "";
  return cardPart(
    id.endsWith("-") ? "Negative end" : "Positive end",
    "",
    html`<button type="button" class="sl-press sl-pick sl-line sl-text" data-testid="other-end" title="Select ${id}"
      onclick=${() => onSelect([row])}><span class="sl-id">${id}</span><span class="sl-ellipsis">${name}</span></button>`,
    !dead &&
      html`<div class="sl-crops sl-squares sl-pile">
        ${Array.from({ length: crops }, (_, rank) => html`<i class="sl-crop" data-crop=${row} data-row=${row} data-rank=${rank} />`)}
      </div>`,
  );
}
