"""Warnings that point at the user's own line, however deep in the package they arise."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

_PACKAGE = __name__.split(".")[0]
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
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
        renamed = f"{type(thing).__name__}.{self.old} is now called {self.new}"
        warn(f"{renamed}; the next version has no {self.old}", FutureWarning)
        return getattr(thing, self.new)


def renamed_parameters(**names: str) -> Callable[[F], F]:
    """A function that takes keywords under their names of before, too: for one more version, with a warning.

    `@renamed_parameters(old="new")`. TypeError where a call gives both.
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def taking(*args: Any, **given: Any) -> Any:
            for old in given.keys() & names.keys():
                new = names[old]
                if new in given:
                    raise TypeError(f"{old} is now called {new}; give {new} alone")
                warn(f"{old} is now called {new}; the next version takes no {old}", FutureWarning)
                given[new] = given.pop(old)
            return function(*args, **given)

        return taking  # type: ignore[return-value]

    return decorate


def renamed_fields(**names: str) -> Callable[[type[T]], type[T]]:
    """A dataclass whose fields have their names of before, too, in its constructor and as attributes."""

    def decorate(kind: type[T]) -> type[T]:
        setattr(kind, "__init__", renamed_parameters(**names)(kind.__init__))  # noqa: B010
        for old, new in names.items():
            renamed = Renamed(new)
            renamed.__set_name__(kind, old)
            setattr(kind, old, renamed)
        return kind

    return decorate


def _ours(module: str) -> bool:
    return module.split(".")[0] in (_PACKAGE, *_BETWEEN)
