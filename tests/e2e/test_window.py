"""The window in a real JupyterLab: typed into, clicked, set from cells, restarted under its feet."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
TOY = f"""
import sys, time
sys.path.insert(0, {str(ROOT / "tests")!r})
import semlens_widgets as sl
from toy import ColourClip, ColourNet, pictures, to_pixels
def toy(name, seed=0, **options):
    data = sl.images(pictures(60, seed=seed, size=24), transform=to_pixels)
    net = ColourNet()
    return sl.Lens(net, data, ["colour", "head"], ColourClip(), k=5, crop=None, templates=("{{}}",), name=name,
                   vocabulary=["red", "green", "blue"], **options).fit(cached=False, progress=False)
lens = toy("toy")
"""


def search(window, text):
    box = window.get_by_test_id("search-input")
    box.fill(text)
    box.press("Enter")


def first_row(window):
    return window.locator('[data-testid="gallery-row"][data-position="0"]')


def test_typing_changes_the_kernel_and_a_cell_changes_the_window(open_notebook):
    notebook = open_notebook(TOY, "lens.show()")
    window = notebook.windows.first
    expect(window.get_by_test_id("state-empty")).to_be_visible()
    search(window, "red")
    expect(first_row(window)).to_have_attribute("data-id", "colour:0")
    notebook.expect_value("lens.query", "red")
    notebook.expect_value("str(lens.hits[0].component)", "colour:0")
    notebook.run("lens.query = 'blue'")
    expect(first_row(window)).to_have_attribute("data-id", "colour:2")
    expect(window.get_by_test_id("chip")).to_have_attribute("data-text", "blue")
    first_row(window).click()
    expect(window.get_by_test_id("card")).to_contain_text("colour:2")
    window.locator('[data-testid="gallery-row"][data-position="1"]').click(modifiers=["Control"])
    expect(window.get_by_test_id("selected-id")).to_have_count(2)
    notebook.expect_value("len(lens.selection)", 2)
    notebook.run("lens.selection = ['head:1']")
    expect(window.get_by_test_id("selected-id")).to_have_text(["head:1"])
    notebook.run("lens.query = ''; lens.layer = 'head'")
    expect(window.get_by_test_id("gallery-row")).to_have_count(2)
    window.get_by_test_id("layer-filter").select_option(index=1)
    expect(window.get_by_test_id("gallery-row")).to_have_count(4)
    notebook.expect_value("lens.layer", "colour")


def test_words_nobody_knows_and_senseless_queries_are_told_in_the_window(open_notebook):
    notebook = open_notebook(TOY, "lens.show()")
    window = notebook.windows.first
    search(window, "coffee")
    expect(window.get_by_test_id("state-not-found")).to_be_visible()
    expect(window.get_by_test_id("state-not-found")).to_contain_text("coffee")
    window.get_by_test_id("search-input").press("Escape")
    search(window, "-red")
    expect(window.get_by_test_id("banner")).to_contain_text("only says what not to look for")
    assert notebook.value("lens.query") in ("", "coffee")
    search(window, '<img src=x onerror="document.title=1">')
    notebook.page.wait_for_timeout(500)
    assert window.locator("img[src=x]").count() == 0


def in_own_thread(notebook, window):
    """Wait until what is typed is answered in the windows' own thread of the kernel.

    JupyterLab opens it with the first window, and sends by the cells' thread until it is open.
    """
    notebook.run(
        "import threading\n"
        "own = []\n"
        "lens.observe(lambda _: own.append(threading.current_thread() is not threading.main_thread()), 'query')"
    )
    for seen in range(1, 21, 2):
        search(window, "red")
        notebook.expect_value("len(own)", seen)
        window.get_by_test_id("chip-remove").click()
        notebook.expect_value("len(own)", seen + 1)
        if notebook.value("own[-2:]") == [True, True]:
            return
    pytest.fail("what is typed is answered in the thread of the cells")


def test_the_window_answers_while_a_cell_runs(open_notebook):
    notebook = open_notebook(TOY, "lens.show()")
    window = notebook.windows.first
    expect(window.get_by_test_id("state-empty")).to_be_visible()
    in_own_thread(notebook, window)
    cell = notebook.run("lens.query = 'blue'; time.sleep(20); print('awake')", wait=False)
    # What a cell says to the window does not tie the window to the cells' thread.
    expect(first_row(window)).to_have_attribute("data-id", "colour:2", timeout=8_000)
    window.get_by_test_id("chip-remove").click()
    search(window, "green")
    expect(first_row(window)).to_have_attribute("data-id", "colour:1", timeout=8_000)
    printed = cell.locator(".jp-OutputArea")
    assert "awake" not in printed.inner_text(), "the answer came before the cell ended"
    expect(printed).to_contain_text("awake")
    notebook.expect_value("lens.query", "green")


def test_two_lenses_and_two_views_of_one(open_notebook):
    notebook = open_notebook(TOY + "other = toy('other', seed=1)", "lens.show()", "other.show()", "lens.show()")
    first, second, third = (notebook.windows.nth(i) for i in range(3))
    search(first, "red")
    expect(first_row(first)).to_have_attribute("data-id", "colour:0")
    expect(first_row(third)).to_have_attribute("data-id", "colour:0")
    expect(second.get_by_test_id("state-empty")).to_be_visible()
    search(second, "blue")
    expect(first_row(second)).to_have_attribute("data-id", "colour:2")
    notebook.expect_value("[lens.query, other.query]", ["red", "blue"])
    notebook.run("import traitlets\nlink = traitlets.link((lens, 'query'), (other, 'query'))")
    search(third, "green")
    notebook.expect_value("[lens.query, other.query]", ["red, green", "red, green"])


def test_the_parts_stand_alone_and_stay_linked(open_notebook):
    notebook = open_notebook(
        TOY, "from semlens_widgets.widgets import Gallery, SearchBox\nSearchBox(lens)", "Gallery(lens)"
    )
    box, gallery = notebook.windows.nth(0), notebook.windows.nth(1)
    search(box, "blue")
    expect(first_row(gallery)).to_have_attribute("data-id", "colour:2")


def test_a_view_closed_and_opened_again_shows_the_present_state(open_notebook):
    notebook = open_notebook(TOY, "window = lens.show(); window")
    search(notebook.windows.first, "red")
    expect(first_row(notebook.windows.first)).to_have_attribute("data-id", "colour:0")
    notebook.run("window.close()")
    expect(notebook.windows).to_have_count(0)
    notebook.run("lens.query = 'green'")
    notebook.run("lens.show()")
    expect(first_row(notebook.windows.first)).to_have_attribute("data-id", "colour:1")


def test_a_restarted_kernel_is_noticed_and_a_rerun_recovers(open_notebook):
    notebook = open_notebook(TOY, "lens.show()")
    window = notebook.windows.first
    search(window, "red")
    expect(first_row(window)).to_have_attribute("data-id", "colour:0")
    notebook.page.evaluate(
        """async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"""
    )
    gone = notebook.page.get_by_text("Run the cell again to reconnect")
    expect(gone.first).to_be_visible(timeout=40_000)
    for off in ("search-input", "figure-button", "layer-filter"):
        expect(window.get_by_test_id(off)).to_be_disabled()
    expect(window.get_by_test_id("tab-search")).to_be_enabled()
    expect(first_row(window)).to_have_attribute("data-id", "colour:0")
    notebook.run(TOY)
    notebook.run("lens.query = 'green'")
    notebook.run("lens.show()")
    expect(first_row(notebook.windows.last)).to_have_attribute("data-id", "colour:1")


def test_search_and_gallery_work_by_keyboard_alone(open_notebook):
    notebook = open_notebook(TOY, "lens.show()")
    window, keyboard = notebook.windows.first, notebook.page.keyboard
    window.get_by_test_id("browse-all").focus()
    keyboard.press("/")
    expect(window.get_by_test_id("search-input")).to_be_focused()
    keyboard.type("red")
    keyboard.press("Enter")
    expect(first_row(window)).to_have_attribute("data-id", "colour:0")
    for _ in range(12):
        keyboard.press("Tab")
        if notebook.page.evaluate("() => !!document.activeElement.closest('[data-testid=gallery-grid]')"):
            break
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    expect(window.get_by_test_id("selected-id")).to_have_count(1)
    keyboard.press("Control+ArrowUp")
    keyboard.press("Control+Space")
    notebook.expect_value("len(lens.selection)", 2)


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_serious_violation(open_notebook, dark):
    notebook = open_notebook(TOY, "lens.show()", dark=dark)
    window = notebook.windows.first
    notebook.page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
    for text in ("", "red", "coffee"):
        if text:
            search(window, text)
            state = "gallery-row" if text == "red" else "state-not-found"
            expect(window.get_by_test_id(state).first).to_be_visible()
        if text == "red":
            first_row(window).click()
            expect(window.get_by_test_id("card")).to_be_visible()
        found = notebook.page.evaluate(
            "async () => (await axe.run(document.querySelector('.semlens'))).violations"
            ".filter(v => ['serious', 'critical'].includes(v.impact)).map(v => [v.id, v.nodes[0].html])"
        )
        assert found == []


MANY = (
    TOY
    + """
