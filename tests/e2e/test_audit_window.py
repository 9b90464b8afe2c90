"""The audit in a real JupyterLab: to the planted shortcut in a few actions, edited, lassoed, undone, reloaded."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
MOST_ACTIONS = 8
HOSTILE = [
    "<img src=x onerror=\"document.title='broken'\">",
    "</textarea><script>document.title='broken'</script>",
    "\u202egnp.x \U0001f389\u0301 \"'`${1}",
    "x" * 10_000,
]


def demo_cells(folder):
    return (
        f"import os\nos.environ['SEMLENS_CACHE'] = {str(folder)!r}\n"
        "import semlens_widgets as sl\nlens = sl.demo.lens()\nlens.auditor = 'Ada'",
        "lens.show()",
    )


def colour_cells(folder):
    return (
        f"import os, sys\nos.environ['SEMLENS_CACHE'] = {str(folder)!r}\nsys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "import semlens_widgets as sl\nfrom test_auditing import LIST, lens as colour_lens\n"
        "lens = colour_lens()\nlens.audit(LIST, target='warm', progress=False)",
        "lens.show()",
    )


class Person:
    """Somebody with a mouse and a keyboard, whose actions are counted."""

    def __init__(self, window) -> None:
        self.window, self.actions = window, 0

    def click(self, *path: str) -> None:
        place = self.window
        for test_id in path[:-1]:
            place = place.locator(test_id)
        place.get_by_test_id(path[-1]).click()
        self.actions += 1


def row(window, name):
    return window.locator(f'[data-testid="concept-row"][data-name={json.dumps(name)}]')


def open_audit(notebook, concepts):
    window = notebook.windows.first
    window.get_by_test_id("tab-audit").click(timeout=180_000)
    expect(window.get_by_test_id("concept-row")).to_have_count(concepts)
    return window


def lasso(page, window, corners):
    """Shift-drag around a part of the scatter, corners as shares of its width and height."""
    window.get_by_test_id("scatter").scroll_into_view_if_needed()
    box = window.get_by_test_id("scatter-marks").bounding_box()
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.keyboard.down("Shift")
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")


def test_from_the_window_to_the_planted_shortcut_and_back_after_a_reload(open_notebook, tmp_path):
    notebook = open_notebook(*demo_cells(tmp_path), width=1360)
    window = notebook.windows.first
    expect(window.get_by_test_id("tab-audit")).to_be_visible(timeout=180_000)
    person = Person(window)
    person.click("tab-audit")
    person.click("start-abcde")
    person.click("compute-relevance")
    expect(window.get_by_test_id("share-spurious")).to_be_visible(timeout=180_000)
    expect(row(window, "coloured patch").get_by_test_id("relevance")).to_contain_text("−")  # it speaks against
    person.click('[data-name="coloured patch"]', "decide-spurious")
    person.click('[data-name="coloured patch"]', "note-button")
    person.click('[data-testid="decide-all"]', "decide-spurious")
    assert person.actions <= MOST_ACTIONS
    notebook.expect_value("len(lens.verdicts.components('spurious')) == len(lens.report['coloured patch'].rows)", True)
    # The best of them is the shortcut that was planted, and it is used.
    notebook.run(
        "truth, best = sl.demo.truth(), lens.components[lens.report['coloured patch'].best]\n"
        "place = truth.components.index((best.layer, best.index)), truth.factors.index('coloured patch')"
    )
    assert notebook.value("float(truth.auroc[place])") >= 0.95
    assert notebook.value("lens.report['coloured patch'].direction") == "against"

    # A prompt is changed and one is added; what was found follows.
    found = notebook.value("len(lens.report['coloured patch'].rows)")
    prompts = window.get_by_test_id("prompt")
    prompts.first.fill("ruler")
    prompts.first.press("Enter")
    window.get_by_test_id("add-prompt").fill("measuring scale")
    window.get_by_test_id("add-prompt").press("Enter")
    expect(prompts).to_have_count(5)
    notebook.expect_value("lens.checklist['coloured patch'].prompts[0]", "ruler")
    notebook.expect_value(f"len(lens.report['coloured patch'].rows) != {found}", True)
    window.get_by_test_id("undo").click()
    window.get_by_test_id("undo").click()
    expect(prompts.first).to_have_value("coloured patch")
    notebook.expect_value(f"len(lens.report['coloured patch'].rows) == {found}", True)

    # In a narrow window every name is whole, and the report stands beside what it is about.
    notebook.page.set_viewport_size({"width": 800, "height": 1000})
    cut = "names => names.filter(name => name.scrollWidth > name.clientWidth).map(name => name.textContent)"
    assert window.get_by_test_id("concept-name").evaluate_all(cut) == []
    tops = [window.get_by_test_id(one).bounding_box()["y"] for one in ("audit-target", "report")]
    assert abs(tops[0] - tops[1]) < 12
    notebook.page.set_viewport_size({"width": 1360, "height": 1000})

    # A concept of one's own.
    window.get_by_test_id("add-neutral").click()
    window.get_by_test_id("edit-name").fill("lesion")
    window.get_by_test_id("edit-name").press("Enter")
    expect(row(window, "lesion")).to_have_attribute("data-state", "found")
    notebook.expect_value(
        "(lens.checklist['lesion'].kind, list(lens.checklist['lesion'].prompts))", ["neutral", ["lesion"]]
    )
    window.get_by_test_id("close-editor").click()

    # From red skin to what makes no difference, by dragging; and back by keyboard.
    row(window, "red skin").drag_to(window.get_by_test_id("section-neutral"))
    notebook.expect_value("lens.checklist['red skin'].kind", "neutral")
    row(window, "red skin").press("Alt+ArrowUp")
    notebook.expect_value("lens.checklist['red skin'].kind", "spurious")

    # A lasso gives one verdict to many; undo takes it back as one.
    before = notebook.value("len(lens.verdicts)")
    lasso(notebook.page, window, [(0.6, 0.5), (0.95, 0.5), (0.95, 0.9), (0.6, 0.9)])
    expect(window.get_by_test_id("bulk")).to_be_visible()
    many = int(window.get_by_test_id("bulk-count").text_content())
    assert many > 3
    notebook.expect_value("len(lens.selection)", many)
    window.get_by_test_id("bulk-unsure").click()
    notebook.expect_value("len(lens.verdicts.components('unsure'))", many)
    window.get_by_test_id("scatter").press("u")
    notebook.expect_value("len(lens.verdicts)", before)

    # A cell moves the window.
    notebook.run("lens.verdicts['@evolving'] = 'unsure'")
    expect(row(window, "evolving").get_by_test_id("decide-unsure")).to_have_attribute("aria-pressed", "true")

    # Everything is there again after the page is reloaded, and after the kernel is new.
    held = notebook.value("[[c.name, c.kind, list(c.prompts)] for c in lens.checklist]")
    decided = notebook.value("sorted(lens.verdicts)")
    notebook.reload()
    window = open_audit(notebook, len(held))
    shown = window.get_by_test_id("concept-row").evaluate_all("rows => rows.map(r => r.dataset.name)")
    assert sorted(shown) == sorted(name for name, _, _ in held)
    expect(row(window, "coloured patch").get_by_test_id("decide-spurious")).to_have_attribute("aria-pressed", "true")
    row(window, "ruler").get_by_test_id("decide-spurious").click()
    notebook.expect_value(
        "lens.report['ruler'].best is not None and lens.verdicts[lens.components[lens.report['ruler'].best]].decision",
        "spurious",
    )
    decided = notebook.value("sorted(lens.verdicts)")
    notebook.restart()
    window = open_audit(notebook, len(held))
    expect(window.get_by_test_id("audit-notice")).to_contain_text("restored")
    assert notebook.value("[[c.name, c.kind, list(c.prompts)] for c in lens.checklist]") == held
    assert notebook.value("sorted(lens.verdicts)") == decided
    expect(row(window, "ruler").get_by_test_id("decide-spurious")).to_have_attribute("aria-pressed", "true")


def test_hostile_words_are_shown_as_words(open_notebook, tmp_path):
    notebook = open_notebook(*colour_cells(tmp_path))
    window = open_audit(notebook, 3)
    title = notebook.page.title()
    for text in HOSTILE:
        window.get_by_test_id("add-spurious").click()
        window.get_by_test_id("edit-name").fill(text)
        window.get_by_test_id("edit-name").press("Enter")
        window.get_by_test_id("edit-note").fill(text)
        window.get_by_test_id("add-prompt").fill(text + " red")
        window.get_by_test_id("add-prompt").press("Enter")
        notebook.expect_value(f"lens.checklist[{' '.join(text.split())!r}].note", text.strip())
        window.get_by_test_id("close-editor").click()
    notebook.run("lens.verdicts['colour:0'] = {'decision': 'valid', 'note': '<img src=x onerror=alert(1)>'}")
    names = window.get_by_test_id("concept-row").evaluate_all("rows => rows.map(r => r.dataset.name)")
    assert {" ".join(text.split()) for text in HOSTILE} < set(names)
    assert window.locator("img, script, iframe").count() == 0
    assert notebook.page.title() == title
    width = window.evaluate("node => [node.scrollWidth, node.clientWidth]")
    assert width[0] <= width[1] + 1, "long words do not widen the window"

    # The report opens without a network, and holds them as words too.
    window.get_by_test_id("report").click()
    with notebook.page.expect_download() as download:
        window.get_by_test_id("report-html").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    offline = notebook.page.context.browser.new_context(offline=True)
    page, asked = offline.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    expect(page.locator("h1")).to_contain_text("warm")
    expect(page.locator("body")).to_contain_text("<img src=x onerror=")
    assert page.title() != "broken"
    assert page.locator("script, iframe").count() == 0
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    offline.close()


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_serious_violation(open_notebook, tmp_path, dark):
    notebook = open_notebook(*colour_cells(tmp_path), dark=dark)
    window = open_audit(notebook, 3)
    notebook.page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")

    def violations():
        return notebook.page.evaluate(
            "async () => (await axe.run(document.querySelector('.semlens'))).violations"
            ".filter(v => ['serious', 'critical'].includes(v.impact)).map(v => [v.id, v.nodes.map(n => n.html)])"
        )

    assert violations() == []
    row(window, "blue").get_by_test_id("decide-spurious").click()
    row(window, "blue").get_by_test_id("note-button").click()
    window.get_by_test_id("region-unexpected").click()
    window.get_by_test_id("report").click()
    expect(window.get_by_test_id("report-menu")).to_be_visible()
    assert violations() == []
    window.get_by_test_id("report").press("Escape")
    window.get_by_test_id("close-editor").click()
    notebook.run("lens.checklist = sl.Checklist()")
    expect(window.get_by_test_id("start-abcde")).to_be_visible()
    assert violations() == []
