/** Steering: a component made stronger or weaker, and what the model then says of the picture. */

import { button, fill, html } from "../shared/dom.js";
import { fixed } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { literal } from "../shared/python.js";

/** What a component's responses are multiplied with: as it is, and how far the slider goes. */
const AS_IT_IS = 1;
const [LEAST, MOST, STEP] = [-2, 4, 0.1];
/** After the last movement, before the model is asked, in ms. */
const REST = 120;

/** @typedef {{name: string, before: number | null, after: number | null, text_before: string, text_after: string}} Moved */
/** @typedef {{row: number, scale: number, classes: Moved[], target: string, before: string, after: string}} Steered */

/** A class: its bar as it is now, with a tick where it was. @param {Moved} moved */
function classRow({ name, before, after, text_before, text_after }) {
  const bar = after !== null && html`<span class="sl-class-bar" aria-hidden="true"><i /><u /></span>`;
  if (bar) {
    const [now, was] = /** @type {HTMLElement[]} */ ([...bar.children]);
    now.style.width = `${100 * (after ?? 0)}%`;
    was.style.left = `${100 * (before ?? 0)}%`;
  }
  return html`<li class="sl-steered sl-text" data-testid="steered-class" data-class=${name}>
    <span class="sl-ellipsis" title=${name}>${name}</span>${bar}
    <span class="sl-number"><span class="sl-quiet">${text_before} → </span>${text_after}</span>
  </li>`;
}

/**
 * @param {object} options
 * @param {import("./source.js").PredictionSource} options.source
 * @param {import("../shared/alone.js").ViewContext["catalog"]} options.catalog
 * @param {(python: string) => void} options.showPython
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 */
export function steeringPane({ source, catalog, showPython, announce, fail }) {
  /** @type {number | null} */
  let row = null;
  let id = "";
  let scale = AS_IT_IS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let resting;
  const slider = /** @type {HTMLInputElement} */ (
    html`<input type="range" class="sl-spring" min=${LEAST} max=${MOST} step=${STEP} value=${AS_IT_IS} data-testid="steer"
      aria-label="Strength of the component" oninput=${() => steer(Number(slider.value))} />`
  );
  const strength = html`<output class="sl-number sl-steer-strength" data-testid="steer-strength" />`;
  const back = button({
    text: "Reset",
    title: "The component as it is",
    class: "sl-outlined",
    "data-testid": "steer-reset",
    onclick() {
      steer(AS_IT_IS);
      slider.focus();
    },
  });
  const list = html`<ul class="sl-steered-list" aria-label="The model's answer" />`;
  const title = html`<span class="sl-quiet sl-ellipsis" />`;
  const node = html`<section class="sl-steering sl-pile sl-over" aria-label="Steering" data-testid="steering" hidden>
    <h3 class="sl-heading">Steering${title}</h3>
    <div class="sl-line">${slider}${strength}${back}</div>
    ${list}
  </section>`;

  const wanted = latest(
    (signal, /** @type {number} */ of, /** @type {number} */ by) => source.steer(of, by, signal),
    (answer) => {
      drawAnswer(answer);
      const [first] = answer.classes;
      const said = first
        ? `${first.name} ${first.text_before}, now ${first.text_after}`
        : `${answer.target} ${answer.before}, now ${answer.after}`;
      announce(`strength ${fixed(answer.scale, 1)}: ${said}`);
    },
    fail,
  );

  /** @param {Steered} answer */
  function drawAnswer({ classes, target, before, after }) {
    const rows = classes.length
      ? classes
      : [{ name: target, before: null, after: null, text_before: before, text_after: after }];
    fill(list, ...rows.map(classRow));
  }

  function drawStrength() {
    strength.textContent = `× ${fixed(scale, 1)}`;
    slider.value = String(scale);
    const meaning =
      scale === 0 ? ", switched off" : scale === AS_IT_IS ? ", as it is" : scale < 0 ? ", turned round" : "";
    slider.setAttribute("aria-valuetext", `times ${fixed(scale, 1)}${meaning}`);
    back.disabled = scale === AS_IT_IS;
  }

  /** @param {number} next */
  function steer(next) {
    scale = next;
    drawStrength();
    clearTimeout(resting);
    if (scale === AS_IT_IS) {
      wanted.stop();
      fill(list);
      return;
    }
    resting = setTimeout(() => {
      if (row === null) return;
      showPython(`with lens.with_(${literal(id)}, ${Number(scale.toFixed(1))}) as model: ...`);
      wanted.start(row, scale);
    }, REST);
  }

  /** Its name, once that is known; without one nothing can be said of it. */
  function nameIt() {
    id = row === null ? "" : (catalog.get(row)?.id ?? "");
    title.textContent = id;
    node.hidden = !id;
  }

  function rest() {
    clearTimeout(resting);
    wanted.stop();
    scale = AS_IT_IS;
    fill(list);
    drawStrength();
  }

  const stopNaming = catalog.onArrive(nameIt);
  drawStrength();
  return {
    node,
    /** Another component, or none. @param {number | null} next */
    show(next) {
      if (next !== row) {
        row = next;
        rest();
      }
      nameIt();
    },
    /** Another picture or target: what was said holds no more. */
    rest,
    stop() {
      stopNaming();
      clearTimeout(resting);
      wanted.stop();
    },
  };
}
