"""Concepts that several neurons carry: directions from examples or words (CAVs), held against random ones.

`pictures` reads what shows the concept and what does not, `fit` finds directions and how well they tell the two apart,
`value` is what `verb` gives.
"""

from .value import Direction, Sensitivity
from .verb import direction

__all__ = ["Direction", "Sensitivity", "direction"]
