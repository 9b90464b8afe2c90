import { describe, expect, it, vi } from "vitest";
import gallery from "../gallery/widget.js";
import searchBox from "../search_box/widget.js";
import { html } from "../shared/dom.js";
import { all, byId, hitsOf, idOf, LAYERS, press, settled, toyModel } from "../testing/toy.js";
import { answered, opener } from "../testing/window.js";
import { windowView } from "./view.js";
import lensWindow from "./widget.js";

const open = opener(lensWindow);

const ids = (el) =>
  all(el, "gallery-row")
    .sort((a, b) => a.dataset.position - b.dataset.position)
    .map((row) => row.dataset.id);
/** Long enough for work that goes on to be told. */
const noticed = () => new Promise((resolve) => setTimeout(resolve, 200));
const type = (el, text) => {
  const input = byId(el, "search-input");
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  press(input, "Enter");
};

describe("the window", () => {
  it("typing sets the query, and the gallery shows its hits", async () => {
    const toy = toyModel();
    const el = await open(toy);
    type(el, "green");
    await settled();
    await settled();
    expect(toy.state.query).toBe("green");
    expect(ids(el).slice(0, 4)).toEqual([1, 4, 7, 10].map(idOf));
    expect(byId(el, "python-line").textContent).toBe('lens.query = "green"');
  });

  it("the first hits are shown at once, and of many components the others come after them", async () => {
    const [count, n_above_null] = [5000, 3000];
    const rows = Int32Array.from({ length: count }, (_, at) => count - 1 - at);
    /** @type {any[]} */
    const asked = [];
    let release = () => {};
    const released = new Promise((resolve) => {
      release = () => resolve(null);
    });
    const toy = toyModel(
      { query: "red", layers: [{ name: "conv", count }] },
      {
        hits(part) {
          asked.push(part);
          const [since, end] = [part.since ?? 0, (part.since ?? 0) + (part.most ?? count)];
          const column = Float32Array.from({ length: count }, (_, at) => count - at).slice(since, end);
          const columns = { rows: rows.slice(since, end), scores: column, z: column, p: column };
          const answer = { ...hitsOf("red"), count, total: count, n_above_null, ...columns };
          return part.since ? released.then(() => answer) : answer;
        },
        components: ({ rows: some }) => ({
          components: some.map((row) => ({
            row,
            id: `conv:${row}`,
            layer: "conv",
            index: row,
            responses: [1],
          })),
        }),
      },
    );
    const el = await open(toy);
    const height = () => Number.parseFloat(byId(el, "gallery-scroll").firstElementChild.style.height);
    const some = height();
    expect(ids(el)[0]).toBe(`conv:${count - 1}`);
    expect(byId(el, "found").textContent).toBe("3,000 of 5,000 above the null");
    release();
    await vi.waitFor(() => expect(height()).toBeGreaterThan(2 * some), 5000);
    expect(asked).toEqual([{ most: 2000 }, { since: 2000 }]);
    byId(el, "gallery-scroll").scrollTop = height();
    byId(el, "gallery-scroll").dispatchEvent(new Event("scroll"));
    await vi.waitFor(() => expect(ids(el)).toContain("conv:0"), 5000);
    expect(all(el, "gallery-row").length).toBeLessThan(40);
  });

  it("a tab named like a part of every object is no tab, and a long name leaves the tabs room", async () => {
    const toy = toyModel();
    const el = await open(toy);
    const name = "n".repeat(190);
    toy.kernelSets({
      tabs: ["constructor", "search", "__proto__", "map", "toString"],
      tab: "constructor",
      title: name,
    });
    await settled();
    expect(all(el, "tab-search").length + all(el, "tab-map").length).toBe(2);
    expect([...el.querySelectorAll("[role=tab]")].length).toBe(2);
    expect(byId(el, "title").title).toBe(name);
    byId(el, "tab-search").click();
    await settled();
    expect(byId(el, "tab-search").getAttribute("aria-selected")).toBe("true");
  });

  it("says that it searches from when the person asks, while the kernel makes ready", async () => {
    const toy = toyModel();
    const el = await open(toy);
    toy.model.save_changes = () => {}; // a kernel that loads its CLIP before it answers
    type(el, "green");
    await noticed();
    expect(byId(el, "state-loading").textContent).toContain("Searching…");
    toy.kernelSets({ query: "green" });
    await settled();
    await settled();
    expect(all(el, "state-loading").every((state) => state.closest("[hidden]"))).toBe(true);
    expect(ids(el)[0]).toBe(idOf(1));
  });

  it("does not say that it searches where there is no kernel to ask", async () => {
    const toy = toyModel();
    const el = await open(toy);
    toy.kill();
    type(el, "green");
    await noticed();
    expect(all(el, "state-loading")).toEqual([]);
    expect(byId(el, "banner").dataset.kind).toBe("gone");
    expect(toy.state.query).toBe("");
  });

  it("no longer says that it searches where the kernel refuses", async () => {
    const toy = toyModel();
    const el = await open(toy);
    toy.model.save_changes = () => {};
    type(el, "-green");
    await noticed();
    toy.fire("msg:custom", { kind: "event", name: "error", type: "ValueError", message: "add a word" }, []);
    await settled();
    expect(all(el, "state-loading")).toEqual([]);
    expect(byId(el, "banner").textContent).toContain("add a word");
    expect(byId(el, "state-empty")).toBeTruthy();
  });

  it("a query, a layer and a selection set from a cell move the window", async () => {
    const toy = toyModel();
    const el = await open(toy);
    toy.kernelSets({ query: "blue", layer: "conv2", selection: [8, 5] });
    await settled();
    await settled();
    expect(byId(el, "chip").dataset.text).toBe("blue");
    expect(ids(el)[0]).toBe(idOf(5));
    expect(byId(el, "layer-filter").selectedIndex).toBe(2);
    expect(all(el, "selected-id").map((node) => node.textContent)).toEqual([idOf(8), idOf(5)]);
    expect(byId(el, "card-id").textContent).toBe(idOf(8));
  });

  it("a click ends as ids in the footer, a line of Python, and a card", async () => {
    const toy = toyModel({ query: "red" });
    const el = await open(toy);
    all(el, "gallery-row")
      .find((row) => row.dataset.position === "1")
      .click();
    await settled();
    expect(toy.state.selection).toEqual([3]);
    expect(toy.state.python).toBe('lens.selection = ["conv1:3"]');
    expect(byId(el, "card-title").textContent).toBe("red");
    expect(byId(el, "histogram").getAttribute("aria-label")).toContain("top 4 from 6.0");
    byId(el, "sibling").click();
    expect(toy.state.selection).toEqual([6]);
  });

  it("a pinned card stays while others are looked at", async () => {
    const toy = toyModel({ query: "red", selection: [0] });
    const el = await open(toy);
    byId(el, "pin").click();
    toy.kernelSets({ selection: [3] });
    await settled();
    expect([...el.querySelectorAll('[data-testid="card-id"]')].map((node) => node.textContent)).toEqual([
      idOf(0),
      idOf(3),
    ]);
    byId(el, "unpin").click();
    expect(byId(el, "pinned-card").hidden).toBe(true);
  });

  it("/ goes to the search box, Escape clears, ? shows the keys", async () => {
    const toy = toyModel({ query: "red" });
    const el = await open(toy);
    const row = all(el, "gallery-row")[0];
    row.focus();
    press(row, "/");
    expect(document.activeElement).toBe(byId(el, "search-input"));
    row.focus();
    press(row, "Escape");
    expect(toy.state.query).toBe("");
    press(byId(el, "help-button"), "?");
    expect(byId(el, "help").textContent).toContain("go to the search box");
    press(byId(el, "help-close"), "Escape");
    expect(all(el, "help")).toEqual([]);
  });

  it("an exception in the kernel is a banner that can be dismissed; the last result stays", async () => {
    const toy = toyModel({ query: "red" });
    const el = await open(toy);
    toy.fire(
      "msg:custom",
      { kind: "event", name: "error", type: "ValueError", message: "<b>no</b> such word" },
      [],
    );
    expect(byId(el, "banner").textContent).toContain("<b>no</b> such word");
    expect(byId(el, "banner").querySelector("p b + b")).toBeNull();
    expect(ids(el)[0]).toBe(idOf(0));
    byId(el, "banner-dismiss").click();
    expect(all(el, "banner")).toEqual([]);
  });

  it("a failure belongs to the tab that is open: another tab opens without it", async () => {
    const toy = toyModel({ layers: LAYERS, tabs: ["search", "map"] });
    const el = await open(toy);
    toy.fire(
      "msg:custom",
      { kind: "event", name: "error", type: "NeedsKernel", message: "no CLIP here" },
      [],
    );
    byId(el, "tab-search").click();
    expect(byId(el, "banner").textContent).toContain("no CLIP here");
    byId(el, "tab-map").click();
    expect(all(el, "banner")).toEqual([]);
    toy.fire("msg:custom", { kind: "event", name: "error", type: "ValueError", message: "no layout" }, []);
    expect(byId(el, "semantic-map").contains(byId(el, "banner"))).toBe(true);
    toy.kernelSets({ tab: "search" });
    await settled();
    expect(all(el, "banner")).toEqual([]);
  });

  it("hits that fail are told, and the next that succeed take the banner away", async () => {
    let broken = true;
    const toy = toyModel(
      { query: "red" },
      {
        hits: () => {
          if (broken) throw Object.assign(new Error("the space is empty"), { name: "ValueError" });
          return hitsOf("");
        },
      },
    );
    const el = await open(toy);
    expect(byId(el, "banner").textContent).toContain("the space is empty");
    broken = false;
    toy.kernelSets({ query: "" });
    await settled();
    expect(all(el, "banner")).toEqual([]);
  });

  it("a kernel that is gone is told; everything drawn stays readable", async () => {
    const toy = toyModel({ query: "red", selection: [0] });
    const el = await open(toy);
    toy.kill();
    expect(byId(el, "banner").textContent).toContain("Run the cell again to reconnect");
    expect(ids(el)[0]).toBe(idOf(0));
    expect(byId(el, "card-id").textContent).toBe(idOf(0));
  });

  it("nothing looks as if it worked without a kernel: no selection, no line of Python; tabs open all the same", async () => {
    const toy = toyModel({
      query: "red",
      selection: [0],
      python: "lens.query = 'red'",
      tabs: ["search", "map"],
      tab: "search",
    });
    const el = await open(toy);
    toy.kill();
    all(el, "gallery-row")[1].click();
    await answered();
    expect(all(el, "selected-id").map((node) => node.textContent)).toEqual([idOf(0)]);
    expect(all(el, "gallery-row")[1].getAttribute("aria-selected")).toBe("false");
    expect(byId(el, "python-line").textContent).toBe("lens.query = 'red'");
    byId(el, "tab-map").click();
    expect(byId(el, "tab-map").getAttribute("aria-selected")).toBe("true");
    expect(toy.state).toMatchObject({ selection: [0], tab: "search" });
    expect(byId(el, "figure-button").getAttribute("aria-disabled")).toBe("true");
    expect(byId(el, "help-button").hasAttribute("aria-disabled")).toBe(false);
  });

  it("a reply whose buffers are not as they are named is refused", async () => {
    const el = await open(toyModel({ query: "red" }, { hits: () => ({ buffers: [["rows", "I32", [3]]] }) }));
    await answered(); // they are asked for once more, as text
    expect(byId(el, "banner").textContent).toContain("0 buffers came; expected 1");
  });

  it("two windows on one lens agree, and closing one leaves the other alone", async () => {
    const toy = toyModel();
    const [one, other] = [await open(toy), await open(toy)];
    type(one, "red");
    await settled();
    await settled();
    expect(byId(other, "chip").dataset.text).toBe("red");
    expect(ids(other)).toEqual(ids(one));
    open.close(one);
    expect(one.children).toHaveLength(0);
    toy.kernelSets({ query: "green" });
    await settled();
    await settled();
    expect(ids(other)[0]).toBe(idOf(1));
    open.close(other);
    expect(toy.listenerCount()).toBe(0);
  });

  it("describing and evaluating are told in the footer, whatever tab is open, and given up there", async () => {
    const waits = () => new Promise(() => {});
    const toy = toyModel(
      { tabs: ["describe", "evaluate"], tab: "describe" },
      { describe: waits, evaluate: waits },
    );
    const el = await open(toy);
    for (const [verb, other] of [
      ["describe", "evaluate"],
      ["evaluate", "describe"],
    ]) {
      byId(el, `tab-${verb}`).click();
      await settled();
      byId(el, verb).click();
      const [asked] = toy.asked(verb);
      toy.fire("msg:custom", { kind: "progress", id: asked.id, done: 3, total: 9, what: "Component" }, []);
      byId(el, `tab-${other}`).click();
      await vi.waitFor(() => expect(byId(el, "work").hidden).toBe(false));
      expect(all(el, "work")).toHaveLength(1);
      expect(byId(el, "work").closest("footer"), "its own tab is closed").not.toBeNull();
      expect(byId(el, "work").textContent).toContain("Component 3 of 9");
      byId(el, `tab-${verb}`).click();
      expect([byId(el, "work").hidden, all(el, "work-here").length]).toEqual([true, 1]);
      byId(byId(el, "work-here"), "cancel-work").click();
      await settled();
      expect(toy.sent.at(-1)).toMatchObject({ kind: "abort", id: asked.id });
      expect([byId(el, "work").hidden, all(el, "work-here").length]).toEqual([true, 0]);
    }
  });

  it("opens tabs by name, tells a tab opened late what it missed, and ignores names it does not know", () => {
    const told = vi.fn();
    const tab = (title) => ({
      title,
      mount: () => ({
        node: html`<div><p class="sl-banner-place">${title}</p></div>`,
        tools: html`<b>${title} tool</b>`,
        update: told,
        destroy: () => {},
      }),
    });
    const set = vi.fn();
    const banner = { node: html`<div />`, show: () => {}, hide: () => {} };
    const catalog = { get: () => undefined, want: () => {}, onArrive: () => () => {}, clear: () => {} };
    const view = windowView(
      { source: {}, catalog, banner, announce: () => {}, set, fail: () => {} },
      { search: tab("Search"), map: tab("Map") },
    );
    document.body.append(view.node);
    view.update({ tabs: ["search", "unknown", "map"], query: "red" });
    expect([...view.node.querySelectorAll("[role=tab]")].map((node) => node.textContent)).toEqual([
      "Search",
      "Map",
    ]);
    told.mockClear();
    press(byId(view.node, "tab-search"), "ArrowRight");
    expect(told.mock.calls[0][0]).toMatchObject({ query: "red", tab: "map" });
    expect(set).toHaveBeenCalledWith({ tab: "map" });
    expect(byId(view.node, "tab-map").getAttribute("aria-selected")).toBe("true");
    expect(view.node.querySelector(".sl-tools b").textContent).toBe("Map tool");
    expect(banner.node.parentElement.textContent).toBe("Map");
    press(byId(view.node, "tab-map"), "ArrowLeft");
    expect(banner.node.parentElement.textContent).toBe("Search");
    view.destroy();
  });
});

describe("the single widgets", () => {
  it("SearchBox needs a query and nothing else", async () => {
    const toy = toyModel();
    for (const name of Object.keys(toy.state)) if (name !== "query") delete toy.state[name];
    const el = await open(toy, searchBox);
    type(el, "red");
    expect(toy.state.query).toBe("red");
    expect(toy.asked("hits")).toEqual([]);
  });

  it("Gallery shows hits and sets the selection and the layer", async () => {
    const toy = toyModel({ query: "red" });
    const el = await open(toy, gallery);
    all(el, "gallery-row")[0].click();
    expect(toy.state.selection).toEqual([0]);
    const filter = byId(el, "layer-filter");
    filter.selectedIndex = 2;
    filter.dispatchEvent(new Event("change"));
    await settled();
    await settled();
    expect(toy.state.layer).toBe("conv2");
    expect(ids(el)[0]).toBe(idOf(6));
  });
});
