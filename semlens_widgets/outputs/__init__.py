"""What a model's answer is: the one place that decides which tensor it is, what its numbers mean, and their names.

One module per idea: `parts` finds the tensor in whatever a model returns, `kinds` says what its numbers mean, `names`
what they are called and whether labels mean the same, `value` is what was decided, `verb` decides it, once per model
and data set; `forms` finds maps, boxes and embeddings, which are no class scores. All else (explaining, relevance,
effects, windows) asks this room.
"""

from .forms import Boxes, Form, box_name, box_number, boxes_in, embedding_in, form_of, map_in, map_names, sure_map
from .kinds import KINDS, Kind
from .names import Agreement, class_number, unique
from .parts import Chosen, NoClasses
from .value import Outputs, Reading
from .verb import GROWN, answering, ask, decide, decided, each, placed, whole

__all__ = [
    "GROWN",
    "KINDS",
    "Agreement",
    "Boxes",
    "Chosen",
    "Form",
    "Kind",
    "NoClasses",
    "Outputs",
    "Reading",
    "answering",
    "ask",
    "box_name",
    "box_number",
    "boxes_in",
    "class_number",
    "decide",
    "decided",
    "each",
    "embedding_in",
    "form_of",
    "map_in",
    "map_names",
    "placed",
    "sure_map",
    "unique",
    "whole",
]
