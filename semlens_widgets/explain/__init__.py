"""One prediction explained: which components carried it, where in the picture, and through which others.

One module per idea: `value` is the explanation, `source` what its heatmaps and circuit are computed from when they are
asked for, `verb` makes one.
"""

from .source import has_relevance
from .value import Explanation
from .verb import explain

__all__ = ["Explanation", "explain", "has_relevance"]
