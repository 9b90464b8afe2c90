"""Somebody new: from `lens.show()` to the task of every tab done, without typing Python; then by keys, and axe."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
STOPS = "button:enabled, input:enabled, select:enabled, [tabindex='0']"
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


@pytest.mark.parametrize("seen", ["forced colours", "reduced motion, 200 %"])
def test_every_tab_is_reached_by_keys_and_axe_finds_nothing_serious(open_notebook, tmp_path, seen):
    notebook = open_notebook(*cells(tmp_path), width=1500)
    window, page = notebook.windows.first, notebook.page
    expect(window.get_by_test_id("vocabulary-word").first).to_be_visible(timeout=240_000)
    page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
    if seen == "forced colours":
        page.emulate_media(forced_colors="active")
    else:
        page.emulate_media(reduced_motion="reduce")
        window.evaluate("node => { node.style.zoom = 2; }")
    window.get_by_test_id("tab-search").focus()
    reached = []
    for _ in range(7):
        assert page.evaluate(AXE) == [], reached
        page.keyboard.press("ArrowRight")
        reached.append(page.evaluate("() => document.activeElement.dataset.testid"))
        inside = set()
        expect(window.locator(f"[role=tabpanel] :is({STOPS})").filter(visible=True).first).to_be_visible()
        for _ in range(6):
            page.keyboard.press("Tab")
            inside.add(page.evaluate("() => Boolean(document.activeElement.closest('.semlens [role=tabpanel]'))"))
        assert True in inside, f"Tab leads into the panel of {reached[-1]}"
        window.get_by_test_id(reached[-1]).focus()
    assert sorted(set(reached)) == sorted(
        f"tab-{name}" for name in ("search", "map", "describe", "evaluate", "prediction", "compare", "audit")
    )
