"""What a file holds and nobody has asked for yet: read and checked when touched, so that a large file opens at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Int

from .store import Stored
from .vectors import freeze

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Held:
    """An array of a file."""

    stored: Stored
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stored.shapes[self.name][1]

    def whole(self) -> np.ndarray:
        """All of it. SemlensFileError where it is damaged."""
        return self.stored[self.name]

    def rows(self, rows: Int[np.ndarray, "*batch"]) -> np.ndarray:
        """Some rows, for which only the blocks they lie in are read."""
        return self.stored.rows(self.name, rows)


@dataclass(frozen=True, eq=False)
class Later:
    """A value that is made from arrays of a file."""

    whole: Callable[[], Any]


class WhenTouched:
    """An attribute that may be given unread, and is the value itself for whoever asks."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, value: Any, kind: type | None = None) -> Any:
        if value is None:
            return self
        array = vars(value)[self._name]
        if isinstance(array, Held | Later):
            vars(value)[self._name] = array = array.whole()
        return array

    def __set__(self, value: Any, given: Any) -> None:
        vars(value)[self._name] = given


def partly_read(kind: type[Value], **values: Any) -> Value:
    """A frozen dataclass of which some values are still to be read; its own checks see them so."""
    made = object.__new__(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        object.__setattr__(made, field.name, values.get(field.name, field.default))
    if hasattr(made, "__post_init__"):
        made.__post_init__()
    return made


def read_when_touched(kind: type, *names: str) -> None:
    """Let attributes of a frozen dataclass be given unread."""
    for name in names:
        setattr(kind, name, WhenTouched(name))


def held(arrays: Mapping[str, np.ndarray], name: str) -> Any:
    """An array by name: unread where a file holds it."""
    if isinstance(arrays, Stored) and name in arrays:
        return Held(arrays, name)
    return arrays[name]


def shape_of(value: Any, name: str) -> tuple[int, ...]:
    """The shape of an attribute, which is not read for it."""
    shape: tuple[int, ...] = vars(value)[name].shape
    return shape


def is_read(value: Any, name: str) -> bool:
    """Whether an attribute is the value itself. What a file holds unread is checked by the file, when it is read."""
    return not isinstance(vars(value)[name], Held | Later)


def rows_of(value: Any, name: str, rows: Int[np.ndarray, "*batch"]) -> np.ndarray:
    """Some rows of an attribute, without the others where a file holds it."""
    known = vars(value)[name]
    result: np.ndarray = known.rows(rows) if isinstance(known, Held) else known[rows]
    return result


def freeze_read(value: object, *names: str) -> None:
    """`freeze`, for attributes of which a file holds some: its arrays are read-only anyway."""
    freeze(value, *(name for name in names if is_read(value, name)))
