"""Search: which components, and which data, come close to a probe, and is that more than chance?

One module per idea: `verb` ranks, `activations` is the evidence of all activations, `hit` one component that came
close, `matches` the answer.
"""

from .hit import HIT_ALPHA, Z_CRITICAL, Evidence, Hit, Null
from .matches import ALPHA, COLUMNS, MIN_ADJUSTED_SIMILARITY, STATES, Matches, State
from .verb import check_settings, component_probe, search

__all__ = [
    "ALPHA",
    "COLUMNS",
    "HIT_ALPHA",
    "MIN_ADJUSTED_SIMILARITY",
    "STATES",
    "Z_CRITICAL",
    "Evidence",
    "Hit",
    "Matches",
    "Null",
    "State",
    "check_settings",
    "component_probe",
    "search",
]
