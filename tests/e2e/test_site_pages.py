"""A site served as plain files: searched, linked to, walked by keys; what of it opens from the disk; hostile names."""

import re
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_hostile import EVIL, evil_lens
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl

ROOT = Path(__file__).parents[2]
AXE = """async () => (await axe.run()).violations
    .filter(v => ['serious', 'critical'].includes(v.impact)).map(v => [v.id, v.nodes[0].html.slice(0, 300)])"""


class Quiet(SimpleHTTPRequestHandler):
    """Files as any static server gives them: no ranges, nothing kept."""

    def log_message(self, *args):
        pass


@contextmanager
def serving(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(folder, address, the lens) of a site."""
    data = sl.images(pictures(60, size=24), transform=to_pixels)
    lens = sl.Lens(ColourNet(), data, ["colour", sl.Layer("head", signed=True)], ColourClip(), k=5, crop=None,
                   templates=("{}",), name="toy", vocabulary=["red", "green", "blue"])  # fmt: skip
    lens.fit(cached=False, progress=False)
    lens.describe(level=0.0)
    lens.checklist = sl.Checklist((sl.Group("colours", (sl.Concept("red"), sl.Concept("green", kind="spurious"))),))
    lens.audit(target="0", progress=False)
    folder = lens.to_site(tmp_path_factory.mktemp("site") / "toy", progress=False).parent
    with serving(folder) as address:
        yield folder, address, lens


@pytest.fixture
def page(browser):
    """A page that must not fail."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    made, problems = context.new_page(), []
    made.on("pageerror", lambda error: problems.append(str(error)))
    made.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield made
    context.close()
    assert problems == []


def no_serious_finding(page):
    # What the page's own policy keeps out of it is put there by the test's own hand.
    page.evaluate((ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    assert page.evaluate(AXE) == []


def test_a_site_is_searched_and_a_link_opens_a_component(served, page):
    _, address, lens = served
    page.goto(f"{address}/index.html#head:1-")
    window = page.get_by_test_id("semlens")
    expect(window.get_by_test_id("card")).to_contain_text("head:1-")
    expect(window.get_by_test_id("other-end")).to_contain_text("head:1+")
    box = window.get_by_test_id("search-input")
    box.fill("green")
    box.press("Enter")
    first = window.locator('[data-testid="gallery-row"][data-position="0"]')
    expect(first).to_have_attribute("data-id", str(lens.answer("green", by="examples")[0].component))
    first.click()
    expect(window.get_by_test_id("sibling").first).to_be_visible()
    assert page.evaluate("location.hash") == "#colour:1"
    crop = first.locator("[data-rank]").first
    expect(crop).to_have_attribute("style", re.compile("blob:"))
    # Somebody follows a link to another one, and to one that is not there.
    page.evaluate("location.hash = '#colour:2'")
    expect(window.get_by_test_id("card")).to_contain_text("colour:2")
    page.evaluate("location.hash = '#colour:77'")
    expect(window.get_by_test_id("banner")).to_contain_text("no component ‘colour:77’")
    # Sorted and filtered without a kernel.
    box.press("Escape")
    window.get_by_test_id("browse-all").click()
    window.get_by_test_id("sort-by").select_option("density")
    expect(window.get_by_test_id("sort-value").first).to_contain_text("density")
    assert [row["id"] for row in shown(window)] == [str(one) for one in lens.rank("density")]
    window.get_by_test_id("both-ends").click()
    expect(window.get_by_test_id("both-ends-row").first).to_be_visible()


def shown(window):
    return window.evaluate(
        "node => [...node.querySelectorAll('[data-testid=gallery-row]')].map(row => ({id: row.dataset.id}))"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_page_of_a_site(served, page, scheme):
    _, address, _ = served
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}/index.html#colour:1")
    window = page.get_by_test_id("semlens")
    for tab in ("search", "map", "describe", "audit"):
        window.get_by_test_id(f"tab-{tab}").click()
        expect(window.get_by_test_id(f"tab-{tab}")).to_have_attribute("aria-selected", "true")
        page.wait_for_timeout(300)
        no_serious_finding(page)
    for path in ("components/colour/1.html", "components/head/1-neg.html", "components/head/index.html"):
        page.goto(f"{address}/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        no_serious_finding(page)


def test_from_the_disk_its_pages_open_and_the_front_page_says_what_the_window_needs(served, browser):
    folder, _, _ = served
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    expect(page.get_by_role("note")).to_contain_text("python -m http.server", timeout=15_000)
    expect(page.get_by_role("note")).to_be_visible()
    page.get_by_role("link", name="colour").click()
    page.get_by_role("link", name="colour:1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("colour:1")
    picture = page.get_by_role("img").first
    assert picture.evaluate("node => node.decode().then(() => node.naturalWidth)") > 100
    assert page.locator(".strip").first.evaluate("node => getComputedStyle(node).overflow") == "hidden", "its style"
    page.close()


def test_hostile_names_do_nothing_in_a_site(page, tmp_path):
    lens = evil_lens()
    lens.describe(["red", EVIL])
    folder = lens.to_site(tmp_path / "site", progress=False).parent
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    with serving(folder) as address:
        for path in (folder / "index.html", *sorted((folder / "components").rglob("*.html"))[:3]):
            page.goto(f"{address}/{quote(path.relative_to(folder).as_posix())}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            page.wait_for_timeout(300)
            assert not page.evaluate("'evil' in window || document.querySelector('evil, form, base, iframe') !== null")
        assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
