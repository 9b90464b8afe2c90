"""Figures for papers: the views of the windows on paper, vector, deterministic, without a browser.

`figure_of(result)` is what `result.figure()` gives.
"""

from __future__ import annotations

import functools
from typing import Any

from ..compare import Comparison, ConceptTable, Series
from ..describe import Labels
from ..evaluate import Evaluation
from ..search import Matches
from .card import card
from .comparison import comparison, concept_table, series
from .figure import Figure
from .gallery import gallery
from .labels import label_table
from .legible import problems
from .panel import panel
from .scores import score_distributions
from .search import hits

__all__ = [
    "Figure",
    "card",
    "comparison",
    "concept_table",
    "figure_of",
    "gallery",
    "hits",
    "label_table",
    "panel",
    "problems",
    "score_distributions",
    "series",
]


@functools.singledispatch
def figure_of(result: Any, **options: Any) -> Figure:
    """The figure of a result, by its kind. TypeError for what has none."""
    raise TypeError(f"a {type(result).__name__} has no figure")


figure_of.register(Matches)(hits)
figure_of.register(Labels)(label_table)
figure_of.register(Evaluation)(score_distributions)
figure_of.register(Comparison)(comparison)
figure_of.register(Series)(series)
figure_of.register(ConceptTable)(concept_table)
