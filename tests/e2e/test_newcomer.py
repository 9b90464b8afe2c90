"""Somebody new: from `lens.show()` to the task of every tab done, without Python, by pointer and by keys; axe."""

from pathlib import Path

from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
AXE = """async () => (await axe.run(document.querySelector('.semlens'))).violations
    .filter(v => ['serious', 'critical'].includes(v.impact)).map(v => [v.id, v.nodes[0].html.slice(0, 300)])"""


def cells(folder):
    return (
        f"import os\nos.environ['SEMLENS_CACHE'] = {str(folder)!r}\nimport semlens_widgets as sl\n"
        "lens = sl.demo.lens(n=120, k=6)\nlens.auditor = 'Ada'\n"
        "other = sl.demo.lens(n=120, k=6)\nother.name = 'other one'",
        "lens.show()",
    )  # fmt: skip


def tab(window, name):
    window.get_by_test_id(f"tab-{name}").click()


def searched(window):
    window.get_by_test_id("vocabulary-word").filter(has_text="coloured patch").click()
    window.get_by_test_id("gallery-row").first.click()
    expect(window.get_by_test_id("card-title")).to_be_visible()


def mapped(window):
    tab(window, "map")
    window.get_by_test_id("map-list-row").first.click()
    expect(window.get_by_test_id("selected-id")).to_have_count(1)


def described(window):
    tab(window, "describe")
    window.get_by_test_id("describe").click()
    expect(window.get_by_test_id("label-row").first).to_be_visible(timeout=120_000)


def evaluated(window):
    tab(window, "evaluate")
    window.get_by_test_id("evaluate").click()
    expect(window.get_by_test_id("panel-clarity")).to_be_visible(timeout=120_000)


def compared(window):
    tab(window, "compare")
    window.get_by_test_id("choose-compare").first.click()
    expect(window.get_by_test_id("shared-line").first).to_be_visible(timeout=120_000)


def audited(window):
    tab(window, "audit")
    window.get_by_test_id("start-abcde").click()
    window.get_by_test_id("compute-relevance").click()
    expect(window.get_by_test_id("share-spurious")).to_be_visible(timeout=180_000)
    row = window.locator('[data-testid="concept-row"][data-name="ruler"]')
    row.click()
    row.press("2")
    expect(row.get_by_test_id("decide-spurious")).to_have_attribute("aria-pressed", "true")
    window.get_by_test_id("report").click()
    with window.page.expect_download() as report:
        window.get_by_test_id("report-html").click()
    assert "ruler" in Path(report.value.path()).read_text(encoding="utf-8")


TASKS = {"search": searched, "map": mapped, "describe": described, "evaluate": evaluated, "compare": compared,
         "audit": audited}  # fmt: skip


def test_a_newcomer_does_the_task_of_every_tab_and_takes_it_back(open_notebook, tmp_path):
    notebook = open_notebook(*cells(tmp_path), width=1500)
    window, page = notebook.windows.first, notebook.page
    expect(window.get_by_test_id("vocabulary-word").first).to_be_visible(timeout=240_000)
    page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
    for name, task in TASKS.items():
        task(window)
        assert page.evaluate(AXE) == [], name
    notebook.expect_value("lens.verdicts[str(lens.components[lens.report['ruler'].best])].decision", "spurious")

    # One history of it all, which a reload does not lose.
    for _ in range(3):  # what was selected after the verdict is a step of its own; asking the kernel takes the focus
        window.get_by_test_id("tab-audit").focus()
        page.keyboard.press("Control+z")
        page.wait_for_timeout(1000)
        if notebook.value("len(lens.verdicts)") == 0:
            break
    notebook.expect_value("len(lens.verdicts)", 0)
    notebook.reload()
    window = notebook.windows.first
    window.get_by_test_id("history").click()
    steps = window.get_by_test_id("history-step")
    expect(steps.first).to_have_text("the beginning")
    steps.filter(has_text="spurious").click()
    notebook.expect_value("len(lens.verdicts)", 1)


