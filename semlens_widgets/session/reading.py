"""Blind reading in a lens: begun, finished, and what readers disagree about settled."""

from __future__ import annotations

from collections.abc import Sequence

from ..components import Component
from ..readers import Agreement, Reading
from ..verdicts import Verdicts, now, subject_of
from . import auditing
from .history import AUDIT, History
from .state import LiveState


def begin(
    session: LiveState, first: str, second: str, subjects: Sequence[str | Component] | None = None
) -> Reading:  # fmt: skip
    """See `Lens.begin_reading`."""
    with session.lock:
        running = session.reading
        if running is not None and not running.open:
            raise ValueError(f"a blind reading by {' and '.join(running.readers)} goes on; finish it, or end it with "
                             "lens.reading = None")  # fmt: skip
        if subjects is None:
            chosen = [f"@{concept.name}" for concept in session.checklist]
        else:
            listed = [subjects] if isinstance(subjects, str | Component) else list(subjects)
            chosen = [auditing.known_subject(session, subject) for subject in listed]
        report, best = session.report, {}
        if report is not None:
            found = {f"@{finding.name}": finding.best for finding in report.findings}
            rows = list(found.values())
            best = {about: str(session.components[row]) for about, row in found.items()
                    if row is not None and rows.count(row) == 1}  # fmt: skip
        last = session.all_verdicts.entries[-1].when if session.all_verdicts.entries else ""
        components = {about: best[about] for about in chosen if about in best}
        session.reading = Reading((first, second), tuple(chosen), max(now(), last), components=components)
        made: Reading = session.reading
        return made


def finish(session: LiveState) -> Reading:
    """See `Lens.finish_reading`."""
    with session.lock:
        reading = _running(session)
        session.reading = reading.finishing(session.all_verdicts, session.auditor)
        made: Reading = session.reading
        return made


def agree(session: LiveState) -> Agreement:
    """See `Lens.agreement`."""
    with session.lock:
        return _running(session).agreement(session.all_verdicts)


def settle(session: LiveState, subject: str | Component, decision: str, reason: str) -> Verdicts:
    """See `Lens.settle`."""
    with session.lock:
        reading = _running(session)
        if not reading.open:
            raise ValueError(f"{reading.waiting} has not finished; what they disagree about is settled after that")
        about = subject_of(subject)
        if about not in reading.agreement(session.all_verdicts).disagreements:
            raise ValueError(f"the readers do not disagree about {about}")
        if not reason.strip():
            raise ValueError(f"why is {about} {decision}? A disagreement is settled with a reason")
        both = [about, *([reading.components[about]] if about in reading.components else [])]
        verdicts = auditing.judge(session, both, decision, note=reason)
        session.reading = reading.settling(verdicts.of(session.auditor)[about])
        return verdicts


def show_again(session: LiveState) -> None:
    """What the present auditor may see of all verdicts, after another came, or a reading began or was finished."""
    work, kept = session.audit_session, session.all_verdicts
    with work.quietly():
        work.withheld = Verdicts()
        session.verdicts = kept
    if session.reading is not None and not session.reading.open:
        # What could be taken back would tell one reader what the other said.
        work.forget()
        past, future = (tuple(s for s in steps if s.name not in AUDIT)
                        for steps in (session.history.past, session.history.future))  # fmt: skip
        session.set_trait("history", History(past, future))
        session.set_trait("undoable", False)
        session.set_trait("redoable", False)


def _running(session: LiveState) -> Reading:
    reading: Reading | None = session.reading
    if reading is None:
        raise ValueError('nobody reads this audit blind; begin with lens.begin_reading("Ada", "Ben")')
    return reading
