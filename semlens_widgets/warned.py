"""Warnings that point at the user's own line, however deep in the package they arise."""

from __future__ import annotations

import sys
import warnings
from typing import Any

_PACKAGE = __name__.split(".")[0]
_BETWEEN = ("jaxtyping", "beartype")  # what may stand between two frames of ours


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first line outside the package on the way to here; in a thread of ours, at the package's own."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=2 if _ours(frame.f_globals.get("__name__", "")) else level)


class Renamed:
    """An attribute under its name of before: for one more version, with a warning.

    `class Hits: old = Renamed("new")`
    """

    def __init__(self, new: str) -> None:
        self.new, self.old = new, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.old = name

    def __get__(self, thing: Any, kind: type | None = None) -> Any:
        if thing is None:
            return self
        said = f"{type(thing).__name__}.{self.old} is now called {self.new}"
        warn(f"{said}; the next version has no {self.old}", FutureWarning)
        return getattr(thing, self.new)


def _ours(module: str) -> bool:
    return module.split(".")[0] in (_PACKAGE, *_BETWEEN)
