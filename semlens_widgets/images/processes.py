"""Reading in processes of their own, by torch's DataLoader: who reads, how work travels there and results come back.

Workers are started by a server process that holds torch (`forkserver`; `spawn` where there is none): a fork of this
process would copy locks that its threads hold. What they need goes by cloudpickle, so that classes and functions of a
notebook or script go with it, and the user's script is not run a second time in them.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import context, spawn
from typing import Any

import numpy as np

from ..stacked import rows_of
from ..threads import alone_from_now_on, processors
from .value import Images, Job, UnreadableImage

Do = Callable[[Images, int, Any], Any]

_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_Usual: Any = context.ForkServerContext if _METHOD == "forkserver" else context.SpawnContext
_STARTING = threading.Lock()

LEAST = 10_000  # images of a pass from which on workers are worth the seconds that starting them takes
_FREE = 4  # processors beside this one's, up to which threads read as fast: decoding and resizing release the lock
_MOST = 8  # workers, unless the caller says otherwise
LARGEST = 64 << 20  # bytes that each worker is sent unasked
_SHARED = 1 << 30  # bytes of shared memory that there must be: containers often have 64 MB


@dataclass(frozen=True, eq=False)
class Raised:
    """What a job raised that is no fault of one image, and where."""

    error: BaseException
    where: str


def unasked(images: Images, count: int | None) -> int:
    """How many workers read `count` images (None: it is not known how many) where the caller did not say.

    0 where threads of this process are as fast (few images or processors, pictures in memory), where workers are not
    allowed (in a worker), or where shared memory is too small for their batches. A data set of a user's own is read
    here, as by torch's DataLoader, for it may hold an open file or much memory.
    """
    free = processors() - 1
    if count is None or count < LEAST or free < _FREE or not images.of_files or _is_worker():
        return 0
    if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free < _SHARED:
        return 0
    return min(free, _MOST)


def checked(workers: Any) -> int:
    """A stated number of workers. TypeError or ValueError for what is none, or where there can be none."""
    if isinstance(workers, bool) or not isinstance(workers, int | np.integer):
        raise TypeError(f"workers={workers!r}; it is a whole number of processes that read images, 0 for none")
    if workers < 0:
        raise ValueError(f"workers={workers}; it is a number of processes that read images, 0 for none")
    if workers and _is_worker():
        raise ValueError(
            f"workers={workers}, but this is itself a worker process, which may start no others; give workers=0"
        )
    return int(workers)


def _is_worker() -> bool:
    return bool(multiprocessing.current_process().daemon)


class Unpicklable(TypeError):
    """What to do, or the data set, cannot be sent to another process."""


def packed(images: Images, do: Do, most: int | None = None) -> bytes:
    """What a worker needs: the images without their lists, and what is to be done to each.

    Unpicklable where it cannot be sent, or is larger than `most` bytes.
    """
    import cloudpickle

    file = io.BytesIO() if most is None else _Limited(most)
    try:
        cloudpickle.dump((images.for_worker(), do), file)
    except Exception as error:  # whatever an object does when it is to be pickled
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise Unpicklable(
            f"images cannot be read by other processes: the data set, or its transform, cannot be sent there "
            f"({told[:300]}). Give workers=0, or let it open its files when it is first asked for an image"
        ) from error
    return file.getvalue()


class _Limited(io.BytesIO):
    """Bytes up to a number of them."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > self.most:
            raise ValueError(f"more than {self.most:,} bytes")
        return super().write(data)


# in the worker


class Reader:
    """The data set of the DataLoader: gives what was done to the images of a list of jobs."""

    def __init__(self, content: bytes) -> None:
        self.content, self.opened = content, None

    def __getitems__(self, parts: Sequence[bytes]) -> Answer:
        results: list[Any] = []
        told: list[tuple[str, str]] = []
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                images, do = self.opened or self._open()
                jobs: list[Job] = [job for part in parts for job in pickle.loads(part)]
                images.take(jobs, told.append)
                for job in jobs:
                    try:
                        results.append(do(images, job.number, job.detail))
                    except UnreadableImage as unreadable:
                        results.append(unreadable)
                return Answer(results, told, seen)
            except BaseException as error:
                return Answer([Raised(_sendable(error), traceback.format_exc())], told, seen)

    def _open(self) -> Any:
        self.opened, self.content = pickle.loads(self.content), b""
        return self.opened


def _sendable(error: BaseException) -> BaseException:
    """The error, or one that says the same where it is not the same on the other side."""
    try:
        again = pickle.loads(pickle.dumps(error))
        if type(again) is type(error) and str(again) == str(error):
            return error
    except Exception:  # whatever a class of errors does there
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class _Place:
    """Where in the tensors of an answer an array lies."""

    tensor: int
    row: int
    is_array: bool


class Answer:
    """What came of a list of jobs, and what is to be said of it. Arrays and tensors of one kind travel as one tensor,
    in shared memory: the number of pieces there is limited, and a batch is to be one tensor anyway."""

    def __init__(
        self, results: list[Any], told: list[tuple[str, str]], seen: Sequence[warnings.WarningMessage]
    ) -> None:
        import cloudpickle

        groups: dict[Any, list[Any]] = {}
        taken_out = [_taken_out(result, groups) for result in results]
        warned = list(dict.fromkeys(map(_message, seen)))
        # Pickled here: what fails in the thread of a queue is lost, and waited for without end.
        self.content = cloudpickle.dumps((taken_out, told, warned))
        if groups:
            from torch.utils.data import default_collate

            self.tensors = [default_collate(group) for group in groups.values()]
        else:
            self.tensors = []

    def pin_memory(self) -> Answer:
        """The same in memory from which a GPU reads at once; called by the DataLoader."""
        self.tensors = [tensor.pin_memory() for tensor in self.tensors]
        return self

    def unpacked(self) -> tuple[list[Any], list[tuple[str, str]], list[Message]]:
        """(results, what is said once of a data set, warnings)."""
        rows = [rows_of(tensor) for tensor in self.tensors]
        results, told, warned = pickle.loads(self.content)
        return [_put_back(result, rows) for result in results], told, warned


