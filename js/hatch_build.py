"""Builds the windows' JavaScript before a wheel or an sdist is packed.

From a checkout this needs npm; an sdist carries the built files, so installing one does not.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NPM_MISSING = (
    "Building semlens-widgets from a checkout needs Node 20 and npm 10 or newer, and there is no `npm` on "
    "the PATH. Install Node, or install a released wheel or sdist, which carry the built windows: "
    "pip install semlens-widgets"
)


class WindowsBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs `npm ci` and `npm run build` if what they make is missing or older than its sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it gathers files."""
        root = Path(self.root)
        if not (root / "package.json").exists():
            return
        windows = [*root.glob("semlens_widgets/static/*.js")]
        extension = [*root.glob("semlens_widgets/labextension/package.json")]
        built = [*windows, *extension]
        if (root / "PKG-INFO").exists():  # an unpacked sdist: dates say nothing there
            if not (windows and extension):
                raise RuntimeError(f"This sdist lacks the built windows or the JupyterLab extension. {NPM_MISSING}")
            return
        if windows and extension and newest(sources(root)) <= min(file.stat().st_mtime for file in built):
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(NPM_MISSING)
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=root, check=True)
        subprocess.run([npm, "run", "build"], cwd=root, check=True)


def sources(root: Path) -> list[Path]:
    """The files the bundles are made from."""
    kinds = {".js", ".mjs", ".cjs", ".css", ".svg", ".json"}
    scripts = [f for f in root.glob("js/**/*") if f.suffix in kinds and not f.match("tokens*.css")]
    tables = [root / "semlens_widgets" / f"{name}.json" for name in ("palette", "views", "format")]
    return [root / "package.json", root / "package-lock.json", *tables, *scripts]


def newest(files: list[Path]) -> float:
    """The latest modification time among those files that exist."""
    return max(file.stat().st_mtime for file in files if file.exists())
