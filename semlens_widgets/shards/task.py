"""What happens in a worker: a shard is computed and its part written to a file, whole or not at all."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import fingerprints, store
from ..images import reading_with
from ..texts import size
from ..threads import fair_share, processors
from ..writing import is_full, no_room
from .kit import Kit
from .parcel import CannotTravel, here

Part = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]  # arrays and a JSON document
_MOST = 256  # shards of a pass: enough for that many workers, few enough files
_EACH = 4  # batches that a shard has where there are many
_FEW = 16  # shards that a small pass has where it has so many batches


class OtherVersion(RuntimeError):
    """A worker whose libraries are others than those of the process that asks."""


@dataclass(frozen=True, eq=False)
class Shard:
    """Items `begin` to `end` of a pass. `work`, given the things of a kit by kind, computes their part."""

    begin: int
    end: int
    work: Callable[[Mapping[str, Any]], Part]

    def __len__(self) -> int:
        return self.end - self.begin


def cut_up(total: int, batch: int, done: int = 0) -> list[tuple[int, int]]:
    """(begin, end) of each shard of a pass of `total` items, of which the first `done` are done.

    Shards are whole batches, and the same for any number of workers, so that other workers can go on. Where `done`
    ends inside a batch, so that batches lie otherwise from there on, shards do as well.
    """
    batches = -(-total // batch)
    shards = min(_MOST, max(batches // _EACH, min(batches, _FEW)))
    step = batch * max(1, -(-batches // max(shards, 1)))
    first = done - done % step if done % batch == 0 else done
    return [(max(start, done), min(start + step, total)) for start in range(first, total, step)]


@dataclass(frozen=True, eq=False)
class Task:
    """A shard on its way to a worker: where its part belongs, and the key of all that the part depends on."""

    shard: Shard
    kit: Kit
    path: str
    key: str
    siblings: int = 1  # tasks that are at work on one machine at a time, as far as that is known

    def __call__(self) -> None:
        if read_part(Path(self.path), self.key) is not None:
            return  # another try has finished it
        begun, needed = begun_mark(self.path), 0
        try:
            begun.touch()
            # As many shards are computed at once as there are workers.
            with reading_with(0), fair_share(max(1, processors() // self.siblings)):
                arrays, document = self.shard.work(self.kit.open())
            needed = sum(array.nbytes for array in arrays.values())
            store.write(self.path, arrays, {**document, "part_of": self.key})
        except OSError as error:
            if not is_full(error):
                raise
            raise no_room(error, self.path, f"{size(needed)} were to be written") from error
        begun.unlink(missing_ok=True)


def begun_mark(path: str | Path) -> Path:
    """The file that is there while a shard is being computed: it tells what a worker that died was at."""
    return Path(path).with_suffix(".begun")


class Call:
    """`run` as bytes, which `pickle.loads` calls: any worker knows that function.

    One without this package then answers with its ImportError; a function of ours it could not even be sent.
    """

    def __init__(self, versions: Mapping[str, str], task: Task) -> None:
        import cloudpickle

        try:
            self._given = versions, cloudpickle.dumps(task)
        except Exception as error:  # anything that pickling a user's target may raise
            raise CannotTravel(
                f"the settings of this pass cannot be sent to other processes: {type(error).__name__}: {error}; give "
                "names, numbers and functions that can be pickled"
            ) from error

    def __reduce__(self) -> tuple[Callable[..., str], tuple[Any, ...]]:
        return run, self._given


def run(versions: Mapping[str, str], task: bytes) -> str:
    """What a worker does; says where. What it raises can be pickled, whatever a user's model raised."""
    check_versions(versions)
    try:
        pickle.loads(task)()
    except Exception as error:
        if _can_travel(error):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from None
    return here()


def check_versions(versions: Mapping[str, str]) -> None:
    """OtherVersion, which names them, where libraries of this process are not those of the one that asks."""
    differing = []
    for name, wanted in sorted(versions.items()):
        try:
            if name not in ("python", "semlens_widgets"):
                importlib.import_module(name)
            found = fingerprints.version(name)
        except ImportError:
            found = f"no {name}"
        if found != wanted:
            differing.append(f"{found} where {wanted} is needed")
    if differing:
        raise OtherVersion(
            f"the worker on {here()} has {', '.join(differing)}; results would not be those of one process. Install "
            "the same versions on all workers (the same container or environment) and start them again"
        )


def read_part(path: Path, key: str) -> Part | None:
    """The part in a file; None where there is none, or a damaged one, or that of other work."""
    try:
        stored = store.Stored(path)
        if stored.document.get("part_of") != key:
            return None
        stored.check()
        return stored, stored.document
    except (FileNotFoundError, store.SemlensFileError):
        return None


def _can_travel(error: Exception) -> bool:
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)
    except Exception:  # anything that pickling a user's object may raise
        return False
