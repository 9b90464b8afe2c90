"""Compare: what two models share, what only one of them knows, and what changes along a series of them."""

from .concepts import ConceptTable, concepts
from .nearest import Nearest, Similarity, cosine_tail
from .pairs import Comparison, Pair, Pairs, compare
from .series import Series, Step, compare_many

__all__ = [
    "Comparison",
    "ConceptTable",
    "Nearest",
    "Pair",
    "Pairs",
    "Series",
    "Similarity",
    "Step",
    "compare",
    "compare_many",
    "concepts",
    "cosine_tail",
]
