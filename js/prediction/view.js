/** The prediction view: an image, the components that carried its prediction, and the way between them. */

import { isAbort } from "../shared/channel.js";
import { button, fill, html } from "../shared/dom.js";
import * as icons from "../shared/icons.js";
import { latest } from "../shared/latest.js";
import { literal } from "../shared/python.js";
import { same } from "../shared/selection.js";
import { statePane } from "../shared/state.js";
import { cardView } from "../window/card.js";
import { barsPane, methodName } from "./bars.js";
import { imageBrowser } from "./browser.js";
import { circuitPane } from "./circuit.js";
import { picturePane } from "./picture.js";
import { predictionSource } from "./source.js";

/** Kept maps of components, the last looked at. */
const MAPS = 24;

/**
 * The map over the picture, asked for where it is of one component.
 * @param {object} options
 * @param {ReturnType<typeof predictionSource>} options.engine
 * @param {import("../window/tabs.js").TabContext["catalog"]} options.catalog
 * @param {ReturnType<typeof picturePane>} options.picture @param {(error: unknown) => void} options.fail
 */
function shownMaps({ engine, catalog, picture, fail }) {
  /** @type {Map<number, import("./source.js").ComponentHeat>} */
  const kept = new Map();
  const idOf = (/** @type {number} */ row) => catalog.get(row)?.id ?? "";
  const wanted = latest(
    async (signal, /** @type {number} */ row) => {
      // The last map stays while the next one is on its way, unless that takes long enough to be noticed.
      const noticed = setTimeout(() => picture.paint("component", null, idOf(row) || "the component"), 400);
      try {
        await catalog.want([row]);
        return await engine.heat(row, signal);
      } finally {
        clearTimeout(noticed);
      }
    },
    (map, row) => {
      kept.set(row, map);
      for (const old of kept.keys()) if (kept.size > MAPS) kept.delete(old);
      picture.paint("component", map, idOf(row));
    },
    fail,
  );
  return {
    /** @param {number | null} row @param {import("./picture.js").Mode} mode */
    show(row, mode) {
      wanted.stop();
      const known = row === null ? null : (kept.get(row) ?? null);
      if (known || mode !== "component" || row === null)
        picture.paint(mode, known, row === null ? "" : idOf(row));
      else wanted.start(row);
    },
    clear: () => kept.clear(),
    stop: wanted.stop,
  };
}

/**
 * A component's card beside the bars.
 * @param {{card: import("../shared/mount.js").View, onToggle: (open: boolean) => void}} options
 */
function cardDrawer({ card, onToggle }) {
  /** @type {number | null} */
  let row = null;
  const close = button({
    label: "Close the card (Esc)",
    icon: icons.cross,
    class: "sl-square",
    "data-testid": "close-card",
    onclick: () => open(null),
  });
  const node = html`<aside class="sl-card-pane" aria-label="Component card" hidden data-testid="card-pane">
    <div class="sl-card-close">${close}</div>
    ${card.node}
  </aside>`;

  /** @param {number | null} next null: it is closed */
  function open(next) {
    const turned = (next === null) !== (row === null);
    row = next;
    node.hidden = next === null;
    card.update({ row: next });
    if (next !== null) close.focus();
    if (turned) onToggle(next !== null);
  }

  return {
    node,
    open,
    get isOpen() {
      return row !== null;
    },
    update: card.update,
    destroy: card.destroy,
  };
}

const whichPrediction = () =>
  statePane(
    "prediction-empty",
    "Which prediction should be explained?",
    "Choose an image of the data set, or open or drop one of your own. Then the components that carried the prediction stand here, with where in the image they act and the path they take.",
    html`<p class="sl-quiet sl-id">lens.image = 0</p>`,
  );

/** @param {() => void} onBack */
const browseHead = (onBack) =>
  html`<div class="sl-picture-bar">
    <h3 class="sl-heading">Choose an image</h3>
    <span class="sl-spring" />
    ${button({ text: "Back", class: "sl-outlined", "data-testid": "browse-back", onclick: onBack })}
  </div>`;

/**
 * @param {import("../window/tabs.js").TabContext} context
 * @returns {import("../window/tabs.js").TabView}
 */
