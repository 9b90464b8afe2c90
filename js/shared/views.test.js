import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { generated, VIEWS } from "../views.mjs";
import { TABS } from "../window/tabs.js";

const ROOT = join(import.meta.dirname, "../..");

it("what is generated from the table of views is as the table says", () => {
  for (const [place, text] of generated()) expect(readFileSync(join(ROOT, place), "utf8"), place).toBe(text);
});

it("each view is exported by its folder, and stands in the window where it has a title", async () => {
  for (const { name, title, folder, view } of VIEWS) {
    const { [view]: createView } = await import(`../${folder}/view.js`);
    expect(createView, view).toBeInstanceOf(Function);
    expect(TABS[name]?.mount, name).toBe(title && createView);
  }
  expect(Object.keys(TABS)).toEqual(VIEWS.filter(({ title }) => title).map(({ name }) => name));
});
