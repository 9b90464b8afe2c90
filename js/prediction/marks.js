/** What the model found, over the picture: the borders of a map's classes, and boxes to choose. */

import { fill, html, svg } from "../shared/dom.js";

/** @typedef {import("./source.js").Prediction} Prediction */
/** @typedef {import("./source.js").TargetDocument} TargetDocument */

/**
 * The lines between cells of different classes, as an SVG path in cells.
 * @param {Int16Array} cells row by row @param {number} columns @param {number} lines
 */
export function borders(cells, columns, lines) {
  let path = "";
  for (let y = 0; y < lines; y++)
    for (let x = 0; x < columns; x++) {
      const here = cells[y * columns + x];
      if (x + 1 < columns && cells[y * columns + x + 1] !== here) path += `M${x + 1} ${y}v1`;
      if (y + 1 < lines && cells[(y + 1) * columns + x] !== here) path += `M${x} ${y + 1}h1`;
    }
  return path;
}

/**
 * @param {object} options
 * @param {(target: TargetDocument) => void} options.onTarget
 */
export function marksOver({ onTarget }) {
  const node = html`<div class="sl-marks" data-testid="marks" hidden />`;
  /** @type {Prediction | null} */
  let shown = null;

  /** The class and place under the pointer: of the picture, in shares. @param {MouseEvent} event */
  function under({ clientX, clientY }) {
    const {
      cells,
      columns = 1,
      lines = 1,
      names = [],
      window: [left, top, right, bottom] = [0, 0, 1, 1],
    } = /** @type {Prediction} */ (shown);
    const { x, y, width, height } = node.getBoundingClientRect();
    const across = Math.min(Math.max((clientX - x) / width, 0), 0.9999);
    const down = Math.min(Math.max((clientY - y) / height, 0), 0.9999);
    const number = cells?.[Math.floor(down * lines) * columns + Math.floor(across * columns)] ?? 0;
    const place = [left + across * (right - left), top + down * (bottom - top)];
    return { name: names[number], within: place.map((share) => Math.round(1000 * share) / 1000) };
  }

  /** @param {MouseEvent} event */
  function choose(event) {
    const { name, within } = under(event);
    const only = /** @type {Prediction} */ (shown).names?.[1];
    onTarget({ kind: "segment", which: name || (only ?? ""), within });
  }

  /** @param {Prediction} prediction */
  function drawMap({ cells, columns = 1, lines = 1, target }) {
    const now = target?.document;
    const at =
      now?.kind === "segment" && Array.isArray(now.within) && now.within.length === 2 ? now.within : null;
    const [left, top, right, bottom] = shown?.window ?? [0, 0, 1, 1];
    const drawn = borders(/** @type {Int16Array} */ (cells), columns, lines);
    const place = at && html`<i class="sl-mark-place" data-testid="mark-place" />`;
    if (at && place) {
      place.style.left = `${(100 * (at[0] - left)) / (right - left)}%`;
      place.style.top = `${(100 * (at[1] - top)) / (bottom - top)}%`;
    }
    const map = html`<div class="sl-mark-map" data-testid="mark-map" onclick=${choose}
      onpointermove=${(/** @type {PointerEvent} */ event) => {
        map.title = under(event).name;
      }}>${svg`<svg viewBox=${`0 0 ${columns} ${lines}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="sl-mark-under" d=${drawn} /><path d=${drawn} />
      </svg>`}</div>`;
    return [map, place];
  }

  /** @param {Prediction} prediction */
  const drawBoxes = ({ choices = [], target }) =>
    choices.map(({ name, text, place, document: written, explained }) => {
      const chosen = explained || JSON.stringify(written) === JSON.stringify(target?.document);
      const box = html`<button type="button" class="sl-mark-box" title=${`Explain ${name}, ${text}`}
        aria-label=${`Explain ${name}, ${text}`} data-testid="mark-box"
        aria-pressed=${String(chosen)}
        onclick=${() => onTarget(written)}><span>${name}</span></button>`;
      const [left, top, right, bottom] = place ?? [0, 0, 1, 1];
      box.style.inset = `${100 * top}% ${100 * (1 - right)}% ${100 * (1 - bottom)}% ${100 * left}%`;
      // Small boxes lie over large ones, so that each can be reached; the line of none crosses the chosen one's name.
      box.style.zIndex = String(Math.round(100 * (2 - (right - left) * (bottom - top))) + (chosen ? 100 : 0));
      return box;
    });

  return {
    node,
    /** @param {Prediction} prediction */
    show(prediction) {
      shown = prediction;
      const { form } = prediction;
      node.hidden = form !== "map" && form !== "boxes";
      fill(node, ...(form === "map" ? drawMap(prediction) : form === "boxes" ? drawBoxes(prediction) : []));
    },
  };
}
