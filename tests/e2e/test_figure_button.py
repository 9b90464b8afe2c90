"""Figures and pictures in a real JupyterLab: saved from the window, and still there without a kernel."""

import json
import re
from pathlib import Path

from playwright.sync_api import expect
from test_compare_window import TOY as COMPARED
from test_window import TOY, first_row, search


def test_the_figure_of_the_window_is_that_of_python(open_notebook, tmp_path):
    notebook = open_notebook(TOY, "lens.show()")
    window = notebook.windows.first
    search(window, "red")
    expect(first_row(window)).to_have_attribute("data-id", "colour:0")
    window.get_by_test_id("figure-button").click()
    window.get_by_test_id("figure-width-88").click()
    line = window.get_by_test_id("figure-python")
    expect(line).to_have_text('lens.figure("search", width_mm=88).save("search.pdf")')
    with notebook.page.expect_download() as waiting:
        window.get_by_test_id("figure-save").click()
    saved = tmp_path / "saved.pdf"
    waiting.value.save_as(saved)
    assert waiting.value.suggested_filename == "search.pdf"
    expect(window.get_by_test_id("python-line")).to_have_text(line.text_content())
    again = tmp_path / "again.pdf"
    notebook.run(line.text_content().replace("search.pdf", str(again)))
    assert saved.read_bytes() == again.read_bytes()


def test_the_figures_of_the_heatmap_and_of_a_filtered_comparison_are_those_of_python(open_notebook, tmp_path):
    notebook = open_notebook(
        COMPARED,
        "heatmap = ComparisonHeatmap({'plain': lens, 'exchanged': other})",
        "heatmap.order = 'cluster'; heatmap",
        "lens.compare(other); window = lens.show(); window.tab = 'compare'; window",
    )
    heatmap, window = notebook.windows.first, notebook.windows.nth(1)
    expect(heatmap.get_by_test_id("heat-cell").first).to_be_visible()
    heatmap.get_by_test_id("measure-z").click()
    notebook.expect_value("heatmap.measure", "z")
    window.get_by_test_id("heat-cell").first.click()
    expect(window.get_by_test_id("compare-filter")).to_contain_text("layers rectified and rectified")
    for shown, python in (
        (heatmap, 'heatmap.figure(width_mm=88).save("heatmap.pdf")'),
        (window, 'lens.figure("compare", layers=["rectified", "rectified"], width_mm=88).save("compare.pdf")'),
    ):
        shown.get_by_test_id("figure-button").click()
        shown.get_by_test_id("figure-width-88").click()
        expect(shown.get_by_test_id("figure-python")).to_have_text(python)
        with notebook.page.expect_download() as waiting:
            shown.get_by_test_id("figure-save").click()
        saved, again = tmp_path / "saved.pdf", tmp_path / "again.pdf"
        waiting.value.save_as(saved)
        notebook.run(re.sub(r'save\("\w+.pdf"\)', f'save("{again}")', python))
        assert saved.read_bytes() == again.read_bytes()


