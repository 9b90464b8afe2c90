"""How many threads the libraries may use, so that waiting threads do not take the processor from working ones.

OpenMP threads, and those of BLAS, spin while they wait for each other. Where more of them run than there are
processors, because a pass also reads images in threads or because other programs are busy, spinning turns seconds into
minutes. So at any time no more threads compute than there are processors: torch takes its share of a crowded machine
(`fair_share`), threads that read images compute alone (`use_one`, `blas_alone`) and not while a model computes here,
and where numpy has much to multiply (`on_all`) there are threads that never wait for each other.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Job = TypeVar("Job")
Result = TypeVar("Result")

_CROWDED = 1.25  # from so many runnable threads per processor on, a pass takes its share only
_LOOKS = 8  # at the machine, of which the mean counts: one alone sees what passes by
_QUOTA = ("cpu.max", "cpu/cpu.cfs_{}_us")  # of a container: control groups of both versions


def processors() -> int:
    """How many processors this process may use: those it may run on, or as much time as its container is given."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(there, math.ceil(min(_quota(), there))))


def _quota(groups: Path = Path("/sys/fs/cgroup")) -> float:
    """The processors that a container's share of time comes to; infinite where it is not limited."""
    both, each = _QUOTA
    with suppress(OSError, ValueError, ZeroDivisionError):
        if (groups / both).is_file():
            quota, period = (groups / both).read_text().split()
        else:
            quota, period = ((groups / each.format(what)).read_text().strip() for what in ("quota", "period"))
        if quota.isdigit():  # else "max", or -1
            return int(quota) / int(period)
    return math.inf


def share(threads: int, load: float, available: int) -> int:
    """How many of `threads` to use: all, or on a crowded machine the share that its processors can run at once.

    load: how many threads want to run on the whole machine, ours included; available: its processors.
    """
    if load <= _CROWDED * available:
        return threads
    return max(1, round(threads * available / load))


def wanting(threads: int) -> float | None:
    """How many threads want to run on the whole machine if this process uses so many; None where it does not say."""
    try:
        running = int(Path("/proc/loadavg").read_text().split()[3].split("/")[0])
        states = [_state(task / "stat") for task in Path("/proc/self/task").iterdir()]
        return float(max(running - states.count("R"), 0) + threads)
    except (OSError, ValueError, IndexError):
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _state(stat: Path) -> str:
    """Whether a thread runs, or could: "R". Its name may have spaces and brackets."""
    with suppress(OSError):  # it has ended
        return stat.read_text().rpartition(")")[2].split()[0]
    return ""


def use_one() -> None:
    """Let the calling thread run torch's operations alone, for as long as it lives: for threads that read images."""
    _openmp().limit(limits=1)
    _mkl()(1)


@contextmanager
def fair_share(most: int | None = None) -> Iterator[Callable[[], None]]:
    """Gives a function that sets how many threads torch uses in the calling one to their share; afterwards it is as
    before.

    Call it now and then during a pass: the load changes. At most `most` are used, and never more than `processors()`.
    """
    libraries, of_mkl = _openmp(), _mkl()
    before, before_of_mkl = max((library.num_threads for library in libraries.lib_controllers), default=1), of_mkl(0)
    of_mkl(before_of_mkl)
    allowed = min(before, processors(), before if most is None else most)
    seen: deque[float] = deque(maxlen=_LOOKS)

    def use(threads: int) -> None:
        libraries.limit(limits=threads)
        of_mkl(threads if threads < before else before_of_mkl)

    def adjust() -> None:
        if allowed > 1 and (load := wanting(allowed)) is not None:
            seen.append(load)
            use(share(allowed, sum(seen) / len(seen), os.cpu_count() or 1))

    try:
        use(allowed)
        adjust()
        yield adjust
    finally:
        use(before)


def _openmp() -> ThreadpoolController:
    """The OpenMP libraries in this process. Their setting is each thread's own, unlike that of BLAS libraries."""
    if "torch" in sys.modules:
        sys.modules["torch"].get_num_threads()  # torch sets a thread's number at its first use, which is then over
    return ThreadpoolController().select(user_api="openmp")


def _mkl() -> Callable[[int], int]:
    """Sets the calling thread's threads in the MKL inside torch, and gives what they were; 0: as all threads have it.

    Once torch was told a number of threads, its MKL has it for the whole process: a thread's OpenMP setting is then no
    limit to it, and no library that threadpoolctl can see.
    """
    torch = sys.modules.get("torch")
    return _no_mkl if torch is None else _mkl_in(Path(torch.__file__ or "").parent / "lib")


@cache
def _mkl_in(folder: Path) -> Callable[[int], int]:
    for library in folder.glob("*torch_cpu.*"):
        with suppress(OSError, AttributeError):  # torch without MKL, or with one that keeps its functions to itself
            found: Callable[[int], int] = ctypes.CDLL(str(library)).MKL_Set_Num_Threads_Local
            return found
    return _no_mkl


def _no_mkl(threads: int) -> int:
    return 0


def on_all(do: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
    """The results of jobs of numpy's, in their order: on all processors, with one thread for each job.

    Not on more than BLAS may use, which OMP_NUM_THREADS or OPENBLAS_NUM_THREADS say. Few jobs are begun ahead of
    whoever takes the results, so that memory stays small. What a job raises is raised here.
    """
    with _ALONE as allowed, ThreadPoolExecutor(allowed, thread_name_prefix="semlens") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for job in jobs:
                waiting.append(pool.submit(do, job))
                if len(waiting) > allowed:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class _BlasAlone:
    """While it is entered, by however many, BLAS uses one thread in each thread that calls it.

    Entering gives the number of threads that BLAS used before: its setting is one for the whole process.
    """

    def __init__(self) -> None:
        self._lock, self._entered, self._allowed = threading.Lock(), 0, 1
        self._before: list[tuple[object, int]] = []

    def __enter__(self) -> int:
        with self._lock:
            if not self._entered:
                libraries = ThreadpoolController().select(user_api="blas").lib_controllers
                self._before = [(library, library.num_threads) for library in libraries]
                most = max((number for _, number in self._before), default=processors())
                self._allowed = max(1, min(most, processors()))
                self._set([(library, 1) for library, _ in self._before])
            self._entered += 1
            return self._allowed

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._entered -= 1
            if not self._entered:
                self._set(self._before)

    @staticmethod
    def _set(numbers: list[tuple[object, int]]) -> None:
        for library, number in numbers:
            library.set_num_threads(number)  # type: ignore[attr-defined]


_ALONE = _BlasAlone()


def alone_from_now_on() -> None:
    """Let numpy's BLAS and torch use one thread in this process: one of many that read images."""
    _ALONE.__enter__()
    use_one()


@contextmanager
def blas_alone() -> Iterator[None]:
    """Inside, numpy's BLAS uses one thread in each thread that calls it, in the whole process."""
    with _ALONE:
        yield
