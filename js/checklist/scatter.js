/** Valid against spurious: every component by its best z on both sides, sized by relevance. */

import { assign, fill, html, svg } from "../shared/dom.js";
import { z } from "../shared/format.js";
import { used } from "../shared/keyboard.js";
import { axes, spanning } from "../shared/scatter/axes.js";
import { colourReader } from "../shared/scatter/canvas.js";
import { unprojected } from "../shared/scatter/places.js";
import { scatterPlot } from "../shared/scatter/plot.js";
import { same, toggled } from "../shared/selection.js";
import { onResize, onTheme } from "../shared/surroundings.js";
import { bulkMenu } from "./bulk.js";
import { decisionOf } from "./glyphs.js";
import { grip } from "./grip.js";
import { DRAWN, levelsOf, plottedOf, rowsOf } from "./plotted.js";
import { captionsOf, namesOf, summary, tipWords } from "./scatter_words.js";

const EDGE = { left: 36, right: 12, top: 22, bottom: 34 };
/** How near the pointer has to come to a mark, in px. */
const PICK = 14;
const OPACITY = 0.62;
/** @type {Record<string, Omit<import("../shared/scatter/marks.js").Style, "colour">>} */
const FORMS = {
  unexpected: { shape: "diamond" },
  spurious: { shape: "triangle" },
  ambiguous: { line: 1.3, half: true },
};

