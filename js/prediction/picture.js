/** The image, what of it spoke for the class, and the classes. */

import { button, fill, html } from "../shared/dom.js";
import { percent } from "../shared/format.js";
import { calmestCorner, heatLayers, heatLegend } from "../shared/heat.js";
import { addressOf } from "../shared/held.js";
import * as icons from "../shared/icons.js";
import { choiceList } from "./choices.js";
import { classChoice } from "./classes.js";
import { marksOver } from "./marks.js";

/** Height of the picture at most, in px: alone with its classes, and with a field for more of them. */
const HIGHEST = { few: 276, many: 224 };

/** Side of the inset with the original, as a share of the picture. */
const INSET = 0.27;
/** Where it stands, as CSS. @type {Record<string, string>} */
const CORNERS = {
  "bottom-right": "auto 0 0 auto",
  "bottom-left": "auto auto 0 0",
  "top-right": "0 0 auto auto",
  "top-left": "0 auto auto 0",
};

/** @typedef {"image" | "all" | "component"} Mode */
/** @type {[Mode, string][]} */
const MODES = [
  ["image", "Image"],
  ["all", "All"],
  ["component", "Component"],
];

/**
 * @param {object} options
 * @param {import("./source.js").PredictionSource} options.source
 * @param {(mode: Mode) => void} options.onMode
 * @param {(picture: Blob, name: string) => void} options.onPicture
 * @param {(image: number) => void} options.onImage a picture of the data set
 * @param {(target: string | number | import("./source.js").TargetDocument | null) => void} options.onTarget
 * @param {() => void} options.onBrowse
 * @param {(error: unknown) => void} options.fail
 */
