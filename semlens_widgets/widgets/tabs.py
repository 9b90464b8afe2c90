"""The tabs of the window, in their order."""

from __future__ import annotations

from importlib import import_module

from .view import TABLE, View

TABS: tuple[View, ...] = tuple(
    import_module(f".{entry['folder']}", __package__).VIEW for entry in TABLE if "title" in entry
)
