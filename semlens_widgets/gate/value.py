"""The answer of a gate."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Literal

from .. import numbers
from ..results import Result, finite
from ..texts import p_equals, plural
from .against import Change
from .limits import Check

Outcome = Literal["passed", "failed", "not judged"]
CODES: dict[Outcome, int] = {"passed": 0, "failed": 1, "not judged": 2}


@dataclass(frozen=True, eq=False)
class GateResult(Result):
    """What a gate says: passed, failed with the reasons, or not judged.

    Attributes
    ----------
    plan
        The name of the plan's file.
    hash
        Of all that decides the answer: plan, checklist, metadata. The same plan has the same hash.
    model
        What the model is called.
    checks
        Every limit, what was found, and whether it is "kept", "broken" or "not judged".
    changes
        Concept by concept what changed since the version before, where there is one.
    last
        The file of the version before; "" for none.
    notes
        What a reader should know: why something could not be judged, what the changes were held against.
    files
        What was written, by kind: "report", "junit", "summary", "json", "lens".

    Examples
    --------
    >>> _ = open("plan.toml", "w").write('''
    ... [lens]
    ... factory = "semlens_widgets.demo:lens"
    ... options = {n = 150, progress = false}
    ... [audit]
    ... checklist = "abcde"
    ... target = "melanoma"
    ... [limits]
    ... missing_valid = 5
    ... ''')
    >>> sl.gate("plan.toml", progress=False).outcome
    'passed'
    """

    plan: str
    hash: str
    model: str
    checks: tuple[Check, ...]
    changes: tuple[Change, ...] = ()
    last: str = ""
    notes: tuple[str, ...] = field(default=())
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """"failed" where a limit is broken, else "not judged" where one could not be judged, else "passed"."""
        states = {check.state for check in self.checks}
        return "failed" if "broken" in states else "not judged" if "not judged" in states or not states else "passed"

    @property
    def code(self) -> int:
        """The exit code: 0 passed, 1 failed, 2 could not be judged."""
        return CODES[self.outcome]

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is broken, and what could not be judged, in words."""
        return tuple(f"{c.title} {c.state}: {c.message}" for c in self.checks if c.state != "kept")

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per limit.

        Returns
        -------
        list
            The dicts: name, about, state, limit, found with its interval, sure, message.
        """
        return [
            {"name": c.name, "about": c.about, "state": c.state, "limit": c.limit, "found": c.found.mean,
             "low": c.found.low, "high": c.found.high, "sure": c.sure, "message": c.message}
            for c in self.checks
        ]  # fmt: skip

    def to_json(self) -> str:
        """All of it as JSON text.

        Returns
        -------
        str
            JSON; null for what is not known.
        """
        made = {
            "outcome": self.outcome, "code": self.code, "plan": self.plan, "hash": self.hash, "model": self.model,
            "last": self.last, "notes": list(self.notes), "checks": self.to_rows(),
            "changes": [
                {"concept": c.concept, "kind": c.kind, "word": c.word, "p_family": c.p_family,
                 "before": [c.before.mean, c.before.low, c.before.high],
                 "after": [c.after.mean, c.after.low, c.after.high]}
                for c in self.changes
            ],
        }  # fmt: skip
        return json.dumps(finite(made), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def __repr__(self) -> str:
        kept = sum(check.state == "kept" for check in self.checks)
        of = f"{kept} of {plural(len(self.checks), 'check')} kept"
        lines = [f"{self.model}: {self.outcome} ({of}; plan {self.hash[:12]})"]
        lines += [f"  {reason}" for reason in self.reasons]
        lines += [f"  {told}" for c in self.changes if c.word != "same" for told in [told_change(c)]]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td>{escape(c.title)}</td><td><b>{c.state}</b></td><td>{escape(c.message)}</td></tr>"
            for c in self.checks
        )
        moved = "".join(f"<li>{escape(told_change(c))}</li>" for c in self.changes if c.word != "same")
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        head = f"<p><b>{self.outcome}</b>: {escape(self.model)}, plan <code>{self.hash[:12]}</code></p>"
        return f"{head}<table>{cells}</table>{f'<ul>{moved}</ul>' if moved else ''}{notes}"


def told_change(change: Change) -> str:
    """A change in words."""
    before, after = (numbers.percent(i.mean, 1) for i in (change.before, change.after))
    moved = f"{before} → {after} of the relevance, {p_equals(change.p_family)}"
    return f"{change.concept} ({change.kind}) {change.word}: {moved}"
