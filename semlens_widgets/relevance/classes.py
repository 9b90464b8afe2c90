"""The classes a model tells apart, by name or number."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np

from ..images import Images


def class_number(target: int | np.integer | str, classes: Sequence[str]) -> int:
    """The number of a class given by name or number; KeyError with the nearest name, IndexError beyond the last."""
    if isinstance(target, str):
        if target in classes:
            return list(classes).index(target)
        folded = [name.casefold() for name in classes]
        if folded.count(target.casefold()) == 1:
            return folded.index(target.casefold())
        near = difflib.get_close_matches(target, classes, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        shown = ", ".join(classes if len(classes) <= 8 else [*classes[:7], "…"])
        raise KeyError(f"no class {target!r}; there are {shown}{hint}")
    if not 0 <= target < len(classes):
        raise IndexError(f"class {target}; classes go from 0 to {len(classes) - 1}")
    return int(target)


def class_names(images: Images, outputs: int) -> tuple[str, ...]:
    """The names of a model's outputs: the data set's classes if there is one for each, else the numbers."""
    if len(images.classes) == outputs:
        return images.classes
    return tuple(str(number) for number in range(outputs))
