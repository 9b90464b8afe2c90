"""The window in Chromium with 10,000 components × 20 crops: bytes and time to first paint, round trip, frame times."""

import time
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

TESTS = Path(__file__).parents[1]
SETUP = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import torch
import semlens_widgets as sl
from toy import ColourClip, pictures, to_pixels
class Wide(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.wide = torch.nn.Conv2d(3, 10_000, 1)
    def forward(self, x):
        return self.wide(x)
data = sl.images(pictures(60, size=16), transform=to_pixels)
lens = sl.Lens(Wide(), data, "wide", ColourClip(), k=20, crop=None, templates=("{{}}",))
lens.fit(cached=False, progress=False, batch_size=8)
lens.query = "red"
"""
FRAMES = """
async node => {
    const times = [];
    let last = performance.now();
    for (let i = 0; i < 180; i++) {
        node.scrollTop += 400;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
    }
    return times;
}
"""


def test_window(open_notebook):
    notebook = open_notebook(run=False)
    received: list[int] = []
    notebook.page.on("websocket", lambda s: s.on("framereceived", lambda frame: received.append(len(frame))))
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.reconnect()")
    notebook.run(SETUP)
    received.clear()
    start = time.perf_counter()
    notebook.run("lens.show()", wait=False)
    window = notebook.windows.first
    crop = window.locator('[data-testid="gallery-row"][data-position="0"] .sl-crop').first
    crop.wait_for(timeout=60_000)
    painted, sent = time.perf_counter() - start, sum(received)
    first = window.locator('[data-testid="gallery-row"][data-position="0"]')
    trips = []
    for word in ("blue", "green", "red", "blue", "green"):
        before = first.get_attribute("data-id")
        notebook.run("lens.query = ''")
        box = window.get_by_test_id("search-input")
        box.fill(word)
        start = time.perf_counter()
        box.press("Enter")
        expect(window.get_by_test_id("null-strip")).to_be_visible()
        expect(first).not_to_have_attribute("data-id", before or "")
        trips.append(time.perf_counter() - start)
    frames = np.array(window.get_by_test_id("gallery-scroll").evaluate(FRAMES))
    print(
        f"\n\n| 10,000 components × 20 crops, in Chromium | measured | target |\n|---|---|---|"
        f"\n| bytes from the kernel before first paint | {sent / 1e6:.2f} MB | < 2 MB |"
        f"\n| time to first paint | {painted:.2f} s | – |"
        f"\n| Enter → hits drawn, median (max) | {np.median(trips) * 1e3:.0f} ({max(trips) * 1e3:.0f}) ms | – |"
        f"\n| frames in scrolling, median (95 %) | {np.median(frames):.0f} ({np.percentile(frames, 95):.0f}) ms | – |"
    )
    assert sent < 2e6
