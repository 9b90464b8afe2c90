"""How many threads torch's operations may use, so that waiting threads do not take the processor from working ones.

OpenMP threads spin while they wait for each other. Where more of them run than there are processors, because a pass
also reads images in threads or because other programs are busy, spinning turns seconds into minutes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

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
