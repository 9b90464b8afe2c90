"""The windows' button "Figure": the figure of the open tab, as Python makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .channel import Answer

if TYPE_CHECKING:
    from ..lens import Lens

# Tabs that have a figure; named here, for figures load late.
TABS = ("search", "map", "describe", "evaluate", "prediction", "compare", "audit")
_TYPES = {"pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png"}


def figure(lens: Lens, view: str, format: str, width: Any, theme: str) -> Answer:
    """The figure of a view's present state as a file: its name, type and caption, and its bytes."""
    made = lens.figure(view, width_mm=float(width), theme=theme)
    data = made.to_bytes(format)
    return {"name": f"{view}.{format}", "type": _TYPES[format], "caption": made.caption()}, [data]
