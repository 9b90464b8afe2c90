"""How many threads the libraries may use, so that waiting threads do not take the processor from working ones.

OpenMP threads, and those of BLAS, spin while they wait for each other. Where more of them run than there are
processors, because a pass also reads images in threads or because other programs are busy, spinning turns seconds into
minutes. Torch takes its share of a crowded machine, therefore (`fair_share`), and where numpy has much to multiply
(`on_all`) there are threads that never wait for each other, with BLAS alone in each.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Job = TypeVar("Job")
Result = TypeVar("Result")

_CROWDED = 1.25  # from so many runnable threads per processor on, a pass takes its share only


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(threads: int, load: float, available: int) -> int:
    """How many of `threads` to use: all, or on a crowded machine the share that its processors can run at once.

    load: how many threads want to run on the whole machine, ours included; available: its processors.
    """
    if load <= _CROWDED * available:
        return threads
    return max(1, round(threads * available / load))


def use_one() -> None:
    """Let the calling thread run torch's operations alone, for as long as it lives: for threads that read images."""
    _openmp().limit(limits=1)


@contextmanager
def fair_share() -> Iterator[Callable[[], None]]:
    """Gives a function that sets the calling thread's OpenMP threads to their share; afterwards they are as before.

    Call it now and then during a pass: the load changes.
    """
    libraries = _openmp()
    before = max((library.num_threads for library in libraries.lib_controllers), default=1)

    def adjust() -> None:
        if before > 1 and hasattr(os, "getloadavg"):
            libraries.limit(limits=share(before, os.getloadavg()[0], os.cpu_count() or 1))

    try:
        adjust()
        yield adjust
    finally:
        libraries.limit(limits=before)


def _openmp() -> ThreadpoolController:
    """The OpenMP libraries in this process. Their setting is each thread's own, unlike that of BLAS libraries."""
    if "torch" in sys.modules:
        sys.modules["torch"].get_num_threads()  # torch sets a thread's number at its first use, which is then over
    return ThreadpoolController().select(user_api="openmp")


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
