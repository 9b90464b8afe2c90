"""Evaluate: how readable the components are. Clarity, redundancy and polysemanticity, with their null levels.

One module per idea: `scores` are numbers of vectors, `intervals` bound a mean of them, `value` is what was found of a
space, `verb` finds it.
"""

from .intervals import bootstrap_means
from .scores import NO_SIBLING, SCORES, OnStep, centred, clarity, nearest, polysemanticity, redundancy
from .value import Evaluation, NullLevel, Scores
from .verb import blocks, data_mean, evaluate, random_sets

__all__ = [
    "NO_SIBLING",
    "SCORES",
    "Evaluation",
    "NullLevel",
    "OnStep",
    "Scores",
    "blocks",
    "bootstrap_means",
    "centred",
    "clarity",
    "data_mean",
    "evaluate",
    "nearest",
    "polysemanticity",
    "random_sets",
    "redundancy",
]
