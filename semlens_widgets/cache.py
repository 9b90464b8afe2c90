"""Where finished and half-finished work is kept between sessions, under the hash of what it was made from."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import platformdirs

from . import fingerprints

_NAME = "semlens_widgets"
_SAID: set[str] = set()


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

    None where a fingerprint says that what it stands for cannot be told: such work is not kept, which is said once.
    """
    if not lasting(made_from):
        return None
    stem, dot, kind = name.rpartition(".")
    return folder() / f"{stem}-{fingerprints.program(made_from)}{dot}{kind}"


def lasting(made_from: str) -> bool:
    """Whether work made from the fingerprints in a text can be found again. Where not, that is said once, and why."""
    why = fingerprints.reasons(made_from)
    if why and (text := "; ".join(why)) not in _SAID:
        _SAID.add(text)
        warnings.warn(
            f"this work is not kept for another time, for it cannot be told what it depends on: {text}. Results are as "
            "right as ever, and are computed anew each time. To have them kept, let models, encoders, transforms and "
            "data sets hold plain values, arrays, tensors, modules and functions",
            stacklevel=4,
        )
    return not why


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
