import { describe, expect, it } from "vitest";
import palette from "../../semlens_widgets/palette.json";
import { tokens } from "../tokens.mjs";
import { along, diverging, sequential, theme, themeOf } from "./palette.js";

describe("the palette", () => {
  it("gives every stop at its place and mixes between them", () => {
    const { seq, div } = theme("light");
    expect(seq.map((_, i) => sequential("light", i / (seq.length - 1)))).toEqual(seq);
    expect([diverging("dark", -1), diverging("dark", 0), diverging("dark", 1)]).toEqual([
      theme("dark").div[0],
      theme("dark").div[3],
      theme("dark").div[6],
    ]);
    expect(along(["#000000", "#ffffff"], 0.5)).toBe("#808080");
    expect(along(["#000000", "#102030"], 7)).toBe("#102030");
    expect(div).toHaveLength(7);
  });

  it("becomes CSS tokens, light and dark, with the host's colours first", () => {
    const sheets = tokens(palette);
    const [light, dark] = sheets.tokens.split("color-scheme: dark");
    expect(light).toContain("--sl-bg: var(--jp-layout-color1, #ffffff);");
    expect(dark).toContain(`--sl-spurious: ${palette.themes.dark.spurious};`);
    expect(sheets.tokens_categorical).toContain(`--sl-cat-11: ${palette.themes.light.cat[10]};`);
    expect(light).toContain("--sl-row: 56px;");
    expect(sheets.tokens_diverging.match(/--sl-div-/g)).toHaveLength(2 * 7);
    const names = Object.values(sheets).flatMap((css) => css.split(":is(")[0].match(/--sl-[\w-]+(?=:)/g));
    expect(new Set(names).size, "each has one sheet").toBe(names.length);
  });

  it("knows the host's theme", () => {
    document.body.innerHTML = '<div data-jp-theme-light="false"><p></p></div><i></i>';
    expect(themeOf(document.querySelector("p"))).toBe("dark");
    expect(themeOf(document.querySelector("i"))).toBe("light");
  });
});
