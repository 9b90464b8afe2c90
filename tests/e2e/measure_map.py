"""The map in Chromium without a graphics card: frames while 100,000 components are dragged and zoomed, beside no map.

python tests/e2e/measure_map.py [folder for pictures]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
COUNT = 100_000
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
# Opens the map, and gives a function that plays a part and answers with the times between its frames, in ms.
OPEN = """
async count => {
    map.open({count});
    const area = document.querySelector('[data-testid=map-area]');
    const frame = () => new Promise(requestAnimationFrame);
    for (let i = 0; i < 30; i++) await frame();
    const box = area.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    area.focus({preventScroll: true});
    const pointer = (type, dx = 0, dy = 0) => area.dispatchEvent(new PointerEvent(type,
        {bubbles: true, button: 0, pointerId: 1, clientX: x + dx, clientY: y + dy}));
    const wheel = deltaY => area.dispatchEvent(new WheelEvent('wheel',
        {bubbles: true, cancelable: true, clientX: x + 40, clientY: y - 30, deltaY}));
    const frames = async act => {
        const times = [];
        await frame();
        let last = performance.now();
        for (let i = 0; i < 150; i++) {
            act(i);
            await frame();
            const now = performance.now();
            times.push(now - last);
            last = now;
        }
        return times.slice(5);
    };
    const drag = async () => {
        pointer('pointerdown');
        const times = await frames(i => pointer('pointermove', 120 * Math.sin(i / 9), 80 * Math.cos(i / 7)));
        pointer('pointerup');
        return times;
    };
    window.play = {
        empty: () => frames(() => {}),
        moved: drag,
        zoomed: () => frames(i => wheel(i % 60 < 30 ? -30 : 30)),
        close: drag,
    };
    window.closer = async () => {
        for (let i = 0; i < 20; i++) wheel(-60);
        for (let i = 0; i < 60; i++) await frame();
    };
}
"""
PARTS = {
    "empty": "an empty page, for comparison",
    "moved": "dragged, all in sight",
    "zoomed": "zoomed in and out",
    "close": "dragged, 20 times closer",
}


def bundle(folder):
    """The page, built from the sources, as one folder with `map.js` and `map.css`."""
    options = ["--bundle", "--format=iife", "--global-name=map", f"--outfile={folder}/map.js", "--log-level=error"]
    subprocess.run([ROOT / "node_modules/.bin/esbuild", ROOT / "js/testing/map_page.js", *options], check=True)


def page_of(browser, folder, **viewport):
    page = browser.new_page(viewport=viewport or {"width": 940, "height": 600})
    page.on("pageerror", lambda error: sys.exit(f"the page fails: {error}"))
    page.set_content("<!doctype html><body></body>")
    page.add_style_tag(path=f"{folder}/map.css")
    page.add_script_tag(path=f"{folder}/map.js")
    return page


def rows(browser, folder, count=COUNT):
    """Rows of a table: what, time between frames and processor time of the page's thread a frame, target."""
    page = page_of(browser, folder)
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")
    page.evaluate(OPEN, count)

    def worked():
        found = {m["name"]: m["value"] for m in metrics.send("Performance.getMetrics")["metrics"]}
        return 1000 * found["ThreadTime"]

    for part, words in PARTS.items():
        if part == "close":
            page.evaluate("closer()")
        before = worked()
        between = np.array(page.evaluate("part => play[part]()", part))
        own = (worked() - before) / (len(between) + 5)
        yield (
            f"| map of {count:,}, {words}: between frames, median (95 %) · processor time a frame | "
            f"{np.median(between):.1f} ({np.percentile(between, 95):.1f}) ms · {own:.1f} ms | "
            f"{'–' if part == 'empty' else '16.7 ms'} |"
        )


def main(pictures=None):
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        bundle(folder)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        print("| map in Chromium without a graphics card | measured | target |\n|---|---|---|")
        for row in rows(browser, folder):
            print(row, flush=True)
        for dark in (False, True) if pictures else ():
            page = page_of(browser, folder)
            page.evaluate("light => document.body.dataset.jpThemeLight = String(light)", not dark)
            for count in (100, 100_000):
                page.evaluate("count => void map.open({count})", count)
                page.wait_for_timeout(600)
                page.screenshot(path=Path(pictures) / f"map-{count}-{'dark' if dark else 'light'}.png")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
