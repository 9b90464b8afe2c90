"""A value on its way to other processes: written once to a file under its hash, opened once in each process."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..writing import write_bytes

_INSTEAD = {
    "model": (
        "give a function that makes it, without arguments and from a module that workers can import: "
        "lens.fit(…, factory=make_model)"
    ),
    "images": "give sl.images a folder, a list of files, or a data set and a transform that can be pickled",
    "CLIP": "give sl.OpenClip(…), or an object that can be pickled",
    "layers": "give layers whose encoder (via=…) can be pickled",
}
_ELSE = "give names, numbers and functions that can be pickled"
_OPEN: dict[str, tuple[str, Any]] = {}  # of each kind the last one that was opened in this process, with its hash
OPENING = threading.RLock()


class CannotTravel(TypeError):
    """A model, data set or encoder that other processes cannot be given."""


@dataclass(frozen=True)
class Parcel:
    """A value in a file: what `kind` of thing it is, where it lies and the SHA-256 of its bytes."""

    kind: str
    path: str
    hash: str

    @classmethod
    def of(cls, kind: str, thing: Any, folder: Path) -> Parcel:
        """Write a value into a folder. CannotTravel where it cannot be pickled."""
        packed = pack(kind, thing)
        digest = hashlib.sha256(packed).hexdigest()
        path = folder / f"{digest[:24]}.parcel"
        if not path.is_file() or path.stat().st_size != len(packed):
            folder.mkdir(parents=True, exist_ok=True)
            write_bytes(path, packed)
        return cls(kind, str(path), digest)

    def opened(self, device: str | None = None) -> Any:
        """The value; of one kind the last stays open in a process, so that tasks find it there."""
        with OPENING:
            known = _OPEN.get(self.kind)
            if known is None or known[0] != self.hash:
                _OPEN.pop(self.kind, None)  # before the next one takes its room
                _OPEN[self.kind] = known = self.hash, unpack(self.kind, self._read(), device)
            return known[1]

    def keep(self, thing: Any) -> None:
        """From now on it is open in this process: the thing itself."""
        with OPENING:
            _OPEN[self.kind] = self.hash, thing

    def drop(self) -> None:
        """Forget what `keep` kept, and delete the file."""
        with OPENING:
            if _OPEN.get(self.kind, ("", None))[0] == self.hash:
                del _OPEN[self.kind]
        Path(self.path).unlink(missing_ok=True)

    def _read(self) -> bytes:
        try:
            packed = Path(self.path).read_bytes()
        except OSError as error:
            raise RuntimeError(
                f"the worker on {here()} cannot read {self.path} ({error.strerror or error}); workers on other "
                "machines need a folder that all of them see under the same path: lens.fit(…, folder=…), or set "
                "SEMLENS_CACHE to one"
            ) from None
        if hashlib.sha256(packed).hexdigest() != self.hash:
            raise RuntimeError(f"the worker on {here()} finds other bytes in {self.path} than were written; fit again")
        return packed


def pack(kind: str, thing: Any) -> bytes:
    """A value as bytes: also of classes and functions of a notebook, and tensors of any device."""
    import cloudpickle
    import torch

    buffer = io.BytesIO()
    try:
        torch.save(thing, buffer, pickle_module=cloudpickle)
    except MemoryError:
        raise
    except Exception as error:  # anything that pickling a user's object may raise
        raise CannotTravel(
            f"the {kind} ({_kind_of(thing)}) cannot be sent to other processes: {_first_line(error)}; "
            f"{_INSTEAD.get(kind, _ELSE)}"
        ) from error
    return buffer.getvalue()


def unpack(kind: str, packed: bytes, device: str | None) -> Any:
    """The value again, its tensors on `device`, or where they were."""
    import torch

    try:
        return torch.load(io.BytesIO(packed), map_location=device, weights_only=False)
    except MemoryError:
        raise
    except Exception as error:
        raise RuntimeError(
            f"the {kind} cannot be opened by the worker on {here()}: {_first_line(error)}; {_INSTEAD.get(kind, _ELSE)}"
        ) from error


def here() -> str:
    """This process by machine and number, for messages."""
    return f"{socket.gethostname()} (process {os.getpid()})"


def _kind_of(thing: Any) -> str:
    return getattr(thing, "__qualname__", type(thing).__name__)


def _first_line(error: Exception) -> str:
    said = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
