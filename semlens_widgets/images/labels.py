"""Labels and class names as people have them: arrays, tables, tensors, names, numbers; or none, and why."""

from __future__ import annotations

import numbers
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_HIGHEST = 2**31 - 1


@dataclass(frozen=True)
class Labels:
    """A class number per image, None where it has none, and the names of the classes where they are known."""

    numbers: tuple[int | None, ...]
    classes: tuple[str, ...] = ()


class NoClasses(ValueError):
    """Labels that are no classes, one per image; the message says what they are."""


def read_labels(labels: Any, classes: Sequence[str], length: int) -> Labels:
    """Class numbers from what is given as labels.

    Taken are whole numbers (of any kind, also as text where no class is called so), class names, rows with a single
    one, and arrays, tensors or columns of these. None, NaN, an empty text and -1 are images without a label.

    NoClasses for what is no class per image: several classes at once, paths, boxes, shares. ValueError where labels
    and images, or labels and classes, contradict each other.
    """
    values = as_list(labels)
    if values is None:
        raise NoClasses(f"a {type(labels).__name__}")
    if len(values) != length:
        raise ValueError(f"{len(values)} labels for {length} images; give one for each")
    found = [value if type(value) is int and 0 <= value <= _HIGHEST else one_label(value) for value in values]
    names = {value for value in found if isinstance(value, str)}
    known = tuple(classes)
    if names and not names <= set(known) and all(_number(name) is not None for name in names):
        found = [_number(value) if isinstance(value, str) else value for value in found]
    elif names and all(value is None or isinstance(value, str) for value in found):
        return _named(found, known or _categories(labels) or tuple(sorted(names)))
    elif names:
        odd = next(value for value in found if isinstance(value, str))
        called = f", or all of them names among {', '.join(classes)}" if len(classes) else ", or all of them names"
        raise ValueError(f"label {odd!r} among numbers; labels are class numbers{called}")
    return _numbered([value for value in found if not isinstance(value, str)], known)


def _named(found: Sequence[Any], known: tuple[str, ...]) -> Labels:
    number, counts = {name: i for i, name in enumerate(known)}, Counter(known)
    if (odd := next((name for name in found if name is not None and name not in number), None)) is not None:
        raise ValueError(f"label {odd!r}; labels are class numbers, or all of them names among {', '.join(known)}")
    if (twice := next((name for name in found if name is not None and counts[name] > 1), None)) is not None:
        which = " and ".join(str(i) for i, name in enumerate(known) if name == twice)
        raise ValueError(f"label {twice!r} is the name of several classes ({which}); give class numbers as labels")
    return Labels(tuple(None if name is None else number[name] for name in found), known)


def _numbered(found: Sequence[int | None], classes: tuple[str, ...]) -> Labels:
    known = [number for number in found if number is not None]
    if known and min(known) < 0:
        raise ValueError(f"label {min(known)}; class numbers count from 0, and -1 is an image without a label")
    if classes and known and max(known) >= len(classes):
        raise ValueError(f"label {max(known)} with {len(classes)} classes; class numbers count from 0")
    return Labels(tuple(found), classes)


def one_label(value: Any) -> int | str | None:
    """One label as a class number, a class name, or None; NoClasses for what is neither."""
    if value is None or isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _text(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, os.PathLike):
        raise NoClasses(f"a path ({os.fspath(value)!r:.60})")
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) == 0:
        value = value.tolist()
        if not isinstance(value, numbers.Number):
            return one_label(value)
    if isinstance(value, bool | numbers.Integral):
        whole = int(value)
        if whole > _HIGHEST:
            raise NoClasses(f"the number {whole}, too high for a class")
        return None if whole == -1 else whole
    if isinstance(value, numbers.Real):
        number = float(value)
        if np.isnan(number):
            return None
        if not number.is_integer():
            raise NoClasses(f"{value!r}, no whole number")
        return one_label(int(number))
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas' own for what is missing
        return None
    row = as_list(value)
    if row is None or not row:
        raise NoClasses(f"a {type(value).__name__}")
    return one_label(row[0]) if len(row) == 1 else _of_row(row)


def _of_row(row: Sequence[Any]) -> int:
    """The class of a row with a single one among zeros."""
    try:
        entries = np.asarray(row, np.float64)
    except (TypeError, ValueError):
        raise NoClasses(f"several values for an image ({row!r:.60})") from None
    if entries.ndim == 1 and np.isin(entries, (0, 1)).all():
        if entries.sum() == 1:
            return int(entries.argmax())
        raise NoClasses(f"{int(entries.sum())} classes for one image; of several, none is its label")
    raise NoClasses(f"several numbers for an image ({row!r:.60})")


def _of_mapping(value: Mapping[Any, Any]) -> int | str | None:
    for name in ("label", "class", "target"):
        if isinstance(value.get(name), str | numbers.Number) or getattr(value.get(name), "ndim", None) == 0:
            return one_label(value[name])
    raise NoClasses(f"a dict with {', '.join(map(str, value)) or 'nothing'}")


def _text(value: str | None) -> str | None:
    if not value:
        return None
    value = str(value)
    if ("/" in value or os.sep in value) and os.path.splitext(value)[1]:
        raise NoClasses(f"a path ({value!r:.60})")
    return value


def _number(name: Any) -> int | None:
    """The number that a text is, written as numbers are."""
    return int(name) if re.fullmatch(r"0|[1-9][0-9]{0,8}", name) else None


def as_list(values: Any) -> list[Any] | None:
    """Values of a sequence, array, tensor or column as a list; None for what is none of these."""
    if values is None or isinstance(values, str | bytes | Mapping):
        return None
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    if hasattr(values, "columns"):  # a table with one column, or with one per class
        values = values.to_numpy()
    if hasattr(values, "ndim") and hasattr(values, "tolist"):
        return list(values.tolist()) if values.ndim else None
    if hasattr(values, "tolist"):
        return list(values.tolist())
    if isinstance(values, Sequence) or (isinstance(values, Iterable) and hasattr(values, "__len__")):
        return None if isinstance(values, set | frozenset) else list(values)
    return None


def _categories(labels: Any) -> tuple[str, ...]:
    """The categories of a pandas column that has such, in their order."""
    categories = getattr(getattr(labels, "dtype", None), "categories", None)
    return () if categories is None else tuple(str(name) for name in categories)


def read_classes(classes: Any) -> tuple[str, ...]:
    """Class names in the order of their numbers, from a list, array, column, or a dict between names and numbers.

    ValueError for what is none; synonyms of one class, as torchvision's ImageNet has them, stand in one name.
    """
    if classes is None:
        return ()
    if isinstance(classes, Mapping):
        pairs = [(key, value) if isinstance(key, numbers.Integral) else (value, key) for key, value in classes.items()]
        if sorted(number for number, _ in pairs) != list(range(len(pairs))):
            raise ValueError(f"classes {classes!r:.60}; the numbers of a dict are 0, 1, 2, … without a gap")
        return tuple(_name(name) for _, name in sorted(pairs, key=lambda pair: int(pair[0])))
    values = as_list(classes)
    if values is None:
        raise ValueError(f"classes is a {type(classes).__name__} ({classes!r:.60}); give a list of class names")
    return tuple(_name(value) for value in values)


def _name(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