/** @typedef {import("./source.js").Report} Report */
/** @typedef {import("./plotted.js").Plotted} Plotted */
/** @typedef {import("./scatter_words.js").Room} Room */

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(rows: number[]) => void} options.onSelect
 * @param {(subjects: import("./source.js").Subject[], decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {(z: number) => void} options.onThreshold the line was dragged
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 */
export function scatterView({ source, catalog, onSelect, onDecide, onThreshold, announce, fail }) {
  /** @type {Plotted | null} */
  let plotted = null;
  /** @type {Room | null} */
  let room = null;
  /** @type {readonly number[]} */
  let selection = [];
  let gripped = false;

  const marks = svg`<svg class="sl-fill" role="img" data-testid="scatter-marks" />`;
  const box = html`<div class="sl-scatter-plot" hidden />`;
  const menu = bulkMenu({ onDecide, onClose: onSelect, announce });
  const node = html`<section class="sl-scatter" tabindex="-1" aria-label="Valid against spurious alignment"
    data-testid="scatter" onkeydown=${onKey} />`;
  const rowAt = (/** @type {number} */ at) => /** @type {Plotted} */ (plotted).report.points.rows[at];
  const plot = scatterPlot({
    area: marks,
    focus: node, // for the keys 1, 2, 3 and u
    view: () => /** @type {Room} */ (room).view,
    seen: () => true, // what is not drawn has no place
    reach: () => PICK,
    tip: {
      source,
      words: (at) => tipWords(/** @type {Plotted} */ (plotted).report, at, catalog),
      rowOf: rowAt,
      crops: 3,
      side: 44,
      testid: "scatter-tip",
      fail,
    },
    onPress(at, event) {
      if (at < 0) return;
      const row = rowAt(at);
      choose(event.ctrlKey || event.metaKey ? toggled(selection, row) : [row]);
    },
    onLasso(points) {
      const inside = new Set(points);
      if (plotted && inside.size) choose(rowsOf(plotted, (at) => inside.has(at)));
      else announce("no component in the lasso");
    },
  });
  node.append(box, menu.node, plot.tip.node);
  const stops = [catalog.onArrive(drawFrame), onResize(box, draw), onTheme(drawMarks)];

  function draw() {
    box.hidden = !plotted;
    if (!plotted) return;
    const [width, height] = [box.clientWidth || 480, box.clientHeight || 300];
    const frame = { ...EDGE, right: width - EDGE.right, bottom: height - EDGE.bottom };
    const view = spanning(plotted.across, plotted.up, frame);
    const { z: threshold } = plotted.report;
    const line = /** @type {[number, number]} */ ([
      threshold * view.sx + view.ox,
      threshold * view.sy + view.oy,
    ]);
    room = { width, height, frame, view, line, captionTop: Math.min(line[1] + 3, frame.bottom - 22) };
    node.dataset.count = String(plotted.order.length);
    drawFrame();
    drawMarks();
  }

  function drawMarks() {
    if (!plotted || !room || !node.isConnected) return;
    const { width, height, frame, line } = room;
    const { kinds, radii } = plotted;
    const ink = colourReader(box);
    plot.resize(width, height);
    plot.paint({
      kinds,
      styles: DRAWN.map((region) => ({ ...FORMS[region], colour: ink(`--sl-${region}`) })),
      radii,
      radius: 1,
      levels: levelsOf(plotted, selection),
      opacity: OPACITY,
      inks: { ground: ink("--sl-bg"), ink: ink("--sl-ink"), accent: ink("--sl-accent") },
      box: { edges: [frame.left, line[1], line[0], frame.bottom], colour: ink("--sl-bg-sunk") },
    });
  }

  /** Everything that stands around and above the marks. */
  function drawFrame() {
    if (!plotted || !room || gripped) return; // what holds the pointer must not be replaced under it
    const { report, across, up, radii } = plotted;
    const { width, height, frame, line } = room;
    const { left, top, right, bottom } = frame;
    const primary = report.points.at.get(selection[0]) ?? -1;
    const seen = plot.seenAt(primary);
    assign(marks, { width, height, "aria-label": summary(report) });
    fill(
      marks,
      ...axes({
        across,
        up,
        frame,
        wanted: [width / 70, height / 45],
        gap: [15, 7],
        label: (value) => z(value).replace(/\.0$/, ""),
      }),
      svg`<text class="sl-quiet" x=${right} y=${height - 4} text-anchor="end">best spurious concept, z</text>`,
      svg`<text class="sl-quiet" x="4" y="12">best valid concept, z</text>`,
      svg`<path class="sl-threshold-line" d=${`M${line[0]} ${top}V${bottom}M${left} ${line[1]}H${right}`} />`,
      seen &&
        svg`<circle class="sl-primary-ring" cx=${seen[0]} cy=${seen[1]} r=${radii[primary] + 4} data-testid="mark-ring" />`,
      ...namesOf(plotted, room, primary, plot.seenAt, catalog),
      plot.lasso,
    );
    fill(box, plot.canvas, marks, ...captionsOf(report, room, chooseRegion), ...grips(report, room));
  }

  /** @param {Report} report @param {Room} room */
  function grips({ z: threshold }, { line, frame, view }) {
    return /** @type {const} */ (["x", "y"]).map((along, axis) =>
      grip({
        along,
        threshold,
        place: axis ? [frame.right - 2, line[1]] : [line[0], frame.bottom],
        toZ: (px) => unprojected(view, px, px)[axis],
        plot: box,
        onDrag(begins) {
          gripped = begins;
          if (!begins) drawFrame();
        },
        onThreshold,
      }),
    );
  }

  /** @param {number} region */
  function chooseRegion(region) {
    if (plotted) choose(rowsOf(plotted, (at) => plotted?.report.points.region[at] === region));
  }

  /** @param {number[]} rows */
  function choose(rows) {
    if (!rows.length) return;
    onSelect(rows);
    menu.open(rows);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const decision = decisionOf(event);
    if (decision && selection.length) onDecide([...selection], decision);
    else if (event.key !== "Escape") return;
    else if (!plot.stop()) {
      if (menu.node.hidden) return;
      onSelect(selection.slice(0, 1));
    }
    used(event);
  }

  return {
    node,
    /** @param {{report?: Report | null, selection?: readonly number[]}} changed */
    update(changed) {
      const { report = null } = changed;
      if ("report" in changed && report !== plotted?.report) {
        plotted = report && plottedOf(report);
        plot.place(plotted?.places ?? new Float32Array(0));
      }
      if (changed.selection && !same(changed.selection, selection)) {
        selection = changed.selection;
        if (selection.length < 2) menu.node.hidden = true;
      }
      draw();
    },
    destroy() {
      for (const stop of stops) stop();
      plot.tip.destroy();
    },
  };
}