def key_to(page, selector, most=80):
    """Tab until the focus is on, or in, what the selector says; where it is then."""
    for _ in range(most):
        if page.evaluate("s => Boolean(document.activeElement?.closest(s))", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {selector}")


def key_on(page, name):
    """Tab to what is called so in tests, and press Enter."""
    key_to(page, f'[data-testid="{name}"]')
    page.keyboard.press("Enter")


def search_by_keys(window, page):
    page.keyboard.press("/")
    page.keyboard.type("coloured patch")
    page.keyboard.press("Enter")
    expect(window.get_by_test_id("gallery-row").first).to_be_visible()
    key_to(page, '[data-testid="sort-by"]')
    page.keyboard.press("ArrowDown")
    expect(window.get_by_test_id("sort-value").first).to_be_visible()
    key_to(page, '[data-testid="gallery-row"]')
    page.keyboard.press("ArrowDown")
    expect(window.get_by_test_id("card-title")).to_be_visible()


def map_by_keys(window, page):
    key_to(page, '[data-testid="semantic-map"] [role=listbox]')
    page.keyboard.press("ArrowDown")
    expect(window.get_by_test_id("selected-id")).to_have_count(1)


def describe_by_keys(window, page):
    key_on(page, "describe")
    expect(window.get_by_test_id("label-row").first).to_be_visible(timeout=120_000)
    key_to(page, '[data-testid="label-row"]')
    page.keyboard.press("ArrowDown")


def evaluate_by_keys(window, page):
    key_on(page, "evaluate")
    expect(window.get_by_test_id("panel-clarity")).to_be_visible(timeout=120_000)


def explain_by_keys(window, page):
    expect(window.get_by_test_id("browse-image").first).to_be_visible()
    key_on(page, "browse-image")
    expect(window.get_by_test_id("bar").first).to_be_visible(timeout=120_000)
    window.get_by_test_id("tab-prediction").focus()
    key_to(page, '[data-testid="steer"]')
    page.keyboard.press("ArrowRight")
    expect(window.get_by_test_id("steered-class").first).to_be_visible()
    key_to(page, '[data-testid="bar"]')
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(window.get_by_test_id("card-pane")).to_be_visible()
    page.keyboard.press("Escape")
    expect(window.get_by_test_id("card-pane")).to_be_hidden()


def compare_by_keys(window, page):
    expect(window.get_by_test_id("choose-compare").first).to_be_visible()
    key_on(page, "choose-compare")
    expect(window.get_by_test_id("shared-line").first).to_be_visible(timeout=120_000)


def audit_by_keys(window, page):
    expect(window.get_by_test_id("start-abcde")).to_be_visible()
    key_on(page, "start-abcde")
    expect(window.get_by_test_id("compute-relevance")).to_be_visible()
    key_on(page, "compute-relevance")
    expect(window.get_by_test_id("share-spurious")).to_be_visible(timeout=180_000)
    window.get_by_test_id("tab-audit").focus()
    key_to(page, '[data-testid="concept-row"]')
    ruler = '[data-testid="concept-row"][data-name="ruler"]'
    for _ in range(30):
        if page.evaluate("s => Boolean(document.activeElement?.closest(s))", ruler):
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("2")
    expect(window.locator(ruler).get_by_test_id("decide-spurious")).to_have_attribute("aria-pressed", "true")
    window.get_by_test_id("tab-audit").focus()
    key_on(page, "report")
    with page.expect_download() as report:
        key_on(page, "report-html")
    assert "ruler" in Path(report.value.path()).read_text(encoding="utf-8")


BY_KEYS = {"search": search_by_keys, "map": map_by_keys, "describe": describe_by_keys, "evaluate": evaluate_by_keys,
           "prediction": explain_by_keys, "compare": compare_by_keys, "audit": audit_by_keys}  # fmt: skip
ZOOMED = "(node, zoom) => { node.style.zoom = zoom; }"


def test_the_task_of_every_tab_is_done_by_keys_and_axe_finds_nothing_serious(open_notebook, tmp_path):
    notebook = open_notebook(*cells(tmp_path), width=1500, dark=True)
    window, page = notebook.windows.first, notebook.page
    expect(window.get_by_test_id("vocabulary-word").first).to_be_visible(timeout=240_000)
    page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
    window.get_by_test_id("tab-search").focus()
    for number, (name, task) in enumerate(BY_KEYS.items()):
        if number:
            window.get_by_test_id(f"tab-{list(BY_KEYS)[number - 1]}").focus()
            page.keyboard.press("ArrowRight")
        expect(window.get_by_test_id(f"tab-{name}")).to_be_focused()
        task(window, page)
        assert page.evaluate(AXE) == [], f"{name}, dark"
        page.emulate_media(forced_colors="active")
        assert page.evaluate(AXE) == [], f"{name}, forced colours"
        page.emulate_media(forced_colors="none", reduced_motion="reduce")
        window.evaluate(ZOOMED, 2)
        assert page.evaluate(AXE) == [], f"{name}, 200 %"
        window.evaluate(ZOOMED, 1)
