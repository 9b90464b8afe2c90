/** The components that carried a prediction, layer by layer, as bars with sign. */

import { fill, html } from "../shared/dom.js";
import { count, percent, plural } from "../shared/format.js";
import * as grid from "../shared/grid.js";
import { used } from "../shared/keyboard.js";
import { adds, pointed, showChosen, toggled } from "../shared/selection.js";
import { side, signedBar } from "../shared/signed.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";

/** Components shown at once; the rest on demand. */
const MOST = 30;
const CROPS = 3;
const CROP = 32;
/** A row that is passed over on the way shows nothing, in ms. */
const HOVER_AFTER = 90;

/**
 * Rows of a layer by how much they moved, the strongest first.
 * @param {Float32Array} relevances @param {{start: number, count: number}} layer
 */
export function strongest(relevances, { start, count: size }) {
  return Array.from({ length: size }, (_, i) => start + i).sort(
    (a, b) => Math.abs(relevances[b]) - Math.abs(relevances[a]) || a - b,
  );
}

/** By which method is explained. @param {(method: string, text: string) => void} onMethod */
function methodChoice(onMethod) {
  const node = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Method" data-testid="method"
      onchange=${() => onMethod(node.value, node.selectedOptions[0].text)} />`
  );
  return {
    node,
    /** @param {[string, string][]} methods each as it is asked for and as it is read @param {string} method */
    show(methods, method) {
      fill(node, ...methods.map(([value, text]) => html`<option value=${value}>${text}</option>`));
      node.value = method;
    },
  };
}

/** @param {{target: EventTarget | null}} event */
function rowOf({ target }) {
  const option = /** @type {HTMLElement | null} */ (
    /** @type {Element | null} */ (target)?.closest?.("[data-row]")
  );
  return option ? Number(option.dataset.row) : null;
}

/** The row on which the pointer comes to rest; one that comes under a resting pointer is not looked at. @param {(row: number | null) => void} onHover */
function pointerRest(onHover) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  /** Where the pointer was seen last. @type {[number, number]} */
  let last = [Number.NaN, Number.NaN];
  /** @param {number | null} row */
  function hover(row) {
    clearTimeout(pause);
    pause = setTimeout(() => onHover(row), HOVER_AFTER);
  }
  return {
    handlers: {
      /** @param {PointerEvent} event */
      onpointerover({ pointerType, clientX, clientY, target }) {
        const rests = clientX === last[0] && clientY === last[1];
        last = [clientX, clientY];
        if (pointerType !== "touch") hover(rests ? null : rowOf({ target }));
      },
      /** @param {PointerEvent} event */
      onpointermove({ clientX, clientY }) {
        last = [clientX, clientY];
      },
      onpointerleave: () => hover(null),
    },
    stop: () => clearTimeout(pause),
  };
}

/** Writes into a row what its component is called. @param {HTMLElement} bar @param {import("../shared/source.js").Component | undefined} component @param {number} relevance @param {string} target */
function nameBar(bar, component, relevance, target) {
  const label = component?.label;
  const name = label && label.confident !== false ? label.text : "";
  const id = component?.id ?? "…";
  fill(
    /** @type {Element} */ (bar.firstElementChild),
    name && html`<span class="sl-ellipsis" title=${name}>${name}</span>`,
    html`<span class="sl-id">${id}</span>`,
  );
  const facts = [id, name, `${percent(relevance)} % ${side(relevance)} ${target}`];
  bar.setAttribute("aria-label", facts.filter(Boolean).join(", "));
}

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(selection: number[]) => void} options.onSelect
 * @param {(row: number | null) => void} options.onHover
 * @param {(row: number) => void} options.onOpen
 * @param {(method: string, text: string) => void} options.onMethod
 * @param {(error: unknown) => void} options.fail
 */
export function barsPane({ source, catalog, onSelect, onHover, onOpen, onMethod, fail }) {
  const layers = html`<div class="sl-toggle" role="group" aria-label="Layer" />`;
  const method = methodChoice(onMethod);
  const pointer = pointerRest(onHover);
  const list = html`<div class="sl-bars" role="listbox" aria-label="Components by relevance" aria-multiselectable="true"
    data-testid="bars" onclick=${onClick} onkeydown=${onKey} ...${pointer.handlers}
    ondblclick=${(/** @type {MouseEvent} */ event) => {
      const row = rowOf(event);
      if (row !== null) onOpen(row);
    }} />`;
  const more = html`<button type="button" class="sl-button sl-more" data-testid="more-bars" hidden />`;
  const reliability = html`<p class="sl-small-text sl-quiet sl-fixed sl-pad sl-under" data-testid="reliability" hidden />`;
  const node = html`<section class="sl-stack sl-beside" aria-label="Components that carried the prediction">
    <h3 class="sl-heading sl-pane-title sl-fixed">
      Components that carried it
      <span class="sl-quiet">% of absolute relevance</span>
    </h3>
    <div class="sl-pane-bar sl-line sl-wraps sl-fixed sl-pad sl-under">
      ${layers}
      <label class="sl-select"><span class="sl-quiet">Method</span>${method.node}</label>
    </div>
    ${reliability}
    <div class="sl-item sl-bar-row sl-bar-head sl-sunk sl-small-text sl-quiet" aria-hidden="true">
      <span>Component</span>
      <span />
      <span class="sl-sides"><span>against</span><span>for</span></span>
      <span />
    </div>
    <div class="sl-bars-scroll sl-scrolls">${list}${more}</div>
  </section>`;
  const crops = sprites({
    source,
    examples: CROPS,
    size: imagePixels(CROP),
    capacity: 300,
    onArrive: () => paintCrops(),
    onError: fail,
  });
  const stopListening = catalog.onArrive(drawNames);
  /** @type {import("./source.js").Prediction | null} */
  let prediction = null;
  let layer = 0;
  let shown = MOST;
  /** @type {number[]} */
  let rows = [];
  /** @type {readonly number[]} */
  let selection = [];
  let active = 0;
  /** @param {MouseEvent} event */
  function onClick(event) {
    const row = rowOf(event);
    if (row === null) return;
    active = rows.indexOf(row);
    onSelect([...pointed(selection, row, event)]);
    focus();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.altKey || !rows.length) return;
    const next = adds(event) && event.key.length === 1 ? null : grid.step(event.key, active, rows.length, 8);
    if (next !== null) {
      active = next;
      if (!adds(event)) onSelect([rows[next]]);
      mark();
      focus();
    } else if (event.key === " ") onSelect(toggled(selection, rows[active]));
    else if (event.key === "Enter") onOpen(rows[active]);
    else return;
    used(event);
  }

  function focus() {
    /** @type {HTMLElement | undefined} */ (list.children[active])?.focus();
  }

  function mark() {
    for (const [i, option] of /** @type {HTMLElement[]} */ ([...list.children]).entries()) {
      showChosen(option, selection, rows[i]);
      option.tabIndex = i === active ? 0 : -1;
    }
  }

  function drawLayers() {
    const { layers: all = [] } = prediction ?? {};
    fill(
      layers,
      ...all.map(
        ({ name, count: size }, i) =>
          html`<button type="button" class="sl-button" aria-pressed=${String(i === layer)}
            title="${name}, ${plural(size, "component")}" data-testid="bars-layer"
            onclick=${() => {
              layer = i;
              active = 0;
              shown = MOST;
              draw();
            }}>${name}</button>`,
      ),
    );
  }

  function draw() {
    const relevances = prediction?.relevances;
    const at = prediction?.layers?.[layer];
    if (!relevances || !at) return;
    drawLayers();
    const sorted = strongest(relevances, at);
    const primary = selection[0];
    rows = sorted.slice(0, shown);
    // What is selected is never hidden by the cut.
    if (primary >= at.start && primary < at.start + at.count && !rows.includes(primary)) rows.push(primary);
    const kept = rows.indexOf(primary);
    active = Math.min(kept >= 0 ? kept : active, rows.length - 1);
    const longest = Math.max(...rows.map((row) => Math.abs(relevances[row])));
    fill(
      list,
      ...rows.map(
        (row) =>
          html`<div class="sl-item sl-pick sl-bar-row" role="option" data-row=${row} data-testid="bar">
            <span class="sl-stack" />
            ${cropStrip(row, CROPS)}
            ${signedBar(relevances[row], longest)}
            <span class="sl-number">${percent(relevances[row])}</span>
          </div>`,
      ),
    );
    const rest = at.count - rows.length;
    more.hidden = rest <= 0;
    more.textContent = `Show more of the other ${count(rest)}`;
    more.onclick = () => {
      shown += MOST;
      draw();
    };
    catalog.want(rows);
    crops.want(rows);
    drawNames();
    paintCrops();
    mark();
  }

  function drawNames() {
    const relevances = prediction?.relevances;
    if (!relevances || !prediction?.target) return;
    for (const option of /** @type {HTMLElement[]} */ ([...list.children])) {
      const row = Number(option.dataset.row);
      nameBar(option, catalog.get(row), relevances[row], prediction.target.name);
    }
  }

  const paintCrops = () => paintStrips(list, crops.get);

  return {
    node,
    /** @param {import("./source.js").Prediction} next */
    show(next) {
      const first = !prediction;
      prediction = next;
      if (first || !next.layers?.[layer]) layer = Math.max(0, (next.layers?.length ?? 1) - 1);
      method.show(next.methods ?? [], next.method);
      method.node.title = next.chosen ?? "";
      reliability.textContent = next.reliability ?? "";
      reliability.hidden = !next.reliability;
      reliability.classList.toggle("sl-doubtful", Boolean(next.weak));
      this.select(selection, true);
    },
    /** Follows a selection, into its layer. @param {readonly number[]} next @param {boolean} [redraw] */
    select(next, redraw = false) {
      selection = next;
      const primary = next[0];
      const at =
        prediction?.layers?.findIndex(
          ({ start, count: size }) => primary >= start && primary < start + size,
        ) ?? -1;
      const moved = at >= 0 && at !== layer;
      if (moved) layer = at;
      if (redraw || moved || (at >= 0 && !rows.includes(primary))) draw();
      else {
        if (at >= 0) active = rows.indexOf(primary);
        mark();
      }
    },
    focus,
    redraw: drawNames,
    /** The layer that is shown. @returns {string | null} */
    layer: () => prediction?.layers?.[layer]?.name ?? null,
    /** The likeliest to be looked at first: the strongest of the top layer. @returns {number | null} */
    first: () => rows[0] ?? null,
    destroy() {
      pointer.stop();
      stopListening();
      crops.clear();
    },
  };
}
