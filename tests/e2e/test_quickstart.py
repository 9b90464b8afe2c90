"""The quickstart notebook as a new user meets it: run in JupyterLab, then typed into, clicked, and read back."""

import os
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import expect

CELLS = [
    cell.source
    for cell in nbformat.read(Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb", as_version=4).cells
    if cell.cell_type == "code"
]


def test_the_quickstart_in_jupyterlab(open_notebook):
    notebook = open_notebook(*CELLS)
    window = notebook.windows.first
    expect(window.get_by_test_id("title")).to_contain_text("demo", timeout=180_000)
    notebook.expect_value("lens.query", "hair")
    expect(window.get_by_test_id("selected-id")).to_have_count(2)
    window.get_by_test_id("chip-remove").click()
    window.get_by_test_id("search-input").fill("rul")
    expect(window.get_by_test_id("suggestion").first).to_have_text("ruler")
    window.get_by_test_id("search-input").fill("ruler")
    window.get_by_test_id("search-input").press("Enter")
    notebook.expect_value("lens.query", "ruler")
    top = window.locator('[data-testid="gallery-row"][data-position="0"]')
    expect(top).to_have_attribute("data-id", notebook.value("str(lens.search('ruler')[0].component)"))
    top.click()
    window.locator('[data-testid="gallery-row"][data-position="1"]').click(modifiers=["Control"])
    notebook.expect_value(
        "[str(c) for c in lens.selection] == [str(h.component) for h in list(lens.hits)[1::-1]]", True
    )
    notebook.run("lens.query = 'asymmetric shape'")
    expect(window.get_by_test_id("state-not-found")).to_contain_text("asymmetric shape")
    expect(window.get_by_test_id("could-show")).to_be_visible()


def test_the_picture_of_the_readme(open_notebook, tmp_path):
    """A real screenshot of the search for rulers; `make picture` keeps it as notebooks/window.png."""
    path = Path(os.environ.get("README_PICTURE", tmp_path / "window.png"))
    notebook = open_notebook(
        "import semlens_widgets as sl\n\nlens = sl.demo.lens()\nlens.describe()\nlens.show()",
        width=1360,
        height=880,
        name="skin",
    )
    window = notebook.windows.first
    expect(window.get_by_test_id("title")).to_contain_text("demo", timeout=180_000)
    window.get_by_test_id("search-input").fill("ruler")
    window.get_by_test_id("search-input").press("Enter")
    first = window.locator('[data-testid="gallery-row"][data-position="0"]')
    first.click()
    window.locator('[data-testid="gallery-row"][data-position="1"]').click(modifiers=["Control"])
    expect(window.get_by_test_id("histogram")).to_be_visible()
    expect(window.get_by_test_id("sibling").first).to_be_visible()
    crops = window.locator('[data-testid="gallery-row"] .sl-crop')
    expect(crops.nth(4)).to_be_visible()
    notebook.page.mouse.move(5, 5)
    notebook.page.wait_for_timeout(1500)  # the pictures of the last request are being decoded
    notebook.page.screenshot(path=path)
    with Image.open(path) as made:
        assert made.size == (1360, 880)
