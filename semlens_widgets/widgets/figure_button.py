"""The windows' button "Figure": the figure of what is open, as Python makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..session import Session
from .wire import Answer, File

if TYPE_CHECKING:
    from ..figures import Figure

_TYPES = {"pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png"}


def figure(session: Session, view: str, format: str, width: Any, theme: str, options: dict[str, Any]) -> Answer:
    """The figure of a view's present state as a file: its name, type and caption, and its bytes.

    `options` are those of the figure that say what only the browser knows: rows in their order, what is looked at.
    """
    from ..figures.views import figure_of_view

    return as_file(figure_of_view(session, view, width_mm=float(width), theme=theme, **options), view, format)


def as_file(made: Figure, name: str, format: str) -> Answer:
    """A figure as a file to download."""
    data = made.to_bytes(format)
    return {"name": f"{name}.{format}", "caption": made.caption(), "file": File(data, _TYPES[format])}
