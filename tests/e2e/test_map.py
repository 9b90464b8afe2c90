"""The tabs Map, Describe and Evaluate in a real JupyterLab: pointed at, dragged over, written into, set from cells."""

import pytest
from playwright.sync_api import expect
from test_window import ROOT, TOY

DESCRIBED = TOY + "lens.describe(); lens.evaluate(); lens.compute_layout('pca')\n"


def opened(notebook, tab):
    window = notebook.windows.first
    window.get_by_test_id(f"tab-{tab}").click()
    return window


def places(notebook):
    """Where living components lie on the map, by id, as shares of the map's area: read from the kernel."""
    return notebook.value(
        "{str(c): lens.layout.positions[i].tolist() for i, c in enumerate(lens.components) if lens.space.alive[i]}"
    )


def test_a_click_a_lasso_and_a_cell_select_on_the_map(open_notebook):
    notebook = open_notebook(DESCRIBED, "lens.show()")
    window = opened(notebook, "map")
    page, area = notebook.page, window.get_by_test_id("map-area")
    expect(window.get_by_test_id("map-list-row").first).to_be_visible()
    captions = window.get_by_test_id("map-caption")
    expect(captions.first).to_be_visible()
    cut = "words => words.filter(({firstElementChild: word}) => word.scrollWidth > word.clientWidth).length"
    assert captions.evaluate_all(cut) == 0
    living = len(places(notebook))
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.down()
    for x, y in ((0.99, 0.01), (0.99, 0.99), (0.01, 0.99)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(window.get_by_test_id("map-heading")).to_have_text(f"{living} selected")
    notebook.expect_value("len(lens.selection)", living)
    expect(window.get_by_test_id("python-line")).to_contain_text("lens.selection = [")
    area.scroll_into_view_if_needed()
    area.dblclick(position={"x": 4, "y": 4})
    notebook.expect_value("len(lens.selection)", 0)
    notebook.run("lens.selection = ['colour:1']")
    expect(window.get_by_test_id("map-heading")).to_have_text("1 selected")
    window.get_by_test_id("map-list").focus()
    page.keyboard.press("ArrowDown")
    notebook.expect_value("[str(c) for c in lens.selection]", ["colour:2"])
    window.get_by_test_id("map-colour").select_option("clarity_centred")
    notebook.expect_value("lens.map_colour", "clarity_centred")
    expect(window.get_by_test_id("map-legend")).to_contain_text("clarity")


def test_labels_are_described_corrected_and_exported_in_the_window(open_notebook):
    notebook = open_notebook(TOY, "lens.show()")
    window = opened(notebook, "describe")
    expect(window.get_by_test_id("labels-empty")).to_be_visible()
    window.get_by_test_id("describe").click()
    row = window.locator('[data-testid="label-row"][data-id="colour:0"]')
    expect(row).to_contain_text("red")
    expect(window.get_by_test_id("python-line")).to_have_text("lens.describe()")
    notebook.expect_value("lens.labels.word(0)", "red")
    row.hover()
    row.get_by_test_id("edit-label").click()
    window.get_by_test_id("label-editor").fill('<img src=x onerror="document.title=1">')
    window.get_by_test_id("label-editor").press("Enter")
    expect(row.get_by_test_id("own-mark")).to_be_visible()
    notebook.expect_value("lens.own_labels", {"colour:0": '<img src=x onerror="document.title=1">'})
    assert window.locator("img[src=x]").count() == 0
    window.get_by_test_id("label-undo").click()
    notebook.expect_value("lens.own_labels", {})
    notebook.run("lens.own_labels = {'colour:1': 'leaf'}")
    expect(window.locator('[data-testid="label-row"][data-id="colour:1"]')).to_contain_text("leaf")
    with notebook.page.expect_download() as download:
        window.get_by_test_id("export-csv").click()
    assert "leaf" in download.value.path().read_text()
    window.get_by_test_id("tab-search").click()
    window.get_by_test_id("browse-all").click()
    expect(window.locator('[data-testid="gallery-row"][data-id="colour:1"]')).to_contain_text("leaf")


def test_scores_are_made_and_brushed_in_the_window(open_notebook):
    notebook = open_notebook(TOY, "lens.show()")
    window = opened(notebook, "evaluate")
    window.get_by_test_id("evaluate").click()
    part = window.get_by_test_id("panel-clarity").get_by_test_id("distribution").first
    expect(part).to_be_visible()
    notebook.expect_value("lens.evaluation is not None", True)
    expect(window.get_by_test_id("extreme").first).to_be_visible()
    part.scroll_into_view_if_needed()
    box = part.bounding_box()
    notebook.page.mouse.move(box["x"], box["y"] + 10)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + box["width"], box["y"] + 20, steps=4)
    notebook.page.mouse.up()
    living = notebook.value("int(lens.space.alive[lens.components.rows('colour')].sum())")
    notebook.expect_value("len(lens.selection)", living)
    window.get_by_test_id("scatter").focus()
    for key in ["ArrowRight"] + 16 * ["Shift+ArrowRight"] + 16 * ["Shift+ArrowUp"] + ["Enter"]:
        notebook.page.keyboard.press(key)
    notebook.expect_value("len(lens.selection)", notebook.value("int(lens.space.alive.sum())"))
    window.get_by_test_id("rank-by").select_option("polysemanticity")
    for text in window.get_by_test_id("extreme").all_inner_texts():
        assert "clarity" in text


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_serious_violation_in_the_map_and_its_neighbours(open_notebook, dark):
    notebook = open_notebook(DESCRIBED, "lens.show()", dark=dark)
    notebook.run("lens.own_labels = {'colour:1': 'leaf'}; lens.selection = ['colour:0', 'colour:1']")
    window = notebook.windows.first
    notebook.page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
    for tab, ready in (("map", "map-list-row"), ("describe", "label-row"), ("evaluate", "extreme")):
        window.get_by_test_id(f"tab-{tab}").click()
        expect(window.get_by_test_id(ready).first).to_be_visible()
        if tab == "evaluate":
            window.get_by_test_id("list-selected").click()
            window.get_by_test_id("scatter").press("ArrowRight")
            expect(window.locator(".sl-plane .sl-brush")).to_be_visible()
        found = notebook.page.evaluate(
            "async () => (await axe.run(document.querySelector('.semlens'))).violations"
            ".filter(v => ['serious', 'critical'].includes(v.impact)).map(v => [v.id, v.nodes[0].html])"
        )
        assert found == [], tab
