"""Dictionaries learned from what a layer says: sparse autoencoders, factors and clusters, and how stable they are.

`features` streams a layer's feature vectors, `topk` and `factors` learn from them block by block, `verb` is
`learn_dictionary`, `value` what it gives, `stability` holds one dictionary against another. `sl.dictionary` reads those
that others learned.
"""

from .stability import Stability
from .value import LearnedDictionary
from .verb import learn_dictionary

__all__ = ["LearnedDictionary", "Stability", "learn_dictionary"]
