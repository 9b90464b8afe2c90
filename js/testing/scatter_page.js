/** The audit's scatter alone on a page, of any number of planted components: for measures and pictures. */

import "../checklist/widget.js";
import { scatterView } from "../checklist/scatter.js";
import { REGIONS } from "../checklist/toy.js";
import { html } from "../shared/dom.js";

const bell = () =>
  Array.from({ length: 6 }, Math.random).reduce((sum, part) => sum + part - 0.5, 0) * Math.SQRT2;

/** @param {number} count @param {boolean} weighted @param {number} z */
function planted(count, weighted, z = 2.33) {
  const [valid, spurious] = [0, 1].map(() =>
    Float32Array.from({ length: count }, () => 1 + bell() + (Math.random() < 0.04 ? 3 * Math.random() : 0)),
  );
  const region = Uint8Array.from(valid, (value, at) => {
    const [good, bad] = [value > z, spurious[at] > z];
    return REGIONS.indexOf(good && bad ? "ambiguous" : good ? "valid" : bad ? "spurious" : "unexpected");
  });
  const rows = Int32Array.from({ length: count }, (_, at) => at);
  const relevance = Float32Array.from({ length: count }, () => (weighted ? bell() ** 5 / 9 : Number.NaN));
  return {
    target: null,
    level: 0.01,
    z,
    weighted,
    names: ["red", "ruler"],
    regions: Object.fromEntries(
      REGIONS.map((name, i) => [name, { count: region.filter((one) => one === i).length }]),
    ),
    points: {
      rows,
      valid,
      spurious,
      relevance,
      region,
      regions: REGIONS,
      validConcept: new Int16Array(count),
      spuriousConcept: new Int16Array(count).fill(1),
      at: new Map(Array.from(rows, (row) => [row, row])),
    },
  };
}

/** @param {{count: number, weighted: boolean, selection?: number[]}} options */
export function open({ count, weighted, selection = [] }) {
  const root = html`<div class="semlens" />`;
  root.style.cssText = "width:720px;height:460px;display:flex;flex-direction:column";
  document.body.replaceChildren(root);
  /** @type {any} */
  const catalog = {
    get: (/** @type {number} */ row) => ({ id: `layer4:${row}` }),
    want() {},
    onArrive: () => () => {},
  };
  /** @type {any} */
  const source = { sprite: () => new Promise(() => {}) };
  /** @type {number[]} */
  let chosen = [];
  const view = scatterView({
    source,
    catalog,
    onSelect(rows) {
      chosen = rows;
      view.update({ selection: rows });
    },
    onDecide() {},
    onThreshold() {},
    announce() {},
    fail: console.error,
  });
  root.append(view.node);
  const report = /** @type {any} */ (planted(count, weighted));
  view.update({ report, selection });
  return {
    redraw: () => view.update({ report: { ...report }, selection }),
    select: (/** @type {number[]} */ rows) => view.update({ selection: rows }),
    chosen: () => chosen,
  };
}
