"""Layout: all components of a space as points of a plane, alike ones near each other.

`value` is the layout, `verb` makes it; `apart` runs UMAP in a process of its own.
"""

from .apart import OnTick, Tick, expected_seconds
from .value import METHODS, Layout
from .verb import FEWEST, NEIGHBOURS, SAMPLE, overlay, pca, umap

__all__ = ["FEWEST", "METHODS", "NEIGHBOURS", "SAMPLE", "Layout", "OnTick", "Tick", "expected_seconds", "overlay",
           "pca", "umap"]
