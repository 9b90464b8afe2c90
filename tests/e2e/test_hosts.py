"""What hosts break, done to JupyterLab: buffers lost, large messages dropped, the module blocked."""

import base64
import re

from playwright.sync_api import expect
from test_window import TOY, first_row, search

# As Colab is known to do it: buffers of messages do not arrive, in neither direction, and what is large is dropped.
POOR = """
import json
from semlens_widgets.widgets import pieces
from semlens_widgets.widgets.channel import Channel
from semlens_widgets.widgets.widget import LensWidget
pieces.MOST = 20_000
dropped, most = [], []
_send, _receive = LensWidget.send, Channel.receive
def send(self, content, buffers=None):
    size = len(json.dumps(content)) + sum(map(len, buffers or []))
    if size > 40_000:
        dropped.append(size)
        return
    most.append(size)
    _send(self, content, [])
LensWidget.send = send
Channel.receive = lambda self, message, buffers=(): _receive(self, message, ())
"""
PICTURE = base64.b64decode(  # one red pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)


def test_windows_work_where_buffers_are_lost_and_large_messages_are_dropped(open_notebook):
    notebook = open_notebook(TOY + POOR, "lens.show()")
    window = notebook.windows.first
    search(window, "red")
    expect(first_row(window)).to_have_attribute("data-id", "colour:0")
    expect(first_row(window).locator("[data-rank]").first).to_have_attribute("style", re.compile("blob:"))
    first_row(window).click()
    expect(window.get_by_test_id("histogram")).to_be_visible()
    window.get_by_test_id("tab-map").click()
    expect(window.get_by_test_id("map-list-row").first).to_be_visible()
    # A picture goes the other way.
    window.get_by_test_id("tab-search").click()
    window.locator("input[type=file]").first.set_input_files(
        {"name": "red.png", "mimeType": "image/png", "buffer": PICTURE}
    )
    expect(window.get_by_test_id("chip")).to_have_count(2)
    notebook.expect_value("'image:' in lens.query", True)
    notebook.expect_value("dropped", [])
    assert notebook.value("max(most)") <= 40_000


def test_where_the_module_is_blocked_a_picture_stands_and_says_what_to_do(open_notebook):
    notebook = open_notebook(TOY, "lens.query = 'red'; lens.show()", run=False)
    notebook.page.route(re.compile(r"/lab/extensions/anywidget/"), lambda route: route.abort())
    notebook.page.goto("about:blank")
    notebook.open("JupyterLab Light")
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    picture = notebook.page.get_by_test_id("semlens-static")
    expect(picture).to_be_visible()
    expect(picture).to_contain_text("colour:0")
    expect(picture).to_contain_text("If no window appears then, widgets cannot load here")
    notebook.problems.clear()  # JupyterLab says that the extension is not there
