"""How long JupyterLab takes to start (page loaded → restored), with its extensions and with none at all, in turn."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from conftest import ARGUMENTS, CHROMIUM, ROOT

ROUNDS = 7


def server(home: Path, extension: bool) -> tuple[subprocess.Popen[bytes], str]:
    folders = {name: home / name for name in ("root", "config", "data", "runtime", "workspaces", "settings")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    if extension:
        (folders["data"] / "labextensions").mkdir()
        (folders["data"] / "labextensions" / "semlens-widgets").symlink_to(ROOT / "semlens_widgets" / "labextension")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    off = [] if extension else ["--LabApp.labextensions_path=[]"]
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folders["config"]), "JUPYTER_DATA_DIR": str(folders["data"]),
        "JUPYTER_RUNTIME_DIR": str(folders["runtime"]), "JUPYTERLAB_WORKSPACES_DIR": str(folders["workspaces"]),
        "JUPYTERLAB_SETTINGS_DIR": str(folders["settings"]),
    }  # fmt: skip
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
            "--IdentityProvider.token=", f"--ServerApp.root_dir={folders['root']}",
            "--LabApp.expose_app_in_browser=True", *off,
        ],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/api", timeout=5).read()
            return process, address
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("JupyterLab did not start")


def loaded(browser, address: str) -> float:
    """Seconds from asking for the page until JupyterLab has restored its layout, in a browser without a cache."""
    context = browser.new_context()
    page = context.new_page()
    begin = time.perf_counter()
    page.goto(f"{address}/lab?reset")
    page.wait_for_function("window.jupyterapp !== undefined", timeout=120_000)
    page.evaluate("() => window.jupyterapp.restored")
    seconds = time.perf_counter() - begin
    context.close()
    return seconds


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        sides = [server(Path(folder) / name, name == "with") for name in ("with", "without")]
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for _, address in sides:
                loaded(browser, address)
            times = np.array([[loaded(browser, address) for _, address in sides] for _ in range(ROUNDS)])
            browser.close()
        finally:
            for process, _ in sides:
                process.terminate()
                process.wait(20)
    ratios = times[:, 0] / times[:, 1]
    print("| JupyterLab, page → restored | with all | with none | ratio, median (min–max) |\n|---|---|---|---|")
    medians = np.median(times, axis=0)
    print(
        f"| {ROUNDS} loads each, in turn | {medians[0]:.2f} s | {medians[1]:.2f} s | "
        f"**{np.median(ratios):.2f} ×** ({ratios.min():.2f}–{ratios.max():.2f}) |"
    )


if __name__ == "__main__":
    main()
