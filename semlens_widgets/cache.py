"""Where finished and half-finished work is kept between sessions, under the hash of what it was made from."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def folder() -> Path:
    """The cache folder: `SEMLENS_CACHE` if set, else `semlens_widgets` in the user's cache folder."""
    chosen = os.environ.get("SEMLENS_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "semlens_widgets"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "semlens_widgets" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "semlens_widgets"
