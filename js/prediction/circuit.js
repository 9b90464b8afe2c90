/** The way of relevance through the layers, as a graph to walk. */

import { copyText } from "../shared/clipboard.js";
import { button, fill, html, svg } from "../shared/dom.js";
import { percent } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { used } from "../shared/keyboard.js";
import { side } from "../shared/signed.js";
import { imagePixels, paint, sprites } from "../shared/sprites.js";
import { onResize } from "../shared/surroundings.js";
import { placed, walked, waysThrough } from "./layout.js";

const NODE = 40;
const CLASS_WIDTH = 84;
/** Width of an edge in px, for the strongest. */
const THICKEST = 12;
/** Room above the nodes for the names of the layers, in px. */
const DOWN = 26;
const TOPS = [2, 3, 4, 6, 8];

/**
 * How deep and how wide the circuit is, and its copy as a table.
 * @param {object} options
 * @param {(depth: number, top: number) => void} options.onChange @param {(depth: number, top: number) => void} options.onCopied
 * @param {() => string | null} options.rowsText
 */
function circuitBar({ onChange, onCopied, rowsText }) {
  const wish = () => ({ depth: Number(depth.value), top: Number(top.value) });
  const changed = () => onChange(wish().depth, wish().top);
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
    async onclick() {
      const text = rowsText();
      if (text === null) return;
      if (!(await copyText(text, copy))) return;
      copied.textContent = "Copied";
      setTimeout(() => {
        copied.textContent = "Copy as rows";
      }, 1200);
      onCopied(wish().depth, wish().top);
    },
  });
  copy.append(copied);
  const node = html`<div class="sl-pane-bar sl-line sl-wraps sl-fixed sl-pad sl-under">
    <label class="sl-select"><span class="sl-quiet">Depth</span>${depth}</label>
    <label class="sl-select" title="The strongest below each node">
      <span class="sl-quiet">Keep</span>${top}
    </label>
    <span class="sl-spring" />
    ${copy}
  </div>`;
  return {
    node,
    copy,
    wish,
    /** @param {number} layers how many there are to go through */
    offer(layers) {
      const wanted = wish().depth || Math.min(3, layers);
      const text = (/** @type {number} */ i) => (i ? `${i + 1} layers` : "1 layer");
      fill(
        depth,
        ...Array.from({ length: layers }, (_, i) => html`<option value=${i + 1}>${text(i)}</option>`),
      );
      depth.value = String(Math.min(wanted, layers));
    },
  };
}

/** A piece of an edge, for the legend. @param {"sl-for" | "sl-against"} kind */
const edgeSample = (kind) =>
  svg`<svg width="22" height="6" aria-hidden="true">
    <path class="sl-edge ${kind}" d="M1 3H21" stroke-width="3"
      stroke-dasharray=${kind === "sl-against" ? "5 3" : null} />
  </svg>`;

/**
 * The edges as paths, the strongest on top. What arrives at the class arrives side by side.
 * @param {import("./source.js").Circuit} circuit @param {ReturnType<typeof placed>} layout
 */
function edgePaths({ edges }, { nodes, target }) {
  const most = Math.max(...edges.map(({ relevance }) => Math.abs(relevance)), 1e-12);
  const arriving = edges
    .filter((edge) => edge.upper === null)
    .sort((a, b) => (nodes.get(a.lower)?.y ?? 0) - (nodes.get(b.lower)?.y ?? 0));
  const arrival = (/** @type {typeof edges[number]} */ edge) =>
    ((arriving.indexOf(edge) + 0.5) / arriving.length - 0.5) * Math.min(40, 8 * arriving.length);
  return [...edges]
    .sort((a, b) => Math.abs(a.relevance) - Math.abs(b.relevance))
    .flatMap((edge) => {
      const from = nodes.get(edge.lower);
      const to = edge.upper === null ? target : nodes.get(edge.upper);
      if (!from || !to) return [];
      const [x0, x1] = [from.x + NODE / 2, to.x - (edge.upper === null ? CLASS_WIDTH / 2 : NODE / 2)];
      const middle = (x0 + x1) / 2;
      const [y0, y1] = [from.y + DOWN - 8, to.y + DOWN + (edge.upper === null ? arrival(edge) : -8)];
      const thick = 1 + ((THICKEST - 1) * Math.abs(edge.relevance)) / most;
      const dashes = `${(4 + thick).toFixed(1)} ${(2.5 + thick / 3).toFixed(1)}`;
      const path = svg`<path class="sl-edge sl-${side(edge.relevance)}"
        d="M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}" stroke-width=${thick.toFixed(1)}
        stroke-dasharray=${edge.relevance < 0 ? dashes : null} data-testid="edge" />`;
      return [{ path, edge }];
    });
}

