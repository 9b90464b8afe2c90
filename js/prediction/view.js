/** The prediction view: an image, the components that carried its prediction, and the way between them. */

import "../shared/heading.css";
import "../shared/relevance.css";
import "../shared/toggle.css";
import "./view.css";
import { fill, html } from "../shared/dom.js";
import { latest, latestWork } from "../shared/latest.js";
import { literal } from "../shared/python.js";
import { same } from "../shared/selection.js";
import { cardView } from "../window/card.js";
import { barsPane } from "./bars.js";
import { imageBrowser } from "./browser.js";
import { circuitPane } from "./circuit.js";
import { browseHead, cardDrawer, noModel, whichPrediction } from "./drawer.js";
import { shownMaps } from "./maps.js";
import { picturePane } from "./picture.js";
import { predictionSource } from "./source.js";
import { steeringPane } from "./steering.js";

/** @typedef {Parameters<ReturnType<typeof predictionSource>["explain"]>[0]} Wish */

/** What can be explained instead, each with its line of Python. @param {(wish: Wish, python: string, what: string, file?: Blob) => void} explain */
const wishes = (explain) => ({
  picture: (/** @type {Blob} */ file, /** @type {string} */ name) =>
    explain(
      { name, image: null },
      `lens.image = PIL.Image.open(${literal(name)})`,
      `Explaining ${name}`,
      file,
    ),
  image: (/** @type {number} */ image) =>
    explain({ image }, `lens.image = ${image}`, `Explaining image ${image}`),
  target: (/** @type {string | number | import("./source.js").TargetDocument | null} */ target) =>
    explain(
      { target },
      `lens.target = ${literal(target)}`,
      `Explaining ${target !== null && typeof target === "object" ? (target.which ?? "a box") : target}`,
    ),
  method: (/** @type {string} */ method, text = method) =>
    explain({ method }, `lens.method = ${literal(method)}`, `Explaining by ${text}`),
});

/** @param {string | null} component @param {string | null} layer @param {{depth: number, top: number}} circuit */
const predictionFigures = (component, layer, circuit) => [
  {
    view: "prediction",
    title: "Prediction",
    options: { ...(component && { component }), ...(layer && { layer }) },
  },
  { view: "circuit", title: "Circuit", options: circuit.depth ? circuit : {} },
];

