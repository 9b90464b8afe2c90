/** Valid against spurious: every component by its best z on both sides, sized by relevance. */

import { axes } from "../kit/axes.js";
import { colourReader } from "../kit/inks.js";
import { lasso as lassoOf } from "../kit/lasso.js";
import { paintMarks } from "../kit/marks.js";
import { placesOf } from "../kit/places.js";
import { button, fill, h, s } from "../shared/dom.js";
import { count, z } from "../shared/format.js";
import { pixelCanvas } from "../shared/pixels.js";
import { capture, placeIn } from "../shared/pointer.js";
import { fillBox, packed } from "../shared/raster.js";
import { same, toggled } from "../shared/selection.js";
import { onResize, onTheme } from "../shared/surroundings.js";
import { bulkMenu } from "./bulk.js";
import { decisionOf, glyph } from "./glyphs.js";
import { grip } from "./grip.js";
import { markNames } from "./scatter_names.js";
import { scatterTip } from "./scatter_tip.js";
import { DRAWN, marksOf, placed } from "./shapes.js";
import { REGIONS } from "./source.js";

const EDGE = { left: 36, right: 12, top: 22, bottom: 34 };
/** How near the pointer has to come to a mark, in px. */
const PICK = 14;
/** Names are looked for beside the primary and this many of the most relevant. */
const NAMEABLE = 12;
const SHAPES = /** @type {const} */ ({
  unexpected: "diamond",
  ambiguous: "disc",
  spurious: "triangle",
  valid: "disc",
});

/** @typedef {import("./source.js").Report} Report */

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/catalog.js").catalog>} options.catalog
 * @param {(rows: number[]) => void} options.onSelect
 * @param {(subjects: import("./source.js").Subject[], decision: import("./source.js").Decision | null) => void} options.onDecide
 * @param {(z: number) => void} options.onThreshold the line was dragged
 * @param {(text: string) => void} options.say @param {(error: unknown) => void} options.fail
 */