Message = tuple[str, type[Warning], str, int]


def _message(seen: warnings.WarningMessage) -> Message:
    return str(seen.message), seen.category, seen.filename, seen.lineno


def _taken_out(value: Any, groups: dict[Any, list[Any]]) -> Any:
    """The value with places in lieu of its arrays and tensors, which go into their groups."""
    import torch

    if type(value) in (list, tuple):
        return type(value)(_taken_out(part, groups) for part in value)
    is_array = isinstance(value, np.ndarray)
    if is_array:
        try:
            tensor = torch.from_numpy(value if value.flags.writeable else value.copy())
        except (TypeError, ValueError):  # of a kind that torch does not have
            return value
    elif isinstance(value, torch.Tensor) and value.layout == torch.strided and value.device.type == "cpu":
        tensor = value.detach()
    else:
        return value
    group = groups.setdefault((tensor.dtype, tuple(tensor.shape)), [])
    group.append(tensor)
    return _Place(list(groups).index((tensor.dtype, tuple(tensor.shape))), len(group) - 1, is_array)


def _put_back(value: Any, rows: list[Any]) -> Any:
    if type(value) in (list, tuple):
        return type(value)(_put_back(part, rows) for part in value)
    if not isinstance(value, _Place):
        return value
    found = rows[value.tensor][value.row]
    return found.numpy() if value.is_array else found


def _as_it_is(answer: Answer) -> Answer:
    return answer


def _begin(number: int) -> None:
    """A worker leaves an interruption to the process that it reads for, and ends with it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    alone_from_now_on()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


# in this process


class _Process(_Usual.Process):  # type: ignore[misc]
    """A process that does not run the user's script again: what it needs of that comes by value."""

    @staticmethod
    def _Popen(process: Any) -> Any:
        with _without_main():
            return _Usual.Process._Popen(process)


class _Context(_Usual):  # type: ignore[misc]
    Process = _Process


@contextmanager
def _without_main() -> Iterator[None]:
    with _STARTING:
        whole, here = spawn.get_preparation_data, threading.get_ident()

        def without(name: str) -> dict[str, Any]:
            mine = threading.get_ident() == here
            return {key: v for key, v in whole(name).items() if not (mine and key.startswith("init_main"))}

        spawn.get_preparation_data = without
        try:
            yield
        finally:
            spawn.get_preparation_data = whole


def _context() -> Any:
    found = _Context()
    if _METHOD == "forkserver":
        held = ("torch.utils.data", "torchvision", "PIL.Image", "cloudpickle")
        found.set_forkserver_preload([name for name in held if name in sys.modules] + [__name__])
    return found


def by_workers(content: bytes, parts: Iterable[Sequence[Job]], workers: int, images: Images) -> Iterator[list[Any]]:
    """The results of each part in order, found by processes, up to two parts ahead of the caller for each.

    RuntimeError where one of them dies. However it ends, they are gone afterwards.
    """
    import cloudpickle
    import torch
    from torch.utils.data import DataLoader

    loader: Any = DataLoader(
        Reader(content),  # type: ignore[arg-type]
        batch_sampler=([cloudpickle.dumps(part)] for part in parts),
        num_workers=workers,
        collate_fn=_as_it_is,  # type: ignore[arg-type]
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_begin,
        multiprocessing_context=_context(),
        generator=torch.Generator(),  # else it would draw from the user's
    )
    registry: dict[Any, Any] = {}
    answers: Any = None
    try:
        answers = iter(loader)
        while True:
            try:
                answer: Answer = next(answers)
            except StopIteration:
                return
            except (RuntimeError, OSError, EOFError) as error:
                if (died := _died(answers, error)) is None:
                    raise
                raise RuntimeError(died) from error
            results, told, warned = answer.unpacked()
            for message, category, file, line in warned:
                warnings.warn_explicit(message, category, file, line, registry=registry)
            for key, text in told:
                images.tell(key, text)
            if results and isinstance(results[-1], Raised):
                raise results[-1].error from RuntimeError(f"in a process that reads images:\n{results[-1].where}")
            yield results
    finally:
        if answers is not None:
            answers._shutdown_workers()


def _died(answers: Any, error: Exception) -> str | None:
    """What to say where an error means that a worker died; None where it means something else.

    The DataLoader says so, or the batch of one that died can no longer be fetched from it.
    """
    workers = getattr(answers, "_workers", ())
    for process in workers:
        process.join(0 if "DataLoader worker" in str(error) else 1 / len(workers))
    code = next((process.exitcode for process in workers if process.exitcode), None)
    if code is None and "DataLoader worker" not in str(error):
        return None
    how, memory = "" if code is None else f" with exit code {code}", ""
    if code is not None and code < 0:
        how = f", killed by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f", killed by {-code}"
    if code == -9:
        memory = ": memory ran out, most likely"
    elif code == -getattr(signal, "SIGBUS", 0):
        memory = ": shared memory (/dev/shm) is too small; a container is given more by --shm-size"
    return (
        f"one of {len(workers)} processes that read images died{how}{memory}. Give fewer workers, or workers=0 to read "
        "in this process; what was done is kept where the pass has a file, and a new call goes on from there"
    )