export function picturePane({ source, onMode, onPicture, onImage, onTarget, onBrowse, fail }) {
  const file = /** @type {HTMLInputElement} */ (
    html`<input type="file" accept="image/*" class="sl-unseen" tabindex="-1" aria-label="An image file"
      data-testid="image-file"
      onchange=${() => {
        if (file.files?.[0]) onPicture(file.files[0], file.files[0].name);
        file.value = "";
      }} />`
  );
  const open = button({
    label: "Open an image file; dropping one here works too",
    icon: icons.image,
    class: "sl-outlined sl-square",
    "data-testid": "open-image",
    onclick: () => file.click(),
  });
  const browse = button({
    text: "Browse",
    class: "sl-outlined",
    "data-testid": "browse-images",
    title: "Choose from the data set",
    onclick: onBrowse,
  });
  const modes = html`<div class="sl-toggle" role="group" aria-label="Shown over the image">
    ${MODES.map(([mode, title]) =>
      button({ text: title, "data-mode": mode, "data-testid": `mode-${mode}`, onclick: () => onMode(mode) }),
    )}
  </div>`;
  const below = /** @type {HTMLImageElement} */ (
    html`<img alt="" class="sl-stage-picture" data-testid="picture"
      onload=${() => {
        const highest = classes.few ? HIGHEST.few : HIGHEST.many;
        stage.style.width = `min(100%, ${(highest * below.naturalWidth) / below.naturalHeight}px)`;
      }} />`
  );
  const heat = html`<div class="sl-fill" data-testid="heat" />`;
  const inset = /** @type {HTMLImageElement} */ (html`<img alt="" class="sl-stage-inset" />`);
  const marks = marksOver({ onTarget });
  const stage = html`<div class="sl-stage" data-testid="stage">${below}${heat}${inset}${marks.node}</div>`;
  const legend = html`<div />`;
  const words = html`<p class="sl-small-text sl-quiet sl-relevance-words" data-testid="heat-words" />`;
  const steps = html`<div class="sl-image-steps sl-line sl-gap-4 sl-text" />`;
  const classes = classChoice({ source, onTarget, fail });
  const choices = choiceList({ onTarget });
  const node = html`<section class="sl-picture-pane" aria-label="Image and prediction" ondragover=${onDrag}
    ondrop=${onDrop}>
    <div class="sl-picture-bar sl-line sl-gap-6">${modes}<span class="sl-spring" />${browse}${open}${file}</div>
    ${stage}
    ${steps}
    ${legend}
    ${words}
    ${classes.node}${choices.node}
  </section>`;
  /** @type {import("./source.js").Prediction | null} */
  let prediction = null;
  /** @type {string[]} */
  let urls = [];

  /** @param {import("./source.js").Prediction} of */
  async function drawPicture(of) {
    const url = await addressOf(/** @type {Blob} */ (of.picture));
    if (of !== prediction) return URL.revokeObjectURL(url);
    for (const old of urls) URL.revokeObjectURL(old);
    urls = [url];
    below.src = inset.src = url;
  }

  /** @param {DragEvent} event */
  function onDrag(event) {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  }

  /** @param {DragEvent} event */
  function onDrop(event) {
    const dropped = [...(event.dataTransfer?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    if (dropped) onPicture(dropped, dropped.name);
    else fail(Object.assign(new Error("what was dropped is not an image"), { name: "ValueError" }));
  }

  function drawSteps() {
    const { image, data } = /** @type {Required<import("./source.js").Prediction>} */ (prediction);
    const at = image.index;
    const step = (/** @type {number} */ by, /** @type {string} */ label, /** @type {string} */ text) =>
      button({
        label,
        text,
        class: "sl-square sl-small",
        "data-testid": by < 0 ? "previous-image" : "next-image",
        disabled: at === null || at + by < 0 || at + by >= data.images,
        onclick: () => at !== null && onImage(at + by),
      });
    fill(
      steps,
      step(-1, "The image before", "‹"),
      html`<span class="sl-ellipsis" title=${image.name} data-testid="image-name">
        image ${image.name}
        ${image.label === null ? "" : `, labelled ${image.label}`}
      </span>`,
      html`<span class="sl-spring" />`,
      step(1, "The image after", "›"),
    );
    steps.classList.toggle("sl-from-data", at !== null);
  }

  const wish = choiceList({ onTarget });
  const place = html`<div class="sl-drop-place sl-box sl-quiet" data-testid="drop-place" ondragover=${onDrag} ondrop=${onDrop}>
    <p>Drop an image here</p>
    ${button({ text: "Open a file", icon: icons.image, class: "sl-outlined", onclick: () => file.click() })}
  </div>`;

  return {
    node,
    /** Where the first image can be dropped, and what is to be explained of it where nothing is by itself. */
    place,
    wish: wish.alone,
    /** @param {import("./source.js").Prediction} prediction without an image */
    ask: wish.ask,
    /** @param {import("./source.js").Prediction} next */
    show(next) {
      if (next === prediction) return;
      prediction = next;
      drawPicture(next);
      below.alt = `image ${next.image?.name}`;
      drawSteps();
      const other = ["map", "boxes", "embedding"].includes(next.form ?? "");
      classes.node.hidden = other;
      choices.node.hidden = !other;
      if (other) choices.show(next);
      else classes.show(next);
      marks.show(next);
    },
    /**
     * @param {Mode} mode
     * @param {import("./source.js").ComponentHeat | null} component its map, once it is there
     * @param {string} id of the component
     */
    paint(mode, component, id) {
      if (!prediction?.heat || !prediction.target) return;
      for (const choice of modes.children)
        choice.setAttribute(
          "aria-pressed",
          String(/** @type {HTMLElement} */ (choice).dataset.mode === mode),
        );
      const map = mode === "all" ? prediction.heat : mode === "component" ? component : null;
      const { name } = prediction.target;
      stage.classList.toggle("sl-paled", mode !== "image");
      inset.hidden = mode === "image";
      inset.style.inset = CORNERS[map ? calmestCorner(map, INSET) : "bottom-right"];
      fill(heat, ...(map ? heatLayers(map) : []));
      fill(legend, mode === "image" ? null : heatLegend(name));
      words.textContent =
        mode === "image"
          ? "The part of the image that the model sees."
          : mode === "all"
            ? `What spoke for and against ${name}, all components together.`
            : component
              ? `${id}, ${percent(component.relevance)} % of its layer: ${component.words}`
              : id
                ? `Looking where ${id} acts…`
                : "Choose a component to see where it acts.";
    },
    destroy() {
      prediction = null;
      classes.stop();
      for (const url of urls) URL.revokeObjectURL(url);
    },
  };
}
