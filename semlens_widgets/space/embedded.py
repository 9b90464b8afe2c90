"""What was embedded so far, on disk: it grows at its end, so that it takes no memory and saving costs what is new.

Three files grow side by side: `vectors` (half precision, a row for each crop), `pictures` (WebP, one after the other)
and `sizes` (of the pictures in bytes; -1 for a crop that could not be read). A fourth, `log`, says in a line of its own
at each saving how far they reach, with the CRC-32 of what came to each and of the line itself: what is behind the last
whole line, or differs from what a line says, was never there. Where nothing is to be kept they have no names.
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import filelock
import numpy as np
from jaxtyping import Bool, Float

from .. import texts
from ..cache import try_write
from ..passes import ProgressFile
from ..writing import is_full, no_room
from .thumbnails import Thumbnails

_GROWING = ("vectors", "pictures", "sizes")
_UNREADABLE = -1


@dataclass(frozen=True, eq=False)
class Embedded:
    """All crops: unit vectors in half precision (zeros where one could not be read), and the pictures of all."""

    vectors: Float[np.ndarray, "crop dim"]
    readable: Bool[np.ndarray, " crop"]
    pictures: Thumbnails


class Embedding:
    """A pass over crops: the first `position` of them are embedded. Open it by `embedding`."""

    def __init__(self, file: ProgressFile) -> None:
        self.file, self.position = file, 0
        self._dim = 0  # as long as no crop could be read
        self._sizes, self._checksums = array("i"), array("I")
        self._new = dict.fromkeys(_GROWING, 0)  # CRC-32 of what was not saved yet
        self._files: dict[str, IO[bytes]] = {}

    @property
    def done(self) -> int:
        """How many crops are taken in: those of `position`, and those of the step that is being made."""
        return len(self._sizes)

    def add(self, vectors: np.ndarray, readable: Sequence[bool], pictures: Sequence[bytes]) -> None:
        """Take in the next crops: unit vectors of those that could be read, and the pictures of all."""
        if len(vectors):
            if not self._dim:
                self._dim = vectors.shape[1]
                self._append("vectors", np.zeros((self.done, self._dim), np.float16).tobytes())
            rows = np.zeros((len(readable), self._dim), np.float16)
            rows[np.asarray(readable, bool)] = vectors
            self._append("vectors", rows.tobytes())
        elif self._dim:
            self._append("vectors", bytes(2 * self._dim * len(readable)))
        sizes = array("i", [len(p) if ok else _UNREADABLE for p, ok in zip(pictures, readable, strict=True)])
        self._append("sizes", sizes.tobytes())
        self._append("pictures", b"".join(pictures))
        self._sizes.extend(sizes)
        self._checksums.extend(map(zlib.crc32, pictures))

    def _append(self, name: str, data: bytes) -> None:
        self._files[name].write(data)
        self._new[name] = zlib.crc32(data, self._new[name])

    def save(self) -> None:
        """Have on disk what is new."""
        if not self._dim or self.file.path is None:
            return
        for name in _GROWING:
            self._files[name].flush()
            os.fsync(self._files[name].fileno())
        reach = {name: self._files[name].tell() for name in _GROWING}
        self._log({"crops": self.done, "dim": self._dim, "reach": reach, "new": self._new})
        self._new = dict.fromkeys(_GROWING, 0)

    def _log(self, told: dict[str, Any]) -> None:
        text = json.dumps(told).encode()
        self._files["log"].write(b"%08x %s\n" % (zlib.crc32(text), text))
        self._files["log"].flush()
        os.fsync(self._files["log"].fileno())

    def whole(self) -> Embedded:
        """All there is, mapped from the files. ValueError where no crop could be read."""
        if not self._dim:
            raise ValueError("no example could be embedded: every component is dead or every image unreadable")
        sizes = np.frombuffer(self._sizes, np.intc)
        offsets = np.concatenate([[0], np.cumsum(np.maximum(sizes, 0), dtype=np.int64)])
        checksums = np.array(self._checksums, np.uint32)
        pictures = Thumbnails(self._mapped("pictures", np.uint8, (int(offsets[-1]),)), offsets, checksums)
        return Embedded(self._mapped("vectors", np.float16, (len(sizes), self._dim)), sizes != _UNREADABLE, pictures)

    def _mapped(self, name: str, kind: Any, shape: tuple[int, ...]) -> np.ndarray:
        self._files[name].flush()
        if not np.prod(shape):
            return np.zeros(shape, kind)
        return np.asarray(np.memmap(self._files[name], kind, "r", shape=shape))

    # files

    def open_unnamed(self) -> None:
        """Nothing is kept."""
        self.close()
        self.file.path = None
        self._files = {name: tempfile.TemporaryFile() for name in _GROWING}  # noqa: SIM115

    def open_in(self, folder: Path) -> None:
        """Go on with what lies in a folder, or begin there."""
        log = folder / "log"
        end = self._read(folder, log) if log.exists() else 0
        if not end:
            for name in (*_GROWING, "log"):  # not emptied: somebody may have mapped them
                (folder / name).unlink(missing_ok=True)
        for name in (*_GROWING, "log"):
            self._files[name] = (folder / name).open("r+b" if end else "w+b")
        if not end:
            self._log({"made_from": self.file.made_from})
            return
        reach = {"vectors": 2 * self._dim * self.done, "sizes": 4 * self.done, "log": end}
        reach["pictures"] = sum(max(size, 0) for size in self._sizes)
        for name, length in reach.items():
            if self._files[name].seek(0, os.SEEK_END) != length:
                self._files[name].truncate(length)
                self._files[name].seek(length)

    def _read(self, folder: Path, log: Path) -> int:
        """Take in what whole lines of the log say, as far as the files agree; the last of these lines ends there."""
        lines = _whole_lines(log)
        if (first := next(lines, None)) is None or first[1].get("made_from") != self.file.made_from:
            return 0
        end, before = first[0], dict.fromkeys(_GROWING, 0)
        try:
            with (folder / "vectors").open("rb") as vectors, (folder / "pictures").open("rb") as pictures, (
                folder / "sizes"
            ).open("rb") as sizes:
                files = {"vectors": vectors, "pictures": pictures, "sizes": sizes}
                for line_end, told in lines:
                    new = {name: files[name].read(told["reach"][name] - before[name]) for name in _GROWING}
                    if {name: zlib.crc32(data) for name, data in new.items()} != told["new"]:
                        break
                    self._take_in(new, told)
                    end, before = line_end, told["reach"]
        except (OSError, KeyError, TypeError, ValueError):
            pass
        return end if self.done else 0

    def _take_in(self, new: dict[str, bytes], told: dict[str, Any]) -> None:
        sizes, at = array("i", new["sizes"]), 0
        for size in sizes:
            self._checksums.append(zlib.crc32(new["pictures"][at : at + max(size, 0)]))
            at += max(size, 0)
        self._sizes.extend(sizes)
        self._dim, self.position = told["dim"], told["crops"]

    def close(self) -> None:
        """What was mapped stays. What could not be written, and was told, is not told again."""
        for file in self._files.values():
            with suppress(OSError):
                file.close()

    @contextmanager
    def room_for(self, crops: int) -> Iterator[None]:
        """Inside, a disk that fills is one error: how much is missing for all crops, where, and what to do."""
        try:
            yield
        except OSError as error:
            if not is_full(error) or error.filename is not None:  # that of another file is told already
                raise
            needed = 0
            if self.done:
                needed = (sum(self._sizes) + (2 * self._dim + 4) * self.done) * (crops - self.done) // self.done
            more = f"{self.done:,} of {crops:,} crops are embedded, the others need about {texts.size(needed)} more"
            full = no_room(error, self.file.path or tempfile.gettempdir(), more)
            instead = "free some space, or set TMPDIR to a folder on another disk"
            if self.file.path is not None:
                instead = "free some space, and fit again to go on with what was saved; or set SEMLENS_CACHE elsewhere"
            raise OSError(full.errno, f"{full.strerror}; {instead}", full.filename) from error


def _whole_lines(log: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(where it ends, what it says) of each line, up to the first that is not whole."""
    end = 0
    with log.open("rb") as lines:
        for line in lines:
            end += len(line)
            if not line.endswith(b"\n") or line[:8] != b"%08x" % zlib.crc32(line[9:-1]):
                return
            yield end, json.loads(line[9:-1])


@contextmanager
def embedding(file: ProgressFile) -> Iterator[Embedding]:
    """What was embedded so far, in the folder `file.path` where it has one; to be added to.

    It is kept by one at a time: who comes while another process is at it keeps nothing, and so does, with a warning,
    who cannot write there.
    """
    made, folder = Embedding(file), file.path
    lock = None if folder is None else filelock.FileLock(folder / "lock")

    def begin() -> None:
        assert folder is not None
        assert lock is not None
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            made.open_unnamed()
        else:
            made.open_in(folder)

    try:
        if folder is None or not try_write(folder, begin):
            made.open_unnamed()
        yield made
    finally:
        made.close()
        if lock is not None:
            lock.release()
