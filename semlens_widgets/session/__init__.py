"""What a notebook and its windows share: the state of one lens, and the work behind its verbs.

Values and parts: `source`, `query`, `probes`, `labels`, `map_state`, `audit_session`. They make up the `state`. The
verbs are functions of a state, one module per idea, and `session` says what follows when a live value is set.
"""

from .labels import ShownLabel
from .session import Session
from .source import Source
from .state import NotFitted

__all__ = ["NotFitted", "Session", "ShownLabel", "Source"]
