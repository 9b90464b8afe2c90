"""What a model's answer is: the one place that decides which tensor it is, what its numbers mean, and their names.

One module per idea: `asking` asks the model, `parts` finds the tensor in whatever it returns, `kinds` says what its
numbers mean, `names` and `naming` what they are called and whether labels mean the same, `value` is what was decided,
`verb` decides it, once per model and data set; `forms` finds maps, boxes and embeddings, which are no class scores, and
`laid` lays out whole answers. All else (explaining, relevance, effects, windows) asks this room.
"""

from .asking import GROWN, answering, ask, placed
from .forms import Boxes, Form, box_name, box_number, boxes_in, embedding_in, form_of, map_in, map_names, sure_map
from .kinds import KINDS, Kind
from .laid import each, whole
from .names import Agreement, class_number, unique
from .parts import Chosen, NoClasses
from .value import Outputs, Reading
from .verb import decide, decided

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
