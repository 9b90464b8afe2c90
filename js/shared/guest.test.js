import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { copyText } from "./clipboard.js";
import { onNotice } from "./notice.js";

/** @type {string[]} */
let said;
/** @type {HTMLElement} */
let place;
beforeEach(() => {
  said = [];
  const root = document.createElement("div");
  place = root.appendChild(document.createElement("span"));
  document.body.append(root);
  onNotice(root, (text) => said.push(text));
});
afterEach(() => {
  document.body.replaceChildren();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.resetModules();
  Reflect.deleteProperty(document, "execCommand");
});

/** @param {(() => Promise<void>) | undefined} writeText undefined: no clipboard at all, as on pages without https */
const clipboard = (writeText) =>
  Object.defineProperty(navigator, "clipboard", {
    value: writeText && { writeText },
    configurable: true,
  });

describe("a page that may not all", () => {
  it("copies text, without https in the old way", async () => {
    const asked = vi.fn(async () => {});
    clipboard(asked);
    expect(await copyText("layer4:57", place)).toBe(true);
    expect(asked).toHaveBeenCalledWith("layer4:57");
    clipboard(undefined);
    /** @type {string[]} */
    const copied = [];
    const data = { setData: (/** @type {string} */ _, /** @type {string} */ text) => copied.push(text) };
    document.execCommand = () =>
      document.body.dispatchEvent(
        Object.assign(new Event("copy", { bubbles: true }), { clipboardData: data }),
      );
    expect(await copyText("layer4:58", place)).toBe(true);
    expect(copied).toEqual(["layer4:58"]);
    expect(said).toEqual([]);
  });

  it("says so where text cannot be copied, with the text", async () => {
    clipboard(async () => {
      throw new DOMException("Write permission denied.", "NotAllowedError");
    });
    expect(await copyText("layer4:57", place)).toBe(false);
    expect(said).toEqual(["This page may not write to the clipboard. Select and copy it here: layer4:57"]);
  });

  it("shows pictures as data where its policy forbids blobs", async () => {
    vi.spyOn(HTMLImageElement.prototype, "decode").mockRejectedValue(
      new DOMException("blocked", "EncodingError"),
    );
    const { addressOf } = await import("./held.js");
    expect(await addressOf(new Blob(["a"], { type: "text/plain" }))).toBe("data:text/plain;base64,YQ==");
    const given = new AbortController();
    given.abort();
    await expect(addressOf(new Blob(["a"]), given.signal)).rejects.toThrow(DOMException);
  });
});
