"""The engine: hands shards to an executor, and gives their parts as they arrive."""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import os
import pickle
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .. import cache, fingerprints
from ..writing import is_full
from .kit import Factory, Kit
from .parcel import here
from .task import Call, Part, Shard, Task, begun_mark, read_part
from .waiting import as_they_finish

_PATIENCE = 60.0  # seconds until a network drive shows what another machine wrote


class Here(Executor):
    """Computes each shard at once, in the process that asks."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def check_executor(executor: Any) -> None:
    """TypeError or ValueError, which say what to give instead, for what cannot compute shards."""
    kind = type(executor).__name__
    if not isinstance(executor, Executor):
        instead = "give a concurrent.futures.Executor: Client(…).get_executor() of Dask, or a ProcessPoolExecutor"
        if callable(getattr(executor, "get_executor", None)):
            instead = "give its executor: client.get_executor()"
        elif type(executor).__module__.startswith("multiprocessing"):
            instead = "give concurrent.futures.ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))"
        raise TypeError(f"executor is a {kind}, which is no executor; {instead}")
    if type(executor).__name__ == "InterpreterPoolExecutor":
        raise ValueError("torch does not work in several interpreters of one process; give a ProcessPoolExecutor")
    if isinstance(executor, ProcessPoolExecutor) and _start_method(executor) == "fork":
        raise ValueError(
            "this ProcessPoolExecutor forks, and torch's threads hang in a fork; give it "
            "mp_context=multiprocessing.get_context('spawn')"
        )


class Engine:
    """Where shards are computed, and the folder where their parts lie until all is done.

    executor: only its `submit` is used, and `as_completed` on what that gives.
    folder:   seen by all workers under the same path.
    factory:  makes the model in workers, where the model itself shall not travel.
    kept:     whether parts are found another time; else they belong to this engine alone.
    own:      makes the executor, where it belongs to the engine: at first use, and anew when it broke.

    Used in a `with`: at its end an executor of its own is shut down, and what only served to hand things over goes.
    """

    def __init__(
        self,
        executor: Executor | None,
        folder: Path,
        *,
        factory: Callable[[], Any] | None = None,
        kept: bool = True,
        own: Callable[[], Executor] | None = None,
    ) -> None:
        self.folder, self.kept = folder, kept
        self._executor, self._own, self._owned = executor, own, executor is None
        self._factory = None if factory is None else Factory(factory)
        self._parcels = folder / f"{uuid.uuid4().hex}.parcels"  # of this engine alone: its end is theirs
        self._kits: list[Kit] = []
        self._folders: list[Path] = []
        self._broken = 0

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._owned and self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        for kit in self._kits:
            kit.drop()
        shutil.rmtree(self._parcels, ignore_errors=True)
        if not self.kept:
            self.clear()

    def wanted(self, made_from: Callable[[], Mapping[str, Any]]) -> bool:
        """Whether a pass is to be made in shards: elsewhere, or here where parts of it are there already."""
        return not self.is_here or (self.kept and self._place(_key(made_from())).is_dir())

    @property
    def is_here(self) -> bool:
        """Whether this process does the work itself."""
        return isinstance(self._executor, Here)

    @property
    def _siblings(self) -> int:
        """How many tasks a pool of this machine works on at a time; 1 where that is not known."""
        pool = self._running()
        known = isinstance(pool, ProcessPoolExecutor | ThreadPoolExecutor)
        return max(1, int(getattr(pool, "_max_workers", 1))) if known else 1

    def clear(self) -> None:
        """Delete the parts of the passes of this engine: what was made of them is kept elsewhere."""
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def parts(
        self, what: str, made_from: Callable[[], Mapping[str, Any]], things: dict[str, Any], shards: Sequence[Shard]
    ) -> Iterator[tuple[Shard, Part]]:
        """The part of each shard as it arrives, in no order; those that are there already come first.

        what:      names the items in messages, as in "images".
        made_from: all, as JSON, that the parts depend on.
        things:    what they are computed from, by kind: see `Kit`.

        What a shard raises ends the pass; parts that are finished stay, and another call goes on with them.
        """
        text = json.dumps(made_from())
        lasting = self.kept and cache.is_cacheable(text)
        key = _key(json.loads(text)) if lasting else uuid.uuid4().hex
        place = self._place(key)
        self._folders.append(place)
        left = []
        for shard in shards:
            part = read_part(_path(place, shard), key)
            if part is None:
                left.append(shard)
            else:
                yield shard, part
        if not left:
            return
        try:
            place.mkdir(parents=True, exist_ok=True)
            kit = Kit.packed(things, self._factory, self._parcels)
        except OSError as error:
            raise self._explained(error, what) from error
        self._kits.append(kit)
        versions = fingerprints.versions(text)
        broke = self._broken
        while left:
            broken = False
            in_turn = [[shard] for shard in left] if self.is_here else [left]
            computed = (self._computed(what, place, key, kit, versions, some) for some in in_turn)
            for shard, part in itertools.chain.from_iterable(computed):
                if part is None:
                    broken = True
                else:
                    left = [other for other in left if other is not shard]
                    yield shard, part
            if broken:
                self._renew(what, place, left, again=self._broken > broke)

    def _computed(
        self, what: str, place: Path, key: str, kit: Kit, versions: Mapping[str, str], shards: Sequence[Shard]
    ) -> Iterator[tuple[Shard, Part | None]]:
        """The parts of shards as the executor computes them; None of those that a broken pool has not."""
        futures: dict[Future[Any], Shard] = {}
        try:
            try:
                for shard in shards:
                    task = Task(shard, kit, str(_path(place, shard)), key, self._siblings)
                    futures[self._running().submit(pickle.loads, pickle.dumps(Call(versions, task)))] = shard
            except BrokenExecutor:
                pass  # what was submitted before says so as well
            except RuntimeError as error:
                raise RuntimeError(f"the executor takes no work ({error}); give one that is running") from error
            if len(futures) < len(shards):
                yield shards[-1], None
            for future in as_they_finish(self._running(), futures, self._said()):
                shard = futures.pop(future)
                try:
                    where = future.result()
                except BrokenExecutor:
                    yield shard, None
                    continue
                except (Exception, CancelledError) as error:
                    raise self._explained(error, f"{what} {shard.begin:,} to {shard.end - 1:,}") from error
                yield shard, self._arrived(place, shard, key, where)
        finally:
            for future in futures:
                future.cancel()

    def _running(self) -> Executor:
        if self._executor is None:
            assert self._own is not None
            self._executor = self._own()
        return self._executor

    def _renew(self, what: str, place: Path, left: Sequence[Shard], *, again: bool) -> None:
        """Another pool in the place of one that broke: once in a pass, and where we know how to make it."""
        begun = [shard for shard in left if begun_mark(_path(place, shard)).exists()]
        executor = self._executor
        if again or not (self._own or type(executor) is ProcessPoolExecutor):
            if not begun:
                raise RuntimeError(
                    "the processes of the pool end before they begin; what a script does with processes stands under "
                    "if __name__ == '__main__':, for each of them reads the script once more"
                )
            at = ", ".join(f"{shard.begin:,} to {shard.end - 1:,}" for shard in begun)
            times = " again" if again else ""
            raise RuntimeError(
                f"a process of the pool ended{times} by force while at work on {what} {at}; most often the system had "
                f"no more memory: use fewer processes or a smaller batch_size. {self._said()}"
            )
        for shard in begun:
            begun_mark(_path(place, shard)).unlink(missing_ok=True)
        self._broken += 1
        if self._own is not None:
            self._executor = self._own()
        else:
            assert isinstance(executor, ProcessPoolExecutor)
            self._executor, self._owned = _like(executor), True

    def _arrived(self, place: Path, shard: Shard, key: str, where: str) -> Part:
        """The part that a worker says it has written; a network drive may take a while to show it."""
        path, until = _path(place, shard), time.monotonic() + _PATIENCE
        while (part := read_part(path, key)) is None:
            if where == here() or time.monotonic() > until:
                raise RuntimeError(
                    f"the worker on {where} has written {path}, which is not to be found here; workers on other "
                    "machines need a folder that all of them see under the same path: lens.fit(…, folder=…), or set "
                    "SEMLENS_CACHE to one"
                )
            os.listdir(place)  # makes network drives look again
            time.sleep(0.05)
        return part

    def _explained(self, error: BaseException, at: str) -> BaseException:
        """The error of a shard in the words of who called `fit`; its own where it says all."""
        kind = type(error).__name__
        if isinstance(error, ImportError) and (error.name or "").startswith("semlens_widgets"):
            return RuntimeError(
                f"a worker cannot import {error.name}; install the same version of semlens-widgets on all workers and "
                "start them again"
            )
        if isinstance(error, CancelledError):
            return RuntimeError(f"the executor was closed before {at} were finished. {self._said()}")
        if kind == "KilledWorker":
            return RuntimeError(
                f"{at} ended every worker that tried them; most often it had no more memory: give workers more, or a "
                f"smaller batch_size. {self._said()}"
            )
        if isinstance(error, OSError) and is_full(error):
            told = f"{error.strerror}; free some space, or give another folder=. {self._said()}"
            return OSError(error.errno, told, str(error.filename or self.folder))
        return error

    def _said(self) -> str:
        return "Finished shards are kept: fit again to go on" if self.kept else "Fit again, with cached=True to go on"

    def _place(self, key: str) -> Path:
        return self.folder / f"{key}.parts"


def _path(place: Path, shard: Shard) -> Path:
    return place / f"{shard.begin}-{shard.end}.part"


def _key(made_from: Mapping[str, Any]) -> str:
    """One key for all that parts depend on, the programs that make them too."""
    text = json.dumps(made_from)
    return hashlib.sha256(f"{text}{fingerprints.program(text)}".encode()).hexdigest()[:32]


def _start_method(pool: ProcessPoolExecutor) -> str:
    context: Any = getattr(pool, "_mp_context", None)
    return str((context or multiprocessing).get_start_method())


def _like(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
    """A pool as that one was made. Python has no public way to ask for it."""
    made: dict[str, Any] = {
        name: vars(pool)[f"_{name}"]
        for name in ("max_workers", "mp_context", "initializer", "initargs", "max_tasks_per_child")
        if vars(pool).get(f"_{name}") is not None
    }
    return ProcessPoolExecutor(**made)
