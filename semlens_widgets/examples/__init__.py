"""Concept examples: for each component the k images that excite it most, found in one streaming pass.

One module per idea: `verb` makes the pass, `running` is one on its way, `value` is what it finds; `tally` keeps the
strongest, `statistics` adds up all, `sample` is the random part that is kept whole.
"""

from .sample import Sampled, drawn
from .statistics import Statistics
from .tally import Tally
from .value import ConceptExamples
from .verb import collect

__all__ = ["ConceptExamples", "Sampled", "Statistics", "Tally", "collect", "drawn"]
