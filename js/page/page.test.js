import { describe, expect, it } from "vitest";
import { decoded } from "./page.js";

describe("the page", () => {
  it("gives back the bytes that were written into it", () => {
    const bytes = Uint8Array.from({ length: 512 }, (_, i) => i % 256);
    const base64 = btoa(String.fromCharCode(...bytes));
    expect(new Uint8Array(decoded(base64))).toEqual(bytes);
  });
});
