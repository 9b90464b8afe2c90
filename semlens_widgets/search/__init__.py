"""Search: which components, and which data, come close to a probe, and is that more than chance?

One module per idea: `verb` ranks, `activations` is the evidence of all activations, `matches` the answer.
"""

from .matches import (
    ALPHA,
    COLUMNS,
    HIT_ALPHA,
    MIN_ADJUSTED_SIMILARITY,
    STATES,
    Z_CRITICAL,
    Evidence,
    Hit,
    Matches,
    Null,
    State,
)
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
