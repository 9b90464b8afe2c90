/** Valid against spurious: every component by its best z on both sides, sized by relevance. */

import { button, fill, h, s } from "../shared/dom.js";
import { count, plural, signed, z } from "../shared/format.js";
import * as icons from "../shared/icons.js";
import { linear, ticks } from "../shared/scales.js";
import { same, toggled } from "../shared/selection.js";
import { imagePixels, sprites } from "../shared/sprites.js";
import { cropStrip, paintStrips } from "../shared/strips.js";
import { onResize } from "../shared/surroundings.js";
import { DECISIONS, decisionOf, glyph } from "./glyphs.js";
import { inside, mark, radius, rightHalf } from "./shapes.js";
import { REGIONS } from "./source.js";

const LEFT = 36;
const RIGHT = 12;
const TOP = 22;
const BOTTOM = 34;
/** How near the pointer has to come to a mark, in px. */
const PICK = 14;
const DRAWN = /** @type {const} */ (["unexpected", "ambiguous", "spurious", "valid"]);
const CROPS = 3;
const CROP = 44;
/** Names are written beside the primary and this many of the most relevant. */
const NAMED = 3;

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
  /** @type {import("./source.js").Report | null} */
  let report = null;
  /** @type {readonly number[]} */
  let selection = [];
  /** Where each position stands in px, NaN for what is not drawn. @type {Float32Array} */
  let xs = new Float32Array();
  /** @type {Float32Array} */
  let ys = new Float32Array();
  /** @type {[number, number][] | null} */
  let lasso = null;
  let hovered = -1;
  /** @type {{toZ: (px: number) => number, place: "x" | "y"} | null} */
  let dragging = null;
  let scale = {
    x: linear([0, 1], [0, 1]),
    y: linear([0, 1], [0, 1]),
    zx: linear([0, 1], [0, 1]),
    zy: linear([0, 1], [0, 1]),
  };

  const plot = h("div", { class: "sl-scatter-plot" });
  const tip = h("div", { class: "sl-preview sl-scatter-tip", hidden: true, "data-testid": "scatter-tip" });
  const menu = h("div", {
    class: "sl-bulk",
    role: "toolbar",
    "aria-label": "Verdict on the chosen components",
    hidden: true,
    "data-testid": "bulk",
  });
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
    menu,
    tip,
  );
  const thumbnails = sprites({
    source,
    examples: CROPS,
    size: imagePixels(CROP),
    capacity: 60,
    onArrive: paintTip,
    onError: fail,
  });
  const stopListening = catalog.onArrive(() => draw());
  const stopResizing = onResize(plot, () => draw());

  const regionOf = (/** @type {number} */ at) => REGIONS[/** @type {any} */ (report).points.region[at]];
  const nameOf = (/** @type {number} */ row) => catalog.get(row)?.id ?? "…";

  function draw() {
    if (lasso || dragging) return; // what holds the pointer must not be replaced under it
    if (!report) return fill(plot);
    const { points, z: threshold } = report;
    const width = plot.clientWidth || 480;
    const height = plot.clientHeight || 300;
    const domain = (/** @type {Float32Array} */ values) => {
      let [low, high] = [0, threshold * 1.6];
      for (const value of values) {
        if (!Number.isFinite(value)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      const margin = (high - low) * 0.05;
      return /** @type {[number, number]} */ ([low - margin, high + margin]);
    };
    const [across, up] = [domain(points.spurious), domain(points.valid)];
    const [right, bottom] = [width - RIGHT, height - BOTTOM];
    const x = linear(across, [LEFT, right]);
    const y = linear(up, [bottom, TOP]);
    scale = { x, y, zx: linear([LEFT, right], across), zy: linear([bottom, TOP], up) };
    const [thresholdX, thresholdY] = [x(threshold), y(threshold)];
    const captionTop = Math.min(thresholdY + 3, height - BOTTOM - 22);

    xs = new Float32Array(points.rows.length).fill(Number.NaN);
    ys = new Float32Array(points.rows.length).fill(Number.NaN);
    let largest = 0;
    for (const value of points.relevance)
      if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
    const size = (/** @type {number} */ at) => radius(points.relevance[at], largest);
    const order = [...points.rows.keys()]
      .filter((at) => DRAWN.includes(/** @type {any} */ (regionOf(at))))
      .sort((a, b) => size(b) - size(a));
    /** @type {Record<string, string>} */
    const paths = { unexpected: "", ambiguous: "", spurious: "", valid: "" };
    let halves = "";
    for (const at of order) {
      // Where the checklist has no concept of a kind, nothing is known of it: those stand at zero.
      [xs[at], ys[at]] = [x(points.spurious[at] || 0), y(points.valid[at] || 0)];
      const region = regionOf(at);
      paths[region] += mark(region, xs[at], ys[at], size(at));
      if (region === "ambiguous") halves += rightHalf(xs[at], ys[at], size(at));
    }
    const [axisX, axisY] = [ticks(across, width / 70), ticks(up, height / 45)];
    const chosen = new Set(selection);
    const rings = order.filter((at) => chosen.has(points.rows[at]));
    fill(
      plot,
      s(
        "svg",
        {
          width,
          height,
          role: "img",
          "aria-label": summary(),
          "data-testid": "scatter-marks",
          onpointerdown: onDown,
          onpointermove: onMove,
          onpointerup: onUp,
          onpointercancel: stopLasso,
          onpointerleave: () => hover(-1),
        },
        s("rect", {
          class: "sl-sunk",
          x: LEFT,
          y: thresholdY,
          width: Math.max(0, thresholdX - LEFT),
          height: Math.max(0, bottom - thresholdY),
        }),
        s("path", {
          class: "sl-axis",
          d: `M${LEFT} ${bottom + 0.5}H${right}M${LEFT - 0.5} ${TOP}V${bottom}`,
        }),
        ...axisX.values.map((v) =>
          s("text", { class: "sl-quiet", x: x(v), y: bottom + 15, "text-anchor": "middle" }, tick(v)),
        ),
        ...axisY.values.map((v) =>
          s("text", { class: "sl-quiet", x: LEFT - 7, y: y(v) + 4, "text-anchor": "end" }, tick(v)),
        ),
        s(
          "text",
          { class: "sl-quiet", x: right, y: height - 4, "text-anchor": "end" },
          "best spurious concept, z",
        ),
        s("text", { class: "sl-quiet", x: 4, y: 12 }, "best valid concept, z"),
        ...DRAWN.map((region) =>
          s("path", {
            class: `sl-marks sl-of-${region}`,
            d: paths[region],
            "data-testid": `marks-${region}`,
          }),
        ),
        s("path", { class: "sl-marks-half", d: halves }),
        s("path", {
          class: "sl-threshold-line",
          d: `M${thresholdX} ${TOP}V${bottom}M${LEFT} ${thresholdY}H${right}`,
        }),
        ...rings.slice(0, 400).map((at, i) =>
          s("circle", {
            class: points.rows[at] === selection[0] ? "sl-mark-ring sl-first" : "sl-mark-ring",
            cx: xs[at],
            cy: ys[at],
            r: size(at) + (points.rows[at] === selection[0] ? 4 : 2),
            "data-testid": i === 0 ? "mark-ring" : null,
          }),
        ),
        ...names(order, size, width, right, captionTop),
        s("path", { class: "sl-scatter-lasso", d: "" }),
      ),
      ...captions(captionTop, height),
      handle("x", thresholdX, bottom),
      handle("y", thresholdY, right - 2),
    );
    node.dataset.count = String(order.length);
  }

  /** @param {number} value */
  const tick = (value) => z(value).replace(/\.0$/, "");

  function summary() {
    const regions = /** @type {import("./source.js").Report} */ (report).regions;
    return `Components by best valid and best spurious concept: ${DRAWN.map((name) => `${regions[name]?.count ?? 0} ${name}`).join(", ")}`;
  }

  /** Ids and concepts beside some marks, left out where they would cross.
   * @param {number[]} order @param {(at: number) => number} size @param {number} width @param {number} right @param {number} captionTop of the region spurious */
  function names(order, size, width, right, captionTop) {
    const { points, weighted } = /** @type {import("./source.js").Report} */ (report);
    const primary = points.at.get(selection[0]);
    const wanted = weighted ? order.slice(0, 12) : [];
    const listed =
      primary !== undefined && !Number.isNaN(xs[primary])
        ? [primary, ...wanted.filter((at) => at !== primary)]
        : wanted;
    /** @type {[number, number, number, number][]} */
    const taken = [
      [LEFT, 0, LEFT + 110, TOP + 20],
      [right - 120, 0, width, TOP + 20],
      [right - 120, captionTop, width, captionTop + 22],
    ];
    const written = [];
    const unnamed = listed.map((at) => points.rows[at]).filter((row) => !catalog.get(row));
    if (unnamed.length) catalog.want(unnamed);
    for (const at of listed) {
      if (written.length > NAMED) break;
      const component = catalog.get(points.rows[at]);
      if (!component) continue;
      const concept = conceptOf(at);
      const text = concept ? `${component.id} ${clip(concept)}` : component.id;
      const length = text.length * 6.1;
      const before = xs[at] + size(at) + 6 + length > right;
      const start = before ? xs[at] - size(at) - 6 - length : xs[at] + size(at) + 6;
      const box = /** @type {[number, number, number, number]} */ ([
        start,
        ys[at] - 8,
        start + length,
        ys[at] + 8,
      ]);
      if (start < LEFT || box[2] > width || taken.some((other) => crosses(other, box))) continue;
      taken.push(box);
      written.push(
        s(
          "text",
          { class: "sl-halo", x: start, y: ys[at] + 4 },
          s("tspan", { class: "sl-mono" }, component.id),
          concept && s("tspan", { dx: 5 }, clip(concept)),
        ),
      );
    }
    return written;
  }

  /** The concept a component counts for. @param {number} at */
  function conceptOf(at) {
    const { points } = /** @type {import("./source.js").Report} */ (report);
    const region = regionOf(at);
    const number =
      region === "spurious"
        ? points.spuriousConcept[at]
        : region === "unexpected"
          ? -1
          : points.validConcept[at];
    return report?.names[number] ?? "";
  }

  /** The regions by name and number; pressing one chooses its components.
   * @param {number} captionTop of the region spurious @param {number} height */
  function captions(captionTop, height) {
    const { regions } = /** @type {import("./source.js").Report} */ (report);
    const places = {
      valid: { left: LEFT + 4, top: TOP - 2 },
      ambiguous: { right: RIGHT, top: TOP - 2 },
      spurious: { right: RIGHT, top: captionTop },
      unexpected: { left: LEFT + 4, top: height - BOTTOM - 22 },
    };
    return DRAWN.map((region) => {
      const caption = button({
        class: `sl-region sl-of-${region}`,
        title: `Choose all ${region} components`,
        "data-testid": `region-${region}`,
        onclick: () => chooseRegion(region),
      });
      fill(caption, glyph(region), h("b", {}, region), h("span", {}, count(regions[region]?.count ?? 0)));
      for (const [side, value] of Object.entries(places[region]))
        caption.style.setProperty(side, `${value}px`);
      return caption;
    });
  }

  /** A grip on a threshold line, for pointer and arrow keys. @param {"x" | "y"} place @param {number} at @param {number} end */
  function handle(place, at, end) {
    const threshold = /** @type {import("./source.js").Report} */ (report).z;
    const grip = h("div", {
      class: `sl-grip sl-grip-${place}`,
      role: "slider",
      tabindex: "0",
      "aria-label": "A component matches above z",
      "aria-valuenow": threshold.toFixed(2),
      "aria-valuemin": "0.5",
      "aria-valuemax": "6",
      "aria-orientation": place === "x" ? "horizontal" : "vertical",
      title: `A component matches above z = ${threshold.toFixed(2)}; drag to change`,
      "data-testid": `threshold-${place}`,
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const by = { ArrowRight: 0.1, ArrowUp: 0.1, ArrowLeft: -0.1, ArrowDown: -0.1 }[event.key];
        if (!by) return;
        event.preventDefault();
        event.stopPropagation();
        onThreshold(Math.min(6, Math.max(0.5, threshold + by)));
      },
      onpointerdown: (/** @type {PointerEvent} */ event) => {
        event.preventDefault();
        grip.setPointerCapture?.(event.pointerId);
        const box = plot.getBoundingClientRect();
        dragging = { place, toZ: (px) => (place === "x" ? scale.zx(px - box.left) : scale.zy(px - box.top)) };
      },
      onpointermove: (/** @type {PointerEvent} */ event) => {
        if (dragging?.place !== place) return;
        const box = plot.getBoundingClientRect();
        const px = place === "x" ? event.clientX - box.left : event.clientY - box.top;
        grip.style.setProperty(place === "x" ? "left" : "top", `${px}px`);
      },
      onpointerup: (/** @type {PointerEvent} */ event) => {
        if (dragging?.place !== place) return;
        const value = dragging.toZ(place === "x" ? event.clientX : event.clientY);
        dragging = null;
        draw();
        onThreshold(Math.min(6, Math.max(0.5, value)));
      },
      onpointercancel: () => {
        dragging = null;
        draw();
      },
    });
    grip.style.setProperty(place === "x" ? "left" : "top", `${at}px`);
    grip.style.setProperty(place === "x" ? "top" : "left", `${end}px`);
    return grip;
  }

  /** @param {import("./source.js").Region} region */
  function chooseRegion(region) {
    const { points } = /** @type {import("./source.js").Report} */ (report);
    const at = [...points.rows.keys()].filter((position) => regionOf(position) === region);
    choose(byRelevance(at));
  }

  /** @param {number[]} positions @returns {number[]} their rows, most relevant first */
  function byRelevance(positions) {
    const { points } = /** @type {import("./source.js").Report} */ (report);
    const weight = (/** @type {number} */ at) => Math.abs(points.relevance[at]) || 0;
    return positions.sort((a, b) => weight(b) - weight(a)).map((at) => points.rows[at]);
  }

  /** @param {number[]} rows */
  function choose(rows) {
    if (!rows.length) return;
    onSelect(rows);
    openMenu(rows);
  }

  /** @param {readonly number[]} rows */
  function openMenu(rows) {
    menu.hidden = rows.length < 2;
    if (menu.hidden) return;
    say(`${plural(rows.length, "component")} chosen`);
    fill(
      menu,
      h("b", { "data-testid": "bulk-count" }, count(rows.length)),
      h("span", { class: "sl-quiet" }, "chosen"),
      ...DECISIONS.map((decision, i) => {
        const node = button({
          title: `All ${decision} (${i + 1})`,
          class: "sl-outlined",
          "data-testid": `bulk-${decision}`,
          onclick: () => onDecide([...rows], decision),
        });
        fill(node, glyph(decision, { hollow: decision === "unsure" }), h("span", {}, decision));
        return node;
      }),
      button({
        text: "none",
        title: "Take the verdicts back",
        class: "sl-outlined",
        "data-testid": "bulk-none",
        onclick: () => onDecide([...rows], null),
      }),
      button({
        label: "Close",
        icon: icons.cross,
        class: "sl-square",
        onclick: () => onSelect(rows.slice(0, 1)),
      }),
    );
  }

  /** The nearest mark within reach. @param {number} x @param {number} y */
  function pick(x, y) {
    let [best, distance] = [-1, PICK * PICK];
    for (let at = 0; at < xs.length; at++) {
      const d = (xs[at] - x) ** 2 + (ys[at] - y) ** 2;
      if (d < distance) [best, distance] = [at, d];
    }
    return best;
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  function place(event) {
    const box = plot.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (event.button !== 0 || !report) return;
    node.focus({ preventScroll: true }); // for the keys 1, 2, 3 and u
    const [x, y] = place(event);
    if (event.shiftKey) {
      event.preventDefault();
      lasso = [[x, y]];
      /** @type {Element} */ (event.currentTarget).setPointerCapture?.(event.pointerId);
      hover(-1);
      return;
    }
    const at = pick(x, y);
    if (at < 0) return;
    const row = report.points.rows[at];
    const next = event.ctrlKey || event.metaKey ? toggled(selection, row) : [row];
    onSelect(next);
    openMenu(next);
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    const [x, y] = place(event);
    if (!lasso) return hover(event.buttons ? -1 : pick(x, y));
    lasso.push([x, y]);
    plot
      .querySelector(".sl-scatter-lasso")
      ?.setAttribute("d", `M${lasso.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L")}Z`);
  }

  function onUp() {
    if (!lasso) return;
    const line = lasso;
    stopLasso();
    const at = [...xs.keys()].filter((position) => inside(line, xs[position], ys[position]));
    if (at.length) choose(byRelevance(at));
    else say("no component in the lasso");
  }

  function stopLasso() {
    lasso = null;
    draw();
  }

  /** @param {number} at */
  function hover(at) {
    if (at === hovered) return;
    hovered = at;
    tip.hidden = at < 0;
    if (at < 0 || !report) return;
    const { points } = report;
    const row = points.rows[at];
    catalog.want([row]);
    thumbnails.want([row]);
    const line = (
      /** @type {number} */ concept,
      /** @type {number} */ value,
      /** @type {"valid" | "spurious"} */ kind,
    ) =>
      h(
        "div",
        { class: "sl-tip-line" },
        glyph(kind),
        h("span", { class: "sl-ellipsis" }, report?.names[concept] ?? "none"),
        h("span", { class: "sl-number" }, `z ${z(value)}`),
      );
    fill(
      tip,
      h(
        "div",
        { class: "sl-tip-line" },
        h("b", { class: "sl-id" }, nameOf(row)),
        h("span", {}, regionOf(at)),
        h("span", { class: "sl-number" }, report.weighted ? `${signed(points.relevance[at])} %` : ""),
      ),
      cropStrip(row, CROPS),
      line(points.validConcept[at], points.valid[at], "valid"),
      line(points.spuriousConcept[at], points.spurious[at], "spurious"),
    );
    paintTip();
    tip.style.left = `${Math.max(4, Math.min(xs[at] + 14, node.clientWidth - 190))}px`;
    tip.style.top = `${ys[at] > node.clientHeight / 2 ? Math.max(4, ys[at] - 136) : ys[at] + 14}px`;
  }

  function paintTip() {
    paintStrips(tip, thumbnails.get);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const decision = decisionOf(event);
    if (decision && selection.length) onDecide([...selection], decision);
    else if (event.key === "Escape" && !menu.hidden) onSelect(selection.slice(0, 1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    node,
    /** @param {{report?: import("./source.js").Report | null, selection?: readonly number[]}} changed */
    update(changed) {
      if ("report" in changed) report = changed.report ?? null;
      if (changed.selection && !same(changed.selection, selection)) {
        selection = changed.selection;
        if (selection.length < 2) menu.hidden = true;
      }
      hover(-1);
      draw();
    },
    destroy() {
      stopListening();
      stopResizing();
      thumbnails.clear();
    },
  };
}

/** @param {string} text */
const clip = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);

/** @param {number[]} a @param {number[]} b two boxes: left, top, right, bottom */
const crosses = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
