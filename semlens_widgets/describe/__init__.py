"""Describe: the words that say best what each component stands for, how sure that is, and where none does.

One module per idea: `verb` asks, `labels` is the answer, `meanings` takes a component apart; `by_mean` and
`by_activations` are the two ways to score words, `ranking` is what both share, `shown` how much of a word there is.
"""

from ..vocabularies import packaged, vocabulary
from .by_activations import check_sample
from .labels import UNEXPLAINED, Labels
from .meanings import Meaning, groups
from .shown import NO_WORD
from .verb import CONFIDENCE, describe

__all__ = [
    "CONFIDENCE",
    "NO_WORD",
    "UNEXPLAINED",
    "Labels",
    "Meaning",
    "check_sample",
    "describe",
    "groups",
    "packaged",
    "vocabulary",
]
