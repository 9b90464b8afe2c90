"""What a model's answer is: the one place that decides which tensor it is, what its numbers mean, and their names.

One module per idea: `parts` finds the tensor in whatever a model returns, `kinds` says what its numbers mean, `names`
what they are called and whether labels mean the same, `value` is what was decided, `verb` decides it, once per model
and data set. All else (explaining, relevance, effects, windows) asks this room.
"""

from .kinds import KINDS, Kind
from .names import Agreement, class_number, unique
from .parts import Chosen, NoClasses
from .value import Outputs, Reading
from .verb import GROWN, answering, ask, decide, placed, whole

__all__ = [
    "GROWN",
    "KINDS",
    "Agreement",
    "Chosen",
    "Kind",
    "NoClasses",
    "Outputs",
    "Reading",
    "answering",
    "ask",
    "class_number",
    "decide",
    "placed",
    "unique",
    "whole",
]
