/** The pictures of the data set, page by page. */

import { isAbort } from "../shared/channel.js";
import { button, fill, html } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { addressOf } from "../shared/held.js";
import { used } from "../shared/keyboard.js";
import { imagePixels, paint } from "../shared/sprites.js";

const COLUMNS = 4;
const PER_PAGE = 20;
const SIDE = 64;

/**
 * @param {object} options
 * @param {import("./source.js").PredictionSource} options.source
 * @param {(image: number) => void} options.onImage
 * @param {import("../shared/work.js").Work} options.work for what takes long
 * @param {(error: unknown) => void} options.fail
 */
export function imageBrowser({ source, onImage, work, fail }) {
  const label = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Label" data-testid="browse-label" onchange=${() => turn(0)} />`
  );
  const order = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Order" data-testid="browse-order" onchange=${() => turn(0)}>
      <option value="stored">as stored</option>
      <option value="wrong">most wrong first</option>
    </select>`
  );
  const filters = html`<div class="sl-browse-filters sl-line sl-gap-6">
    <label class="sl-select">${label}</label>
    <label class="sl-select">${order}</label>
  </div>`;
  const grid = html`<div class="sl-browse-grid sl-squares sl-pile" role="group" aria-label="Images" onkeydown=${onKey} />`;
  const where = html`<span class="sl-quiet" data-testid="browse-where" />`;
  const back = button({
    label: "Page before",
    text: "‹",
    class: "sl-square",
    onclick: () => turn(start - PER_PAGE),
  });
  const on = button({
    label: "Next page",
    text: "›",
    class: "sl-square",
    "data-testid": "browse-next",
    onclick: () => turn(start + PER_PAGE),
  });
  const node = html`<div class="sl-pile sl-gap-8" data-testid="image-browser">
    ${filters}
    ${grid}
    <div class="sl-line sl-gap-4 sl-text">${where}<span class="sl-spring" />${back}${on}</div>
  </div>`;
  /** @type {AbortController | undefined} */
  let asking;
  /** @type {string | undefined} */
  let url;
  /** @type {string[]} */
  let classes = [];
  let start = 0;
  let loaded = false;

  /** @param {number} to */
  async function turn(to) {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    const wish = {
      start: Math.max(0, to),
      count: PER_PAGE,
      label: label.selectedIndex > 0 ? label.selectedIndex - 1 : null,
      order: order.value || "stored",
      size: imagePixels(SIDE),
    };
    try {
      const page = await work("Looking for images", (options) => source.browse(wish, options), asking);
      const address = await addressOf(page.sheet, signal);
      loaded = true;
      start = page.start;
      draw(page, address);
    } catch (error) {
      // Given up: what is listed is what the choices say again.
      if (isAbort(error) && order.value === "wrong" && asking?.signal === signal) order.value = "stored";
      else if (!isAbort(error)) fail(error);
    }
  }

  /** @param {import("./source.js").Page} page @param {string} address of its sheet */
  function draw(page, address) {
    if (url) URL.revokeObjectURL(url);
    url = address;
    const lines = Math.ceil(page.images.length / page.columns);
    fill(
      grid,
      ...page.images.map(({ index, name, label, predicted, text, wrong }, i) => {
        const facts = [
          `image ${name}`,
          label !== null && `labelled ${label}`,
          predicted !== null && [`predicted ${predicted}`, text].filter(Boolean).join(", "),
        ]
          .filter(Boolean)
          .join(", ");
        const tile = html`<button type="button" class="sl-browse-image sl-press sl-place${wrong ? " sl-wrong" : ""}" tabindex=${i ? -1 : 0}
          aria-label=${facts} title=${facts} data-testid="browse-image" data-image=${index}
          onclick=${() => onImage(index)}>
          <i class="sl-crop" />
          ${wrong && html`<span class="sl-wrong-mark sl-small-text" aria-hidden="true">✗</span>`}
        </button>`;
        const strip = { url: url ?? "", line: Math.floor(i / page.columns), lines, columns: page.columns };
        paint(
          /** @type {HTMLElement} */ (tile.firstElementChild),
          /** @type {any} */ (strip),
          i % page.columns,
        );
        return tile;
      }),
    );
    const end = start + page.images.length;
    where.textContent = page.images.length
      ? `${count(start + 1)}–${count(end)} of ${count(page.total)}`
      : "no such image";
    back.toggleAttribute("disabled", start === 0);
    on.toggleAttribute("disabled", end >= page.total);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const tiles = /** @type {HTMLElement[]} */ ([...grid.children]);
    const at = tiles.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[event.key];
    if (at < 0 || !by || !tiles[at + by]) return;
    used(event);
    tiles[at].tabIndex = -1;
    tiles[at + by].tabIndex = 0;
    tiles[at + by].focus();
  }

  return {
    node,
    /** Shows the first page, once. @param {import("./source.js").Prediction["data"]} data */
    open(data) {
      if (classes.join() !== data.classes.join()) {
        classes = data.classes;
        fill(
          label,
          html`<option>all labels</option>`,
          ...classes.map((name) => html`<option>${name}</option>`),
        );
      }
      filters.hidden = !data.labelled;
      if (!loaded) turn(0);
    },
    destroy() {
      asking?.abort();
      if (url) URL.revokeObjectURL(url);
    },
  };
}
