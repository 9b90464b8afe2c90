"""Windows of 100,000 components in Chromium: what comes before the first paint, tabs, lists, and the map in motion."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

E2E = Path(__file__).parents[1] / "e2e"


def rows() -> Iterator[str]:
    sys.path.insert(0, str(E2E))
    from measure_map import ARGUMENTS, bundle
    from measure_map import rows as of_map
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        bundle(folder)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=ARGUMENTS
        )
        yield from of_map(browser, folder)
        browser.close()
    # The window needs JupyterLab, and the fixtures that start it.
    options = ["-q", "-s", "-p", "no:cacheprovider", "-k", "large"]
    command = [sys.executable, "-m", "pytest", *options, str(E2E / "measure_window.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as measured:
        said = []
        for line in measured.stdout or ():
            said.append(line)
            if line.startswith("| "):
                yield line.rstrip()
    if measured.returncode:
        raise RuntimeError("".join(said[-30:]))
