"""The verb `plan`: what a fit will cost, measured on a few images."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from ..clip import PreparingClip
from ..crops import some_boxes, squared
from ..examples import ConceptExamples, collect
from ..images import WHOLE, Images, Window, first_readable
from ..plan import Plan, Shape
from ..relevance import relevance as relevance_of
from ..space import embed_some
from .source import Source

_BATCHES = 3  # of a trial, at most
_LEAST = 8  # images or crops of a trial
_SHARE = 30  # of all there is a trial takes one in so many, or the least
_PAIRS = 256  # crops that are timed, by activation
_BY_RELEVANCE = 16
_LOOKED_AT = 64  # of trial crops and of names
_RELATED = 16  # images whose relevance is timed

Found = TypeVar("Found")


def plan(source: Source, *, relevance: bool, batch_size: int, thumbnail: int, timed: bool = True) -> Plan:
    """What a fit of that source will cost. See `Lens.plan`; `timed` makes a trial long enough to tell times."""
    images = source.images
    count = min(len(images), max(_LEAST, min(_BATCHES * batch_size, len(images) // _SHARE) if timed else 0))
    ids = np.arange(count)
    first, _ = first_readable(images)
    _collected(source, np.asarray([first]), batch_size)  # the first of all takes longer
    collecting, found = _timed(lambda: _collected(source, ids, batch_size))
    pairs = 0 if source.crop is None else _BY_RELEVANCE if source.crop == "crp" else _PAIRS
    cropping, (numbers, boxes) = _timed(
        lambda: some_boxes(
            found, source.model, images, source.layers, by=source.crop, threshold=source.threshold, pairs=pairs
        )
    )
    at_once = source.clip.batch_size if isinstance(source.clip, PreparingClip) else _LEAST
    whole = _whole(images, numbers, boxes)
    wanted = _shape(source, found, whole, dim=0, picture=0.0).crops // _SHARE
    crops = min(len(numbers), max(_LEAST, min(2 * at_once, wanted)))
    embed_some(images, source.clip, numbers[:1], boxes[:1], thumbnail)
    embedding, (dim, picture) = _timed(
        lambda: embed_some(images, source.clip, numbers[:crops], boxes[:crops], thumbnail)
    )
    shape = _shape(source, found, whole, dim, picture)
    seconds = {}
    if timed:
        per_image, seen = collecting / len(ids), len(np.unique(numbers))
        seconds["examples"] = per_image * len(images)
        if pairs:
            per_pair = max(cropping - per_image * seen, 0.0) / len(numbers)
            seconds["crops"] = per_image * shape.referenced + per_pair * shape.pairs
        seconds["embedding"] = embedding / crops * shape.crops
        if relevance:
            seconds["relevance"] = _relating(source, ids[:_RELATED]) * len(images)
    held = _held()
    memory = None if held is None else held + shape.memory()
    return Plan(shape.images, shape.components, shape.crops, shape.disk(), memory, seconds, len(ids))


def _collected(source: Source, ids: np.ndarray, batch_size: int) -> ConceptExamples:
    return collect(
        source.model, source.images, source.layers, k=source.k, pooling=source.pooling, sample=0, ids=ids.tolist(),
        batch_size=min(batch_size, len(ids)), progress=False,
    )  # fmt: skip


def _relating(source: Source, ids: np.ndarray) -> float:
    """Seconds of one image's relevance."""
    took, _ = _timed(
        lambda: relevance_of(
            source.model,
            source.images,
            source.layers,
            outputs=source.outputs,
            ids=ids.tolist(),
            batch_size=len(ids),
            progress=False,
        )
    )
    return took / len(ids)


def _whole(images: Images, numbers: np.ndarray, boxes: Sequence[Window | None]) -> float:
    """The share of some crops that show all that the model sees."""
    step = -(-len(numbers) // _LOOKED_AT)
    seen = []
    for image, box in zip(numbers[::step].tolist(), boxes[::step], strict=True):
        if box is None:
            return 1.0
        size = images.tensor_and_size(image)[1]
        all_of_it = squared(*(np.asarray([part], np.float64) for part in (WHOLE, images.window(size), size)))
        seen.append(bool(np.allclose(all_of_it, [box], atol=1e-3)))
    return float(np.mean(seen)) if seen else 0.0


def _shape(source: Source, found: ConceptExamples, whole: float, dim: int, picture: float) -> Shape:
    """What is known after a trial."""
    images, components = source.images, found.components
    names = [len(images.name(int(i)).encode()) for i in found.referenced[:_LOOKED_AT]]
    return Shape(
        len(images),
        len(components),
        whole,
        min(source.k, len(images)),
        min(source.kept, len(images)),
        min(source.null, len(images)),
        source.crop is not None,
        dim,
        picture,
        float(np.mean(names or [0])),
    )


def _held() -> int | None:
    """Bytes that this process has held at the most until now."""
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _timed(work: Callable[[], Found]) -> tuple[float, Found]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found
