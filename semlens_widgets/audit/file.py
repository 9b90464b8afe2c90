"""One audit file that several notebooks may write: each exchanges what it changed for what the others did."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..writing import write_bytes
from .merge import three_way
from .state import AuditState

PATIENCE = 5.0  # seconds for the lock; it is held for milliseconds, so a longer wait is for one that nobody gives back
_AGAIN = 0.2  # after that
_SHOWN = 3  # entries that are told by name


@dataclass(frozen=True)
class Exchange:
    """What came of it: the state that counts now, whether another notebook wrote, and what went wrong, in words."""

    state: AuditState
    others: bool = False
    problems: tuple[str, ...] = ()


class AuditFile:
    """The file at `path`, as this notebook last read or wrote it.

    `exchange` reads what others wrote meanwhile, puts both together (`three_way`) and writes, all under a file lock.
    Nothing that can happen to the file is lost in memory: where it cannot be locked, read or written, the answer says
    so, and the next exchange tries again.
    """

    def __init__(self, path: Path, base: AuditState | None = None) -> None:
        self.path = path
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        self._patience = PATIENCE
        self._lockless = False  # whether the last lock was not to be had
        self._base = base or AuditState()  # what both sides began with
        self._raw = b""  # as it was last seen, and when
        self._seen: tuple[int, ...] | None = None

    @property
    def changed(self) -> bool:
        """Whether the file is another one than this notebook last saw; cheap enough to ask often."""
        return _stamp(self.path) not in (self._seen, None)

    def exchange(self, mine: AuditState) -> Exchange:
        """Write what changed, and take in what others wrote. Where there is nothing to write, nothing is locked."""
        problems: list[str] = []
        try:
            if (answer := self._only_read(mine)) is not None:
                return answer
            with self._locked(problems):
                return self._written(mine, problems)
        except OSError as error:
            problems.append(
                f"the audit could not be saved in {self.path} ({error.strerror or error}); it is kept in memory, and "
                "the next change tries again"
            )
            return Exchange(mine, problems=tuple(problems))

    def _only_read(self, mine: AuditState) -> Exchange | None:
        """The answer where the file says all there is to say already, or nothing is to be said; else None."""
        stamp, raw = _stamp(self.path), self._bytes()
        if raw is None:
            return Exchange(mine) if mine.empty and self._base.empty else None
        try:
            theirs = self._base if raw == self._raw else AuditState.from_bytes(raw, self.path.name)
        except ValueError:
            return None  # set aside under the lock
        merged = three_way(self._base, mine, theirs, keep=self._lockless)
        if _plain(merged) != _plain(theirs):
            return None
        return self._answer(merged, theirs, raw, stamp)

    def _written(self, mine: AuditState, problems: list[str]) -> Exchange:
        raw, stamp = self._bytes(), _stamp(self.path)
        theirs = self._base if raw == self._raw else self._read(raw, problems)
        if raw is None or theirs is None:  # never written, taken away, or set aside
            theirs, merged = None, mine
        else:
            merged = three_way(self._base, mine, theirs, keep=self._lockless)
        if theirs is None or _plain(merged) != _plain(theirs):
            merged.to_file(self.path)
            raw, stamp = self._bytes(), _stamp(self.path)
        return self._answer(merged, theirs, raw or b"", stamp, problems)

    def _answer(
        self, merged: AuditState, theirs: AuditState | None, raw: bytes, stamp: Any, problems: Sequence[str] = ()
    ) -> Exchange:
        others = theirs is not None and _plain(theirs) != _plain(self._base)
        self._base, self._raw, self._seen = merged, raw, stamp
        return Exchange(merged, others, tuple(problems))

    def _bytes(self) -> bytes | None:
        """What the file holds; None where there is none."""
        try:
            return self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _read(self, raw: bytes | None, problems: list[str]) -> AuditState | None:
        """What the file says. A damaged one is set aside, whole; what is good in it is kept."""
        if raw is None:
            return None
        bad: list[str] = []
        try:
            state = AuditState.from_bytes(raw, self.path.name, bad)
        except ValueError as error:
            aside = _aside(self.path)
            os.replace(self.path, aside)
            problems.append(f"the audit kept in {self.path} cannot be read, set aside as {aside.name}: {error}")
            return None
        if bad:
            aside = write_bytes(_aside(self.path), raw)
            more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
            problems.append(
                f"{self.path} has entries that cannot be read; they are left out, and the file as it was is set aside "
                f"as {aside.name}: {'; '.join(bad[:_SHOWN])}{more}"
            )
        return state

    @contextmanager
    def _locked(self, problems: list[str]) -> Iterator[None]:
        """Under the lock, where there is one to be had; without, nothing is given up that another might have lost."""
        held = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=self._patience)
            held, self._patience = True, PATIENCE
        except Timeout:
            self._patience = _AGAIN
            problems.append(
                f"another program holds the lock of {self.path.name} and does not give it back; work goes on without. "
                f"If no other notebook has this lens open, delete {self._lock.lock_file}"
            )
        except (OSError, NotImplementedError) as error:
            problems.append(
                f"{self.path.parent} does not allow a lock ({getattr(error, 'strerror', None) or error}); work goes on "
                "without. Two notebooks that save in the same moment may take turns to be the one that is read"
            )
        self._lockless = not held
        try:
            yield
        finally:
            if held:
                self._lock.release()


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What changes with every write of a file; None where none can be seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _plain(state: AuditState) -> AuditState:
    """As far as it is decided: without what the lens was made from, and with no labels for none."""
    return replace(state, made_from={}, own_labels=state.own_labels or None)


def _aside(path: Path) -> Path:
    """A name for a damaged file that no file has yet: `x.damaged.json`, `x.damaged-2.json`, …"""
    number, name = 2, path.with_suffix(".damaged.json")
    while name.exists():
        name = path.with_suffix(f".damaged-{number}.json")
        number += 1
    return name
