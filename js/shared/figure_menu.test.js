import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { byId, settled } from "../testing/toy.js";
import { figureMenu } from "./figure_menu.js";

function menu(
  answer = async () => ({
    name: "search.pdf",
    caption: "Hits.",
    file: new Blob(["%PDF"], { type: "application/pdf" }),
  }),
) {
  const asked = [];
  const told = [];
  const failed = [];
  const said = [];
  const made = figureMenu({
    ask: (verb, args) => {
      asked.push({ verb, ...args });
      return answer(args);
    },
    work: (_, ask) => ask({}),
    showPython: (python) => told.push(python),
    announce: (text) => said.push(text),
    fail: (error) => failed.push(error),
  });
  document.body.append(made.node);
  made.update({ tab: "search", title: "Search", figures: ["search", "map"] });
  return { ...made, asked, told, failed, said };
}

beforeEach(() => {
  URL.createObjectURL = vi.fn(() => "blob:figure");
  URL.revokeObjectURL = vi.fn();
});
afterEach(() => document.body.replaceChildren());

describe("the figure button", () => {
  it("asks for what was chosen, downloads it, and tells the line that makes it again", async () => {
    const { node, asked, told, said } = menu();
    const clicked = [];
    node.ownerDocument.defaultView.HTMLAnchorElement.prototype.click = function () {
      clicked.push(this.getAttribute("download"));
    };
    byId(node, "figure-button").click();
    expect(byId(node, "figure-python").textContent).toBe(
      'lens.figure("search", width_mm=180).save("search.pdf")',
    );
    byId(node, "figure-format-svg").click();
    byId(node, "figure-width-88").click();
    byId(node, "figure-save").click();
    await settled();
    expect(asked).toEqual([
      { verb: "figure", view: "search", format: "svg", width: 88, theme: "print", options: {} },
    ]);
    expect(clicked).toEqual(["search.pdf"]);
    expect(told).toEqual(['lens.figure("search", width_mm=88).save("search.svg")']);
    expect(said[0]).toContain("Hits.");
    expect(byId(node, "figure-menu").hidden).toBe(true);
  });

  it("shows what the view shows, one of several figures, at the moment it is opened", async () => {
    const { node, asked, update } = menu();
    let sort = "margin";
    const parts = () => [
      { view: "describe", title: "Table", options: { components: [`by ${sort}`], raw: true } },
      { view: "card", title: "Card" },
    ];
    update({ tab: "describe", title: "Describe", figures: ["describe"], parts });
    sort = "label";
    byId(node, "figure-button").click();
    expect(byId(node, "figure-python").textContent).toBe(
      'lens.figure("describe", components=["by label"], raw=True, width_mm=180).save("describe.pdf")',
    );
    byId(node, "figure-part-1").click();
    byId(node, "figure-save").click();
    await settled();
    expect(asked.at(-1)).toMatchObject({ view: "card", options: {} });
    update({ tab: "map", title: "Map", figures: ["map"] });
    byId(node, "figure-button").click();
    expect(node.querySelectorAll('[data-testid="figure-part-1"]')).toHaveLength(0);
    expect(byId(node, "figure-python").textContent).toContain('lens.figure("map", ');
  });

  it("draws as shown in the theme around it", () => {
    const { node } = menu();
    byId(node, "figure-button").click();
    byId(node, "figure-theme-shown").click();
    expect(byId(node, "figure-python").textContent).toContain('theme="light"');
    expect(byId(node, "figure-theme-print").getAttribute("aria-pressed")).toBe("false");
  });

  it("is off for a tab without a figure", () => {
    const { node, update } = menu();
    update({ tab: "compare", title: "Compare", figures: ["search", "map"] });
    expect(byId(node, "figure-button").disabled).toBe(true);
    expect(byId(node, "figure-button").title).toBe(
      "A figure is drawn by Python: open the lens in a notebook",
    );
    update({ tab: "map", title: "Map", figures: ["search", "map"] });
    expect(byId(node, "figure-button").disabled).toBe(false);
  });

  it("says what to do where there is nothing to show yet, and tells other failures as failures", async () => {
    const { node, failed } = menu(async () => {
      throw Object.assign(new Error("nothing is compared yet; call lens.compare(other)"), {
        name: "NothingToShow",
      });
    });
    byId(node, "figure-button").click();
    byId(node, "figure-save").click();
    await settled();
    expect(byId(node, "figure-notice").textContent).toBe(
      "Nothing is compared yet; call lens.compare(other).",
    );
    expect(failed).toEqual([]);
    const other = menu(async () => {
      throw new Error("no space left");
    });
    byId(other.node, "figure-button").click();
    byId(other.node, "figure-save").click();
    await settled();
    expect(other.failed).toHaveLength(1);
  });

  it("closes with Escape and with a click elsewhere", () => {
    const { node } = menu();
    byId(node, "figure-button").click();
    byId(node, "figure-menu").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(byId(node, "figure-menu").hidden).toBe(true);
    byId(node, "figure-button").click();
    document.body.dispatchEvent(new Event("pointerdown", { bubbles: true, composed: true }));
    expect(byId(node, "figure-menu").hidden).toBe(true);
  });
});