/** @param {HTMLElement} element @param {number} x @param {number} y its centre */
function at(element, x, y) {
  element.style.left = `${x}px`;
  element.style.top = `${y}px`;
  return element;
}

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
  const bar = circuitBar({ onChange, onCopied, rowsText });
  const title = html`<span class="sl-ellipsis" />`;
  const drawing = html`<div class="sl-circuit sl-place" data-testid="circuit" role="group" onkeydown=${onKey} />`;
  const scroll = html`<div class="sl-circuit-scroll sl-scrolls">${drawing}</div>`;
  const node = html`<section class="sl-stack sl-beside" aria-label="Circuit">
    <h3 class="sl-heading sl-pane-title sl-fixed">
      ${title}
      <span class="sl-quiet">width: relevance passed on</span>
    </h3>
    ${bar.node}
    ${scroll}
    <p class="sl-circuit-legend sl-line sl-gap-6 sl-fixed sl-pad sl-small-text">
      ${edgeSample("sl-for")}for ${edgeSample("sl-against")}against
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
  /** @type {ReturnType<typeof edgePaths>} */
  let edges = [];
  let drawnAt = "";

  const nameOf = (/** @type {number} */ row) => {
    const component = catalog.get(row);
    const label = component?.label;
    return label && label.confident !== false ? label.text : (component?.id ?? "…");
  };

  /** The edges as rows of a table. @returns {string | null} */
  function rowsText() {
    if (!circuit || !prediction?.target) return null;
    const target = prediction.target.name;
    const idOf = (/** @type {number | null} */ row) =>
      row === null ? target : (catalog.get(row)?.id ?? String(row));
    const lines = circuit.edges.map((e) =>
      [idOf(e.lower), idOf(e.upper), e.relevance.toPrecision(4)].join("\t"),
    );
    return `${["lower\tupper\trelevance", ...lines].join("\n")}\n`;
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
    used(event);
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
    const kind = (prediction?.target?.index ?? 0) < 0 ? "target" : "class";
    edges = edgePaths(circuit, layout);
    fill(
      drawing,
      svg`<svg width=${width} height=${layout.height + DOWN} aria-hidden="true">
        ${edges.map(({ path }) => path)}
      </svg>`,
      ...circuit.layers.map((name, i) =>
        at(html`<span class="sl-small-text sl-nowrap sl-quiet">${name}</span>`, layout.columns[i], 8),
      ),
      at(html`<span class="sl-small-text sl-nowrap sl-quiet">${kind}</span>`, target.x, 8),
      ...[...nodes.values()]
        .sort((a, b) => b.x - a.x || a.y - b.y)
        .map(({ row, relevance, x, y }) =>
          at(
            html`<button type="button" class="sl-node sl-press sl-${side(relevance)}" data-row=${row}
              data-testid="node" onclick=${() => onSelect([row])} ondblclick=${() => onOpen(row)}>
              <i class="sl-crop" />
              <span class="sl-node-name sl-ellipsis sl-small-text" />
            </button>`,
            x,
            y + DOWN,
          ),
        ),
      at(
        html`<div class="sl-circuit-class sl-box sl-text" data-testid="circuit-class">
          <b class="sl-ellipsis" title=${prediction.target.name}>${prediction.target.name}</b>
          <span class="sl-quiet">${prediction.target.text}</span>
        </div>`,
        target.x,
        target.y + DOWN,
      ),
    );
    drawing.style.height = `${layout.height + DOWN}px`;
    const rows = [...nodes.keys()];
    catalog.want(rows);
    crops.want(rows);
    drawNames();
    paintCrops();
    mark();
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
    for (const { path, edge } of edges)
      path.classList.toggle("sl-faded", Boolean(followed && !followed.has(edge)));
  }

  return {
    node,
    /** @param {import("./source.js").Prediction} next */
    show(next) {
      prediction = next;
      title.textContent = `Path to “${next.target?.name}”`;
      title.title = title.textContent;
      bar.offer(next.layers?.length ?? 1);
    },
    /** @param {import("./source.js").Circuit | null} next */
    draw(next) {
      circuit = next;
      drawnAt = "";
      draw();
      bar.copy.toggleAttribute("disabled", !next?.edges.length);
      drawing.setAttribute("aria-label", `${title.textContent}, ${next?.nodes.length ?? 0} components`);
    },
    /** @param {readonly number[]} selection */
    select(selection) {
      primary = selection[0] ?? null;
      mark();
    },
    wish: bar.wish,
    redraw: drawNames,
    destroy() {
      stopListening();
      stopResizing();
      crops.clear();
    },
  };
}
