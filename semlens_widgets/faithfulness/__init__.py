"""Does relevance say what switching off does? Measured on the user's own model, and what "auto" chooses by it.

One module per idea: `value` is what was measured, `measure` measures it on a few pictures, `choice` decides which
method serves which purpose, `kept` remembers it for a model and its layers.
"""

from .choice import BACKWARDS, MAPS, Choice
from .kept import VERSION, check, choose, choose_for, known, some_pictures
from .measure import measure
from .value import Agreement, Deletion, Faithfulness

__all__ = [
    "BACKWARDS", "MAPS", "VERSION", "Agreement", "Choice", "Deletion", "Faithfulness", "check", "choose",
    "choose_for", "known", "measure", "some_pictures",
]  # fmt: skip
