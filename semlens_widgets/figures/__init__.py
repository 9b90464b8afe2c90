"""Figures for papers: the views of the windows on paper, vector, deterministic, without a browser.

`figure_of(result)` is what `result.figure()` gives.
"""

from __future__ import annotations

import functools
from typing import Any

from ..audit import AuditReport
from ..circuit import Circuit
from ..compare import Comparison, ConceptTable, Series
from ..counterfactual import Counterfactual
from ..describe import Labels
from ..evaluate import Evaluation
from ..explain import Explanation
from ..performance import Performance
from ..relevance import Relevance
from ..search import Matches
from .audit import audit, checklist_table
from .card import card
from .circuit import circuit
from .comparison import comparison, concept_table, series
from .counterfactual import counterfactual
from .figure import Figure
from .gallery import gallery
from .labels import label_table, own_table
from .legible import problems
from .matrix import matrix
from .panel import panel
from .performance import performance
from .prediction import prediction
from .relevance import relevance
from .scores import score_distributions
from .search import hits
from .semantic_map import overlay_map, semantic_map

__all__ = [
    "Figure",
    "audit",
    "card",
    "checklist_table",
    "circuit",
    "comparison",
    "concept_table",
    "counterfactual",
    "figure_of",
    "gallery",
    "hits",
    "label_table",
    "matrix",
    "overlay_map",
    "own_table",
    "panel",
    "performance",
    "prediction",
    "problems",
    "relevance",
    "score_distributions",
    "semantic_map",
    "series",
]


@functools.singledispatch
def figure_of(result: Any, **options: Any) -> Figure:
    """The figure of a result, by its kind.

    Parameters
    ----------
    result
        What a verb gave.
    **options
        Those of the figure's own function.

    Returns
    -------
    Figure
        A figure to save or look at.

    Raises
    ------
    TypeError
        For what has none.

    Examples
    --------
    >>> sl.figures.figure_of(lens.search("ruler"), rows=3).caption().startswith("Search")
    True
    """
    raise TypeError(f"a {type(result).__name__} has no figure")


figure_of.register(Matches)(hits)
figure_of.register(Labels)(label_table)
figure_of.register(Evaluation)(score_distributions)
figure_of.register(Comparison)(comparison)
figure_of.register(Series)(series)
figure_of.register(ConceptTable)(concept_table)
figure_of.register(Explanation)(prediction)
figure_of.register(Circuit)(circuit)
figure_of.register(AuditReport)(audit)
figure_of.register(Relevance)(relevance)
figure_of.register(Counterfactual)(counterfactual)
figure_of.register(Performance)(performance)
