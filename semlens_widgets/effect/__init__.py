"""Effect: what switching components off does to a model's answers, beside what switching off random ones does.

One module per idea: `verb` switches and asks, `measures` says what the answers are worth, `value` is what is found.
"""

from .measures import area_under_curve
from .value import SIDES, Effect, Measured, Point, Side
from .verb import DRAWS, check, check_classes, effect

__all__ = [
    "DRAWS",
    "SIDES",
    "Effect",
    "Measured",
    "Point",
    "Side",
    "area_under_curve",
    "check",
    "check_classes",
    "effect",
]
