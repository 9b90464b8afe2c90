"""Where finished and half-finished work is kept between sessions, under the hash of what it was made from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

from . import fingerprints
from .warned import warn

_NAME = "semlens_widgets"
_WARNED: set[str] = set()


def folder() -> Path:
    """The cache folder: `SEMLENS_CACHE` if set, else `semlens_widgets` in the user's cache folder.

    On macOS platformdirs follows `XDG_CACHE_HOME` where it is set. A cache that is in ~/Library/Caches stays in use.
    """
    chosen = os.environ.get("SEMLENS_CACHE")
    if chosen:
        return Path(chosen)
    library = Path.home() / "Library" / "Caches" / _NAME
    if sys.platform == "darwin" and library.is_dir():
        return library
    return platformdirs.user_cache_path(_NAME, appauthor=False)


def place(name: str, made_from: str) -> Path | None:
    """The file of that name for work made from the fingerprints in a text, by the programs that are installed now.

    None where a fingerprint stands for something unknown: such work is not cached, with one warning.
    """
    if not is_cacheable(made_from):
        return None
    stem, dot, kind = name.rpartition(".")
    return folder() / f"{stem}-{fingerprints.program(made_from)}{dot}{kind}"


def is_cacheable(made_from: str) -> bool:
    """Whether work made from the fingerprints in a text can be found again. Where not, warns once why."""
    why = fingerprints.reasons(made_from)
    if why and (text := "; ".join(why)) not in _WARNED:
        _WARNED.add(text)
        warn(
            f"this result is not cached, because it is not clear what it depends on: {text}. It is correct, and is "
            "computed again each time. To have it cached, let models, encoders, transforms and data sets hold plain "
            "values, arrays, tensors, modules and functions",
        )
    return not why


def try_write(path: str | os.PathLike[str], write: Callable[[], object]) -> bool:
    """Whether `write` could write the file `path`. Where not, warns and goes on: a cache only saves time."""
    try:
        write()
    except OSError as error:
        warn(
            f"{os.fspath(path)} cannot be written ({error.strerror or error}), so this result is not cached; free some "
            "space, or set the environment variable SEMLENS_CACHE to a folder that can be written",
        )
        return False
    return True
