import { beforeEach, describe, expect, it, vi } from "vitest";
import { h } from "../shared/dom.js";
import { COMPONENTS, placesOf, press } from "../testing/toy.js";
import { camera as cameraOf } from "./camera.js";
import { mapGestures } from "./gestures.js";

const everywhere = () => true;
const living = Array.from({ length: COMPONENTS - 1 }, (_, row) => row);

/** A camera over the toy's places, in a map of 800 × 500 px. */
function opened() {
  const onChange = vi.fn();
  const camera = cameraOf({ onChange });
  camera.resize(800, 500);
  camera.moveTo(placesOf());
  return { camera, onChange };
}

describe("the camera", () => {
  it("shows everything at first, and what a component without a place is not seen", () => {
    const { camera } = opened();
    for (const row of living) {
      const [x, y] = camera.seenAt(row);
      expect(x > 0 && x < 800 && y > 0 && y < 500).toBe(true);
      expect(camera.near(x + 3, y - 2, 14, everywhere)).toBe(row);
    }
    expect([camera.seenAt(COMPONENTS - 1), camera.seenAt(null), camera.has(COMPONENTS - 1)]).toEqual([
      null,
      null,
      false,
    ]);
  });

  it("zooms around a point only so far, and back to everything", () => {
    const { camera } = opened();
    const before = camera.seenAt(5);
    expect(camera.zoom(3, ...before)).toBe(true);
    expect(camera.closeness).toBeCloseTo(3, 9);
    for (const i of [0, 1]) expect(camera.seenAt(5)[i]).toBeCloseTo(before[i], 6);
    expect([camera.zoom(100), camera.zoom(0.01)]).toEqual([false, false]);
    camera.showAll();
    expect(camera.closeness).toBe(1);
  });

  it("a map of another size shows everything again, unless somebody has gone elsewhere", () => {
    const { camera } = opened();
    camera.resize(400, 300);
    expect(camera.closeness).toBe(1);
    camera.pan(30, 0);
    const { ox } = camera.sight.view;
    camera.resize(800, 500);
    expect(camera.sight.view.ox).toBe(ox);
  });

  it("points glide to other places, and a lasso is of where they go", () => {
    const { camera, onChange } = opened();
    const now = vi.spyOn(performance, "now").mockReturnValue(1000);
    const mirrored = placesOf().map((value, i) => (i % 2 ? value : 1 - value));
    camera.moveTo(mirrored);
    expect([camera.moving, camera.sight.places[0], camera.target[0]]).toEqual([true, 0, 1]);
    now.mockReturnValue(1350);
    camera.step();
    expect(camera.sight.places[0]).toBeCloseTo(0.5, 5);
    now.mockReturnValue(1800);
    camera.step();
    expect([camera.moving, camera.sight.places[0]]).toEqual([false, 1]);
    expect(onChange).toHaveBeenCalled();
    const [x, y] = camera.seenAt(0);
    const around = [-9, 9].flatMap((dx) => [-dx, dx].map((dy) => [x + dx, y + dy]));
    expect(camera.within(around, everywhere)).toEqual([0]);
    expect(camera.within(around, () => false)).toEqual([]);
  });
});

describe("gestures", () => {
  let camera;
  let area;
  let gestures;
  let told;
  const at = (type, x, y, held = {}) =>
    area.dispatchEvent(
      new MouseEvent(type, { bubbles: true, cancelable: true, clientX: x, clientY: y, button: 0, ...held }),
    );

  beforeEach(() => {
    ({ camera } = opened());
    told = [];
    area = h("div", { tabindex: "0" });
    document.body.replaceChildren(area);
    gestures = mapGestures({
      area,
      camera,
      onPress: (x, y) => told.push(["press", x, y]),
      onLasso: (path, event) => told.push(["lasso", path, event.ctrlKey]),
      onPoint: (place) => told.push(["point", place]),
      onMove: () => told.push(["move"]),
      onTwice: (x, y) => told.push(["twice", x, y]),
    });
  });

  it("a press that hardly moves means a point, one that moves drags the map", () => {
    at("pointerdown", 100, 90);
    at("pointermove", 102, 91);
    at("pointerup", 102, 91);
    expect(told).toEqual([["press", 102, 91]]);
    const { ox, oy } = camera.sight.view;
    at("pointerdown", 100, 90);
    at("pointermove", 130, 80);
    at("pointermove", 140, 80);
    expect(area.classList.contains("sl-dragging")).toBe(true);
    at("pointerup", 140, 80);
    expect([camera.sight.view.ox - ox, camera.sight.view.oy - oy]).toEqual([40, -10]);
    expect(told.slice(1)).toEqual([["point", null], ["move"]]);
  });

  it("with Shift, or where the lasso is on, a drag draws around points; it can be given up", () => {
    for (const held of [{ shiftKey: true }, {}]) {
      if (!held.shiftKey) expect(gestures.toggleLasso()).toBe(true);
      at("pointerdown", 10, 10, held);
      at("pointermove", 50, 10);
      at("pointermove", 50, 40);
      expect(gestures.lasso.getAttribute("d")).toBe("M10.0 10.0L50.0 10.0L50.0 40.0Z");
      at("pointerup", 50, 40, { ctrlKey: true });
    }
    const path = [[10, 10], [50, 10], [50, 40]]; // biome-ignore format: a line
    expect(told).toEqual([
      ["lasso", path, true],
      ["lasso", path, true],
    ]);
    at("pointerdown", 10, 10);
    at("pointermove", 50, 10);
    press(area, "Escape");
    at("pointerup", 50, 40);
    expect(told).toHaveLength(2);
    expect(gestures.lasso.hasAttribute("d")).toBe(false);
  });

  it("the wheel is the page's until the map has the focus", () => {
    const turn = () => {
      const event = new WheelEvent("wheel", { deltaY: -100, cancelable: true, bubbles: true });
      area.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect([turn(), camera.closeness, gestures.hint.hidden]).toEqual([false, 1, false]);
    area.focus();
    expect(turn()).toBe(true);
    expect(camera.closeness).toBeGreaterThan(1);
  });

  it("keys move, zoom and show all; those with Ctrl are the host's", () => {
    expect(press(area, "+")).toBe(false);
    expect(camera.closeness).toBe(1.5);
    press(area, "-");
    expect(camera.closeness).toBeCloseTo(1, 9);
    const { ox } = camera.sight.view;
    press(area, "ArrowRight");
    expect(camera.sight.view.ox).toBe(ox - 40);
    expect(press(area, "ArrowRight", { ctrlKey: true })).toBe(true);
    press(area, "0");
    expect(camera.sight.view.ox).toBeCloseTo(ox, 9);
  });
});
