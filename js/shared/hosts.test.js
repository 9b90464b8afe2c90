import { expect, it, vi } from "vitest";
import { press } from "../testing/toy.js";
import { keepKeys, ownHeight } from "./hosts.js";

it("keys stay in the window, but for those that hosts have with Ctrl, Cmd or Alt, and running the cell", () => {
  const [page, root] = [document.createElement("div"), document.createElement("div")];
  const select = document.createElement("select");
  page.append(root);
  root.append(select);
  const heard = vi.fn();
  page.addEventListener("keydown", heard);
  keepKeys(root);
  for (const key of ["ArrowDown", "d", "Escape", "Enter", "Tab"]) press(select, key);
  expect(heard).not.toHaveBeenCalled();
  for (const held of ["ctrlKey", "metaKey", "altKey"]) press(select, "s", { [held]: true });
  press(select, "Enter", { shiftKey: true });
  expect(heard).toHaveBeenCalledTimes(4);
});

it("marimo's output takes the height of the window, and has its own back afterwards", () => {
  document.body.innerHTML =
    '<div class="output-area" style="max-height: 610px"><marimo-anywidget></marimo-anywidget></div>';
  const [output] = document.body.children;
  const inside = document.createElement("div");
  output.firstElementChild.attachShadow({ mode: "open" }).append(inside);
  const giveBack = ownHeight(inside);
  expect(output.style.maxHeight).toBe("none");
  giveBack();
  expect(output.style.maxHeight).toBe("610px");
  ownHeight(document.createElement("div"))();
});
