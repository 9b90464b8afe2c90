"""Answers on the wire: facts as JSON, and beside them named buffers. `js/shared/wire.js` reads what this writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Answer = dict[str, Any]
"""What a window is told, by name. Arrays and files may stand in it at the top level, not further inside."""

_KINDS = {"f4": "F32", "i4": "I32", "i2": "I16", "i1": "I8", "u1": "U8"}  # as in a `.semlens` file
_SENT = {"f": "<f4", "b": "<u1"}  # numbers with a fraction, and truth values, are all sent as one kind
_WHOLE = {"i8": "<i4", "i4": "<i4", "i2": "<i2", "i1": "<i1", "u1": "<u1"}


@dataclass(frozen=True)
class File:
    """Bytes with their media type: a picture, or something to download."""

    data: bytes
    type: str


def encode(answer: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """An answer as JSON and buffers.

    `buffers` in the JSON names them in order: [name, kind, shape] of an array, [name, media type] of a file. Arrays
    are sent as F32, I32, I16, I8 or U8; floats in single precision, truth values as 0 and 1. TypeError for numbers
    that are neither, OverflowError for whole numbers beyond 32 bits.
    """
    facts, named, buffers = {}, [], []
    for name, value in answer.items():
        if isinstance(value, np.ndarray):
            array = _as_sent(name, value)
            named.append([name, _KINDS[array.dtype.str[1:]], list(array.shape)])
            buffers.append(array.tobytes())
        elif isinstance(value, File):
            named.append([name, value.type])
            buffers.append(value.data)
        else:
            facts[name] = value
    return (facts | {"buffers": named} if named else facts), buffers


def _as_sent(name: str, array: np.ndarray) -> np.ndarray:
    kind = _SENT.get(array.dtype.kind) or _WHOLE.get(array.dtype.str[1:])
    if kind is None:
        raise TypeError(f"{name!r} holds {array.dtype} numbers; windows read {', '.join(_KINDS.values())}")
    if array.dtype.itemsize == 8 and kind == "<i4" and array.size and np.abs(array).max() >= 2**31:
        raise OverflowError(f"{name!r} holds {np.abs(array).max()}; windows read whole numbers of 32 bits")
    return np.ascontiguousarray(array, np.dtype(kind))
