"""Keeping an audit from a notebook: in files that other notebooks may write as well."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import traitlets

from .. import cache
from ..audit.file import AuditFile
from ..audit.state import AuditState
from ..texts import plural
from .auditing import Auditing, held

Self = TypeVar("Self", bound="Keeping")
_LOOK_AGAIN = 2.0  # seconds between two looks at an audit file that others may write
_log = logging.getLogger(__name__)


class Keeping(Auditing):
    """An audit that is saved as it changes, and follows what other notebooks save to the same file.

    Verdicts, checklist, own labels, class and lines stand in a readable JSON file beside the lens, and are there again
    when the same lens is fitted or opened: `audit_notice` says so.
    """

    edit_conflicts: Any = traitlets.Tuple(
        read_only=True, help="what two notebooks changed at the same time, each in its own way: `EditConflict`s"
    )

    def _begin(self) -> None:
        super()._begin()
        self._audit_files: list[AuditFile] = []
        self._watched = False
        self._warned: set[str] = set()  # of what is still wrong with them

    def _audit_state(self) -> AuditState:
        return replace(super()._audit_state(), conflicts=self.edit_conflicts)

    def _keep(self) -> None:
        self._exchange()

    def fit(self: Self, *, cached: bool = True, **settings: Any) -> Self:
        """As `Explaining.fit`; a checklist, verdicts and labels that were kept for the same lens are there again."""
        super().fit(cached=cached, **settings)
        if cached and not self._audit_files:
            self.keep_audit(cache.folder() / f"{self.space.recipe.key}.audit.json")
        return self

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the lens as one `.semlens` file, and the audit, if there is any, as readable JSON beside it.

        From then on changes of the audit are saved there, too. `sl.open` gives both back, without model and images.
        """
        written = super().save(path)
        beside = audit_file(written)
        with self.lock:
            if all(file.path != beside for file in self._audit_files):
                self._audit_files.append(AuditFile(beside))
            self._exchange()
        return written

    def keep_audit(self, path: str | os.PathLike[str]) -> None:
        """Save checklist, verdicts, own labels and lines in this JSON file from now on, and take over what is in it.

        What is there and here is put together; where both say different things, the lens's own counts, and
        `edit_conflicts` lists the other. A file that is damaged is set aside, not overwritten. `fit` and `sl.open` do
        this by themselves.
        """
        path = Path(path)
        with self.lock:
            if any(file.path == path for file in self._audit_files):
                self._exchange()
                return
            self._audit_files.append(AuditFile(path, self._as_opened()))
            had = self._audit_state()
            self._exchange(told=False)
            kept = self._audit_state()
            if kept.empty or (kept.checklist, kept.verdicts) == (had.checklist, had.verdicts):
                return
            last = max((v.when for v in kept.verdicts.entries), default="")
            changed = f", last decided {last[:16].replace('T', ' ')} UTC" if last else ""
            what = held(kept.checklist, kept.verdicts)
            where = "" if path.parent == cache.folder() else f" from {path.name}"
            self.set_trait("audit_notice", f"restored {what}{where}{changed}")
            _log.info("restored %s from %s", what, path)

    def _as_opened(self) -> AuditState:
        """What a file that was not read yet has in common with this lens: the labels of its `.semlens` file, and a
        class and lines that nobody chose here."""
        nothing = AuditState(target=self.audit_target, thresholds=replace(self._lines, p=self.audit_level))
        return replace(nothing, own_labels=dict(self.own_labels)) if self._source is None else nothing

    def refresh_audit(self) -> bool:
        """Take in what other notebooks wrote to the same audit file; True where they did. Windows ask by themselves."""
        if not any(file.changed for file in self._audit_files):
            return False
        with self.lock:
            return self._exchange()

    def watch_audit(self) -> None:
        """From now on take in what other notebooks write, as soon as they do, for as long as this lens is there."""
        with self.lock:
            if not self._watched:
                self._watched = True
                threading.Thread(target=_watch, args=(weakref.ref(self),), name="semlens audit", daemon=True).start()

    def _exchange(self, told: bool = True) -> bool:
        """Save the audit, and take in what others wrote; True where they did."""
        others: list[str] = []
        problems: list[str] = []
        for file in self._audit_files:
            mine = self._audit_state()
            answer = file.exchange(mine)
            problems += answer.problems
            if answer.state != mine:
                problems += self._take_in(answer.state)
            if answer.others:
                others.append(file.path.name)
        if others and told:
            self.set_trait("audit_notice", f"another notebook changed this audit ({', '.join(others)}); both are kept"
                           + self._conflicts_told())  # fmt: skip
        for problem in problems:
            self.set_trait("audit_notice", problem)
            if problem not in self._warned:
                self._warned.add(problem)
                warnings.warn(problem, stacklevel=5)
        if not problems:
            self._warned.clear()
        return bool(others)

    def _conflicts_told(self) -> str:
        listed = self.edit_conflicts
        return f"; {plural(len(listed), 'conflict')}: {listed[-1]}" if listed else ""

    def _take_in(self, state: AuditState) -> list[str]:
        """Have the audit as it is in `state`; what cannot be is told."""
        problems: list[str] = []
        known = {}
        for component, label in (state.own_labels or {}).items():
            try:
                self._known_subject(component)
                known[component] = label
            except (LookupError, ValueError):
                problems.append(f"the own label {label!r:.60} is of {component!r:.60}, which this lens does not have")
        quiet, self._quiet = self._quiet, True
        try:
            self._lines = state.thresholds
            self.verdicts, self.checklist, self.audit_level = state.verdicts, state.checklist, state.thresholds.p
            self.audit_target = state.target
            self.own_labels = known
            self.set_trait("edit_conflicts", state.conflicts)
        finally:
            self._quiet = quiet
        try:
            self.set_trait("report", self._audited_with())
        except (LookupError, RuntimeError, ValueError) as error:  # another class list, or no CLIP at hand
            self.set_trait("report", None)
            problems.append(f"the kept checklist could not be audited: {error}")
        return problems



def _watch(lens: weakref.ref[Keeping]) -> None:
    while (alive := lens()) is not None:
        try:
            alive.refresh_audit()
        except Exception:  # the next look may do better; a window must not lose its watch over it
            _log.exception("the audit file could not be read again")
        del alive
        time.sleep(_LOOK_AGAIN)


def audit_file(lens: Path) -> Path:
    """Where the audit of a saved lens is kept: beside it."""
    return lens.with_suffix(".audit.json")
