/** What can be explained of an answer without class scores: the classes of a map, boxes, or the likeness of an embedding. */

import { button, fill, html } from "../shared/dom.js";

/** @typedef {import("./source.js").Prediction} Prediction */
/** @typedef {import("./source.js").TargetDocument} TargetDocument */

/** What stands over the list, by what the answer is. @type {Record<string, string>} */
const HEADS = { map: "Classes of the map", boxes: "Boxes", embedding: "Likeness" };

/** Where a class of a map is explained. @type {["place" | "predicted" | "everywhere", string, string][]} */
const WITHIN = [
  ["place", "Here", "The class at the place that was clicked, there"],
  ["predicted", "Where predicted", "The class where the model predicts it"],
  ["everywhere", "Everywhere", "The class at all places of the image"],
];

/** Whether two targets are the same, as they are written. @param {unknown} one @param {unknown} other */
const alike = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * @param {object} options
 * @param {(target: TargetDocument | null) => void} options.onTarget
 */
export function choiceList({ onTarget }) {
  const head = html`<span />`;
  const whose = html`<span class="sl-quiet sl-ellipsis" />`;
  const list = html`<div class="sl-classes sl-choices" role="group" aria-label="What can be explained" />`;
  const within = html`<div class="sl-toggle" role="group" aria-label="Where the class is explained" hidden />`;
  const like = likeness(onTarget);
  const node = html`<div class="sl-prediction sl-pile sl-over" data-testid="choices">
    <h3 class="sl-heading">${head}${whose}</h3>
    ${list}${within}${like.node}
  </div>`;
  /** The place that was clicked last, with its class. @type {{which: string | number, within: number[]} | null} */
  let place = null;
  /** The image that it was clicked in. */
  let image = "";

  /** @param {NonNullable<Prediction["choices"]>[number]} choice @param {Prediction["target"]} target */
  function draw({ name, share, text, document: written, explained }, target) {
    const pressed = explained || chosen(written, target?.document);
    const bar = html`<i />`;
    bar.style.width = `${100 * share}%`;
    return html`<button type="button" class="sl-item sl-press sl-pick sl-class" aria-pressed=${String(pressed)} data-testid="choice"
      title=${pressed && target?.chosen ? `${name} is explained; click to explain the first again` : `Explain ${name}`}
      onclick=${() => onTarget(pressed && target?.chosen ? null : written)}>
      <span class="sl-ellipsis">${name}</span>
      <span class="sl-class-bar" aria-hidden="true">${bar}</span>
      <span class="sl-number">${text}</span>
    </button>`;
  }

  /** A class of a map stays chosen wherever it is explained. @param {TargetDocument} written @param {TargetDocument | null} [target] */
  const chosen = (written, target) =>
    alike(written, target) ||
    (written.kind === "segment" && target?.kind === "segment" && target.which === written.which);

  /** @param {Prediction} prediction */
  function drawWithin({ target }) {
    const now = target?.document;
    within.hidden = now?.kind !== "segment";
    if (within.hidden || now?.kind !== "segment") return;
    const at = Array.isArray(now.within) ? "place" : (now.within ?? "everywhere");
    fill(
      within,
      ...WITHIN.map(([way, text, title]) =>
        button({
          text,
          title: way === "place" && !place ? "Click a place in the image" : title,
          "data-testid": `within-${way}`,
          "aria-pressed": String(way === at),
          disabled: way === "place" && !place,
          onclick: () => {
            if (way === "place" && place) onTarget({ kind: "segment", ...place });
            else onTarget({ kind: "segment", which: now.which, within: way === "everywhere" ? null : way });
          },
        }),
      ),
    );
  }

  return {
    node,
    /** Only the fields of an embedding, where no image is chosen yet. */
    alone: like.node,
    /** @param {Prediction} prediction without an image */
    ask({ form, wanted }) {
      const now = wanted?.document;
      like.show(form === "embedding", typeof now === "object" ? now : null);
    },
    /** @param {Prediction} prediction */
    show(prediction) {
      const { form, choices = [], target } = prediction;
      const shown = `${prediction.image?.index} ${prediction.image?.name}`;
      if (shown !== image) place = null;
      image = shown;
      const now = target?.document;
      if (now?.kind === "segment" && Array.isArray(now.within) && now.within.length === 2)
        place = { which: now.which, within: now.within };
      fill(head, HEADS[form ?? ""] ?? "Target");
      whose.textContent = target?.chosen
        ? "chosen"
        : form === "boxes"
          ? "surest explained"
          : "largest explained";
      whose.hidden = !choices.length;
      const listed = choices.map((choice) => draw(choice, target));
      const known = choices.some(({ document: written, explained }) => explained || chosen(written, now));
      if (!known && target)
        listed.unshift(
          html`<div class="sl-item sl-pick sl-class sl-only" aria-pressed="true" data-testid="choice">
            <span class="sl-ellipsis" title=${target.name}>${target.name}</span>
            <span class="sl-number">${target.text}</span>
          </div>`,
        );
      fill(list, ...listed);
      drawWithin(prediction);
      like.show(form === "embedding", now);
    },
  };
}

/** A field that was shown anew while it was typed in tells of no change. @param {() => void} ask */
const onEnter = (ask) => (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "Enter") ask();
};

/** A text, or another image by its number, that an embedding is held against. @param {(target: TargetDocument) => void} onTarget */
function likeness(onTarget) {
  const text = /** @type {HTMLInputElement} */ (
    html`<input type="text" class="sl-input sl-box sl-text" placeholder="a text, such as: a dog" autocomplete="off"
      aria-label="Explain the likeness to a text" data-testid="target-text" onchange=${chooseText}
      onkeydown=${onEnter(() => chooseText())} />`
  );
  const image = /** @type {HTMLInputElement} */ (
    html`<input type="number" min="0" step="1" class="sl-input sl-box sl-text" placeholder="another image, by its number"
      aria-label="Explain the likeness to another image, by its number" data-testid="target-image"
      onchange=${chooseImage} onkeydown=${onEnter(() => chooseImage())} />`
  );
  const node = html`<div class="sl-likeness" hidden>${text}${image}</div>`;

  /** What was asked last: Enter and leaving the field both ask. */
  let asked = "";
  /** @param {TargetDocument} target */
  function choose(target) {
    if (JSON.stringify(target) === asked) return;
    asked = JSON.stringify(target);
    onTarget(target);
  }

  /** Show what is explained, but not over what somebody is just typing.
   * @param {HTMLInputElement} field @param {string} value */
  function put(field, value) {
    const typing = field === document.activeElement && field.value !== field.defaultValue;
    if (!typing) field.value = value;
    field.defaultValue = value;
  }

  function chooseText() {
    const words = text.value.trim();
    if (words) choose({ kind: "text", which: words });
  }

  function chooseImage() {
    if (image.value !== "" && image.validity.valid)
      choose({ kind: "similarity", which: Number(image.value) });
  }

  return {
    node,
    /** @param {boolean} on @param {TargetDocument | null} [now] */
    show(on, now) {
      node.hidden = !on;
      asked = "";
      put(text, now?.kind === "text" ? now.which : "");
      put(image, now?.kind === "similarity" ? String(now.which) : "");
    },
  };
}
