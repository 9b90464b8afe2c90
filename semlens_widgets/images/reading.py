"""Images read ahead, batch by batch: by processes or threads where a source allows it, else by the thread that asks."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ..threads import blas_alone, processors, use_one
from . import processes
from .processes import Do, Unpicklable
from .value import Images, Job, UnreadableImage

Work = TypeVar("Work")
Result = TypeVar("Result")

_STATED: ContextVar[int | None] = ContextVar("processes that read", default=None)
FIRST = 32  # images that may fail from the start before others are tried
OF_STREAM = 256  # images of a stream that may, of which others cannot be tried
_MOST = 8  # threads that read
TRIED = 16  # others, at even distances over the whole data set


@dataclass(frozen=True, eq=False)
class Batch:
    """Items of one data set in order: `ids` of those that could be read, their `items`, and the unreadable."""

    ids: np.ndarray
    items: list[Any]
    unreadable: tuple[UnreadableImage, ...] = ()


def batches(
    images: Images,
    ids: Sequence[int] | np.ndarray | None,
    size: int,
    read: Callable[[Images, int], Any] = Images.tensor,
    *,
    workers: int | None = None,
    start: int = 0,
    here: bool = False,
) -> Iterator[Batch]:
    """Batches of `read(images, i)` for each id in order, read ahead while the caller works on the last one.

    ids:     None for all images from the number `start` on; of a stream all until it ends.
    workers: processes that read, and `here`: see `read_ahead`.

    ValueError, with the reason, when the first images all fail and others of the data set do as well.
    """
    failed: list[UnreadableImage] | None = []  # None once an image could be read
    if ids is None and not images.streamed:
        ids = np.arange(start, len(images))
    numbers = _cut(ids, size) if ids is not None else ([*range(n, n + size)] for n in itertools.count(start, size))
    asked, told = itertools.tee(numbers)
    parts = ([(number, None) for number in part] for part in asked)
    count = None if ids is None else len(ids)
    for results in read_ahead(images, parts, partial(_read, read), workers=workers, count=count, here=here):
        part = next(told)[: len(results)]
        unreadable = tuple(r for r in results if isinstance(r, UnreadableImage))
        kept = [j for j, r in enumerate(results) if not isinstance(r, UnreadableImage)]
        if failed is not None:
            failed = None if kept else [*failed, *unreadable]
        if failed and len(failed) >= (FIRST if not images.streamed else OF_STREAM):
            _check_others(images, read, failed)
            failed = None
        yield Batch(np.asarray(part, np.int64)[kept], [results[j] for j in kept], unreadable)


def _cut(ids: Sequence[int] | np.ndarray, size: int) -> Iterator[list[int]]:
    for begin in range(0, len(ids), size):
        yield [int(i) for i in ids[begin : begin + size]]


def _read(read: Callable[[Images, int], Any], images: Images, image: int, _: Any) -> Any:
    return read(images, image)


def first_readable(images: Images, ids: Sequence[int] | np.ndarray | None = None) -> tuple[int, Any]:
    """(number, what the model sees) of the first image that can be read; ValueError, with the reason, if none can."""
    why: UnreadableImage | None = None
    count = 0
    for batch in batches(images, ids, 1, workers=0, here=True):  # not the next one as well
        if batch.items:
            return int(batch.ids[0]), batch.items[0]
        why, count = why or batch.unreadable[0], count + 1
    raise ValueError(f"none of the {count} images could be read; the first: {why}")


def _check_others(images: Images, read: Callable[[Images, int], Any], failed: Sequence[UnreadableImage]) -> None:
    """ValueError if images from all over the data set cannot be read either; of a stream so many were tried already."""
    if images.streamed:
        raise ValueError(f"the first {len(failed)} images of the stream cannot be read; the first: {failed[0]}")
    others = sorted({round(i) for i in np.linspace(0, len(images) - 1, TRIED)})
    for image in others:
        try:
            read(images, image)
        except UnreadableImage:
            continue
        return
    raise ValueError(
        f"the first {len(failed)} of {len(images):,} images cannot be read, nor can {len(others)} others; the "
        f"first: {failed[0]}"
    )


def read_ahead(
    images: Images,
    parts: Iterable[Sequence[tuple[int, Any]]],
    do: Do,
    *,
    workers: int | None = None,
    count: int | None = None,
    here: bool = False,
) -> Iterator[list[Any]]:
    """What `do(images, number, detail)` gives for each (number, detail) of each part, some parts ahead of the caller.

    An image that cannot be read gives its UnreadableImage. Results are the same whoever reads:

    workers: processes, each up to two parts ahead (torch's DataLoader). `do` and the images go there by cloudpickle;
             where they cannot, Unpicklable says so. 0 reads in this process: in threads, two parts ahead; a data set
             that may share one open file, archive or database in the thread that asks, in order. None: as
             `reading_with` says, as the images' DataLoader has it, or else decided by the source and by `count`, the
             number of images.
    here:    whether the caller computes on this machine's processors: threads then read while it waits for them, for
             two that want the same processors make each other wait, and more than they read meanwhile.
    """
    workers = next((n for n in (workers, _STATED.get(), images.workers) if n is not None), None)
    if workers is None:
        chosen = processes.unasked(images, count)
        try:
            content = processes.packed(images, do, processes.LARGEST) if chosen else b""
        except Unpicklable:
            chosen = 0
    elif chosen := processes.checked(workers):
        content = processes.packed(images, do)
    if chosen:
        return processes.by_workers(content, images.jobs(parts, sent=True), chosen, images)

    def one(job: Job) -> Any:
        try:
            return do(images.holding(job), job.number, job.detail)
        except UnreadableImage as unreadable:
            return unreadable

    return ahead(images.jobs(parts, sent=False), one, threads=images.concurrent, here=here)


@contextmanager
def reading_with(workers: int | None) -> Iterator[None]:
    """Inside, so many processes read images unless something else is said there; None changes nothing."""
    if workers is None:
        yield
        return
    token = _STATED.set(processes.checked(workers))
    try:
        yield
    finally:
        _STATED.reset(token)


def ahead(
    parts: Iterable[Sequence[Work]], do: Callable[[Work], Result], *, threads: bool, here: bool = False
) -> Iterator[list[Result]]:
    """The results of each part in order, in threads: up to two parts ahead of the caller, or none while it is at work
    `here`.

    Without threads they are found one by one, in order, by the thread that asks: as torch's DataLoader does without
    workers, and as a data set over one open file, archive or database needs it.
    """
    if not threads:
        for part in parts:
            yield [do(job) for job in part]
        return
    count = min(_MOST, processors())

    def some(jobs: Sequence[Work]) -> list[Result]:
        return [do(job) for job in jobs]

    with blas_alone(), ThreadPoolExecutor(count, thread_name_prefix="images", initializer=use_one) as pool:
        upcoming = iter(parts)
        waiting: deque[list[Future[list[Result]]]] = deque()

        def submit() -> None:
            for part in upcoming:
                step = max(1, len(part) // (4 * count))  # a few at once, where handing them over is the larger work
                waiting.append([pool.submit(some, part[at : at + step]) for at in range(0, len(part), step)])
                return

        try:
            submit()
            if not here:
                submit()
            while waiting:
                results = [result for future in waiting.popleft() for result in future.result()]
                if not here:
                    submit()
                yield results
                if here:
                    submit()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
