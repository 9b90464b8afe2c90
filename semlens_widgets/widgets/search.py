"""Search: the box to type a query into, and the components that answer it."""

from __future__ import annotations

from .common import HITS
from .labelled import listed_layers
from .view import View
from .widget import LensWidget

VIEW = View("search", counted={"hits": HITS}, told={"layers": listed_layers}, figure=True, kept=lambda session: True)


class SearchBox(LensWidget, views=(View("search_box"),), bundle="search_box"):
    """The search box alone: type a query, the lens follows, and so does every other window of the lens."""


class Gallery(LensWidget, views=(View("gallery", VIEW.live, VIEW.counted, VIEW.told),), bundle="gallery"):
    """The gallery alone: the lens's components as strips of their strongest examples, best hit first."""
