"""Hosts by what they do to a page: VS Code, Positron, Colab. Windows work in them, and say what the page may not."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from guest_page import Host, hosted
from PIL import Image
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parents[1]))
from windows import lens

import semlens_widgets as sl

NO_CLIPBOARD = """
const denied = async () => { throw new DOMException('Write permission denied.', 'NotAllowedError'); };
Object.defineProperty(navigator, 'clipboard', {value: {write: denied, writeText: denied}});
document.execCommand = () => false;
"""
# VS Code and Positron take clicks on links to files over, on their way up.
TAKEN_OVER = """
window.open = () => { throw new Error('window.open'); };
window.Worker = class { constructor() { throw new DOMException('Worker', 'SecurityError'); } };
window.saved = [];
document.addEventListener('click', event => {
    const link = event.composedPath().find(node => node instanceof HTMLAnchorElement);
    if (link?.download) { saved.push(link.download); event.preventDefault(); }
});
"""
HOSTS = {
    # Its page for outputs; the policy is the one it has where `notebook.experimental.enableCsp` is set.
    "VS Code": Host(
        policy="default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' https: http: data:; font-src 'self' https:; connect-src https:; child-src https: data:",
        sandbox="allow-scripts allow-same-origin allow-forms allow-pointer-lock",
        lacks=NO_CLIPBOARD + TAKEN_OVER + """
        let asked = false;
        window.acquireVsCodeApi = () => { if (asked) throw new Error('acquired already'); asked = true; return {}; };
        """,
    ),
    "Positron": Host(
        policy="", sandbox="allow-scripts allow-same-origin allow-forms", lacks=NO_CLIPBOARD + TAKEN_OVER
    ),
    # No storage (its frames have origins of their own), messages of JSON alone, of a size.
    "Colab": Host(policy="", sandbox="allow-scripts", lacks=NO_CLIPBOARD, buffers=False, most=1_000_000),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTS)
def test_windows_work_as_guests_and_say_what_the_page_may_not(browser, name):
    toy = lens(name="toy", vocabulary=("red", "green", "blue"))
    with hosted(browser, HOSTS[name], [sl.Window(toy), sl.Window(toy)]) as (page, frames, kernels):
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        window, other = (frame.get_by_test_id("semlens") for frame in frames)
        expect(other.get_by_test_id("title")).to_have_text("toy")
        box = window.get_by_test_id("search-input")
        box.fill("red")
        box.press("Enter")
        # One lens, two outputs that know nothing of each other: both follow it.
        for shown in (window, other):
            first = shown.locator('[data-testid="gallery-row"][data-position="0"]')
            expect(first).to_have_attribute("data-id", "colour:0")
            crop = first.locator("[data-rank]").first
            address = "data:" if name == "VS Code" else "blob:"
            expect(crop).to_have_attribute("style", re.compile(f'url\\("{address}'))
            assert drawn(crop) > 10, "a picture that the policy lets in"
        assert toy.query == "red"
        window.locator('[data-testid="gallery-row"][data-position="0"]').click()
        expect(window.get_by_test_id("card")).to_contain_text("colour:0")
        expect(window.get_by_test_id("histogram")).to_be_visible()

        window.get_by_test_id("copy-id").click()
        banner = window.get_by_test_id("banner")
        expect(banner).to_have_text("This page may not write to the clipboard. Select and copy it here: colour:0")
        banner.get_by_test_id("banner-dismiss").click()

        window.get_by_test_id("figure-button").click()
        window.get_by_test_id("figure-width-88").click()
        window.get_by_test_id("figure-copy").click()
        notice = window.get_by_test_id("figure-notice")
        expect(notice).to_have_text("This page may not write pictures to the clipboard; save the PNG instead.")
        window.get_by_test_id("figure-save").click()
        expect(banner).to_contain_text("search.pdf was handed to the page around this window")
        expect(banner).to_contain_text('run lens.figure("search", width_mm=88).save("search.pdf")')
        if HOSTS[name].lacks != NO_CLIPBOARD:
            assert frames[0].evaluate("saved") == ["search.pdf"], "the host hears of the file"

        window.get_by_test_id("tab-map").click()
        expect(window.get_by_test_id("map-list-row").first).to_be_visible()
        # The one thing against the policy is the try whether pictures may come from blobs.
        assert frames[0].evaluate("violations") == (["img-src"] if name == "VS Code" else [])
        assert [kernel.dropped for kernel in kernels] == [[], []]
        assert problems == []


def drawn(crop):
    """How many grey levels a screenshot of a crop has: an empty place has one."""
    return np.count_nonzero(Image.open(io.BytesIO(crop.screenshot())).convert("L").histogram())
