import { expect, it } from "vitest";
import { html } from "./dom.js";
import { cropStrip, paintStrips } from "./strips.js";

const strip = (url, line, count) => ({
  url,
  line,
  lines: 2,
  columns: 5,
  count,
  sheet: { users: 2, url },
});

it("a line has a place for each crop wanted, and says whose it is", () => {
  const line = cropStrip(7, [2, 0], { "data-all": "" });
  expect([...line.children].map(({ dataset }) => [dataset.row, dataset.rank])).toEqual([
    ["7", "2"],
    ["7", "0"],
  ]);
  expect([line.dataset.strip, line.dataset.all]).toEqual(["7", ""]);
});

it("what has come is painted, once; what the component has not can no longer be pointed at", () => {
  const known = new Map([[7, strip("blob:one", 1, 3)]]);
  const place = html`<div>${cropStrip(7, 4)}${cropStrip(11, 4)}</div>`;
  paintStrips(place, (row) => known.get(row));
  const [seven, eleven] = [...place.children].map((line) => [...line.children]);
  expect(seven.map(({ style }) => style.backgroundPosition)).toEqual(["0% 100%", "25% 100%", "50% 100%", ""]);
  expect(seven[3].classList.contains("sl-void")).toBe(true);
  expect(seven[3].dataset.rank).toBeUndefined();
  expect(eleven.every(({ style }) => style.backgroundImage === "")).toBe(true);
  seven[0].style.backgroundImage = "none";
  paintStrips(place, (row) => known.get(row));
  expect(seven[0].style.backgroundImage).toBe("none");
  known.set(7, strip("blob:two", 0, 3));
  paintStrips(place, (row) => known.get(row));
  expect(seven[0].style.backgroundImage).toContain("blob:two");
});
