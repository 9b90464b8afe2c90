import { describe, expect, it } from "vitest";
import { decoded, followScheme } from "./page.js";

describe("the page", () => {
  it("gives back the bytes that were written into it", () => {
    const bytes = Uint8Array.from({ length: 512 }, (_, i) => i % 256);
    const base64 = btoa(String.fromCharCode(...bytes));
    expect(new Uint8Array(decoded(base64))).toEqual(bytes);
  });

  it("is as light or dark as the reader asks for, also later", () => {
    const root = document.createElement("html");
    let changed = () => {};
    const dark = {
      matches: true,
      addEventListener: (/** @type {string} */ _, /** @type {() => void} */ f) => (changed = f),
    };
    followScheme(root, /** @type {any} */ (dark));
    expect(root.getAttribute("data-jp-theme-light")).toBe("false");
    dark.matches = false;
    changed();
    expect(root.getAttribute("data-jp-theme-light")).toBe("true");
  });
});
