"""Images read ahead in threads, batch by batch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..threads import use_one
from .value import UnreadableImage


@dataclass(frozen=True, eq=False)
class Batch:
    """Items of one data set in order: `ids` of those that could be read, their `items`, and the unreadable."""

    ids: np.ndarray
    items: list[Any]
    unreadable: tuple[UnreadableImage, ...] = ()


def batches(
    ids: Sequence[int] | np.ndarray, load: Callable[[int], Any], size: int, workers: int | None = None
) -> Iterator[Batch]:
    """Batches of `load(i)` for each id in order, read ahead in threads while the caller works on the last one."""
    starts = range(0, len(ids), size)

    def one(image: int) -> Any:
        try:
            return load(image)
        except UnreadableImage as unreadable:
            return unreadable

    threads = workers or min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, thread_name_prefix="images", initializer=use_one) as pool:
        ahead: deque[tuple[Any, list[Future[Any]]]] = deque()

        def submit(start: int) -> None:
            part = ids[start : start + size]
            ahead.append((part, [pool.submit(one, int(i)) for i in part]))

        upcoming = iter(starts)
        try:
            for start in upcoming:
                submit(start)
                if len(ahead) == 2:
                    break
            while ahead:
                part, futures = ahead.popleft()
                results = [f.result() for f in futures]
                for start in upcoming:
                    submit(start)
                    break
                kept = [j for j, r in enumerate(results) if not isinstance(r, UnreadableImage)]
                yield Batch(
                    np.asarray([part[j] for j in kept], np.int64),
                    [results[j] for j in kept],
                    tuple(r for r in results if isinstance(r, UnreadableImage)),
                )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
