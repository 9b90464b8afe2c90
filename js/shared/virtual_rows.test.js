import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { html } from "./dom.js";
import { remember } from "./preferences.js";
import { positionOf, virtualRows } from "./virtual_rows.js";

const ROW = 20;
const HEIGHT = 100;
const GRID = { count: 9973, row: ROW, cut: null, divider: 0 };
const keyed = (key, held = {}) => new KeyboardEvent("keydown", { key, ...held });

describe("virtual rows", () => {
  let resized;
  let asked;
  let made;
  let held;
  let body;
  let scroller;
  let rows;

  const open = (options = {}) => {
    body = html`<div role="rowgroup" />`;
    scroller = html`<div tabindex="-1">${body}</div>`;
    becomes(HEIGHT);
    document.body.replaceChildren(scroller);
    rows = virtualRows({
      scroller,
      body,
      draw: (position) => {
        made.push(position);
        return html`<div role="row"><button>row ${position}</button></div>`;
      },
      ask: (positions) => asked.push([...positions].sort((a, b) => a - b)),
      holds: (position) => position === held,
      spare: 2,
      ...options,
    });
    return rows;
  };
  const becomes = (height) =>
    Object.defineProperty(scroller, "clientHeight", { value: height, configurable: true });
  const shown = () => [...body.children].map((row) => Number(row.dataset.position));
  const scrollTo = (top) => {
    scroller.scrollTop = top;
    scroller.dispatchEvent(new Event("scroll"));
    vi.advanceTimersToNextFrame();
  };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "performance"] });
    vi.stubGlobal(
      "ResizeObserver",
      class {
        constructor(told) {
          resized = told;
        }
        observe() {}
        disconnect() {}
      },
    );
    [asked, made, held] = [[], [], null];
  });
  afterEach(() => {
    rows.destroy();
    document.body.replaceChildren();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("draws what is in sight and a few more, each row at its place and told where it stands", () => {
    open().lay(GRID);
    expect(shown()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(body.style.height).toBe(`${9973 * ROW}px`);
    const third = rows.at(2);
    expect([third.style.top, third.getAttribute("aria-rowindex")]).toEqual(["40px", "4"]);
    expect(positionOf({ target: third.firstElementChild })).toBe(2);
    expect(positionOf({ target: document.body })).toBeNull();
  });

  it("of a list that nothing holds in its height, no more is drawn than a screen can show", () => {
    open();
    becomes(GRID.count * ROW);
    rows.lay(GRID);
    expect(shown().length).toBeLessThanOrEqual(4000 / ROW + 3);
    scrollTo(5000 * ROW);
    expect(shown().length).toBeLessThanOrEqual(4000 / ROW + 5);
  });

  it("options of a list are told their number instead, and leave the focus to the list", () => {
    open({ roving: false, draw: () => html`<div role="option" />` }).lay({ ...GRID, count: 3 });
    expect(rows.at(1).getAttribute("aria-posinset")).toBe("2");
    expect(rows.at(1).getAttribute("aria-setsize")).toBe("3");
    expect(rows.at(0).hasAttribute("tabindex")).toBe(false);
    rows.focus();
    expect(document.activeElement).toBe(scroller);
  });

  it("scrolling keeps the rows that stay in sight", () => {
    open().lay(GRID);
    const kept = rows.at(5);
    made = [];
    scrollTo(3 * ROW);
    expect(shown()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(made.sort()).toEqual([7, 8, 9]);
    expect(rows.at(5)).toBe(kept);
  });

  it("rows that fly past are drawn in brief, and whole once they rest", () => {
    /** @type {Set<number>} */
    const short = new Set();
    const drawer = (how) => (position) => {
      short[how](position);
      return html`<div role="row" />`;
    };
    const [draw, brief] = [drawer("delete"), drawer("add")];
    const inBrief = () => shown().filter((position) => short.has(position));
    open({ draw, brief }).lay(GRID);
    vi.advanceTimersByTime(1000);
    scrollTo(300 * ROW); // one jump is read at once
    expect(inBrief()).toEqual([]);
    for (const at of [310, 320, 330]) scrollTo(at * ROW);
    expect(inBrief()).toEqual([328, 329, 330, 331, 332, 333, 334, 335, 336]);
    scrollTo(332 * ROW); // slower: what comes is whole, and the others wait for rest
    expect(inBrief()).toEqual([330, 331, 332, 333, 334, 335, 336]);
    vi.advanceTimersByTime(120);
    expect(inBrief()).toEqual([]);
    expect(shown()).toEqual([0, 330, 331, 332, 333, 334, 335, 336, 337, 338]);
    scrollTo(400 * ROW);
    scrollTo(0); // the active row, and a list without a brief form, are never drawn in brief
    expect(short.has(0)).toBe(false);
    rows.destroy();
    open({ draw }).lay(GRID);
    for (const at of [10, 20, 30]) scrollTo(at * ROW);
    expect(inBrief()).toEqual([]);
  });

  it("the active row stays drawn, with the focus, wherever it is; and a row that is held", () => {
    open().lay(GRID);
    rows.goTo(1);
    held = 3;
    scrollTo(500 * ROW);
    expect(shown()).toEqual([1, 3, 498, 499, 500, 501, 502, 503, 504, 505, 506]);
    expect(document.activeElement).toBe(rows.at(1));
  });

  it("one row is to be tabbed to: the active one", () => {
    open().lay(GRID);
    rows.goTo(4);
    expect([...body.children].filter((row) => row.tabIndex === 0)).toEqual([rows.at(4)]);
  });

  it("goes to a row with the least scrolling and the focus; revealing one leaves the focus", () => {
    open().lay(GRID);
    rows.goTo(7);
    expect(scroller.scrollTop).toBe(8 * ROW - HEIGHT);
    expect(document.activeElement).toBe(rows.at(7));
    document.activeElement.blur();
    rows.reveal(2);
    expect(scroller.scrollTop).toBe(2 * ROW);
    expect(document.activeElement).toBe(document.body);
  });

  it("other contents are drawn anew; the focus goes to the row that is active in them", () => {
    open().lay(GRID);
    rows.goTo(6);
    const old = rows.at(6);
    rows.lay({ ...GRID, count: 5 });
    expect(old.isConnected).toBe(false);
    expect([rows.active, shown()]).toEqual([4, [0, 1, 2, 3, 4]]);
    expect(document.activeElement).toBe(rows.at(4));
  });

  it("a part that opens between two rows moves those below it, and no row is drawn anew", () => {
    open().lay(GRID);
    const [before, after] = [rows.at(1), rows.at(2)];
    rows.shift({ ...GRID, cut: 2, divider: 33 });
    expect([before.style.top, after.style.top]).toEqual(["20px", "73px"]);
    expect(rows.at(2)).toBe(after);
    expect(body.style.height).toBe(`${9973 * ROW + 33}px`);
  });

  it("one row can be drawn anew, and keeps the focus", () => {
    open().lay(GRID);
    rows.goTo(2);
    const [other, old] = [rows.at(3), rows.at(2)];
    rows.redraw(2);
    expect(old.isConnected).toBe(false);
    expect(document.activeElement).toBe(rows.at(2));
    expect(rows.at(3)).toBe(other);
    rows.redraw(5000);
    expect(rows.at(5000)).toBeUndefined();
  });

  it("asks at once for new contents, and at most every 100 ms while rows fly past", () => {
    open().lay(GRID);
    expect(asked).toEqual([[0, 1, 2, 3, 4, 5, 6]]);
    for (const top of [100, 200, 300]) scrollTo(top * ROW);
    expect(asked).toHaveLength(1);
    vi.advanceTimersByTime(100);
    expect(asked).toHaveLength(2);
    expect(asked[1]).toEqual([0, 298, 299, 300, 301, 302, 303, 304, 305, 306]);
    rows.lay({ ...GRID, count: 2 });
    expect(asked.at(-1)).toEqual([0, 1]);
  });

  it("rows that are taken away ask for nothing, and come back where they were", () => {
    open().lay(GRID);
    rows.goTo(3);
    rows.clear();
    vi.advanceTimersByTime(500);
    expect([shown(), asked.length]).toEqual([[], 1]);
    rows.lay(GRID);
    expect(rows.active).toBe(3);
  });

  it("an empty list draws nothing and asks for nothing", () => {
    open().lay({ ...GRID, count: 0 });
    expect([shown(), asked]).toEqual([[], []]);
    expect(rows.stepOf(keyed("ArrowDown"))).toBeNull();
  });

  it("keys step by what is in sight; letters only alone, and only where they are wanted", () => {
    open().lay(GRID);
    rows.active = 10;
    expect(
      ["ArrowDown", "j", "k", "PageDown", "Home", "x", " "].map((key) => rows.stepOf(keyed(key))),
    ).toEqual([11, 11, 9, 14, 0, null, null]);
    expect(rows.stepOf(keyed("j", { ctrlKey: true }))).toBeNull();
    expect(rows.stepOf(keyed("ArrowDown", { ctrlKey: true }))).toBe(11);
    remember({ columns: 8, figureTheme: "print", keys: false });
    expect([rows.stepOf(keyed("j")), rows.stepOf(keyed("ArrowDown"))]).toEqual([null, 11]);
    remember({ columns: 8, figureTheme: "print", keys: true });
  });

  it("the active row stays whole in sight when the list becomes lower, unless one has scrolled away", () => {
    open().lay(GRID);
    rows.reveal(30);
    expect(scroller.scrollTop).toBe(31 * ROW - HEIGHT);
    becomes(70);
    resized();
    expect(scroller.scrollTop).toBe(31 * ROW - 70);
    scroller.scrollTop = 0;
    becomes(60);
    resized();
    expect(scroller.scrollTop).toBe(0);
  });
});
