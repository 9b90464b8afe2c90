"""The window in a real JupyterLab with 100,000 components: bytes before the first paint, tabs, and lists that are
scrolled, each beside an empty page in the same run.
"""

import time
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1]
COUNT = 100_000
SETUP = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import numpy as np
import torch
import semlens_widgets as sl
from semlens_widgets.evaluate import SCORES, Evaluation, NullLevel, Scores
from toy import ColourClip, pictures, to_pixels
class Wide(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.wide = torch.nn.Conv2d(3, {COUNT}, 1)
    def forward(self, x):
        return self.wide(x)
data = sl.images(pictures(60, size=8), transform=to_pixels)
lens = sl.Lens(Wide(), data, "wide", ColourClip(), k=8, crop=None, templates=("{{}}",))
lens.fit(cached=False, progress=False, batch_size=4)
lens.lay_out("pca")
lens.describe(["red", "green", "blue"])
# Scores of random numbers: the windows show them as they do others.
random = np.random.default_rng(0)
level = NullLevel(np.full({COUNT}, .4), np.full({COUNT}, .6))
levels = dict.fromkeys(SCORES, level)
form = Scores(*random.random((2, {COUNT})), np.arange({COUNT})[::-1], random.random({COUNT}), levels)
counts, clip = lens.space.examples.counts, lens.space.recipe.clip
lens.set_trait("evaluation", Evaluation(lens.components, counts, form, form, clip))
lens.query = "red"
"""
# Times between frames while a list is scrolled, or without one; and the most elements it held.
FRAMES = """
async name => {
    const list = name && document.querySelector(name);
    const times = [];
    let most = 0;
    let last = performance.now();
    for (let i = 0; i < 100; i++) {
        if (list) list.scrollTop += 400;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
        most = Math.max(most, list ? list.querySelectorAll('[data-position]').length : 0);
    }
    return [times.slice(5), most];
}
"""
LISTS = {
    "search": ("the gallery", "[data-testid=gallery-scroll]"),
    "map": ("the map's list", "[data-testid=semantic-map] [role=listbox]"),
    "describe": ("the label table", "[data-testid=label-scroll]"),
}
OPENED = {"map": "map-list-row", "describe": "label-row", "evaluate": "extreme"}


def test_scale(open_notebook):
    notebook = open_notebook(run=False)
    received: list[int] = []
    notebook.page.on("websocket", lambda s: s.on("framereceived", lambda frame: received.append(len(frame))))
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.reconnect()")
    notebook.run(SETUP)
    print("")

    def row(what, measured, target):
        print(f"| window of {COUNT:,} components, {what} | {measured} | {target} |", flush=True)

    received.clear()
    start = time.perf_counter()
    notebook.run("lens.show()", wait=False)
    window = notebook.windows.first
    window.locator('[data-testid="gallery-row"][data-position="0"] .sl-crop').first.wait_for(timeout=60_000)
    sent, painted = sum(received) / 1e6, time.perf_counter() - start
    row("until the first paint", f"{sent:.2f} MB, {painted:.2f} s", "< 1 MB")
    notebook.page.wait_for_timeout(2000)
    for tab in ("search", *OPENED):
        if tab in OPENED:
            start = time.perf_counter()
            window.get_by_test_id(f"tab-{tab}").click()
            window.get_by_test_id(OPENED[tab]).first.wait_for(timeout=60_000)
            row(f"tab {tab} for the first time", f"{time.perf_counter() - start:.2f} s", "< 1 s")
            notebook.page.wait_for_timeout(1500)
        if tab in LISTS:
            name, selector = LISTS[tab]
            still, _ = notebook.page.evaluate(FRAMES, None)
            moved, most = notebook.page.evaluate(FRAMES, selector)
            frames = f"{np.median(moved):.1f} ({np.percentile(moved, 95):.1f}) ms, at most {most} rows drawn"
            row(
                f"frames while {name} is scrolled",
                f"{frames}; without {np.median(still):.1f} ({np.percentile(still, 95):.1f}) ms",
                "≤ 17 ms median, at rest",
            )
    assert sent < 1, "MB before the first paint"
