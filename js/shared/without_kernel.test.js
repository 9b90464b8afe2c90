import { beforeEach, expect, it, vi } from "vitest";
import { settled } from "../testing/toy.js";
import { html } from "./dom.js";
import { kernelSwitch } from "./without_kernel.js";

let root;
let refuse;
let act;
let zoom;
let turn;
beforeEach(() => {
  [refuse, act, zoom] = [vi.fn(), vi.fn(), vi.fn()];
  root = html`<div>
    <button id="act" onclick=${act}><span id="word" /></button>
    <select id="choice" />
    <input id="field" />
    <div data-browser><button id="zoom" onclick=${zoom} /></div>
  </div>`;
  document.body.replaceChildren(root);
  turn = kernelSwitch(root, refuse);
});

const at = (id) => root.querySelector(`#${id}`);
const send = (id, event) => at(id).dispatchEvent(event);
const key = (name) => new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true });

it("controls do nothing without a kernel, and say so; what the browser does alone goes on", () => {
  turn(false);
  at("word").click();
  at("zoom").click();
  expect([act, refuse, zoom].map((f) => f.mock.calls.length)).toEqual([0, 1, 1]);
  expect(["act", "choice", "field", "zoom"].map((id) => at(id).getAttribute("aria-disabled"))).toEqual([
    "true",
    "true",
    "true",
    null,
  ]);
});

it("lists of choices do not open, fields take no text, and one can still leave both", () => {
  turn(false);
  expect(send("choice", new MouseEvent("mousedown", { bubbles: true, cancelable: true }))).toBe(false);
  expect(send("choice", key("ArrowDown"))).toBe(false);
  expect(send("field", new InputEvent("beforeinput", { bubbles: true, cancelable: true }))).toBe(false);
  expect(["Tab", "Escape"].map((name) => send("choice", key(name)))).toEqual([true, true]);
  expect(send("field", key("Tab"))).toBe(true);
});

it("what is drawn while the kernel is gone is off too, and all works again when it is back", async () => {
  turn(false);
  root.append(html`<button id="later" />`);
  await settled();
  expect(at("later").getAttribute("aria-disabled")).toBe("true");
  turn(true);
  at("act").click();
  expect(act).toHaveBeenCalledOnce();
  expect(root.querySelectorAll("[aria-disabled]")).toHaveLength(0);
});
