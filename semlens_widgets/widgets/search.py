"""Search: the box to type a query into, and the components that answer it."""

from __future__ import annotations

from .common import HITS
from .labelled import listed_layers
from .view import View
from .widget import LensWidget

VIEW = View("search", counters={"hits": HITS}, constants={"layers": listed_layers}, figure=True,
            has_content=lambda session: True)  # fmt: skip


class SearchBox(LensWidget, views=(View("search_box"),), bundle="search_box"):
    """The search box alone: type a query, the lens follows, and so does every other window of the lens."""


class Gallery(LensWidget, views=(View("gallery", VIEW.live, VIEW.counters, VIEW.constants),), bundle="gallery"):
    """The gallery alone: the lens's components as strips of their strongest examples, best hit first."""
