"""Long passes over images: how far one is, in a bar and to whoever asks, and a file from which it goes on."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from tqdm.auto import tqdm

from . import cache, fingerprints, store
from .threads import fair_share

OnStep = Callable[[int, int], None]  # called with (done, in all) after each step; what it raises ends the work
_PAUSE = 10.0  # seconds between two savings, at least
_SHARE = 20  # times what a saving takes, at least


class ProgressFile:
    """The file of a pass, or none where `path` is None; `made_from` gives all, as JSON, that its result depends on.

    It is asked for only where there is a file, so that it may take a while to say. What cannot be told is not kept.
    """

    def __init__(self, path: str | os.PathLike[str] | None, made_from: Callable[[], Mapping[str, Any]]) -> None:
        self.path, self._made_from = None if path is None else Path(path), None
        if path is not None:
            text = json.dumps(made_from())
            self._made_from = json.loads(text) | {"program": fingerprints.program(text)}
            if not cache.is_cacheable(text):
                self.path = None

    @property
    def made_from(self) -> Any:
        """All that the result depends on, as JSON values; None where there is no file."""
        return self._made_from

    def read(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """(arrays, document) as last saved, or None: a damaged file is no progress, nor is that of another pass."""
        if self.path is None or not self.path.exists():
            return None
        try:
            saved = store.Stored(self.path)
            if saved.document.get("made_from") != self._made_from:
                return None
            return {name: np.array(saved[name]) for name in saved}, saved.document
        except store.SemlensFileError:
            return None

    def write(self, arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> None:
        """Save; where the file cannot be written, warn once and go on without."""
        path = self.path
        if path is None:
            return
        if not cache.try_write(path, lambda: store.write(path, arrays, {**document, "made_from": self._made_from})):
            self.path = None


@runtime_checkable
class Pass(Protocol):
    """What a pass has seen so far, the first `position` of its images, and where it is saved."""

    file: ProgressFile
    position: int

    def save(self) -> None: ...


def tell(line: str) -> None:
    """Say one line where bars are shown."""
    with tqdm(total=0, bar_format="{desc}", desc=line):
        pass


@dataclass
class Counted:
    """A pass of which only the position is kept: what it found is saved by others."""

    position: int = 0
    file: ProgressFile = field(default_factory=lambda: ProgressFile(None, dict))

    def save(self) -> None:
        """Nothing to save."""


@contextmanager
def steps(
    run: Pass, total: int | None, what: str, unit: str = "image", *, progress: bool, on_step: OnStep | None = None
) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with the number of images that each step of a pass has dealt with.

    total: None where it is not known before the end: then `on_step` is told what is done, twice.

    It moves the bar; saves the pass at the end and where that is due: every ten seconds, or as much less often as
    keeps saving below a twentieth of the time; and calls `on_step`. What that raises ends the pass, which goes on
    from where it was last saved another time.
    """
    with (
        tqdm(total=total, initial=run.position, unit=unit, desc=what, disable=not progress) as bar,
        fair_share() as adjust_threads,
    ):
        saved, pause, news = time.monotonic(), _PAUSE, False

        def step(count: int) -> None:
            nonlocal saved, pause, news
            run.position += count
            bar.update(count)
            adjust_threads()
            news = True
            if run.file.path is not None and time.monotonic() - saved > pause:
                started = time.monotonic()
                run.save()
                saved, news = time.monotonic(), False
                pause = max(_PAUSE, _SHARE * (saved - started))
            if on_step is not None:
                on_step(run.position, run.position if total is None else total)

        yield step
        if news and run.file.path is not None:
            run.save()


def digest(*arrays: np.ndarray) -> str:
    """A hash of arrays, their shapes and kinds: what a pass is made from, in few letters."""
    hashed = hashlib.sha256()
    for array in arrays:
        hashed.update(f"{array.dtype} {array.shape}".encode())
        hashed.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return hashed.hexdigest()[:24]
