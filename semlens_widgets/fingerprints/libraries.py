"""Whose code something is: a library's, known by name and version, or a user's, which is looked into."""

from __future__ import annotations

import hashlib
import os
import site
import sys
import sysconfig
from functools import cache
from importlib import metadata
from pathlib import Path
from types import CodeType
from typing import Any

_HERE = str(Path(__file__).resolve().parents[1])
_MADE_IN_PYTHON = 1 << 9
_SHELVES = ("site-packages", "dist-packages")


@cache
def owner(filename: str) -> str | None:
    """The package that a code file belongs to, "python" for Python's own; None for a user's file or notebook cell."""
    if filename.startswith("<frozen "):
        return "python"
    if filename.startswith("<"):
        return None
    path = os.path.realpath(filename)
    if path.startswith(_HERE + os.sep):
        return "semlens_widgets"
    parts = path.split(os.sep)
    for shelf in _SHELVES:
        if shelf in parts[:-1]:
            return parts[len(parts) - 1 - parts[::-1].index(shelf) + 1].removesuffix(".py").split(".")[0]
    for root in _roots():
        if path.startswith(root + os.sep):
            return path[len(root) + 1 :].split(os.sep)[0].removesuffix(".py").split(".")[0]
    return "python" if any(path.startswith(root + os.sep) for root in _python()) else None


@cache
def _roots() -> tuple[str, ...]:
    roots = [*site.getsitepackages(), site.getusersitepackages()] if hasattr(site, "getsitepackages") else []
    return tuple(dict.fromkeys(os.path.realpath(path) for path in roots))


@cache
def _python() -> tuple[str, ...]:
    return tuple(os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))


def of_code(code: CodeType) -> str | None:
    """The library that a piece of code stands in."""
    return owner(code.co_filename)


def of_module(name: str | None) -> str | None:
    """The library that a module belongs to, by the module's name; None for a user's module and `__main__`."""
    if not name or name == "__main__":
        return None
    if name in sys.builtin_module_names or name in ("builtins", "_thread"):
        return "python"
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None:  # of an extension, which may name modules that there are not
        top = name.split(".")[0]
        file = getattr(sys.modules.get(top), "__file__", None)
        if file is None:
            return "python" if top in sys.stdlib_module_names else None
    return owner(str(file))


def of_class(kind: type) -> str | None:
    """The library that a class belongs to."""
    if kind.__module__ == "builtins" and kind.__flags__ & _MADE_IN_PYTHON:
        return None  # of code that ran without a module
    return of_module(kind.__module__) if isinstance(kind.__module__, str) else "python"  # of a class made in C


@cache
def version(library: str) -> str:
    """`torch 2.9.1`: a library's results may change with its version. What is built for another device counts alike."""
    if library == "python":
        return f"python {sys.version_info.major}.{sys.version_info.minor}"
    if library == "semlens_widgets":
        return own_version()
    text: Any = getattr(sys.modules.get(library), "__version__", None)
    if not isinstance(text, str):
        try:
            text = metadata.version(library)
        except metadata.PackageNotFoundError:
            names = metadata.packages_distributions().get(library, ())
            text = " ".join(f"{name} {metadata.version(name)}" for name in sorted(set(names)))
    return f"{library} {text.split('+')[0]}"


@cache
def own_version() -> str:
    """This package as a hash of its Python files: what another version of it made may be another result."""
    digest = hashlib.sha256()
    for path in sorted(Path(_HERE).rglob("*.py")):
        digest.update(path.relative_to(_HERE).as_posix().encode() + b"\0" + path.read_bytes())
    return f"semlens_widgets {digest.hexdigest()[:16]}"


def name_of(thing: Any) -> str:
    """A class or function by module and name."""
    module = getattr(thing, "__module__", None) or ""
    return f"{module}.{getattr(thing, '__qualname__', getattr(thing, '__name__', type(thing).__name__))}"
