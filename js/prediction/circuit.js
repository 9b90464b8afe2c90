/** The way of relevance through the layers, as a graph to walk. */

import { percent } from "../shared/format.js";
import "../shared/scrolls.css";
import { button, fill, html, svg } from "../shared/dom.js";
import * as icons from "../shared/icons.js";
import { side } from "../shared/signed.js";
import { imagePixels, paint, sprites } from "../shared/sprites.js";
import { onResize } from "../shared/surroundings.js";
import { placed, walked, waysThrough } from "./layout.js";

const NODE = 40;
const CLASS_WIDTH = 84;
/** Width of an edge in px, for the strongest. */
const THICKEST = 12;
const TOPS = [2, 3, 4, 6, 8];

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(selection: number[]) => void} options.onSelect
 * @param {(row: number) => void} options.onOpen
 * @param {(depth: number, top: number) => void} options.onChange another depth or width is asked for
 * @param {(depth: number, top: number) => void} options.onCopied the rows were copied
 * @param {(error: unknown) => void} options.fail
 */
export function circuitPane({ source, catalog, onSelect, onOpen, onChange, onCopied, fail }) {
  const depth = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Depth" data-testid="depth" onchange=${changed} />`
  );
  const top = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Components per node" data-testid="top" onchange=${changed}>
      ${TOPS.map((n) => html`<option value=${n}>top ${n}</option>`)}
    </select>`
  );
  top.value = "3";
  const copied = html`<span>Copy as rows</span>`;
  const copy = button({
    icon: icons.copy,
    "data-testid": "copy-rows",
    title: "Copy the edges as rows of a table",
    onclick: copyRows,
  });
  copy.append(copied);
  const title = html`<span class="sl-ellipsis" />`;
  const drawing = html`<div class="sl-circuit" data-testid="circuit" role="group" onkeydown=${onKey} />`;
  const scroll = html`<div class="sl-circuit-scroll sl-scrolls">${drawing}</div>`;
  const node = html`<section class="sl-circuit-pane" aria-label="Circuit">
    <h3 class="sl-heading sl-pane-title">
      ${title}
      <span class="sl-quiet">width: relevance passed on</span>
    </h3>
    <div class="sl-pane-bar">
      <label class="sl-select sl-low"><span class="sl-quiet">Depth</span>${depth}</label>
      <label class="sl-select sl-low" title="The strongest below each node">
        <span class="sl-quiet">Keep</span>
        ${top}
      </label>
      <span class="sl-spring" />
      ${copy}
    </div>
    ${scroll}
    <p class="sl-circuit-legend sl-small-text">
      ${line("sl-for")}
      for
      ${line("sl-against")}
      against
      <span class="sl-quiet">click a node to follow its path</span>
    </p>
  </section>`;
  const crops = sprites({
    source,
    examples: 1,
    size: imagePixels(NODE),
    capacity: 200,
    onArrive: paintCrops,
    onError: fail,
  });
  const stopListening = catalog.onArrive(drawNames);
  const stopResizing = onResize(scroll, () => draw());
  /** @type {import("./source.js").Circuit | null} */
  let circuit = null;
  /** @type {import("./source.js").Prediction | null} */
  let prediction = null;
  /** @type {Map<number, import("./layout.js").Placed>} */
  let nodes = new Map();
  /** @type {number | null} */
  let primary = null;
  let drawnAt = "";

  /** @param {string} kind */
  function line(kind) {
    return svg`<svg width="22" height="6" aria-hidden="true">
      <path class="sl-edge ${kind}" d="M1 3H21" stroke-width="3"
        stroke-dasharray=${kind === "sl-against" ? "5 3" : null} />
    </svg>`;
  }

  function changed() {
    onChange(Number(depth.value), Number(top.value));
  }

  const nameOf = (/** @type {number} */ row) => {
    const component = catalog.get(row);
    const label = component?.label;
    return label && label.confident !== false ? label.text : (component?.id ?? "…");
  };

  async function copyRows() {
    if (!circuit || !prediction?.target) return;
    const target = prediction.target.name;
    const idOf = (/** @type {number | null} */ row) =>
      row === null ? target : (catalog.get(row)?.id ?? String(row));
    const lines = circuit.edges.map((e) =>
      [idOf(e.lower), idOf(e.upper), e.relevance.toPrecision(4)].join("\t"),
    );
    try {
      await navigator.clipboard.writeText(`${["lower\tupper\trelevance", ...lines].join("\n")}\n`);
    } catch {
      return; // pages that are not served securely have no clipboard
    }
    copied.textContent = "Copied";
    setTimeout(() => {
      copied.textContent = "Copy as rows";
    }, 1200);
    onCopied(Number(depth.value), Number(top.value));
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const at = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest?.("[data-row]")
    );
    if (!at || !circuit || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" && primary === Number(at.dataset.row)) onOpen(primary);
    else {
      const next = walked(circuit, nodes, Number(at.dataset.row), event.key);
      if (next === null) return;
      onSelect([next]);
      /** @type {HTMLElement | null} */ (drawing.querySelector(`[data-row="${next}"]`))?.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function draw() {
    if (!circuit || !prediction?.target) return fill(drawing);
    const width = scroll.clientWidth || 480;
    const room = Math.max(240, (scroll.clientHeight || 470) - 34);
    const key = `${width}×${room}`;
    if (drawnAt === key) return;
    drawnAt = key;
    const layout = placed(circuit, { width, height: room, left: 50, right: CLASS_WIDTH / 2 + 8 });
    nodes = layout.nodes;
    const { target } = layout;
    const most = Math.max(...circuit.edges.map(({ relevance }) => Math.abs(relevance)), 1e-12);
    const down = 26;
    // What arrives at the class arrives side by side.
    const arriving = circuit.edges
      .filter((edge) => edge.upper === null)
      .sort((a, b) => (nodes.get(a.lower)?.y ?? 0) - (nodes.get(b.lower)?.y ?? 0));
    const arrival = (/** @type {import("./source.js").Circuit["edges"][number]} */ edge) =>
      ((arriving.indexOf(edge) + 0.5) / arriving.length - 0.5) * Math.min(40, 8 * arriving.length);
    const paths = [...circuit.edges]
      .sort((a, b) => Math.abs(a.relevance) - Math.abs(b.relevance))
      .map((edge) => {
        const from = nodes.get(edge.lower);
        const to = edge.upper === null ? target : nodes.get(edge.upper);
        if (!from || !to) return null;
        const [x0, x1] = [from.x + NODE / 2, to.x - (edge.upper === null ? CLASS_WIDTH / 2 : NODE / 2)];
        const middle = (x0 + x1) / 2;
        const [y0, y1] = [from.y + down - 8, to.y + down + (edge.upper === null ? arrival(edge) : -8)];
        const thick = 1 + ((THICKEST - 1) * Math.abs(edge.relevance)) / most;
        const path = svg`<path class="sl-edge sl-${side(edge.relevance)}"
          d="M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}" stroke-width=${thick.toFixed(1)}
          stroke-dasharray=${edge.relevance < 0 ? `${(4 + thick).toFixed(1)} ${(2.5 + thick / 3).toFixed(1)}` : null}
          data-testid="edge" />`;
        edges.set(path, edge);
        return path;
      });
    fill(
      drawing,
      svg`<svg width=${width} height=${layout.height + down} aria-hidden="true">${paths}</svg>`,
      ...circuit.layers.map((name, i) =>
        at(html`<span class="sl-circuit-layer sl-quiet">${name}</span>`, layout.columns[i], 8),
      ),
      at(html`<span class="sl-circuit-layer sl-quiet">class</span>`, target.x, 8),
      ...[...nodes.values()]
        .sort((a, b) => b.x - a.x || a.y - b.y)
        .map(({ row, relevance, x, y }) =>
          at(
            html`<button type="button" class="sl-node sl-${side(relevance)}" data-row=${row}
              data-testid="node" onclick=${() => onSelect([row])} ondblclick=${() => onOpen(row)}>
              <i class="sl-crop" />
              <span class="sl-node-name sl-ellipsis" />
            </button>`,
            x,
            y + down,
          ),
        ),
      at(
        html`<div class="sl-circuit-class" data-testid="circuit-class">
          <b class="sl-ellipsis" title=${prediction.target.name}>${prediction.target.name}</b>
          <span class="sl-quiet">${prediction.target.text}</span>
        </div>`,
        target.x,
        target.y + down,
      ),
    );
    drawing.style.height = `${layout.height + down}px`;
    const rows = [...nodes.keys()];
    catalog.want(rows);
    crops.want(rows);
    drawNames();
    paintCrops();
    mark();
  }

  /** @type {WeakMap<Element, import("./source.js").Circuit["edges"][number]>} */
  const edges = new WeakMap();

  /** @param {HTMLElement} element @param {number} x @param {number} y its centre */
  function at(element, x, y) {
    element.style.left = `${x}px`;
    element.style.top = `${y}px`;
    return element;
  }

  function drawNames() {
    if (!prediction?.target) return;
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (drawing.querySelectorAll("[data-row]"))) {
      const row = Number(button.dataset.row);
      const node = nodes.get(row);
      const id = catalog.get(row)?.id ?? "…";
      const name = nameOf(row);
      const facts = `${[id, name !== id && name].filter(Boolean).join(", ")}, ${percent(node?.relevance ?? 0)} % ${side(node?.relevance ?? 0)} ${prediction.target.name}`;
      /** @type {Element} */ (button.lastElementChild).textContent = name;
      button.setAttribute("aria-label", facts);
      button.title = facts;
    }
  }

  function paintCrops() {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (drawing.querySelectorAll("[data-row]"))) {
      const sheet = crops.get(Number(button.dataset.row));
      if (sheet?.count) paint(/** @type {HTMLElement} */ (button.firstElementChild), sheet, 0);
    }
  }

  /** The node that is followed, and all ways through it. */
  function mark() {
    const followed = circuit && primary !== null && nodes.has(primary) ? waysThrough(circuit, primary) : null;
    const alongside = new Set(followed ? [...followed].flatMap(({ lower, upper }) => [lower, upper]) : []);
    if (primary !== null) alongside.add(primary);
    const buttons = /** @type {HTMLElement[]} */ ([...drawing.querySelectorAll("[data-row]")]);
    const reachable = primary !== null && nodes.has(primary) ? primary : Number(buttons[0]?.dataset.row);
    for (const button of buttons) {
      const row = Number(button.dataset.row);
      button.setAttribute("aria-pressed", String(row === primary));
      button.classList.toggle("sl-faded", Boolean(followed) && !alongside.has(row));
      button.tabIndex = row === reachable ? 0 : -1;
    }
    for (const path of drawing.querySelectorAll('[data-testid="edge"]')) {
      const edge = edges.get(path);
      path.classList.toggle("sl-faded", Boolean(followed && edge && !followed.has(edge)));
    }
  }

  return {
    node,
    /** @param {import("./source.js").Prediction} next */
    show(next) {
      prediction = next;
      title.textContent = `Path to “${next.target?.name}”`;
      title.title = title.textContent;
      const layers = next.layers?.length ?? 1;
      const wanted = Number(depth.value) || Math.min(3, layers);
      fill(
        depth,
        ...Array.from(
          { length: layers },
          (_, i) => html`<option value=${i + 1}>${i ? `${i + 1} layers` : "1 layer"}</option>`,
        ),
      );
      depth.value = String(Math.min(wanted, layers));
    },
    /** @param {import("./source.js").Circuit | null} next */
    draw(next) {
      circuit = next;
      drawnAt = "";
      draw();
      copy.toggleAttribute("disabled", !next?.edges.length);
      drawing.setAttribute("aria-label", `${title.textContent}, ${next?.nodes.length ?? 0} components`);
    },
    /** @param {readonly number[]} selection */
    select(selection) {
      primary = selection[0] ?? null;
      mark();
    },
    wish: () => ({ depth: Number(depth.value), top: Number(top.value) }),
    redraw: drawNames,
    destroy() {
      stopListening();
      stopResizing();
      crops.clear();
    },
  };
}
