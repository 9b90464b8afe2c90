"""Relevance over a data set: per class, which components carry its predictions, in one streaming pass.

One module per idea: `verb` makes the pass, `value` is what it finds; `totals` adds up.
"""

from .totals import NO_IMAGE
from .value import Relevance
from .verb import Target, relevance

__all__ = ["NO_IMAGE", "Relevance", "Target", "relevance"]
