"""A gate: a plan that was fixed beforehand, an audit by it, and an answer that a machine can act on.

One module per idea: `plan` reads what is planned, `making` makes the lens it speaks of, `limits` holds findings against
limits, `against` holds them against the version before, `value` is the answer, `handed` writes what is handed on, and
`verb` puts it together.
"""

from .against import Change, changes
from .limits import Check
from .plan import AuditPlan, PlanError
from .value import GateResult
from .verb import gate

__all__ = ["AuditPlan", "Change", "Check", "GateResult", "PlanError", "changes", "gate"]
