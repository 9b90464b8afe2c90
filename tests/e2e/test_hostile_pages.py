"""Pages of hostile texts in a real browser: they show themselves, and ask for nothing."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile import ADDRESS, TEXTS, what_a_page_does, with_texts, words_of
from playwright.sync_api import expect
from test_hostile import EVIL, evil_lens
from test_report import audited
from toy import colour_lens

import semlens_widgets as sl


def test_a_report_of_hostile_texts_asks_for_nothing(browser, tmp_path):
    lens = audited(note="A note.")
    effect = lens.effect("colour:2", {"clean": lens.source.images}, draws=2, points=2)
    document = dict(lens.document(effect).document)
    known = words_of(document)
    context = browser.new_context()
    for number in range(0, len(TEXTS), 4):
        new = {text: TEXTS[(number + at) % len(TEXTS)] for at, text in enumerate(known)} | {"": ""}
        path = sl.Report(with_texts(document, new)).save(tmp_path / f"{number}.html")
        page = context.new_page()
        assert what_a_page_does(page, path) == []
        expect(page.locator("h2").first).to_have_text("Summary")
        page.close()
    context.close()


def test_a_page_that_did_ask_would_be_found_out(browser, tmp_path):
    context = browser.new_context()
    for number, text in enumerate((f"<img src='{ADDRESS}/x'>", f"<meta http-equiv=refresh content='0;url={ADDRESS}'>",
                                   "<script>window.evil = 1</script>", "<form>")):  # fmt: skip
        path = tmp_path / f"{number}.html"
        path.write_text(f"<!doctype html><p>{text}")
        page = context.new_page()
        assert what_a_page_does(page, path, wait=300), text
        page.close()
    context.close()


def test_a_page_of_a_lens_with_hostile_names_asks_for_nothing(browser, tmp_path):
    lens = evil_lens()
    lens.describe(["red", EVIL])
    lens.evaluate()
    lens.compute_layout("pca")
    lens.relate(progress=False, cached=False)
    lens.checklist = sl.Checklist((sl.Group(EVIL, (sl.Concept("red"), sl.Concept(EVIL, kind="spurious"))),), EVIL)
    lens.audit(target=EVIL, progress=False)
    path = lens.to_html(tmp_path / "lens.html")
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    assert what_a_page_does(page, path, wait=500) == []
    window = page.get_by_test_id("semlens")
    expect(window).to_be_visible()
    for tab in ("map", "describe", "evaluate", "audit"):
        window.get_by_test_id(f"tab-{tab}").click()
        expect(window.get_by_test_id(f"tab-{tab}")).to_have_attribute("aria-selected", "true")
        page.wait_for_timeout(200)
        assert page.locator("evil").count() == 0, tab
        assert page.evaluate("document.querySelectorAll('script').length") == 2, tab
    assert problems == []
    context.close()


def test_a_long_name_of_a_lens_leaves_the_tabs_their_room(browser, tmp_path):
    path = colour_lens(count=40, name="n" * 190).fit(cached=False, progress=False).to_html(tmp_path / "long.html")
    for width in (1400, 1000, 900, 600):
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(path.as_uri())
        tabs = page.get_by_role("tab")
        expect(tabs.first).to_be_visible()
        # As many tabs as a window with a kernel has.
        tabs.first.evaluate("""tab => { for (const name of ["Describe", "Evaluate", "Prediction", "Compare", "Audit"]) {
            const more = tab.cloneNode(); more.textContent = more.dataset.title = name;
            tab.parentNode.append(more); } }""")
        title, first = page.get_by_test_id("title").bounding_box(), tabs.first.bounding_box()
        beside = abs(title["y"] - first["y"]) < title["height"]
        assert not beside or title["x"] + title["width"] <= first["x"]
        last, tools = tabs.last.bounding_box(), page.locator(".sl-tools").bounding_box()
        assert not beside or last["x"] + last["width"] <= tools["x"]
        page.close()
