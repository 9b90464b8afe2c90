import { describe, expect, it } from "vitest";
import { idOf as idIn, rowOf } from "../shared/labels.js";
import { LEVEL } from "../shared/scatter/marks.js";
import { bounds, unprojected } from "../shared/scatter/places.js";
import {
  all,
  byId,
  COMPONENTS,
  hitsOf,
  idOf,
  LAYERS,
  placesOf,
  press,
  settled,
  toyModel,
} from "../testing/toy.js";
import { opener, pick } from "../testing/window.js";
import { clusters, placed } from "./captions.js";
import { byNumber } from "./colours.js";
import { apart } from "./crops.js";
import { marksOf, radiiOf, radiusOf } from "./points.js";
import { fitted, zoomed } from "./projection.js";
import semanticMap from "./widget.js";

const open = opener(semanticMap);
const frame = () => new Promise((resolve) => setTimeout(resolve, 40));

describe("places and pixels", () => {
  it("a fitted projection shows every place inside the room, and back again", () => {
    const view = fitted(bounds(placesOf()), 800, 500);
    for (let row = 0; row < COMPONENTS - 1; row++) {
      const [x, y] = [placesOf()[2 * row], placesOf()[2 * row + 1]];
      const [px, py] = [x * view.sx + view.ox, y * view.sy + view.oy];
      expect(px).toBeGreaterThanOrEqual(0);
      expect(px).toBeLessThanOrEqual(800);
      expect(py).toBeGreaterThanOrEqual(0);
      expect(py).toBeLessThanOrEqual(500);
      expect(unprojected(view, px, py)[0]).toBeCloseTo(x, 5);
    }
  });

  it("zooming leaves the point under the pointer where it is", () => {
    const view = fitted([0, 0, 1, 1], 400, 300);
    const before = unprojected(view, 123, 45);
    const after = unprojected(zoomed(view, 3, 123, 45), 123, 45);
    expect(after[0]).toBeCloseTo(before[0], 9);
    expect(after[1]).toBeCloseTo(before[1], 9);
  });

  it("unexplained points are open, selected ones chosen, and those outside the layer far away", () => {
    const grey = [120, 120, 120];
    const palette = /** @type {any} */ ({ background: [255, 255, 255], strong: grey });
    const painted = /** @type {any} */ ({ colours: [[200, 0, 0]], of: Int16Array.of(0, 0, -1, 0) });
    const chosen = Uint8Array.of(0, 1, 0, 1);
    const { kinds, styles, levels, fades } = marksOf(painted, palette, chosen, (row) => row < 3);
    expect([...kinds].map((kind) => styles[kind].line !== undefined)).toEqual([false, false, true, false]);
    expect([...levels]).toEqual([LEVEL.usual, LEVEL.chosen, LEVEL.usual, LEVEL.away]);
    expect(fades).toBe(true);
  });

  it("points are larger by the relevance they have, by their number, and closer by", () => {
    const [none, little, against] = radiiOf(Float32Array.of(Number.NaN, 0.1, -0.4));
    expect(none).toBeLessThan(little);
    expect(little).toBeLessThan(against);
    const room = { width: 800, height: 500 };
    expect(radiusOf(room, 50_000, 1)).toBeLessThan(radiusOf(room, 500, 1));
    expect(radiusOf(room, 50_000, 1)).toBeLessThan(radiusOf(room, 50_000, 9));
  });

  it("crops that would cover each other give way, to the selected first", () => {
    const places = Float32Array.of(0, 0, 10, 0, 100, 0);
    const sight = { places, view: { sx: 1, sy: 1, ox: 0, oy: 0 }, chosen: Uint8Array.of(0, 1, 0) };
    expect(apart([0, 1, 2], sight)).toEqual([1, 2]);
  });

  it("captions stand over their densest place or under it, and never over each other", () => {
    const places = Float32Array.of(0.1, 0.4, 0.12, 0.4, 0.9, 0.9, 0.16, 0.42, 0.14, 0.41, 0.5, 0.5);
    const found = clusters(places, Int32Array.of(0, 0, 0, 1, 2, -1), 3);
    expect(found.map(({ word, count }) => [word, count])).toEqual([
      [0, 3],
      [1, 1],
      [2, 1],
    ]);
    expect(found[0].x).toBeCloseTo(0.11, 5);
    const view = fitted([0, 0, 1, 1], 500, 500);
    const [over, under, ...more] = placed(found, view, 500, 500, () => 80, 9);
    expect([over.cluster.word, under.cluster.word]).toEqual([0, 1]);
    const heightOf = (/** @type {number} */ row) => places[2 * row + 1] * view.sy + view.oy;
    expect(over.top + 16).toBeLessThan(heightOf(0));
    expect(under.top).toBeGreaterThan(heightOf(3));
    expect(more, "the third has room neither over its points nor under them").toEqual([]);
    expect(placed(found, view, 500, 500, () => 8, 9)).toHaveLength(3);
    const [{ left, right }] = placed([{ ...found[0], x: 1 }], view, 500, 500, () => 200, 9);
    expect([left, right], "beside the edge it stands inwards").toEqual([298, 498]);
    expect(
      placed([{ ...found[0], x: 1.5 }], view, 500, 500, () => 200, 9),
      "out of sight",
    ).toEqual([]);
  });

  it("ids and rows agree, also for signed layers", () => {
    const layers = [
      { name: "a", count: 3 },
      { name: "b", count: 4, signed: true },
    ];
    const ids = Array.from({ length: 7 }, (_, row) => idIn(layers, row));
    expect(ids).toEqual(["a:0", "a:1", "a:2", "b:0+", "b:1+", "b:0-", "b:1-"]);
    expect(ids.map((id) => rowOf(layers, id))).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("numbers below the mark have no colour where they are no evidence, and NaN is a ring", () => {
    const palette = {
      seq: [
        [0, 0, 0],
        [255, 255, 255],
      ],
      div: [],
      context: [9, 9, 9],
      cat: [],
    };
    const values = { about: "", mark: 0.5, signed: false, numbers: Float32Array.of(0.2, 0.6, 1, Number.NaN) };
    const { colours, of } = byNumber(values, palette, true);
    expect(colours[of[0]]).toEqual([9, 9, 9]);
    expect(colours[of[2]]).toEqual([255, 255, 255]);
    expect(of[3]).toBe(-1);
  });
});

describe("the map", () => {
  it("lists every component of the layer, with its word, or that none explains it", async () => {
    const el = await open(toyModel({ layers: LAYERS }));
    const rows = () => all(el, "map-list-row");
    expect(rows().map((row) => row.dataset.id)).toEqual(
      Array.from({ length: COMPONENTS }, (_, i) => idOf(i)),
    );
    expect(rows()[0].textContent).toContain("red");
    expect(rows()[4].textContent).toContain("unexplained (green?)");
    expect(rows()[11].textContent).toContain("never active");
  });

  it("stepping through the list selects, Ctrl+Space adds, and the set can be stepped through in its order", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    const list = byId(el, "map-list");
    press(list, "ArrowDown");
    expect(toy.state.selection).toEqual([1]);
    press(list, "ArrowDown", { ctrlKey: true });
    press(list, " ", { ctrlKey: true });
    expect(toy.state.selection).toEqual([2, 1]);
    byId(el, "map-list-selected").click();
    await frame();
    expect(all(el, "map-list-row").map((row) => row.dataset.id)).toEqual([idOf(2), idOf(1)]);
    press(list, "ArrowDown");
    expect(toy.state.selection).toEqual([1, 2]);
    expect(all(el, "map-list-row")).toHaveLength(2);
    byId(el, "map-clear").click();
    await frame();
    expect(toy.state.selection).toEqual([]);
    expect(all(el, "map-list-row")).toHaveLength(COMPONENTS);
  });

  it("a selection from a cell is listed, with the word most of it shares", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    toy.kernelSets({ selection: [3, 0, 6, 1] });
    await frame();
    expect(byId(el, "map-heading").textContent).toBe("4 selected");
    expect(byId(el, "map-common").textContent).toBe("red: 3 of 4");
    expect(all(el, "map-list-row").map((row) => row.dataset.id)).toEqual([3, 0, 6, 1].map(idOf));
  });

  it("a person's own word wins, also a hostile one, which stays text", async () => {
    const hostile = '<img src=x onerror="globalThis.hacked=1">';
    const toy = toyModel({ layers: LAYERS, own_labels: { [idOf(0)]: hostile } });
    const el = await open(toy);
    expect(all(el, "map-list-row")[0].textContent).toContain(hostile);
    expect(el.querySelector("img")).toBeNull();
    toy.kernelSets({ own_labels: { [idOf(4)]: "my word" } });
    await frame();
    expect(
      all(el, "map-list-row")
        .map((row) => row.textContent)
        .join(),
    ).toContain("my word");
  });

  it("colours can be chosen, and the list then goes by the number they show", async () => {
    const toy = toyModel({ layers: LAYERS });
    const el = await open(toy);
    const select = byId(el, "map-colour");
    expect([...select.options].map((option) => option.value)).toEqual([
      "label",
      "layer",
      "search",
      "clarity_centred",
    ]);
    pick(select, "clarity_centred");
    expect(toy.state.map_colour).toBe("clarity_centred");
    for (let i = 0; i < 3; i++) await settled();
    await frame();
    expect(byId(el, "map-legend").textContent).toContain("random sets stay below .20");
    expect(all(el, "map-list-row")[0].dataset.id).toBe(idOf(10));
  });

  it("coloured by a search, z is shown: each component stands against its own null, whatever its score", async () => {
    const found = hitsOf("red");
    // The component that scores the most has a null as high as that; the next has not.
    const { rows } = found;
    const hits = () => ({ ...found, z: found.z.map((value, i) => (i === 0 ? 1 : value)) });
    const el = await open(toyModel({ layers: LAYERS, query: "red", map_colour: "search" }, { hits }));
    await frame();
    expect(byId(el, "map-legend").textContent).toContain("z of red2.30");
    expect(byId(el, "map-legend").textContent).toContain("random sets stay below 2.30");
    const listed = all(el, "map-list-row").map((row) => row.dataset.id);
    expect(listed.slice(0, 4)).toEqual([...rows.slice(1, 4), rows[0]].map(idOf));
  });

  it("a selected component without a place has no mark, and gets one when it is placed", async () => {
    let known = placesOf().fill(Number.NaN);
    const map = () => ({ method: "pca", better: false, colours: ["layer"], places: known });
    const toy = toyModel({ layers: LAYERS, selection: [3] }, { map });
    const el = await open(toy);
    await frame();
    const mark = el.querySelector(".sl-primary-ring");
    expect([mark.hasAttribute("hidden"), mark.getAttribute("cx")]).toEqual([true, null]);
    known = placesOf();
    toy.kernelSets({ layout_version: 1 });
    for (let i = 0; i < 3; i++) await settled();
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(mark.hasAttribute("hidden")).toBe(false);
    expect(Number.isFinite(Number(mark.getAttribute("cx")))).toBe(true);
  });

  it("UMAP is asked for where it is better, can be stopped, and asked for again", async () => {
    const map = () => ({ method: "pca", better: true, colours: ["layer"], places: placesOf() });
    const toy = toyModel({ layers: LAYERS }, { map, compute_layout: () => new Promise(() => {}) });
    const el = await open(toy);
    expect(toy.asked("compute_layout")).toHaveLength(1);
    byId(el, "map-stop").click();
    expect(toy.sent.at(-1).kind).toBe("abort");
    expect(byId(el, "map-status").textContent).toContain("principal coordinates");
    byId(el, "map-umap").click();
    expect(toy.asked("compute_layout")).toHaveLength(2);
  });

  it("a preview is called one, and all can be laid out instead", async () => {
    const map = () => ({
      method: "umap",
      better: false,
      sample: 20_000,
      whole: 320,
      colours: [],
      places: placesOf(),
    });
    const toy = toyModel({ layers: LAYERS }, { map });
    const el = await open(toy);
    const status = byId(el, "map-status");
    expect(status.textContent).toContain("preview: 20,000 laid out, the others placed among them");
    expect(byId(el, "map-whole").title).toBe("Lay out all with UMAP: about 5 minutes");
    byId(el, "map-whole").click();
    expect(toy.asked("compute_layout").at(-1).args).toEqual({ whole: true });
  });

  it("a preview in a file is called one, and nothing is offered that no kernel can do", async () => {
    const map = () => ({
      method: "umap",
      better: false,
      sample: 20_000,
      whole: null,
      colours: [],
      places: placesOf(),
    });
    const el = await open(toyModel({ layers: LAYERS }, { map }));
    expect(byId(el, "map-status").textContent).toContain("preview: 20,000 laid out");
    expect(all(el, "map-whole")).toHaveLength(0);
  });

  it("a failure in the kernel is told, and the list stays", async () => {
    const toy = toyModel(
      { layers: LAYERS },
      {
        map_values: () => {
          throw Object.assign(new Error("no clarity"), { name: "ValueError" });
        },
      },
    );
    const el = await open(toy);
    toy.kernelSets({ map_colour: "clarity_centred" });
    for (let i = 0; i < 3; i++) await settled();
    expect(byId(el, "banner").textContent).toContain("no clarity");
    expect(all(el, "map-list-row").length).toBeGreaterThan(0);
  });
});
