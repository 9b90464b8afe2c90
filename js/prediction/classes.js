/** The classes of a prediction, the explained one pressed, and a field for any other by its name. */

import { fill, html } from "../shared/dom.js";

/** Classes that are found while typing a name. */
const LISTED = 12;

let fields = 0;

/**
 * @param {object} options
 * @param {import("./source.js").PredictionSource} options.source
 * @param {(target: string | number | null) => void} options.onTarget
 * @param {(error: unknown) => void} options.fail
 */
export function classChoice({ source, onTarget, fail }) {
  const names = `sl-classes-${++fields}-${Math.random().toString(36).slice(2, 8)}`;
  const listed = html`<datalist id=${names} />`;
  const other = /** @type {HTMLInputElement} */ (
    html`<input type="text" class="sl-input sl-box sl-text" list=${names} placeholder="another class by name"
      aria-label="Explain another class, by name" data-testid="other-class" autocomplete="off"
      oninput=${(/** @type {InputEvent} */ event) => {
        // Chosen from the list, not typed.
        if (event.inputType === "insertReplacementText") choose();
        else suggest();
      }}
      onchange=${choose}
      onkeydown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Enter") choose();
      }} />`
  );
  const classes = html`<div class="sl-classes" role="group" aria-label="Explained class" />`;
  const whose = html`<span class="sl-quiet sl-ellipsis" />`;
  const noteLine = html`<p class="sl-small-text sl-quiet" data-testid="names-note" hidden />`;
  const node = html`<div class="sl-prediction sl-pile sl-over">
    <h3 class="sl-heading">Prediction${whose}</h3>
    ${classes}${listed}${other}${noteLine}
  </div>`;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;

  function choose() {
    const name = other.value.trim();
    other.value = "";
    if (name) onTarget(name);
  }

  function suggest() {
    clearTimeout(typing);
    typing = setTimeout(async () => {
      try {
        const found = other.value.trim() ? await source.classes(other.value.trim()) : [];
        fill(
          listed,
          ...found.slice(0, LISTED).map(({ name, text }) => html`<option value=${name}>${text}</option>`),
        );
      } catch (error) {
        fail(error);
      }
    }, 120);
  }

  /** @param {Required<import("./source.js").Prediction>["top"][number]} one @param {Required<import("./source.js").Prediction>["target"]} target */
  function drawClass({ index, name, probability, text }, target) {
    const bar = html`<i />`;
    bar.style.width = `${100 * (probability ?? 0)}%`;
    const explained = `${name} is explained${target.chosen ? "; click to explain the likeliest again" : ""}`;
    return html`<button type="button" class="sl-item sl-press sl-pick sl-class" aria-pressed=${String(index === target.index)}
      title=${index === target.index ? explained : `Explain ${name}`} data-testid="class" data-class=${name}
      onclick=${() => onTarget(index === target.index && target.chosen ? null : name)}>
      <span class="sl-ellipsis">${name}</span>
      ${probability !== null && html`<span class="sl-class-bar" aria-hidden="true">${bar}</span>`}
      <span class="sl-number">${text}</span>
    </button>`;
  }

  return {
    node,
    /** Whether there are no other classes than those that are shown. */
    get few() {
      return other.hidden;
    },
    /** @param {import("./source.js").Prediction} prediction */
    show(prediction) {
      const {
        top,
        target,
        classes: total,
        kind,
        note,
      } = /** @type {Required<import("./source.js").Prediction>} */ (prediction);
      const shown = top.some(({ index }) => index === target.index) ? top : [...top, target];
      fill(classes, ...shown.map((one) => drawClass(one, target)));
      other.hidden = total <= shown.length;
      const [one, usual] = kind === "regression" ? ["number", "explained"] : ["class", "likeliest explained"];
      whose.textContent = target.index < 0 ? "a function" : target.chosen ? `${one} chosen` : usual;
      noteLine.textContent = note;
      noteLine.hidden = !note;
    },
    stop: () => clearTimeout(typing),
  };
}
