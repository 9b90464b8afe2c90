"""Where finished and half-finished work is kept between sessions, under the hash of what it was made from."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
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


def kept(path: str | os.PathLike[str], write: Callable[[], object]) -> bool:
    """Whether `write` could write the file `path`; where not, warns: work goes on without what would only save time."""
    try:
        write()
    except OSError as error:
        warnings.warn(
            f"{os.fspath(path)} cannot be written ({error.strerror or error}), so this work is not kept for another "
            "time; free some space, or name a folder that can be written in the variable SEMLENS_CACHE",
            stacklevel=3,
        )
        return False
    return True
