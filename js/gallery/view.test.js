import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { catalog } from "../shared/catalog.js";
import { remember } from "../shared/preferences.js";
import { openingTop } from "../shared/preview.js";
import { all, byId, componentOf, hitsOf, idOf, meaningOf, NULL, press, settled } from "../testing/toy.js";
import { galleryView } from "./view.js";

const WAYS = {
  shorter: [{ query: "red", without: "cup" }],
  spelling: ["toffee"],
  meaning: ["green"],
  images: [
    { name: "img3.png", label: "toy", score: 0.31 },
    { name: "img7.png", label: null, score: 0.28 },
  ],
  sheet: new Blob([]),
};
const HOSTILE = '<img src=x onerror="globalThis.hacked=1">';

describe("the gallery", () => {
  let gallery;
  let source;
  let selected;
  let queries;
  let said;
  let opened;
  let pinned;
  let component;
  beforeEach(() => {
    [selected, queries, said, opened, pinned] = [[], [], [], [], []];
    component = componentOf;
    source = {
      components: vi.fn(async (rows) => rows.map((row) => component(row))),
      sprite: vi.fn(async (rows, columns, size) => ({
        image: new Blob([]),
        columns,
        size,
        rows,
        counts: rows.map(() => 4),
      })),
      example: vi.fn(async (row, rank) => ({
        image: new Blob([]),
        response: 9 - rank,
        rank,
        of: 4,
        image_id: `img${row}`,
        label: "toy",
      })),
      ways: vi.fn(async () => WAYS),
      startWords: vi.fn(async () => []),
    };
    build();
  });

  function build() {
    const fail = (error) => {
      throw error;
    };
    gallery?.destroy();
    gallery = galleryView({
      source,
      catalog: catalog(source, fail),
      onSelect: (rows) => selected.push(rows),
      onQuery: (query) => queries.push(query),
      onLayer: () => {},
      onOpen: (row) => opened.push(row),
      onPin: (row) => pinned.push(row),
      announce: (text) => said.push(text),
      fail,
    });
    document.body.replaceChildren(gallery.node);
  }
  afterEach(() => {
    gallery.destroy();
    gallery = undefined;
  });

  const show = async (query, changed = {}) => {
    gallery.update({ vocabulary_hint: ["red", "green"], ...changed, hits: hitsOf(query, changed.layer) });
    await settled();
  };
  const rows = () => all(gallery.node, "gallery-row");
  const ids = () => rows().map((row) => row.dataset.id);

  it("lists components by score, with id, score, z and label, and says how many are above the null", async () => {
    await show("red");
    expect(ids().slice(0, 4)).toEqual([0, 3, 6, 9].map(idOf));
    expect(rows()[0].textContent).toContain(".300");
    expect(rows()[0].textContent).toContain(meaningOf(0));
    expect(byId(gallery.node, "found").textContent).toBe("4 of 12 above the null");
    expect(said.at(-1)).toBe("red: 4 of 12 components above the null");
  });

  it("cuts the list at the null and greys what lies inside", async () => {
    await show("red");
    expect(byId(gallery.node, "null-divider").textContent).toBe(
      "Not above chance (p > .01): 8 components, no evidence of the concept",
    );
    expect(
      rows()
        .map((row) => row.classList.contains("sl-inside"))
        .slice(3, 5),
    ).toEqual([false, true]);
    expect(rows()[4].style.top).toBe(`${4 * 56 + 26}px`);
  });

  it("greys the hits before the one that the answer stands on, and says why", async () => {
    const hits = hitsOf("red");
    gallery.update({ hits: { ...hits, best: { ...hits.best, rank: 2 } } });
    await settled();
    const some = rows().slice(0, 5);
    expect(some.map((row) => row.classList.contains("sl-inside"))).toEqual([true, true, false, false, true]);
    expect(some.map((row) => row.title.startsWith("passed over"))).toEqual([true, true, false, false, false]);
    expect(some[0].getAttribute("aria-label")).toContain("passed over");
    expect(some[4].getAttribute("aria-label")).toContain("not above chance");
  });

  it("is a grid that says how many rows it has, with one row to tab to", async () => {
    await show("red");
    const table = byId(gallery.node, "gallery-grid");
    expect(table.getAttribute("role")).toBe("grid");
    expect(table.getAttribute("aria-rowcount")).toBe("13");
    expect(rows()[2].getAttribute("aria-rowindex")).toBe("4");
    expect(rows().filter((row) => row.tabIndex === 0)).toHaveLength(1);
  });

  it("draws only what is in sight of 50,000 components, and asks for their crops in one request", async () => {
    const count = 50_000;
    gallery.update({
      layer: "conv",
      hits: { ...hitsOf(""), count, total: count, rows: Int32Array.from({ length: count }, (_, i) => i) },
    });
    await settled();
    expect(rows().length).toBeLessThan(30);
    expect(source.sprite).toHaveBeenCalledTimes(1);
    expect(source.sprite.mock.calls[0][0]).toHaveLength(rows().length);
    expect(byId(gallery.node, "gallery-grid").getAttribute("aria-rowcount")).toBe("50001");
  });

  describe("in a window of another width", () => {
    const shown = () => rows()[0].querySelectorAll(".sl-crop").length;
    const width = (px) =>
      vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockReturnValue(/* of label and crops */ px / 2);
    afterEach(() => {
      vi.restoreAllMocks();
      remember({ columns: 0, figureTheme: "print", keys: true });
    });

    it("rows show as many crops as there is room for, and only what was not fetched yet is asked for", async () => {
      await show("red");
      expect(shown()).toBe(8);
      width(925);
      await show("green");
      expect(shown()).toBe(13);
      expect(source.sprite.mock.lastCall[1]).toBe(13);
      const asked = source.sprite.mock.calls.length;
      width(430);
      await show("red");
      expect(shown()).toBe(6);
      expect(source.sprite).toHaveBeenCalledTimes(asked);
      expect(gallery.node.style.getPropertyValue("--sl-strip")).toBe("298px");
    });

    it("a person may want no more than some", async () => {
      remember({ columns: 4, figureTheme: "print", keys: true });
      build();
      width(925);
      await show("red");
      expect(shown()).toBe(4);
    });
  });

  it("click selects, Ctrl adds as primary, and a second Ctrl takes out", async () => {
    await show("red");
    rows()[1].click();
    rows()[2].dispatchEvent(new MouseEvent("click", { bubbles: true, ctrlKey: true }));
    expect(selected).toEqual([[3], [6, 3]]);
    expect(
      rows()
        .map((row) => row.getAttribute("aria-selected"))
        .slice(0, 4),
    ).toEqual(["false", "true", "true", "false"]);
    expect(rows()[2].classList.contains("sl-primary")).toBe(true);
    rows()[2].dispatchEvent(new MouseEvent("click", { bubbles: true, metaKey: true }));
    expect(selected.at(-1)).toEqual([3]);
  });

  it("follows a selection set elsewhere, without sending it back", async () => {
    await show("red");
    gallery.update({ selection: [6] });
    expect(rows()[2].classList.contains("sl-primary")).toBe(true);
    expect(selected).toEqual([]);
  });

  it("keys step, jump, open, pin and add", async () => {
    await show("red");
    rows()[0].focus();
    press(document.activeElement, "j");
    press(document.activeElement, "ArrowDown");
    press(document.activeElement, "k");
    expect(selected).toEqual([[3], [6], [3]]);
    expect(document.activeElement.dataset.position).toBe("1");
    press(document.activeElement, "End");
    expect(document.activeElement.dataset.position).toBe("11");
    press(document.activeElement, "Home");
    press(document.activeElement, "ArrowDown", { ctrlKey: true });
    press(document.activeElement, " ", { ctrlKey: true });
    expect(selected.at(-1)).toEqual([3, 0]);
    press(document.activeElement, "Enter");
    press(document.activeElement, " ");
    expect([opened, pinned]).toEqual([[3], [3]]);
  });

  it("the examples of a row are reached by arrows, and told", async () => {
    await show("red");
    rows()[0].focus();
    press(document.activeElement, "ArrowRight");
    press(document.activeElement, "ArrowRight");
    await settled();
    await settled();
    expect(source.example.mock.lastCall.slice(0, 2)).toEqual([0, 1]);
    expect(byId(gallery.node, "preview").hidden).toBe(false);
    expect(said.at(-1)).toBe("example 2 of 4, activation 8.0, image img0, toy");
    press(document.activeElement, "Escape");
    expect(byId(gallery.node, "preview").hidden).toBe(true);
  });

  it("asks one question when nothing is asked, and offers words and everything", async () => {
    await show("");
    expect(rows()).toEqual([]);
    all(gallery.node, "vocabulary-word")[1].click();
    expect(queries).toEqual(["green"]);
    byId(gallery.node, "browse-all").click();
    await settled();
    expect(ids()[0]).toBe(idOf(0));
    expect(byId(gallery.node, "found").textContent).toBe("12 components");
  });

  it("says that a concept is not found, how sure that is, and shows the closest greyed", async () => {
    await show("coffee");
    expect(byId(gallery.node, "not-found-title").textContent).toBe("“coffee” is not found in this model");
    expect(byId(gallery.node, "state-not-found").textContent).toContain(
      "Best conv1:0 scores .01 (z = −.2, p = .34 over all), no better than random images.",
    );
    expect(byId(gallery.node, "could-show").textContent).toBe("No image shows it either.");
    expect(all(gallery.node, "closest")).toHaveLength(3);
    expect(all(gallery.node, "closest")[0].textContent).toContain(idOf(0));
    byId(gallery.node, "clear-query").click();
    expect(queries).toEqual([""]);
  });

  it("offers ways on: shorter queries, words near by, the closest images", async () => {
    await show("coffee");
    await settled();
    expect(all(gallery.node, "way-on").map((way) => way.textContent)).toEqual([
      "Search “red” without “cup”",
      "toffee",
      "green",
    ]);
    expect(all(gallery.node, "closest-image").map((image) => image.textContent)).toEqual([
      "toy .31",
      "img7.png .28",
    ]);
    all(gallery.node, "way-on")[0].click();
    expect(queries).toEqual(["red"]);
    await show("red");
    expect(source.ways).toHaveBeenCalledTimes(1);
    expect(byId(gallery.node, "gallery-grid").hidden).toBe(false);
  });

  it("begins with words that are found, where the kernel knows some", async () => {
    source.startWords = vi.fn(async () => ["blue"]);
    build();
    await show("");
    await settled();
    expect(all(gallery.node, "vocabulary-word").map((word) => word.textContent)).toEqual(["blue"]);
    await show("red");
    await show("");
    expect(source.startWords).toHaveBeenCalledTimes(1);
  });

  it("a page of text as a query is no page in what is said about it", async () => {
    await show("word ".repeat(2000));
    expect(byId(gallery.node, "not-found-title").textContent.length).toBeLessThan(200);
  });

  it("says what ranks where another component is further from chance than the first", async () => {
    const hits = hitsOf("red");
    gallery.update({ hits });
    expect(byId(gallery.node, "null-best").textContent).not.toContain("first by score");
    const z = hits.z.slice();
    z[1] = z[0] + 1;
    gallery.update({ hits: { ...hits, z } });
    expect(byId(gallery.node, "null-best").textContent).toContain("first by score");
  });

  it("a best hit that beats chance but is far from the concept is not called random", async () => {
    const hits = hitsOf("coffee");
    const reason = "best conv1:0 scores .2 (p = .002 over all), but adjusted similarity .31, below .50";
    gallery.update({ hits: { ...hits, reason, by_chance: false } });
    const text = byId(gallery.node, "state-not-found").textContent;
    expect(text).toContain(
      "Best conv1:0 scores .2 (p = .002 over all), but adjusted similarity .31, below .50.",
    );
    expect(text).not.toContain("not above chance");
    expect(text).toContain("no evidence of the concept");
  });

  it("an answer that nobody could check is shown, and not called found", async () => {
    const message = "'red' unchecked: best layer3:0 …, but only 3 sampled images show it, too few to check";
    const hits = { ...hitsOf("red"), state: "unchecked", message };
    gallery.update({ hits });
    await settled();
    expect(byId(gallery.node, "unchecked").hidden).toBe(false);
    expect(byId(gallery.node, "unchecked").textContent).toBe(message);
    expect(byId(gallery.node, "found").textContent).toMatch(/above the null, unchecked$/);
    expect(rows().length).toBeGreaterThan(0);
    expect(said.at(-1)).toMatch(/unchecked$/);
    await show("red");
    expect(byId(gallery.node, "unchecked").hidden).toBe(true);
    expect(byId(gallery.node, "found").textContent).toMatch(/above the null$/);
  });

  it("a best hit that other images speak against is not found, and the message says why", async () => {
    const hits = hitsOf("coffee");
    const message = "'coffee' not found: but AUROC only .60 between the images that show it and the others";
    gallery.update({
      hits: {
        ...hits,
        message,
        reason: null,
        best: { ...hits.best, p_all: 0.002, adjusted_similarity: 0.9 },
      },
    });
    expect(byId(gallery.node, "state-not-found").textContent).toContain(message);
  });

  it("a component that nothing else is like is not found in others", async () => {
    gallery.update({ hits: { ...hitsOf("coffee"), query: "layer4:3", query_components: ["layer4:3"] } });
    expect(byId(gallery.node, "not-found-title").textContent).toBe(
      "“layer4:3” is not found in other components",
    );
    expect(byId(gallery.node, "state-not-found").textContent).toContain("Best conv1:0 scores");
    gallery.update({ layer: "layer4" });
    expect(byId(gallery.node, "not-found-title").textContent).toBe(
      "“layer4:3” is not found in other components of this layer",
    );
  });

  it("a word the CLIP does not know is said to be unknown, and nothing is scored", async () => {
    gallery.update({
      hits: { ...hitsOf("qwxz"), unknown_words: ["qwxz"], message: "toy-clip does not know 'qwxz'" },
    });
    const text = byId(gallery.node, "state-not-found").textContent;
    expect(text).toContain("This cannot be searched");
    expect(text.split("qwxz"), "the word is said once").toHaveLength(2);
    expect(all(gallery.node, "closest")).toEqual([]);
    expect(byId(gallery.node, "null-strip").hidden).toBe(true);
  });

  it("a selection made elsewhere comes into sight, and takes no focus", async () => {
    await show("");
    byId(gallery.node, "browse-all").click();
    document.body.focus();
    gallery.update({ selection: [11] });
    expect(rows().at(-1).tabIndex).toBe(0);
    expect(byId(gallery.node, "gallery-scroll").scrollTop).toBe(12 * 56 - 448);
    expect(gallery.node.contains(document.activeElement)).toBe(false);
  });

  it("names that come late fill their rows and leave the others alone", async () => {
    await show("red");
    const first = rows()[0];
    gallery.update({ searching: false });
    await settled();
    expect(rows()[0]).toBe(first);
  });

  it("keeps the last rows while a new search runs, and says so", async () => {
    await show("red");
    gallery.update({ searching: true });
    expect(ids()[0]).toBe(idOf(0));
    expect(byId(gallery.node, "found").textContent).toBe("Searching…");
    expect(gallery.node.getAttribute("aria-busy")).toBe("true");
  });

  it("shows still rows and words before the first result", () => {
    gallery.update({ searching: true });
    expect(byId(gallery.node, "state-loading").textContent).toContain("Scoring components");
  });

  it("tells what to do with a lens that is not fitted", () => {
    gallery.update({ status: { state: "not-fitted", message: "Run lens.fit()." } });
    expect(byId(gallery.node, "state-plain").textContent).toContain("Run lens.fit().");
  });

  it("draws the null, one mark per component and the best by name", async () => {
    await show("red");
    const strip = byId(gallery.node, "null-strip");
    expect(strip.querySelector("svg").getAttribute("aria-label")).toContain(
      "best conv1:0 at z 7.0; 4 of 12 above p = .01",
    );
    expect(strip.querySelector(".sl-above").getAttribute("d").match(/M/g)).toHaveLength(4);
    expect(byId(gallery.node, "null-best").textContent).toContain("z = 7.0");
  });

  it("a row's bar passes its tick where the hit lies above the null, whatever its examples have in common", async () => {
    const hits = hitsOf("red", null);
    hits.null = { ...NULL, score_at_p01: NULL.mean + NULL.z_at_p01 * NULL.sd };
    const likeness = hits.scores.map((value, i) => value * Math.max(0.1, 1 - i / 5)); // alike by 1, .8, .6, …
    hits.z = likeness.map((value) => (value - NULL.mean) / NULL.sd);
    gallery.update({ hits });
    await settled();
    const bars = all(gallery.node, "gallery-row").map((row) => {
      const [bar, tick] = row.querySelector(".sl-bar").children;
      return [
        hits.z[row.dataset.position],
        Number.parseFloat(bar.style.width),
        Number.parseFloat(tick.style.left),
      ];
    });
    expect(bars.length).toBeGreaterThan(4);
    for (const [z, bar, tick] of bars) expect(bar > tick).toBe(z > NULL.z_at_p01);
  });

  it("hostile labels, ids and queries stay text", async () => {
    component = (row) => ({
      ...componentOf(row),
      id: HOSTILE,
      label: { text: HOSTILE, margin: 0.1, confident: true },
    });
    await show("red");
    expect(rows()[0].textContent).toContain(HOSTILE);
    await show(HOSTILE);
    expect(byId(gallery.node, "not-found-title").textContent).toContain(HOSTILE);
    expect(gallery.node.querySelector("img")).toBeNull();
  });
});

describe("the large crop", () => {
  it("opens below, above where there is no room, and never over the crop", () => {
    expect(openingTop({ top: 100, bottom: 148 }, 180, 638)).toBe(152);
    expect(openingTop({ top: 500, bottom: 548 }, 180, 638)).toBe(316);
    expect(openingTop({ top: 100, bottom: 148 }, 180, 200)).toBe(152);
  });
});
