import { beforeEach, describe, expect, it, vi } from "vitest";
import { html } from "../shared/dom.js";
import { COMPONENTS, placesOf, press } from "../testing/toy.js";
import { camera as cameraOf } from "./camera.js";
import { mapGestures } from "./gestures.js";

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
    const { view } = camera.sight;
    expect([x, y]).toEqual([camera.target[0] * view.sx + view.ox, camera.target[1] * view.sy + view.oy]);
  });
});

describe("gestures", () => {
  let camera;
  let area;
  let gestures;
  let told;
  beforeEach(() => {
    ({ camera } = opened());
    told = [];
    area = html`<div tabindex="0" />`;
    document.body.replaceChildren(area);
    gestures = mapGestures({
      area,
      camera,
      onMove: () => told.push(["move"]),
      onEscape: () => told.push(["escape"]) > 0,
    });
  });

  it("a drag moves the map as far as the hand, which closes the card", () => {
    const { ox, oy } = camera.sight.view;
    gestures.drags.onDrag([130, 80], [100, 90]);
    gestures.drags.onDrag([140, 80], [130, 80]);
    expect(area.classList.contains("sl-dragging")).toBe(true);
    gestures.drags.onDrop();
    expect(area.classList.contains("sl-dragging")).toBe(false);
    expect([camera.sight.view.ox - ox, camera.sight.view.oy - oy]).toEqual([40, -10]);
    expect(told).toEqual([["move"], ["move"]]);
  });

  it("the lasso can be had without Shift, and Escape gives up what was begun", () => {
    expect([gestures.drags.lassoes(), gestures.toggleLasso(), gestures.drags.lassoes()]).toEqual([
      false,
      true,
      true,
    ]);
    expect(press(area, "Escape")).toBe(false);
    expect(told).toEqual([["escape"]]);
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