export function scatterView({ source, catalog, onSelect, onDecide, onThreshold, say, fail }) {
  /** What is drawn of a report, where, and how points are found there. @type {null | {report: Report, marks: ReturnType<typeof marksOf>, at: ReturnType<typeof placed>, places: ReturnType<typeof placesOf>, frame: import("../kit/axes.js").Frame, width: number, height: number}} */
  let plotted = null;
  /** @type {Report | null} */
  let report = null;
  /** @type {readonly number[]} */
  let selection = [];
  let hovered = -1;
  let dragging = false;

  const plot = h("div", { class: "sl-scatter-plot" });
  const canvas = pixelCanvas({});
  const lasso = lassoOf();
  const menu = bulkMenu({ onDecide, onClose: onSelect, say });
  const tip = scatterTip({ source, catalog, fail });
  const node = h(
    "section",
    {
      class: "sl-scatter",
      tabindex: "-1",
      "aria-label": "Valid against spurious alignment",
      "data-testid": "scatter",
      onkeydown: onKey,
    },
    plot,
    menu.node,
    tip.node,
  );
  const stops = [
    catalog.onArrive(() => plotted && drawFrame(plotted)),
    onResize(plot, draw),
    onTheme(() => plotted && drawMarks(plotted)),
  ];

  function draw() {
    if (lasso.drawing || dragging) return; // what holds the pointer must not be replaced under it
    if (!report) {
      plotted = null;
      return fill(plot);
    }
    const [width, height] = [plot.clientWidth || 480, plot.clientHeight || 300];
    const { left, top, right, bottom } = EDGE;
    const frame = { left, top, right: width - right, bottom: height - bottom };
    const marks = plotted?.report === report ? plotted.marks : marksOf(report);
    const at = placed(report.points, marks, frame);
    plotted = { report, marks, at, places: placesOf(at.xs, at.ys), frame, width, height };
    node.dataset.count = String(marks.order.length);
    drawFrame(plotted);
    drawMarks(plotted);
  }

  /** @param {NonNullable<typeof plotted>} of */
  function drawMarks({ report: { points, z: threshold }, marks, at, frame, width, height }) {
    if (!node.isConnected) return;
    canvas.resize(width, height);
    const read = colourReader(plot);
    const inks = { ground: read("--sl-bg"), ink: read("--sl-ink"), accent: read("--sl-accent") };
    const styles = DRAWN.map((region) => ({
      shape: SHAPES[region],
      colour: read(`--sl-${region}`),
      half: region === "ambiguous",
    }));
    const chosen = new Set(selection.map((row) => points.at.get(row) ?? -1));
    chosen.delete(-1);
    const sunk = packed(read("--sl-bg-sunk"));
    canvas.paint((picture, ratio) => {
      picture.data.fill(packed(inks.ground));
      const box = [frame.left, at.y(threshold), at.x(threshold), frame.bottom];
      fillBox(
        picture,
        box.map((edge) => edge * ratio),
        sunk,
      );
      const { order, standing, radii, kinds } = marks;
      paintMarks(picture, {
        marks: { xs: at.xs, ys: at.ys, radii, kinds, styles },
        order,
        chosen,
        standing,
        ratio,
        inks,
      });
    });
  }

  /** Everything that stands around and above the marks. @param {NonNullable<typeof plotted>} of */
  function drawFrame(of) {
    if (lasso.drawing || dragging) return;
    const { report, marks, at, frame, width, height } = of;
    const { left, top, right, bottom } = frame;
    const [x, y] = [at.x(report.z), at.y(report.z)];
    const captionTop = Math.min(y + 3, bottom - 22);
    const primary = report.points.at.get(selection[0]) ?? -1;
    fill(
      plot,
      canvas.node,
      s(
        "svg",
        {
          width,
          height,
          role: "img",
          "aria-label": summary(report),
          "data-testid": "scatter-marks",
          onpointerdown: onDown,
          onpointermove: onMove,
          onpointerup: onUp,
          onpointercancel: stopLasso,
          onpointerleave: () => hover(-1),
        },
        ...axes({
          across: marks.across,
          up: marks.up,
          frame,
          wanted: [width / 70, height / 45],
          gap: [15, 7],
          label: (value) => z(value).replace(/\.0$/, ""),
        }),
        s(
          "text",
          { class: "sl-quiet", x: right, y: height - 4, "text-anchor": "end" },
          "best spurious concept, z",
        ),
        s("text", { class: "sl-quiet", x: 4, y: 12 }, "best valid concept, z"),
        s("path", { class: "sl-threshold-line", d: `M${x} ${top}V${bottom}M${left} ${y}H${right}` }),
        at.xs[primary] >= 0 &&
          s("circle", {
            class: "sl-mark-ring",
            cx: at.xs[primary],
            cy: at.ys[primary],
            r: marks.radii[primary] + 4,
            "data-testid": "mark-ring",
          }),
        ...names(of, captionTop),
        lasso.node,
      ),
      ...captions(report, captionTop, height),
      .../** @type {const} */ (["x", "y"]).map((along) =>
        grip({
          along,
          threshold: report.z,
          place: along === "x" ? [x, bottom] : [right - 2, y],
          toZ: at.toZ[along],
          plot,
          onDrag(begins) {
            dragging = begins;
            if (!begins) draw();
          },
          onThreshold,
        }),
      ),
    );
  }

  /** @param {NonNullable<typeof plotted>} of @param {number} captionTop of the region spurious */
  function names({ report, marks, at, frame: { left, top, right }, width }, captionTop) {
    const { points, weighted } = report;
    const primary = points.at.get(selection[0]) ?? -1;
    const wanted = new Set(at.xs[primary] >= 0 ? [primary] : []);
    if (weighted) for (const position of marks.order.slice(0, NAMEABLE)) wanted.add(position);
    const unnamed = [...wanted].map((position) => points.rows[position]).filter((row) => !catalog.get(row));
    if (unnamed.length) catalog.want(unnamed);
    return markNames({
      marks: [...wanted].flatMap((position) => {
        const id = catalog.get(points.rows[position])?.id;
        const place = { x: at.xs[position], y: at.ys[position], r: marks.radii[position] };
        return id ? [{ ...place, id, concept: conceptOf(report, position) }] : [];
      }),
      room: [left, top, right, 0],
      width,
      taken: [
        [left, 0, left + 110, top + 20],
        [right - 120, 0, width, top + 20],
        [right - 120, captionTop, width, captionTop + 22],
      ],
    });
  }

  /** The regions by name and number; pressing one chooses its components.
   * @param {Report} report @param {number} captionTop of the region spurious @param {number} height */
  function captions({ regions, points }, captionTop, height) {
    const places = {
      valid: { left: EDGE.left + 4, top: EDGE.top - 2 },
      ambiguous: { right: EDGE.right, top: EDGE.top - 2 },
      spurious: { right: EDGE.right, top: captionTop },
      unexpected: { left: EDGE.left + 4, top: height - EDGE.bottom - 22 },
    };
    return DRAWN.map((region) => {
      const number = REGIONS.indexOf(region);
      const caption = button({
        class: `sl-region sl-of-${region}`,
        title: `Choose all ${region} components`,
        "data-testid": `region-${region}`,
        onclick: () => choose([...points.rows.keys()].filter((at) => points.region[at] === number)),
      });
      fill(caption, glyph(region), h("b", {}, region), h("span", {}, count(regions[region]?.count ?? 0)));
      for (const [side, value] of Object.entries(places[region]))
        caption.style.setProperty(side, `${value}px`);
      return caption;
    });
  }

  /** The most relevant first. @param {number[]} positions */
  function choose(positions) {
    if (!report || !positions.length) return;
    const { relevance, rows: all } = report.points;
    const weight = (/** @type {number} */ at) => Math.abs(relevance[at]) || 0;
    const rows = positions.sort((a, b) => weight(b) - weight(a)).map((at) => all[at]);
    onSelect(rows);
    menu.open(rows);
  }

  /** The nearest mark within reach. @param {[number, number]} place */
  const pick = ([x, y]) => plotted?.places.nearest(x, y, PICK) ?? -1;

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (event.button !== 0 || !report) return;
    node.focus({ preventScroll: true }); // for the keys 1, 2, 3 and u
    const place = placeIn(plot, event);
    if (event.shiftKey) {
      event.preventDefault();
      lasso.add(place);
      capture(/** @type {Element} */ (event.currentTarget), event);
      return hover(-1);
    }
    const at = pick(place);
    if (at < 0) return;
    const row = report.points.rows[at];
    const next = event.ctrlKey || event.metaKey ? toggled(selection, row) : [row];
    onSelect(next);
    menu.open(next);
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    const place = placeIn(plot, event);
    if (lasso.drawing) lasso.add(place);
    else hover(event.buttons ? -1 : pick(place));
  }

  function onUp() {
    if (!lasso.drawing) return;
    const path = lasso.end();
    draw();
    const inside = plotted?.places.within(path) ?? [];
    if (inside.length) choose(inside);
    else say("no component in the lasso");
  }

  function stopLasso() {
    lasso.end();
    draw();
  }

  /** @param {number} at */
  function hover(at) {
    if (at === hovered) return;
    hovered = at;
    if (at < 0 || !plotted) return tip.close();
    tip.open(plotted.report, at, plotted.at.xs[at], plotted.at.ys[at]);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const decision = decisionOf(event);
    if (decision && selection.length) onDecide([...selection], decision);
    else if (event.key === "Escape" && !menu.node.hidden) onSelect(selection.slice(0, 1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    node,
    /** @param {{report?: Report | null, selection?: readonly number[]}} changed */
    update(changed) {
      if ("report" in changed) report = changed.report ?? null;
      if (changed.selection && !same(changed.selection, selection)) {
        selection = changed.selection;
        if (selection.length < 2) menu.node.hidden = true;
      }
      hover(-1);
      draw();
    },
    destroy() {
      for (const stop of stops) stop();
      tip.destroy();
    },
  };
}

/** @param {Report} report */
const summary = ({ regions }) =>
  `Components by best valid and best spurious concept: ${DRAWN.map((name) => `${regions[name]?.count ?? 0} ${name}`).join(", ")}`;

/** The concept a component counts for. @param {Report} report @param {number} at */
function conceptOf({ points, names }, at) {
  const region = REGIONS[points.region[at]];
  if (region === "unexpected") return "";
  return names[(region === "spurious" ? points.spuriousConcept : points.validConcept)[at]] ?? "";
}
