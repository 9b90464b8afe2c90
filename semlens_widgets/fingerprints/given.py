"""What a user gave to a library: the functions and values that its functions and classes hold."""

from __future__ import annotations

import contextlib
import functools
import sys
import types
from typing import Any

import numpy as np

from . import libraries


def held(function: types.FunctionType) -> dict[str, Any]:
    """The values of a function's closure by name, and the function that it wraps."""
    result: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # an empty cell
            result[f"closure {name}"] = cell.cell_contents
    return result


def wraps(function: types.FunctionType, depth: int = 4) -> bool:
    """Whether a library's function stands around something of a user."""
    return depth > 0 and any(of_user(value, depth) for value in held(function).values())


def of_user(value: Any, depth: int = 4) -> bool:
    """Whether what a library's function holds was given by a user: code, numbers, texts, arrays or modules."""
    if isinstance(value, types.MethodType):
        return True
    if isinstance(value, types.FunctionType):
        return libraries.of_code(value.__code__) is None or wraps(value, depth - 1)
    if isinstance(value, type):
        return libraries.of_class(value) is None
    if isinstance(value, list | tuple | set | dict | types.MappingProxyType):
        parts = [*value.values()] if hasattr(value, "values") else [*value]
        return depth > 0 and any(of_user(part, depth - 1) for part in parts)
    torch = sys.modules.get("torch")
    of_torch = torch is not None and isinstance(value, torch.Tensor | torch.nn.Module)
    return of_torch or isinstance(value, bool | int | float | str | np.ndarray | functools.partial)


def patches(kind: type) -> dict[str, Any]:
    """Functions of a user that were put into a library's class or its bases."""
    return {
        f"{base.__name__}.{name}": value
        for base in kind.__mro__
        if base is not object
        for name, value in vars(base).items()
        if isinstance(value, types.FunctionType) and libraries.of_code(value.__code__) is None and _stranger(value)
    }


def _stranger(function: types.FunctionType) -> bool:
    """Whether it was not made by the library itself, as dataclasses and named tuples make their methods."""
    return not function.__code__.co_filename.startswith("<") or libraries.of_module(function.__module__) is None
