"""Waiting for what an executor computes, and saying so where nobody is left who could."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any

from ..texts import plural
from ..warned import warn

_LOOK = 2.0  # seconds without a result, after which it is asked who is at work
_LONELY = 10.0  # seconds without anybody, after which it is said
_ANSWER = 5.0  # seconds that a scheduler has to say who is there


def as_they_finish(executor: Executor, futures: Collection[Future[Any]], kept: str) -> Iterator[Future[Any]]:
    """The futures as they finish. A Dask cluster that has lost its workers gives none: then one line says what to do.

    They go on when workers come. kept: what stays where the caller is interrupted.
    """
    left, watch = set(futures), _Watch(executor, kept)
    while left:
        finished, left = wait(left, _LOOK, FIRST_COMPLETED)
        yield from finished
        if finished:
            watch.begin()
        else:
            watch.look(len(left))


class _Watch:
    """Since when nobody has been at work, and whether that was said."""

    def __init__(self, executor: Executor, kept: str) -> None:
        self.executor, self.kept = executor, kept
        self.begin()

    def begin(self) -> None:
        self.since: float | None = None
        self.said = False

    def look(self, left: int) -> None:
        if _workers_of(self.executor) != 0:
            self.begin()
            return
        self.since = self.since or time.monotonic()
        if not self.said and time.monotonic() - self.since >= _LONELY:
            self.said = True
            warn(
                f"Dask has no worker, and {plural(left, 'shard')} wait for one; start workers (cluster.scale(…), or "
                f"submit their jobs again) and this fit goes on, or interrupt it. {self.kept}"
            )


def _workers_of(executor: Executor) -> int | None:
    """How many workers a Dask executor has by now; None of another one, or where the scheduler does not say."""
    client: Any = getattr(executor, "_client", None)
    if not callable(getattr(client, "nthreads", None)) or getattr(client, "asynchronous", True):
        return None
    try:
        return len(client.nthreads(callback_timeout=_ANSWER))
    except Exception:  # a scheduler that is away, or starts anew, in any way that a network has
        return None
