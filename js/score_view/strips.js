/** Components with their crops, in groups: a list that can be stepped through, one of whose lines Tab leads to. */

import { fill, html } from "../shared/dom.js";
import { step } from "../shared/grid.js";
import { used } from "../shared/keyboard.js";
import { pointed, showChosen } from "../shared/selection.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";

const EXAMPLES = 5;
const CROP = 36;
/** Lines that a page key moves by. */
const PAGE = 8;

/** @typedef {{title: string, rows: readonly number[]}} Group */

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {(row: number) => {id: string, text: string, value: string, beside: string, says: string}} options.describe
 *   `beside`: what the value never stands without, empty for nothing; `says`: both in words
 * @param {(next: readonly number[]) => void} options.onChoose
 * @param {(row: number | null) => void} options.onPoint the row under the pointer or the focus
 * @param {(error: unknown) => void} options.fail
 */
export function componentStrips({ source, describe, onChoose, onPoint, fail }) {
  const node = html`<div class="sl-extremes" onclick=${(/** @type {MouseEvent} */ event) => chooseAt(event)}
    onkeydown=${onKey} onpointerover=${(/** @type {Event} */ event) => onPoint(rowAt(event))}
    onpointerleave=${() => onPoint(null)}
    onfocusin=${(/** @type {Event} */ event) => onPoint(rowAt(event))}
    onfocusout=${() => onPoint(null)} />`;
  /** @type {readonly number[]} */
  let selection = [];
  /** The lines, from the first to the last. @type {HTMLElement[]} */
  let lines = [];
  const thumbnails = sprites({
    source,
    examples: EXAMPLES,
    size: imagePixels(CROP),
    onArrive: () => paintStrips(node, thumbnails.get),
    onError: fail,
  });

  /** @param {number} row */
  function drawLine(row) {
    const { id, text, value, beside, says } = describe(row);
    return html`<div class="sl-extreme sl-item sl-pick" role="button" tabindex="-1" data-extreme=${row}
      data-testid="extreme" data-id=${id} aria-label="${id}, ${says}${text ? `, ${text}` : ""}">
      <span class="sl-stack">
        <span class="sl-id">${id}</span>
        <span class="sl-ellipsis sl-quiet" title=${text}>${text}</span>
      </span>
      <span class="sl-number">${value}${beside && html`<span class="sl-ellipsis sl-small-text sl-quiet">${beside}</span>`}</span>
      ${cropStrip(row, EXAMPLES)}
    </div>`;
  }

  function mark() {
    for (const line of lines) showChosen(line, selection, Number(line.dataset.extreme), "aria-pressed");
  }

  /** @param {Event} event @returns {number | null} */
  function rowAt(event) {
    const line = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-extreme]")
    );
    return line ? Number(line.dataset.extreme) : null;
  }

  /** @param {MouseEvent | KeyboardEvent} event @returns {boolean} whether it was on a component */
  function chooseAt(event) {
    const row = rowAt(event);
    if (row !== null) onChoose(pointed(selection, row, event));
    return row !== null;
  }

  /** Tab leads to one line from now on. @param {HTMLElement | undefined} line */
  function lead(line) {
    for (const other of lines) other.tabIndex = other === line ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const at = lines.indexOf(/** @type {HTMLElement} */ (event.target));
    if (at < 0 || event.altKey) return;
    const next = event.key.length === 1 ? null : step(event.key, at, lines.length, PAGE);
    if (next !== null) {
      lead(lines[next]);
      lines[next].focus();
    } else if (event.key === "Enter" || event.key === " ") chooseAt(event);
    else return;
    used(event);
  }

  return {
    node,
    /** @param {readonly Group[]} groups those without a component are left out */
    show(groups) {
      const focused = lines.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      lines = [];
      fill(node);
      for (const { title, rows } of groups) {
        if (!rows.length) continue;
        const drawn = rows.map(drawLine);
        lines.push(...drawn);
        node.append(
          html`<div class="sl-divider sl-line sl-under sl-sunk sl-quiet sl-small-text">${title}</div>`,
          ...drawn,
        );
      }
      const line = lines[Math.min(Math.max(0, focused), lines.length - 1)];
      lead(line);
      if (focused >= 0) line?.focus({ preventScroll: true });
      thumbnails.want(groups.flatMap(({ rows }) => [...rows]));
      paintStrips(node, thumbnails.get);
      mark();
    },
    /** @param {readonly number[]} next */
    select(next) {
      selection = next;
      mark();
    },
    destroy: thumbnails.clear,
  };
}