export function predictionView({ ask, source, catalog, banner, say, fail: told, act, tell, work }) {
  const engine = predictionSource(ask);
  /** @type {import("./source.js").Prediction | null} */
  let prediction = null;
  /** @type {readonly number[]} */
  let selection = [];
  /** @type {import("./picture.js").Mode} */
  let mode = "component";
  /** @type {number | null} */
  let hovered = null;
  let browsing = false;
  let chosenHere = false;
  /** @type {AbortController | undefined} */
  let explaining;
  /** @type {AbortController | undefined} */
  let walking;

  const picture = picturePane({
    source: engine,
    fail,
    onMode(next) {
      mode = next;
      paint();
    },
    onPicture: (file, name) =>
      explain(
        { name, image: null },
        `lens.image = PIL.Image.open(${literal(name)})`,
        `Explaining ${name}`,
        file,
      ),
    onImage,
    onTarget: (target) => explain({ target }, `lens.target = ${literal(target)}`, `Explaining ${target}`),
    onBrowse: () => browse(true),
  });
  const maps = shownMaps({ engine, catalog, picture, fail });
  const browser = imageBrowser({ source: engine, onImage, work, fail });
  const bars = barsPane({
    source,
    catalog,
    onSelect: select,
    onHover(row) {
      hovered = row;
      paint();
    },
    onOpen: (row) => drawer.open(row),
    onMethod: (method) =>
      explain({ method }, `lens.method = ${literal(method)}`, `Explaining by ${methodName(method)}`),
    fail,
  });
  const circuit = circuitPane({
    source,
    catalog,
    onSelect: select,
    onOpen: (row) => drawer.open(row),
    onChange: walk,
    onCopied: (depth, top) => tell(`lens.explanation.circuit(depth=${depth}, top=${top}).to_rows()`),
    fail,
  });
  const drawer = cardDrawer({
    card: cardView({ ask, source, onSelect: select, onPin: null, say, fail }),
    onToggle(open) {
      circuit.node.hidden = open;
      if (!open) bars.focus();
    },
  });
  const left = html`<div class="sl-prediction-left" />`;
  const invitation = html`<div class="sl-prediction-wait" />`;
  const node = html`<div class="sl-prediction-tab sl-banner-place" data-testid="prediction">
    <div class="sl-prediction-panes">${left}${invitation}${bars.node}${circuit.node}${drawer.node}</div>
  </div>`;

  /** @param {unknown} error */
  function fail(error) {
    const { name, message } = /** @type {Error} */ (error);
    if (name === "UnsupportedModel")
      banner.show({
        kind: "error",
        text: "LRP has no rule for this model.",
        detail: message,
        action: {
          text: "Use gradient",
          onclick() {
            banner.hide();
            explain({ method: "gradient" }, 'lens.method = "gradient"', "Explaining by gradient");
          },
        },
      });
    else told(error);
  }

  /** @param {number} image */
  function onImage(image) {
    explain({ image }, `lens.image = ${image}`, `Explaining image ${image}`);
  }

  /**
   * @param {Parameters<typeof engine.explain>[0]} wish @param {string} python @param {string} what
   * @param {Blob} [file]
   */
  async function explain(wish, python, what, file) {
    explaining?.abort();
    const controller = new AbortController();
    explaining = controller;
    node.setAttribute("aria-busy", "true");
    try {
      await work(what, (options) => engine.explain(wish, { ...options, picture: file }), controller);
      chosenHere = true;
      tell(python);
      banner.hide("error");
      if ("image" in wish) browse(false);
    } catch (error) {
      if (!isAbort(error)) fail(error);
      // What was chosen did not happen: the controls show again what is.
      if (explaining === controller) show();
    } finally {
      if (explaining === controller) node.removeAttribute("aria-busy");
    }
  }

  /** @param {number[]} rows */
  function select(rows) {
    if (!same(rows, selection)) act("selection", rows);
    if (mode !== "component") {
      mode = "component";
      paint();
    }
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
      browsing = browsing && next.state === "ready" && !chosenHere;
      chosenHere = false;
      show();
      if (next.state !== "ready") return;
      const { image, target } = /** @type {Required<import("./source.js").Prediction>} */ (next);
      say(`image ${image.name}: ${target.name} explained, ${target.text}`);
      const { depth, top } = circuit.wish();
      walk(depth, top);
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
        fill(
          left,
          browseHead(() => browse(false)),
          browser.node,
        );
      } else fill(left, picture.node);
      paint();
      return;
    }
    drawer.node.hidden = true;
    if (state === "empty" && prediction) {
      browser.open(prediction.data);
      fill(left, picture.place, browser.node);
      fill(invitation, whichPrediction());
    } else {
      fill(left);
      fill(
        invitation,
        state !== "asking" && statePane("prediction-no-model", "No model at hand", prediction?.message ?? ""),
      );
    }
    left.hidden = !left.firstChild;
  }

  /** The map that is looked at: of the hovered component, else of the selected one, else of the strongest. */
  function paint() {
    if (prediction?.state !== "ready") return;
    maps.show(hovered ?? selection[0] ?? bars.first(), hovered === null ? mode : "component");
  }

  /** @param {number} depth @param {number} top */
  async function walk(depth, top) {
    walking?.abort();
    const controller = new AbortController();
    walking = controller;
    circuit.node.setAttribute("aria-busy", "true");
    try {
      const found = await work(
        "Following relevance",
        (options) => engine.circuit(depth, top, options),
        controller,
      );
      if (controller.signal.aborted) return;
      circuit.draw(found);
      circuit.select(selection);
    } catch (error) {
      if (!isAbort(error)) fail(error);
    } finally {
      if (walking === controller) circuit.node.removeAttribute("aria-busy");
    }
  }

  function figures() {
    const row = selection[0] ?? bars.first();
    const id = mode === "component" && row !== null ? (catalog.get(row)?.id ?? null) : null;
    const options = { ...(id && { component: id }), ...(bars.layer() && { layer: bars.layer() }) };
    return [
      { view: "prediction", title: "Prediction", options },
      { view: "circuit", title: "Circuit", options: circuit.wish().depth ? circuit.wish() : {} },
    ];
  }

  return {
    node,
    figures,
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
        if (drawer.isOpen && selection.length) drawer.open(selection[0]);
        paint();
      }
      if ("explanation_version" in changed) predictionWanted.start();
      if ("relevance_version" in changed) drawer.update({ stale: true });
      if ("relabelled" in changed) {
        const rows = prediction?.state === "ready" ? [...node.querySelectorAll("[data-row]")] : [];
        catalog.want(rows.map((row) => Number(/** @type {HTMLElement} */ (row).dataset.row)));
        drawer.update({ stale: true });
      }
    },
    destroy() {
      for (const work of [explaining, walking]) work?.abort();
      for (const wanted of [predictionWanted, maps]) wanted.stop();
      for (const part of [picture, browser, bars, circuit, drawer]) part.destroy();
    },
  };
}
