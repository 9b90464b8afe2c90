"""Images read ahead, batch by batch: in threads where a source allows it, else one by one in the thread that asks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..threads import use_one
from .value import Images, UnreadableImage

Job = TypeVar("Job")
Result = TypeVar("Result")

FIRST = 32  # images that may fail from the start before others are tried
TRIED = 16  # others, at even distances over the whole data set


@dataclass(frozen=True, eq=False)
class Batch:
    """Items of one data set in order: `ids` of those that could be read, their `items`, and the unreadable."""

    ids: np.ndarray
    items: list[Any]
    unreadable: tuple[UnreadableImage, ...] = ()


def batches(
    images: Images,
    ids: Sequence[int] | np.ndarray,
    size: int,
    read: Callable[[Images, int], Any] = Images.tensor,
    *,
    workers: int | None = None,
) -> Iterator[Batch]:
    """Batches of `read(images, i)` for each id in order, read ahead while the caller works on the last one.

    ValueError, with the reason, when the first images all fail and others of the data set do as well.
    """

    def one(image: int) -> Any:
        try:
            return read(images, image)
        except UnreadableImage as unreadable:
            return unreadable

    failed: list[UnreadableImage] | None = []  # None once an image could be read

    def part(start: int) -> list[int]:
        return [int(i) for i in ids[start : start + size]]

    starts = range(0, len(ids), size)
    found = ahead((part(start) for start in starts), one, threads=images.concurrent, workers=workers)
    for start, results in zip(starts, found, strict=True):
        unreadable = tuple(r for r in results if isinstance(r, UnreadableImage))
        kept = [j for j, r in enumerate(results) if not isinstance(r, UnreadableImage)]
        if failed is not None:
            failed = None if kept else [*failed, *unreadable]
        if failed and len(failed) >= FIRST:
            _check_others(images, one, failed)
            failed = None
        yield Batch(np.asarray(part(start), np.int64)[kept], [results[j] for j in kept], unreadable)


def first_readable(images: Images, ids: Sequence[int] | np.ndarray | None = None) -> tuple[int, Any]:
    """(number, what the model sees) of the first image that can be read; ValueError, with the reason, if none can."""
    ids = np.arange(len(images)) if ids is None else ids
    why: UnreadableImage | None = None
    for batch in batches(images, ids, 1, workers=1):
        if batch.items:
            return int(batch.ids[0]), batch.items[0]
        why = why or batch.unreadable[0]
    raise ValueError(f"none of the {len(ids)} images could be read; the first: {why}")


def _check_others(images: Images, one: Callable[[int], Any], failed: Sequence[UnreadableImage]) -> None:
    """ValueError if images from all over the data set cannot be read either."""
    others = sorted({round(i) for i in np.linspace(0, len(images) - 1, TRIED)})
    if all(isinstance(one(i), UnreadableImage) for i in others):
        raise ValueError(
            f"the first {len(failed)} of {len(images):,} images cannot be read, nor can {len(others)} others; the "
            f"first: {failed[0]}"
        )


def ahead(
    parts: Iterable[Sequence[Job]], do: Callable[[Job], Result], *, threads: bool, workers: int | None = None
) -> Iterator[list[Result]]:
    """The results of each part in order, up to two parts ahead of the caller in threads.

    Without threads they are found one by one, in order, by the thread that asks: as torch's DataLoader does without
    workers, and as a data set over one open file, archive or database needs it.
    """
    if not threads:
        for part in parts:
            yield [do(job) for job in part]
        return
    count = workers or min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(count, thread_name_prefix="images", initializer=use_one) as pool:
        upcoming = iter(parts)
        waiting: deque[list[Future[Result]]] = deque()

        def submit() -> None:
            for part in upcoming:
                waiting.append([pool.submit(do, job) for job in part])
                return

        try:
            submit()
            submit()
            while waiting:
                results = [future.result() for future in waiting.popleft()]
                submit()
                yield results
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