/** The components that are shown. @param {Element} node */
const rowsIn = (node) => [
  ...new Set(
    [.../** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll("[data-row]"))].map(({ dataset }) =>
      Number(dataset.row),
    ),
  ),
];

/** @param {string} detail @param {() => void} onGradient @returns {Parameters<import("../shared/alone.js").ViewContext["banner"]["show"]>[0]} */
const noRule = (detail, onGradient) => ({
  kind: "error",
  text: "LRP has no rule for this model.",
  detail,
  action: { text: "Use gradient", onclick: onGradient },
});

/**
 * @param {import("../shared/alone.js").ViewContext} context
 * @returns {import("../shared/alone.js").TabView}
 */
export function predictionView({
  ask,
  source,
  catalog,
  banner,
  announce,
  fail: report,
  act,
  showPython,
  work,
}) {
  const engine = predictionSource(ask);
  /** @type {import("./source.js").Prediction | null} */
  let prediction = null;
  /** @type {readonly number[]} */
  let selection = [];
  /** @type {import("./picture.js").Mode} */
  let mode = "component";
  /** @type {number | null} */
  let hovered = null;
  let [browsing, chosenHere] = [false, false];
  const wish = wishes((asked, python, what, file) =>
    explaining.run(
      what,
      (options) => engine.explain(asked, { ...options, picture: file }),
      (answer) => {
        chosenHere = true;
        showPython("target" in asked && answer?.python ? answer.python : python);
        banner.hide("error");
        if ("image" in asked) browse(false);
      },
      show, // what was chosen did not happen: the controls show again what is
    ),
  );
  const picture = picturePane({
    source: engine,
    fail,
    onMode: setMode,
    onPicture: wish.picture,
    onImage: wish.image,
    onTarget: wish.target,
    onBrowse: () => browse(true),
  });
  const steering = steeringPane({ source: engine, catalog, showPython, announce, fail });
  picture.node.append(steering.node);
  const maps = shownMaps({ engine, catalog, picture, fail });
  const browser = imageBrowser({ source: engine, onImage: wish.image, work, fail });
  const bars = barsPane({
    source,
    catalog,
    onSelect: select,
    onHover(row) {
      hovered = row;
      paint();
    },
    onOpen: (row) => drawer.open(row),
    onMethod: wish.method,
    fail,
  });
  const circuit = circuitPane({
    source,
    catalog,
    onSelect: select,
    onOpen: (row) => drawer.open(row),
    onChange: (depth, top) => walk({ depth, top }),
    onCopied: (depth, top) => showPython(`lens.explanation.circuit(depth=${depth}, top=${top}).to_rows()`),
    fail,
  });
  const drawer = cardDrawer({
    card: cardView({ ask, source, onSelect: select, onPin: null, announce, fail }),
    onToggle(open) {
      circuit.node.hidden = open;
      if (!open) bars.focus();
    },
  });
  const browseBar = browseHead(() => browse(false));
  const left = html`<div class="sl-scrolls sl-pad-all" />`;
  const invitation = html`<div class="sl-prediction-wait sl-beside" />`;
  const node = html`<div class="sl-prediction-tab sl-view sl-stack sl-banner-place" data-testid="prediction">
    <div class="sl-prediction-panes sl-panes">${left}${invitation}${bars.node}${circuit.node}${drawer.node}</div>
  </div>`;

  const explaining = latestWork({ work, fail, node });
  const walking = latestWork({ work, fail, node: circuit.node });
  /** @param {unknown} error */
  function fail(error) {
    const { name, message } = /** @type {Error} */ (error);
    if (name === "UnsupportedModel") banner.show(noRule(message, () => wish.method("gradient")));
    else report(error);
  }

  /** @param {number[]} rows */
  function select(rows) {
    if (!same(rows, selection)) act("selection", rows);
    if (mode !== "component") setMode("component");
  }

  /** @param {import("./picture.js").Mode} next */
  function setMode(next) {
    mode = next;
    paint();
  }

  /** @param {boolean} on */
  function browse(on) {
    browsing = on;
    show();
  }

  const predictionWanted = latest(
    engine.prediction,
    (next) => {
      prediction = next;
      maps.clear();
      steering.rest();
      browsing = browsing && next.state === "ready" && !chosenHere;
      chosenHere = false;
      show();
      if (next.state !== "ready") return;
      const { image, target } = /** @type {Required<import("./source.js").Prediction>} */ (next);
      announce(`image ${image.name}: ${target.name} explained, ${target.text}`);
      walk(circuit.wish());
    },
    fail,
  );

  /** Lays out what there is: panes, or an invitation. */
  function show() {
    const state = prediction?.state ?? "asking";
    const ready = state === "ready";
    node.classList.toggle("sl-ready", ready);
    bars.node.hidden = circuit.node.hidden = !ready;
    invitation.hidden = ready;
    if (ready && prediction) {
      picture.show(prediction);
      bars.show(prediction);
      circuit.show(prediction);
      circuit.node.hidden = drawer.isOpen;
      if (browsing) {
        browser.open(prediction.data);
        fill(left, browseBar, browser.node);
      } else if (left.firstChild !== picture.node || left.childNodes.length > 1) fill(left, picture.node);
      paint();
      return;
    }
    drawer.node.hidden = true;
    if (state === "empty" && prediction) {
      browser.open(prediction.data);
      picture.ask(prediction);
      fill(left, picture.wish, picture.place, browser.node);
      fill(invitation, whichPrediction());
    } else {
      fill(left);
      fill(invitation, state !== "asking" && noModel(prediction?.message ?? ""));
    }
    left.hidden = !left.firstChild;
  }

  /** The map that is looked at: of the hovered component, else of the selected one, else of the strongest. */
  function paint() {
    if (prediction?.state !== "ready") return;
    const chosen = selection[0] ?? bars.first();
    maps.show(hovered ?? chosen, hovered === null ? mode : "component");
    steering.show(chosen);
  }

  /** @param {{depth: number, top: number}} how */
  const walk = ({ depth, top }) =>
    walking.run(
      "Following relevance",
      (options) => engine.circuit(depth, top, options),
      (found) => {
        circuit.draw(found);
        circuit.select(selection);
      },
    );

  return {
    node,
    figures() {
      const row = mode === "component" ? (selection[0] ?? bars.first()) : null;
      return predictionFigures(catalog.get(row ?? -1)?.id ?? null, bars.layer(), circuit.wish());
    },
    keys: {
      Escape() {
        if (drawer.isOpen) drawer.open(null);
        else if (browsing) browse(false);
        else return false;
      },
    },
    update(changed) {
      if ("selection" in changed && !same(changed.selection ?? [], selection)) {
        selection = changed.selection ?? [];
        hovered = null;
        bars.select(selection);
        circuit.select(selection);
        drawer.follow(selection);
        paint();
      }
      if ("explanation_version" in changed) predictionWanted.start();
      if ("relabelled" in changed && prediction?.state === "ready") catalog.want(rowsIn(node));
      if ("relabelled" in changed || "relevance_version" in changed) drawer.update({ stale: true });
    },
    destroy() {
      for (const one of [explaining, walking, predictionWanted, maps, steering]) one.stop();
      for (const part of [picture, browser, bars, circuit, drawer]) part.destroy();
    },
  };
}
