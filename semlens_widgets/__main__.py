"""The command ``semlens``, or ``python -m semlens_widgets``: audits by a plan, and JupyterLab on the quickstart."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from . import commands as verbs
from . import demo
from .versions import versions
from .writing import write_bytes

NOTEBOOK = "quickstart.ipynb"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `semlens`. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="semlens", description="SemanticLens for JupyterLab.")
    commands = parser.add_subparsers(dest="command", required=True)
    of_demo = commands.add_parser(
        "demo",
        help="open JupyterLab on the quickstart",
        description="Puts the quickstart notebook into a folder and opens JupyterLab on it; JupyterLab prints its URL. "
        "Synthetic pictures, not medical data.",
    )
    of_demo.add_argument("--folder", type=Path, default=Path("semlens-demo"), help="where (default: %(default)s)")
    of_demo.add_argument("--no-browser", action="store_true", help="print the URL and open no browser")
    of_demo.add_argument("--no-lab", action="store_true", help="the main job in the terminal instead; as LAB=no")
    commands.add_parser("versions", help="what a report of a bug should say")
    verbs.add_to(commands)
    given = parser.parse_args(arguments)
    if hasattr(given, "do"):
        return verbs.run(given)
    if given.command == "versions":
        print(versions())
        return 0
    if given.no_lab or os.environ.get("LAB") == "no":
        from .demo.__main__ import main as main_job

        main_job()
        return 0
    return open_lab(given.folder, browser=not given.no_browser)


def open_lab(folder: Path, *, browser: bool = True) -> int:
    """JupyterLab on a copy of the quickstart in `folder`, until it is closed; a notebook already there stays."""
    if find_spec("jupyterlab") is None:
        print("semlens demo needs JupyterLab in the same environment: pip install jupyterlab", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / NOTEBOOK).exists():
        write_bytes(folder / NOTEBOOK, quickstart().read_bytes())
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.root_dir={folder.resolve()}", f"--LabApp.default_url=/lab/tree/{NOTEBOOK}"]
    command += [] if browser else ["--no-browser"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:  # JupyterLab has asked and closed
        return 0


def quickstart() -> Path:
    """The notebook as the wheel carries it, or as a checkout has it."""
    carried = Path(demo.__file__).with_name(NOTEBOOK)
    return carried if carried.exists() else Path(__file__).parents[1] / "notebooks" / NOTEBOOK


if __name__ == "__main__":
    sys.exit(main())
