"""Going back and forth in the history of a lens."""

from __future__ import annotations

from . import auditing
from .history import AUDIT, History
from .state import LiveState


def travel(session: LiveState, steps: int = 1, *, redo: bool = False) -> None:
    """Take back so many steps (with `redo`, do them again); nothing happens where there are none."""
    with session.lock:
        for _ in range(max(0, steps)):
            history: History = session.history
            waiting = history.future if redo else history.past
            if not waiting:
                return
            step = waiting[-1]
            if step.name in AUDIT:
                auditing.take_back(session, redo=redo)
                if session.history is history:  # the audit remembers less far
                    session.set_trait("history", history.moved(redo=redo))
                continue
            session.recording = False
            try:
                setattr(session, step.name, step.after if redo else step.before)
            finally:
                session.recording = True
            session.set_trait("history", history.moved(redo=redo))
