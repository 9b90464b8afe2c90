"""A real JupyterLab in a real Chromium: notebooks are run there, and kernel values are read back by cells."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Messages of JupyterLab itself that are no fault of ours.
HARMLESS = ("favicon", "ResizeObserver", "Failed to load resource", "net::ERR_", "WebSocket connection to")

expect.set_options(timeout=60_000)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.fspath).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The address of a JupyterLab with folders of its own; it ends with the tests."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "root"
    folder.mkdir()
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    # The extension as this checkout has it built, before any that is installed.
    extensions = home / "data" / "labextensions"
    extensions.mkdir(parents=True)
    (extensions / "semlens-widgets").symlink_to(ROOT / "semlens_widgets" / "labextension")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    environment = os.environ | {
        "JUPYTER_PREFER_ENV_PATH": "0",  # an extension that is installed beside Python would come first
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "OMP_NUM_THREADS": "1",
    }
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
                f"--IdentityProvider.token={token}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}",
                "--LabApp.expose_app_in_browser=True",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).read()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError((home / "log").read_text()) from None
                time.sleep(0.1)
        yield address, token, folder, settings
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.fail("the browser tests need Chromium; install the package 'chromium' or set CHROMIUM=/path/to/it")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


class CellFailed(AssertionError):
    """A cell raised; what it said is the argument."""


class Notebook:
    """One open notebook. `run(code)` appends a cell and runs it; `value(expression)` reads it from the kernel."""

    def __init__(self, page: Page, address: str, name: str) -> None:
        self.page, self.address, self.name = page, address, name
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("console", self._console)

    def _console(self, message) -> None:
        if message.type == "error" and not any(part in message.text for part in HARMLESS):
            self.problems.append(f"console: {message.text}")

    def open(self, theme: str) -> None:
        """Load JupyterLab and open the notebook in it."""
        page = self.page
        page.goto(self.address)
        page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
        page.evaluate("() => window.jupyterapp.restored")
        page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
        page.evaluate(
            """async name => {
                const app = window.jupyterapp;
                await app.commands.execute('application:toggle-left-area').catch(() => {});
                const panel = await app.commands.execute('docmanager:open', {path: name});
                await panel.context.ready;
                await panel.sessionContext.ready;
            }""",
            self.name,
        )

    def reload(self) -> None:
        """Save the notebook and load the page anew; the kernel goes on."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        self.page.goto("about:blank")
        self.open("JupyterLab Light")

    def restart(self) -> None:
        """A new kernel, and all cells but those that only read values run again."""
        self.page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                const {sharedModel, cells} = panel.content.model;
                for (let at = cells.length - 1; at >= 0; at--)
                    if (cells.get(at).sharedModel.getSource().includes("print('VALUE'")) sharedModel.deleteCell(at);
                await panel.sessionContext.session.kernel.restart();
                await panel.sessionContext.ready;
                window.jupyterapp.commands.execute('notebook:run-all-cells');
            }"""
        )

    @property
    def windows(self):
        return self.page.get_by_test_id("semlens")

    def run(self, code: str, wait: bool = True):
        """Append a code cell, run it, and give its node."""
        number = self.page.evaluate(
            """async ([code]) => {
                const panel = window.jupyterapp.shell.currentWidget;
                const model = panel.content.model;
                const at = model.cells.length;
                model.sharedModel.insertCell(at, {cell_type: 'code', source: code, metadata: {}, outputs: []});
                panel.content.activeCellIndex = at;
                window.jupyterapp.commands.execute('notebook:run-cell');
                return at;
            }""",
            [code],
        )
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        if wait:
            self.page.wait_for_function(
                """at => {
                    const cell = window.jupyterapp.shell.currentWidget.content.model.cells.get(at);
                    return cell.executionState !== 'running' && cell.executionCount > 0;
                }""",
                arg=number,
                timeout=120_000,
            )
            errors = self.page.evaluate(
                """at => window.jupyterapp.shell.currentWidget.content.model.cells.get(at).outputs.toJSON()
                    .filter(o => o.output_type === 'error').map(o => o.evalue)""",
                number,
            )
            if errors:
                raise CellFailed(errors)
        return cell

    def value(self, expression: str):
        """The value of a Python expression in the kernel, by way of JSON."""
        self.run(f"import json; print('VALUE', json.dumps({expression}))")
        texts = self.page.evaluate(
            """() => { const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
                return cells.get(cells.length - 1).outputs.toJSON().map(o => (o.text || '')); }"""
        )
        text = "".join(t if isinstance(t, str) else "".join(t) for t in texts)
        return json.loads(text.split("VALUE", 1)[1])

    def expect_value(self, expression: str, expected) -> None:
        """Wait for the kernel to hold a value: messages of windows and cells run in threads of their own.

        What the expression asks for may not be there yet, so failing counts as another value.
        """
        for _ in range(40):
            try:
                held = self.value(expression)
            except CellFailed as failure:
                held = failure
            if held == expected:
                return
            self.page.wait_for_timeout(250)
        raise AssertionError(f"{expression} is {held!r}, not {expected!r}")


@pytest.fixture
def open_notebook(lab, browser, request):
    """Opens a notebook with the given cells, run to the end; fails the test on any page or console error."""
    address, token, folder, settings = lab
    opened: list[Notebook] = []

    def make(
        *cells: str, width: int = 1440, height: int = 1000, dark: bool = False, run: bool = True, name: str = ""
    ) -> Notebook:
        # Set before the page loads: switching a running JupyterLab races with its own loading of the last theme.
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
        # In a folder of its test: windows offer the files that lie beside the notebook.
        place = request.node.name.translate(str.maketrans("[]/ ", "____"))
        (folder / place).mkdir(exist_ok=True)
        name = f"{place}/{name or place}-{len(opened)}.ipynb"
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(c) for c in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(book, folder / name)
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        notebook = Notebook(page, f"{address}/lab?reset&token={token}", name)
        opened.append(notebook)
        notebook.open(theme)
        if run and cells:
            page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        return notebook

    yield make
    problems = [problem for notebook in opened for problem in notebook.problems]
    for notebook in opened:
        notebook.page.evaluate("() => window.jupyterapp.commands.execute('kernelmenu:shutdown').catch(() => {})")
        notebook.page.context.close()
    assert not problems, problems
