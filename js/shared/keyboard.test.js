import { beforeEach, describe, expect, it, vi } from "vitest";
import { press } from "../testing/toy.js";
import { html } from "./dom.js";
import { bindKeys } from "./keyboard.js";

describe("keys", () => {
  let box;
  let input;
  let action;
  beforeEach(() => {
    input = html`<input />`;
    box = html`<div tabindex="0">${input}</div>`;
    action = vi.fn();
    document.body.replaceChildren(box);
    bindKeys(box, { "/": action, Escape: action, x: () => false }, { whileTyping: ["Escape"] });
  });

  it("work inside the widget and are used up there", () => {
    const outside = vi.fn();
    document.body.addEventListener("keydown", outside, { once: true });
    expect(press(box, "/")).toBe(false);
    expect(action).toHaveBeenCalledTimes(1);
    expect(outside).not.toHaveBeenCalled();
  });

  it("are text while somebody types, except those that are listed", () => {
    press(input, "/");
    expect(action).not.toHaveBeenCalled();
    press(input, "Escape");
    expect(action).toHaveBeenCalledTimes(1);
  });

  it("leave shortcuts of the browser and the host alone", () => {
    for (const held of ["ctrlKey", "metaKey", "altKey"]) press(box, "/", { [held]: true });
    press(document.body, "/");
    expect(action).not.toHaveBeenCalled();
  });

  it("an action that did not use the key lets it pass", () => {
    expect(press(box, "x")).toBe(true);
  });
});
