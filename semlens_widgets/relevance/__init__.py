"""Relevance over a data set: per class, which components carry its predictions, in one streaming pass.

One module per idea: `verb` makes the pass, `goals` says what each image is explained for, `value` is what it finds;
`totals` adds up.
"""

from .goals import Target
from .totals import NO_IMAGE
from .value import Relevance
from .verb import relevance

__all__ = ["NO_IMAGE", "Relevance", "Target", "relevance"]
