import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { all, byId, press } from "../testing/toy.js";
import { firstLine, searchBoxView } from "./view.js";

describe("the search box", () => {
  let box;
  let queries;
  let failures;
  let suggest;
  let queryImage;
  let input;
  beforeEach(() => {
    vi.useFakeTimers();
    queries = [];
    failures = [];
    suggest = vi.fn(async (prefix) =>
      ["ruler", "ruler marks", "red"].filter((word) => word.startsWith(prefix)),
    );
    queryImage = vi.fn(async (_image, name) => ({ id: "i1", name }));
    box = searchBoxView({
      onQuery: (query) => queries.push(query),
      suggest,
      queryImage,
      fail: (error) => failures.push(error.message),
      announce: () => {},
    });
    document.body.replaceChildren(box.node);
    input = byId(box.node, "search-input");
  });
  afterEach(() => {
    box.destroy();
    vi.useRealTimers();
  });

  const type = (text) => {
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const chips = () => all(box.node, "chip").map((chip) => [chip.dataset.text, chip.dataset.negative]);

  it("Enter makes a chip, a leading minus a negative one", () => {
    type("ruler");
    press(input, "Enter");
    type("-hair");
    press(input, "Enter");
    expect(chips()).toEqual([
      ["ruler", "false"],
      ["hair", "true"],
    ]);
    expect(queries).toEqual(["ruler", "ruler, -hair"]);
    expect(input.value).toBe("");
  });

  it("a comma makes a chip and leaves the rest in the box", () => {
    type("ruler, ha");
    expect(chips()).toEqual([["ruler", "false"]]);
    expect(input.value).toBe("ha");
  });

  it("an unfinished word counts after a pause, once, and stays a word", async () => {
    type("rul");
    await vi.advanceTimersByTimeAsync(300);
    type("ruler");
    await vi.advanceTimersByTimeAsync(399);
    expect(queries).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(queries).toEqual(["ruler"]);
    box.update({ query: "ruler" });
    expect(input.value).toBe("ruler");
    expect(chips()).toEqual([]);
    press(input, "Enter");
    expect(queries).toEqual(["ruler"]);
    expect(chips()).toEqual([["ruler", "false"]]);
  });

  it("follows a query that was set elsewhere, without sending it back", () => {
    type("half a wo");
    box.update({ query: "a, -b" });
    expect(chips()).toEqual([
      ["a", "false"],
      ["b", "true"],
    ]);
    expect(input.value).toBe("");
    vi.advanceTimersByTime(1000);
    expect(queries).toEqual([]);
  });

  it("the sign flips, the cross removes, Backspace edits, Escape clears", () => {
    box.update({ query: "a, b, c" });
    all(box.node, "chip-sign")[0].click();
    all(box.node, "chip-remove")[1].click();
    expect(queries).toEqual(["-a, b, c", "-a, c"]);
    press(input, "Backspace");
    expect(input.value).toBe("c");
    expect(chips()).toEqual([["a", "true"]]);
    press(input, "Escape");
    expect(queries.at(-1)).toBe("");
    expect(chips()).toEqual([]);
  });

  it("offers words, which arrows reach and Enter takes, with the sign that was typed", async () => {
    type("-ru");
    await vi.advanceTimersByTimeAsync(130);
    expect(suggest.mock.calls[0][0]).toBe("ru");
    expect(all(box.node, "suggestion").map((node) => node.textContent)).toEqual(["ruler", "ruler marks"]);
    expect(input.getAttribute("aria-expanded")).toBe("true");
    press(input, "ArrowDown");
    press(input, "ArrowDown");
    expect(input.getAttribute("aria-activedescendant")).toBe(all(box.node, "suggestion")[1].id);
    press(input, "Enter");
    expect(queries).toEqual(["-ruler marks"]);
    expect(input.getAttribute("aria-expanded")).toBe("false");
  });

  it("an image becomes a chip under the name it came with", async () => {
    const file = new File([new Uint8Array(9)], "mole.png", { type: "image/png" });
    box.node.dispatchEvent(
      Object.assign(new Event("paste", { bubbles: true, cancelable: true }), {
        clipboardData: { files: [file] },
      }),
    );
    await vi.advanceTimersByTimeAsync(0);
    expect(queryImage).toHaveBeenCalledWith(file, "mole.png");
    expect(queries).toEqual(["image:i1"]);
    expect(byId(box.node, "chip").querySelector(".sl-ellipsis").textContent).toBe("mole.png");
  });

  it("refuses what is no image or too large, and says what it takes", async () => {
    const paste = (file) =>
      box.node.dispatchEvent(
        Object.assign(new Event("paste", { bubbles: true, cancelable: true }), {
          clipboardData: { files: [file] },
        }),
      );
    paste(new File([], "x.svg", { type: "image/svg+xml" }));
    paste({ type: "image/png", size: 9 * 2 ** 20, name: "big.png" });
    await vi.advanceTimersByTimeAsync(0);
    expect(queryImage).not.toHaveBeenCalled();
    expect(failures).toEqual([expect.stringContaining("image/svg+xml"), expect.stringContaining("9.0 MiB")]);
  });

  it("of a pasted page its first line is taken, and the rest is said to be left out", async () => {
    const paste = (text) =>
      input.dispatchEvent(
        Object.assign(new Event("paste", { bubbles: true, cancelable: true }), {
          clipboardData: { files: [], getData: () => text },
        }),
      );
    paste("\n  ruler marks \n and then\n much more");
    expect(input.value).toBe("ruler marks");
    await vi.advanceTimersByTimeAsync(500);
    expect(queries).toEqual(["ruler marks"]);
    expect(paste("one line"), "the browser pastes it").toBe(true);
    expect(firstLine("x".repeat(5000))).toHaveLength(200);
    expect(firstLine("\n\n")).toBe("");
  });

  it("a hostile word stays text", () => {
    const hostile = '<img src=x onerror="globalThis.hacked=1">';
    box.update({ query: hostile });
    expect(byId(box.node, "chip").querySelector("img")).toBeNull();
    expect(byId(box.node, "chip").textContent).toContain(hostile);
  });
});
