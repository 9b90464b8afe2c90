"""The semantic map: what its colours can show, and its layout, made once for all who ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..layout import Layout, OnTick, Tick, pca
from ..space import SemanticSpace

COLOURS = (
    "label",
    "layer",
    "search",
    "relevance",
    "confidence",
    "clarity_centred",
    "polysemanticity_centred",
    "redundancy_centred",
    "clarity",
    "polysemanticity",
    "redundancy",
)


class MapState:
    """What a map shows before anybody made a layout, and the turn that makers of one wait for."""

    def __init__(self) -> None:
        self._first: Layout | None = None
        self._making = threading.Lock()

    def first(self, space: SemanticSpace) -> Layout:
        """The principal coordinates, computed once."""
        if self._first is None:
            self._first = pca(space)
        return self._first

    @contextmanager
    def turn(self, on_tick: OnTick) -> Iterator[None]:
        """One at a time; `on_tick` is called while others are at it, and may raise to give up."""
        while not self._making.acquire(timeout=0.1):
            on_tick(Tick(0, what="waiting for the UMAP that is being made"))
        try:
            yield
        finally:
            self._making.release()
