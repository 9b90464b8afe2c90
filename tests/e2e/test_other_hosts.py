"""Other hosts of notebooks, as they are: Voilà, marimo, nbconvert. What is asked of the network fails at once."""

import subprocess
import sys

import nbformat
import pytest
from playwright.sync_api import expect
from serving import served
from test_window import TOY, first_row, search

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


@pytest.fixture
def page(browser):
    """A page without a network, and the addresses it asked there for."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    made, made_to = context.new_page(), []

    def refuse(route):
        made_to.append(route.request.url)
        route.abort()

    context.route(lambda url: not url.startswith(("http://127.0.0.1", "data:", "blob:", "file:")), refuse)
    made.outside = made_to
    yield made
    context.close()


def notebook(path, *cells):
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=KERNEL), path
    )
    return path


def test_voila_shows_windows_that_live(page, tmp_path):
    name = notebook(tmp_path / "page.ipynb", TOY, "lens.show()").name

    def command(port):
        return [sys.executable, "-m", "voila", name, "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]

    with served(command, tmp_path, "/voila/static/none") as address:
        page.goto(address, wait_until="domcontentloaded")
        window = page.get_by_test_id("semlens")
        search(window, "red")
        expect(first_row(window)).to_have_attribute("data-id", "colour:0")
        expect(page.get_by_test_id("semlens-static")).to_be_hidden()
        # What Voilà's own page asks for, and waits for before it shows anything.
        assert {url.split("/")[2] for url in page.outside} <= {"cdn.jsdelivr.net"}


MARIMO = f"""
import marimo
app = marimo.App()
@app.cell
def _():
    import marimo as mo
{chr(10).join("    " + line for line in TOY.splitlines())}
    return lens, mo
@app.cell
def _(lens, mo):
    window = mo.ui.anywidget(lens.show())
    window
    return (window,)
@app.cell
def _(window, mo):
    mo.md("asked for: " + window.value["query"])
    return
"""


def test_marimo_shows_windows_that_live_and_other_cells_follow(page, tmp_path):
    (tmp_path / "app.py").write_text(MARIMO)

    def command(port):
        return [sys.executable, "-m", "marimo", "-q", "run", "app.py", "--headless", "--no-token",
                "--host=127.0.0.1", f"--port={port}"]  # fmt: skip

    with served(command, tmp_path, XDG_CONFIG_HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path)) as address:
        page.goto(address)
        window = page.get_by_test_id("semlens")
        search(window, "red")
        expect(first_row(window)).to_have_attribute("data-id", "colour:0")
        expect(page.get_by_text("asked for: red")).to_be_visible()
        output = window.evaluate(
            "node => node.getRootNode().host.closest('.output-area')?.scrollHeight"
            " - node.getRootNode().host.closest('.output-area')?.clientHeight"
        )
        assert output in (None, 0), "one scroll bar, that of the window"


def test_nbconvert_writes_a_page_that_shows_the_window_as_a_picture(page, tmp_path):
    path = notebook(tmp_path / "audit.ipynb", TOY, "lens.query = 'red'\nlens.show()")
    subprocess.run(
        [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--execute", path.name],
        cwd=tmp_path, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    page.goto(path.with_suffix(".html").as_uri(), wait_until="domcontentloaded")
    picture = page.get_by_test_id("semlens-static")
    expect(picture).to_be_visible()
    expect(picture).to_contain_text("colour:0")
    expect(picture).to_contain_text("Run the cell to connect")
    assert picture.locator("img").evaluate("node => node.decode().then(() => node.naturalWidth)") > 100
    assert not page.get_by_test_id("semlens").is_visible()