def test_the_figure_is_copied_as_a_picture(open_notebook):
    notebook = open_notebook(TOY, "lens.query = 'red'", "lens.show()")
    page = notebook.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window = notebook.windows.first
    expect(first_row(window)).to_have_attribute("data-id", "colour:0")
    window.get_by_test_id("figure-button").click()
    window.get_by_test_id("figure-width-88").click()
    window.get_by_test_id("figure-copy").click()
    expect(window.get_by_test_id("figure-menu")).to_be_hidden()
    kinds, width = page.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read();
            const picture = await createImageBitmap(await item.getType('image/png'));
            return [item.types, picture.width];
        }"""
    )
    assert kinds == ["image/png"]
    notebook.expect_value("round(88 / 25.4 * 300)", width)


def test_a_saved_notebook_still_shows_a_picture_without_a_kernel(open_notebook, lab):
    _, _, folder, _ = lab
    notebook = open_notebook(TOY, "lens.query = 'red'", "lens.show()")
    expect(first_row(notebook.windows.first)).to_have_attribute("data-id", "colour:0")
    static = notebook.page.get_by_test_id("semlens-static")
    expect(static).to_be_hidden()
    notebook.run("lens.query = 'green'")
    notebook.page.wait_for_function(
        """() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.cells.get(2).outputs.toJSON())
            .includes("green")"""
    )
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    path = notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    (saved,) = [Path(folder, path)]
    outputs = json.loads(saved.read_text())["cells"][2]["outputs"]
    assert len(json.dumps(outputs)) < 120_000
    notebook.page.evaluate(
        """async path => {
            const app = window.jupyterapp;
            await app.shell.currentWidget.sessionContext.shutdown();
            app.shell.currentWidget.close();
            const panel = await app.commands.execute('docmanager:open', {path, kernelPreference: {shouldStart: false}});
            await panel.context.ready;
        }""",
        path,
    )
    static = notebook.page.get_by_test_id("semlens-static")
    expect(static).to_be_visible()
    picture = static.locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("node => node.naturalWidth") > 100
    expect(static).to_contain_text("'green' ")
    expect(static).to_contain_text("Run the cell to connect")
    expect(notebook.windows).to_have_count(0)
    assert notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session === null")
    # The manager of ipywidgets itself trips over a notebook without a session.
    notebook.problems[:] = [p for p in notebook.problems if "(reading 'kernel')" not in p]


def test_a_page_opens_without_a_network_and_is_searched(browser, tmp_path):
    namespace = {}
    exec(TOY, namespace)
    lens = namespace["lens"]
    sl = namespace["sl"]
    lens.describe(["red", "green", "blue"], level=0.0)
    lens.evaluate()
    lens.own_labels = {"head:1": "cold colours"}
    lens.compute_layout("pca")
    lens.relate(progress=False, cached=False)
    colours = (sl.Concept("red", note="as in rubies"), sl.Concept("blue", kind="spurious"))
    lens.checklist = sl.Checklist((sl.Group("Colours", colours),))
    lens.audit(target="0")
    page_file = lens.to_html(tmp_path / "lens.html")
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_offline(True)
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda r: problems.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
    page.goto(page_file.as_uri())
    window = page.get_by_test_id("semlens")
    search(window, "red")
    expect(first_row(window)).to_have_attribute("data-id", "colour:0")
    expect(first_row(window).locator("[data-rank='0']")).to_have_css("background-image", re.compile("blob:"))
    first_row(window).click()
    expect(window.get_by_test_id("card")).to_contain_text("colour:0")
    expect(window.get_by_test_id("class-relevance").locator(".sl-class-relevance")).to_have_count(2)
    expect(window.get_by_test_id("figure-button")).to_be_disabled()
    window.get_by_test_id("tab-map").click()
    expect(window.get_by_test_id("tab-map")).to_have_attribute("aria-selected", "true")
    window.get_by_test_id("tab-describe").click()
    labels = window.get_by_test_id("label-row")
    expect(labels.filter(has_text="colour:0")).to_contain_text("red")
    expect(labels.filter(has_text="head:1")).to_contain_text("cold colours")
    expect(window.get_by_test_id("own-mark")).to_have_count(1)
    window.get_by_test_id("tab-evaluate").click()
    expect(window.get_by_test_id("distribution").first).to_be_visible()
    window.get_by_test_id("tab-audit").click()
    expect(window.get_by_test_id("concept-name")).to_have_text(["red", "blue"])
    expect(window.get_by_test_id("scatter-marks")).to_be_visible()
    window.get_by_test_id("tab-search").click()
    expect(window.get_by_test_id("banner")).to_have_count(0)
    assert page.locator("body > figure").count() == 0
    window.get_by_test_id("search-input").press("Escape")
    search(window, "purple")
    expect(window.get_by_test_id("banner")).to_contain_text("only the words kept in the file")
    context.close()
    assert not problems
