"""Repair: a copy of a model that rests less on a concept, and what that did to it, beside a control.

One module per idea: `data` splits images and reads pairs, `head` finds the last linear layer and trains it anew,
`tuning` trains the whole copy with artefacts pasted at random, `measures` says what a model is worth, `value` is what
was found, `verb` puts it together.
"""

from .head import NoHead
from .value import HOWS, Checked, Epoch, How, Repair
from .verb import Recipe, Wanted, repair

__all__ = ["HOWS", "Checked", "Epoch", "How", "NoHead", "Recipe", "Repair", "Wanted", "repair"]
