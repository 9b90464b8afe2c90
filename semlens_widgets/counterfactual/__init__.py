"""Counterfactual proof: what changes in a model when one thing is in its pictures, and nothing else is different.

One module per idea: `pairs` are the pictures, `verb` asks the model, `statistics` tests, `judgement` says what counts
as found, `value` is what was found.
"""

from .judgement import MIN_AUROC, MIN_SELECTIVITY
from .pairs import Pairs
from .value import Counterfactual, Prediction
from .verb import check_controls, counterfactual

__all__ = ["MIN_AUROC", "MIN_SELECTIVITY", "Counterfactual", "Pairs", "Prediction", "check_controls", "counterfactual"]