import torch
class Many(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.wide = torch.nn.Conv2d(3, 5000, 1)
    def forward(self, x):
        return self.wide(x)
many = sl.Lens(Many(), sl.images(pictures(60, size=16), transform=to_pixels), "wide", ColourClip(), k=20, crop=None,
               templates=("{}",)).fit(cached=False, progress=False, batch_size=8)
"""
)


def test_five_thousand_components_scroll_within_the_message_limits(open_notebook):
    notebook = open_notebook(MANY, run=False)
    sizes = {"sent": [], "received": []}

    def listen(socket):
        socket.on("framesent", lambda frame: sizes["sent"].append(len(frame)))
        socket.on("framereceived", lambda frame: sizes["received"].append(len(frame)))

    notebook.page.on("websocket", listen)
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.reconnect()")
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    notebook.run("many.query = 'red'")
    notebook.run("many.show()")
    window = notebook.windows.first
    expect(first_row(window)).to_be_visible(timeout=60_000)
    grid = window.get_by_test_id("gallery-grid")
    assert int(grid.get_attribute("aria-rowcount")) >= 5000
    assert window.get_by_test_id("gallery-row").count() < 60, "only what is seen is drawn"
    first = first_row(window).get_attribute("data-id")
    scroll = window.get_by_test_id("gallery-scroll")
    for share in (0.2, 0.5, 0.8, 1.0):
        scroll.evaluate("(node, share) => { node.scrollTop = node.scrollHeight * share; }", share)
        notebook.page.wait_for_timeout(300)
        expect(window.get_by_test_id("gallery-row").first).to_have_attribute("data-id", re.compile("wide:"))
    last = int(window.get_by_test_id("gallery-row").last.get_attribute("data-position"))
    assert last == 4999
    scroll.evaluate("node => { node.scrollTop = 0; }")
    expect(first_row(window)).to_have_attribute("data-id", first)
    assert max(sizes["sent"]) < 10 * 2**20
    assert max(sizes["received"]) < 2**20
