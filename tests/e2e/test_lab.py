"""The extension in a real JupyterLab: files that open without a kernel, commands, settings, lenses of a notebook."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import expect

import semlens_widgets as sl
from semlens_widgets import store

sys.path.insert(0, str(Path(__file__).parents[1]))
from toy import ColourClip, ColourNet, pictures, to_pixels


@pytest.fixture(scope="module")
def lens_file(tmp_path_factory):
    """A lens with labels and scores, saved."""
    data = sl.images(pictures(60, size=24), transform=to_pixels)
    words = ("red", "green", "blue", "yellow")
    lens = sl.Lens(
        ColourNet(), data, ["colour", "head"], ColourClip(), k=5, crop=None, templates=("{}",), name="toy",
        vocabulary=words,
    ).fit(cached=False, progress=False)  # fmt: skip
    lens.describe(level=0.0)
    lens.evaluate()
    lens.own_labels = {"head:1": "cold <b>colours</b>"}
    return lens.save(tmp_path_factory.mktemp("file") / "toy.semlens")


@pytest.fixture
def lab_page(lab, browser, request):
    """JupyterLab with nothing open, its requests logged; fails the test on any page or console error."""
    address, token, folder, _ = lab
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    problems, requests = [], []
    page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" and "semlens" in m.text.lower() else None)
    page.on("request", lambda r: requests.append(r))
    page.requests = requests

    def load(reset=True):
        page.goto(f"{address}/lab{'?reset&' if reset else '?'}token={token}")
        page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
        page.evaluate("() => window.jupyterapp.restored")

    page.load = load
    page.folder = folder
    page.kernels = lambda: json.loads(urllib.request.urlopen(f"{address}/api/kernels?token={token}").read())
    load()
    yield page
    found = list(problems)  # what comes after is about kernels that are taken away
    page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")
    context.close()
    assert not found, found


def command(page, name, **args):
    return page.evaluate(
        "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)", [name, args]
    )


def browse(page, name):
    """Double-click a file in the file browser."""
    command(page, "filebrowser:refresh")
    item = page.locator(".jp-DirListing-item", has_text=name)
    expect(item).to_be_visible()
    item.dblclick()


def cells_of(page):
    return page.evaluate(
        "() => [...window.jupyterapp.shell.currentWidget.content.model.cells].map(c => c.sharedModel.getSource())"
    )


def test_a_file_opens_from_the_file_browser_without_a_kernel_and_goes_live(lab_page, lens_file):
    page = lab_page
    shutil.copy(lens_file, page.folder / "opened.semlens")
    before = {kernel["id"] for kernel in page.kernels()}
    page.requests.clear()
    browse(page, "opened.semlens")
    window = page.get_by_test_id("lens-window")
    expect(window.get_by_test_id("title")).to_have_text("toy")
    expect(window.get_by_test_id("subtitle")).to_contain_text("6 components")
    box = window.get_by_test_id("search-input")
    box.fill("red")
    box.press("Enter")
    first = window.locator('[data-testid="gallery-row"][data-position="0"]')
    expect(first).to_have_attribute("data-id", "colour:0")
    expect(first).to_contain_text("red")
    first.click()
    expect(window.get_by_test_id("card")).to_contain_text("colour:0")
    expect(window.get_by_test_id("histogram")).to_be_visible()
    expect(window.get_by_test_id("sibling").first).to_be_visible()
    window.get_by_test_id("layer-filter").select_option(index=2)
    expect(window.get_by_test_id("gallery-row")).to_have_count(2)
    expect(window).to_contain_text("cold <b>colours</b>")
    box.fill("purple")
    box.press("Enter")
    expect(window.get_by_test_id("banner")).to_contain_text("only the words kept in the file")
    assert {kernel["id"] for kernel in page.kernels()} == before
    of_file = [r for r in page.requests if "/files/opened.semlens" in r.url]
    assert of_file
    assert all("range" in r.headers for r in of_file)
    assert not any("opened.semlens" in r.url and ("content=1" in r.url or "checkpoints" in r.url) and r.method == "POST"
                   for r in page.requests)  # fmt: skip
    window.get_by_test_id("banner").get_by_role("button", name="Open in Notebook").click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel")
    assert cells_of(page) == ['import semlens_widgets as sl\n\nlens = sl.open("opened.semlens")\nlens.show()']
    live = page.locator(".jp-Notebook").get_by_test_id("lens-window")
    expect(live.get_by_test_id("title")).to_have_text("toy", timeout=120_000)
    live.get_by_test_id("search-input").fill("blue")
    live.get_by_test_id("search-input").press("Enter")
    expect(live.locator('[data-testid="gallery-row"][data-position="0"]')).to_have_attribute("data-id", "colour:2")


def test_a_damaged_file_says_what_is_wrong(lab_page, lens_file):
    data = lens_file.read_bytes()
    for name, content, says in (
        ("cut.semlens", data[:-100], "does not fit the file"),
        ("half.semlens", data[: len(data) // 2], "its header claims"),
        ("foreign.semlens", b"\x10\x00\x00\x00\x00\x00\x00\x00" + b'{"a": 1}        ', "not ours"),
        ("empty.semlens", b"", "too few for a header"),
        ("flipped.semlens", data[:500] + bytes([data[500] ^ 1]) + data[501:], "its header is damaged"),
    ):
        (lab_page.folder / name).write_bytes(content)
        command(lab_page, "docmanager:open", path=name)
        error = lab_page.get_by_test_id("file-error").last
        expect(error).to_contain_text(f"{name} cannot be opened")
        expect(error).to_contain_text(says)


def test_a_damaged_array_is_told_where_it_would_be_shown(lab_page, lens_file):
    data = bytearray(lens_file.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    data[start + json.loads(data[8:start])["crop_of"]["data_offsets"][0]] ^= 1
    (lab_page.folder / "inside.semlens").write_bytes(data)
    command(lab_page, "docmanager:open", path="inside.semlens")
    window = lab_page.get_by_test_id("lens-window")
    window.get_by_test_id("search-input").fill("red")
    window.get_by_test_id("search-input").press("Enter")
    expect(window).to_contain_text("the array 'crop_of' is damaged")


def test_a_large_file_opens_by_ranges_alone(lab_page, lens_file):
    """A sparse file of 1.5 GB whose last array nobody needs."""
    data = lens_file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    padding = 1_500_000_000
    header["zz/padding"] = {"dtype": "U8", "shape": [padding], "data_offsets": [end, end + padding]}
    ours = json.loads(header["__metadata__"]["semlens"])
    blocks = [min(store.BLOCK, padding - at) for at in range(0, padding, store.BLOCK)]
    checksums = {size: f"{zlib.crc32(bytes(size)):08x}" for size in set(blocks)}
    ours["blocks"]["zz/padding"] = "".join(checksums[size] for size in blocks)
    header["__metadata__"] |= {"seal": "0" * 8, "semlens": json.dumps(ours)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text = store.sealed(text + b" " * (-len(text) % 8))
    path = lab_page.folder / "large.semlens"
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data[8 + length :])
        file.truncate(8 + len(text) + end + padding)
    try:
        lab_page.requests.clear()
        command(lab_page, "docmanager:open", path="large.semlens")
        window = lab_page.get_by_test_id("lens-window")
        expect(window.get_by_test_id("title")).to_have_text("toy")
        window.get_by_test_id("search-input").fill("green")
        window.get_by_test_id("search-input").press("Enter")
        first = window.locator('[data-testid="gallery-row"][data-position="0"]')
        expect(first).to_have_attribute("data-id", "colour:1")
        asked = 0
        for request in lab_page.requests:
            if "/files/large.semlens" in request.url:
                begin, last = request.headers["range"].removeprefix("bytes=").split("-")
                asked += int(last) - int(begin) + 1
        assert 0 < asked < 2 * len(data) + len(text) + 200_000
        assert not any("large.semlens" in r.url and "checkpoints" in r.url and r.method == "POST"
                       for r in lab_page.requests)  # fmt: skip
    finally:
        command(lab_page, "application:close-all")
        path.unlink()


def test_commands_launcher_settings_and_the_layout_after_a_reload(lab_page, lens_file):
    page = lab_page
    shutil.copy(lens_file, page.folder / "again.semlens")
    command(page, "launcher:create")
    expect(page.locator(".jp-LauncherCard", has_text="New Audit")).to_be_visible()
    expect(page.locator(".jp-LauncherCard", has_text="Demo")).to_be_visible()
    palette = page.evaluate(
        """() => ['new-audit', 'open-file', 'open-in-notebook', 'demo', 'toggle-figure-theme', 'insert-show']
            .map(name => [window.jupyterapp.commands.label('semlens:' + name),
                          window.jupyterapp.commands.caption('semlens:' + name)])"""
    )
    assert all(label and caption for label, caption in palette)
    page.evaluate(
        """async () => {
            const settings = await window.jupyterapp.serviceManager.settings.fetch('semlens-widgets:plugin');
            const change = {clip: 'ViT-B-32 openai', thumbnail: 96, columns: 4};
            await window.jupyterapp.serviceManager.settings.save('semlens-widgets:plugin', JSON.stringify(change));
        }"""
    )
    page.load(reset=False)
    page.locator(".jp-LauncherCard", has_text="New Audit").click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.content?.model?.cells?.length > 3")
    cells = "\n".join(cells_of(page))
    assert 'sl.OpenClip("ViT-B-32", "openai")' in cells
    assert "thumbnail=96" in cells
    assert "sl.Checklist.abcde()" in cells
    command(page, "docmanager:open", path="again.semlens")
    window = page.get_by_test_id("lens-window")
    window.get_by_test_id("search-input").fill("red")
    window.get_by_test_id("search-input").press("Enter")
    row = window.locator('[data-testid="gallery-row"][data-position="0"]')
    expect(row.locator("[data-rank]")).to_have_count(4)
    page.wait_for_timeout(1500)  # JupyterLab keeps its layout a moment after the last change
    page.load(reset=False)
    expect(page.get_by_test_id("lens-window").get_by_test_id("title")).to_have_text("toy")


def test_the_panel_lists_the_lenses_of_the_notebook_in_front(open_notebook, lens_file):
    notebook = open_notebook(
        f"import semlens_widgets as sl\nlens = sl.open({str(lens_file)!r})\nother = lens\n_hidden = lens"
    )
    notebook.expect_value("lens.name", "toy")
    notebook.page.evaluate("() => window.jupyterapp.shell.activateById('semlens-lenses')")
    listed = notebook.page.get_by_test_id("lens")
    expect(listed).to_have_count(2)
    expect(listed.first).to_contain_text("6 components in colour, head")
    listed.filter(has_text="other").get_by_test_id("show-lens").click()
    expect(notebook.windows.get_by_test_id("title")).to_have_text("toy")
    notebook.run("del other, lens")
    expect(notebook.page.get_by_test_id("no-lenses")).to_contain_text("No lens in this notebook")


def test_the_extension_is_installed_and_enabled(tmp_path):
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"], capture_output=True, text=True, check=True,
        env=os.environ | {"NO_COLOR": "1"},
    )  # fmt: skip
    line = next(x for x in (listed.stdout + listed.stderr).splitlines() if "semlens-widgets" in x)
    assert f"v{sl.__version__}" in line
    assert "enabled" in line
    assert "OK" in line


def test_it_works_in_notebook_7_too(browser, lens_file, tmp_path):
    """There is no launcher and no tabs: the commands are there, and a file opens in a page of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "root"
    folder.mkdir()
    shutil.copy(lens_file, folder / "toy.semlens")
    extensions = tmp_path / "data" / "labextensions"
    extensions.mkdir(parents=True)
    (extensions / "semlens-widgets").symlink_to(Path(__file__).parents[2] / "semlens_widgets" / "labextension")
    environment = os.environ | {
        "JUPYTER_PREFER_ENV_PATH": "0",  # an extension that is installed beside Python would come first
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),
    }
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [
                sys.executable, "-m", "notebook", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
                "--IdentityProvider.token=", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}",
                "--JupyterNotebookApp.expose_app_in_browser=True", "--ServerApp.disable_check_xsrf=True",
            ],
            env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5).read()
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
        page = context.new_page()
        problems = []
        # Notebook 7.6 itself raises "… reading 'schema'" at its start, with or without this extension.
        page.on("pageerror", lambda error: None if "reading 'schema'" in str(error) else problems.append(str(error)))
        page.goto(f"{address}/tree")
        page.wait_for_function("() => window.jupyterapp?.commands.hasCommand('semlens:new-audit')", timeout=60_000)
        item = page.locator(".jp-DirListing-item", has_text="toy.semlens")
        expect(item).to_have_attribute("data-file-type", "semlens")
        page.goto(f"{address}/edit/toy.semlens?factory=SemanticLens")
        window = page.get_by_test_id("lens-window")
        expect(window.get_by_test_id("title")).to_have_text("toy", timeout=60_000)
        window.get_by_test_id("search-input").fill("red")
        window.get_by_test_id("search-input").press("Enter")
        row = window.locator('[data-testid="gallery-row"][data-position="0"]')
        expect(row).to_have_attribute("data-id", "colour:0")
        assert not problems, problems
    finally:
        context.close()
        server.terminate()
        server.wait(20)


def test_the_picture_of_the_readme(lab_page, tmp_path):
    """A real screenshot of the demo's file without a kernel; `make picture` keeps it as notebooks/file.png."""
    path = Path(os.environ.get("README_FILE_PICTURE", tmp_path / "file.png"))
    page = lab_page
    lens = sl.demo.lens(n=600)
    lens.describe(centre=True)
    lens.compute_layout("pca")
    lens.save(page.folder / "skin-cnn.semlens")
    page.set_viewport_size({"width": 1360, "height": 760})
    command(page, "filebrowser:refresh")
    command(page, "docmanager:open", path="skin-cnn.semlens")
    window = page.get_by_test_id("lens-window")
    window.get_by_test_id("search-input").fill("ruler")
    window.get_by_test_id("search-input").press("Enter")
    window.locator('[data-testid="gallery-row"][data-position="0"]').click()
    expect(window.get_by_test_id("sibling").first).to_be_visible()
    page.mouse.move(5, 5)
    page.wait_for_timeout(1500)  # the pictures of the last request are being decoded
    page.screenshot(path=path)
    assert path.stat().st_size > 50_000
