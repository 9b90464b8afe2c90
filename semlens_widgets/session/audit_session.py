"""An audit that people work on: its thresholds, what undo remembers, and the files it is kept in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..audit import Thresholds
from ..audit.file import AuditFile
from ..audit.merge import three_way
from ..audit.state import AuditState
from ..counterfactual import Counterfactual
from ..outputs import Outputs
from ..targets import Target
from ..verdicts import Verdicts
from ..warned import warn

_STEPS = 200  # that undo remembers


class AuditSession:
    """What an audit needs besides its state, which a person changes and `AuditState` is a snapshot of.

    thresholds, layer: those of the last audit; `layer` None for all layers.
    aim:       what was audited where that is no class of the model: its name, and what it is.
    logits:    by class its logit margin in each sampled image, where the model was asked.
    answers:   what it said of all classes then [image output], and how that is read.
    counterfactuals: by class and concept what drawing the concept onto pictures does.
    withheld:  verdicts that the present auditor may not see: see `Reading.shown_to`.
    quiet:     several traits change as one: whoever watches them one by one waits.
    watched:   whether a thread looks for what other notebooks save.
    """

    def __init__(self) -> None:
        self.thresholds = Thresholds()
        self.layer: str | Sequence[str] | None = None
        self.aim: tuple[str, Target] | None = None
        self.logits: dict[str, np.ndarray] = {}
        self.answers: tuple[Outputs, np.ndarray] | None = None
        self.counterfactuals: dict[str, dict[str, Counterfactual]] = {}
        self.withheld = Verdicts()
        self.quiet = False
        self.watched = False
        self.files: list[AuditFile] = []
        self._done: list[tuple[AuditState, AuditState]] = []  # from, to
        self._undone: list[tuple[AuditState, AuditState]] = []
        self._warned: set[str] = set()  # of what is still wrong with the files

    @contextmanager
    def quietly(self) -> Iterator[None]:
        before, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = before

    # undo

    @property
    def undoable(self) -> bool:
        return bool(self._done)

    @property
    def redoable(self) -> bool:
        return bool(self._undone)

    def remember(self, before: AuditState, after: AuditState) -> None:
        """A person changed the audit: `undo` can take it back, and what was undone is forgotten."""
        self._done = [*self._done[1 - _STEPS :], (before, after)]
        self._undone.clear()

    def without_last(self, now: AuditState, *, redo: bool = False) -> AuditState | None:
        """The audit as it is `now`, the last change taken back (with `redo`, done again); what others changed since
        stays. None where there is none; `taken_back` says that it was done."""
        steps = self._undone if redo else self._done
        if not steps:
            return None
        left, reached = steps[-1]
        return three_way(reached, now, left)

    def taken_back(self, before: AuditState, after: AuditState, *, redo: bool = False) -> None:
        """The last change was taken back (with `redo`, done again), from one state to another."""
        back, forth = (self._undone, self._done) if redo else (self._done, self._undone)
        back.pop()
        forth.append((before, after))

    def forget(self) -> None:
        """Nothing can be taken back any more."""
        self._done.clear()
        self._undone.clear()

    # files

    def is_kept_in(self, path: Path) -> bool:
        return any(file.path == path for file in self.files)

    def exchange(
        self, state: Callable[[], AuditState], take: Callable[[AuditState], list[str]]
    ) -> tuple[list[str], list[str]]:
        """Save `state()` in every file, and `take` what others wrote: (files that others changed, what went wrong).

        What goes wrong is warned about once, until all is well again.
        """
        others: list[str] = []
        problems: list[str] = []
        for file in self.files:
            mine = state()
            answer = file.exchange(mine)
            problems += answer.problems
            if answer.state != mine:
                problems += take(answer.state)
            if answer.others:
                others.append(file.path.name)
        for problem in (p for p in problems if p not in self._warned):
            self._warned.add(problem)
            warn(problem)
        if not problems:
            self._warned.clear()
        return others, problems
