"""The audit's scatter in Chromium with 100,000 components: the time of a new report, of another selection, of
a pointer that moves over it, and of a lasso around all of it that selects them.

python tests/e2e/measure_scatter.py [folder for pictures]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
COUNT = 100_000
MEASURE = """
async count => {
    const page = scatter.open({count, weighted: true});
    const median = times => times.sort((a, b) => a - b)[times.length >> 1];
    const timed = (n, act) => median(Array.from({length: n}, (_, i) => {
        const start = performance.now();
        act(i);
        return performance.now() - start;
    }));
    const marks = () => document.querySelector('[data-testid=scatter-marks]');
    const box = marks().getBoundingClientRect();
    const pointer = (type, x, y, shiftKey = false, buttons = 0) => marks().dispatchEvent(new PointerEvent(type,
        {bubbles: true, button: 0, buttons, pointerId: 1, shiftKey, clientX: box.left + x, clientY: box.top + y}));
    const redraw = timed(9, page.redraw);
    const pick = timed(200, i => pointer('pointermove', 60 + i * 3, 40 + (i * 7) % 350));
    const select = timed(9, i => page.select([7 * i]));
    const lasso = timed(5, () => {
        pointer('pointerdown', 1, 1, true, 1);
        for (let i = 0; i < 100; i++)
            pointer('pointermove', 350 + 348 * Math.sin(i / 16), 220 - 218 * Math.cos(i / 16), true, 1);
        pointer('pointerup', 1, 1, true);
    });
    return {redraw, select, pick, lasso, chosen: page.chosen().length};
}
"""


def bundle(folder):
    """The page, built from the sources, as one folder with `scatter.js` and `scatter.css`."""
    entry = ROOT / "js/testing/scatter_page.js"
    options = ["--bundle", "--format=iife", "--global-name=scatter", f"--outfile={folder}/scatter.js"]
    subprocess.run([ROOT / "node_modules/.bin/esbuild", entry, *options, "--log-level=error"], check=True)


def main(pictures=None):
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        bundle(folder)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 740, "height": 480})
        page.on("pageerror", lambda error: sys.exit(f"the page fails: {error}"))
        page.set_content("<!doctype html><body></body>")
        page.add_style_tag(path=f"{folder}/scatter.css")
        page.add_script_tag(path=f"{folder}/scatter.js")
        took = page.evaluate(MEASURE, COUNT)
        print(f"| audit's scatter of {COUNT:,} components, in Chromium | median |\n|---|---|")
        for name in ("redraw", "select", "pick", "lasso"):
            print(f"| {name} | {took[name]:.1f} ms |")
        print(f"| chosen by the lasso | {took['chosen']:,} |")
        for dark in (False, True) if pictures else ():
            page.evaluate("light => document.body.dataset.jpThemeLight = String(light)", not dark)
            for count in (100, 3000, 50_000):
                for weighted in (False, True):
                    shown = {"count": count, "weighted": weighted, "selection": [5, 6, 7]}
                    page.evaluate("options => void scatter.open(options)", shown)
                    name = f"{count}-{'sized' if weighted else 'plain'}-{'dark' if dark else 'light'}.png"
                    page.screenshot(path=Path(pictures) / name)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
