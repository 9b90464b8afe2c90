"""Two readers in the audit's window: who reads, who has finished, how they agree, and what is settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..readers import Reading
from ..session import Session, reading
from ..texts import quoted
from .wire import Answer


def readers(session: Session) -> Answer:
    """The reading as far as the present auditor may know it; the agreement when both have finished."""
    with session.lock:
        running: Reading | None = session.reading
        state: dict[str, Any] = {"auditor": session.auditor, "concepts": len(session.checklist), "reading": None}
        if running is None:
            return state
        who = session.auditor
        own = who in running.readers
        left = running.undecided(session.all_verdicts, who) if own and who not in running.done else ()
        told: dict[str, Any] = {
            "readers": list(running.readers), "subjects": len(running.subjects), "open": running.open,
            "done": [name for name in running.readers if name in running.done], "reads": own,
            "left": [subject.removeprefix("@") for subject in left], "agreement": None,
        }  # fmt: skip
        if running.open:
            found = running.agreement(session.all_verdicts)
            settled = running.settlements
            told["agreement"] = {
                "sentence": found.sentence,
                "disagreements": [
                    {**one, "settled": _settled(settled, one["subject"])}
                    for one in found.to_document()["disagreements"]
                ],
            }
        return state | {"reading": told}


def _settled(settled: Any, subject: str) -> dict[str, Any] | None:
    verdict = settled.get(subject)
    return None if verdict is None else {"decision": verdict.decision, "note": verdict.note, "who": verdict.who}


def called(session: Session, name: str) -> Answer:
    """Say who decides from now on."""
    session.auditor = " ".join(str(name).split())
    return {"python": f"lens.auditor = {quoted(session.auditor)}"}


def begin(session: Session, first: str, second: str) -> Answer:
    """Have two people read the checklist blind."""
    reading.begin(session, str(first), str(second))
    return {"python": f"lens.begin_reading({quoted(str(first))}, {quoted(str(second))})"}


def finish(session: Session) -> Answer:
    """The present auditor has finished."""
    reading.finish(session)
    return {"python": "lens.finish_reading()"}


def end(session: Session) -> Answer:
    """Nobody reads blind any more; all verdicts can be seen."""
    with session.lock:
        session.reading = None
    return {"python": "lens.reading = None"}


def settle(session: Session, subject: str, decision: str, reason: str) -> Answer:
    """Settle one disagreement, with the reason."""
    reading.settle(session, str(subject), str(decision), str(reason))
    return {"python": f"lens.settle({quoted(str(subject))}, {quoted(str(decision))}, {quoted(str(reason))})"}


CHANGES: Mapping[str, Callable[..., Answer]] = {
    "readers_called": called, "readers_begin": begin, "readers_finish": finish, "readers_end": end,
    "readers_settle": settle,
}  # fmt: skip
VERBS: Mapping[str, Callable[..., Answer]] = {**CHANGES, "readers": readers}
