"""Which crops go through CLIP: of examples, of random images and of the sample, each once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..components import Recipe
from ..examples import ConceptExamples, drawn
from ..images import Window
from ..passes import digest

_WHOLE = (np.nan,) * 4


@dataclass(frozen=True, eq=False)
class Job:
    """One crop: a window of an image, or None for all that the model saw; whether a thumbnail of it is kept."""

    image: int
    box: Window | None
    shown: bool


@dataclass(frozen=True, eq=False)
class Jobs:
    """Crops in order, as arrays, for there may be millions; the first `shown` have thumbnails. NaN boxes are None."""

    images: Int[np.ndarray, " job"]
    boxes: Float[np.ndarray, "job 4"]
    shown: int

    @classmethod
    def of(cls, images: Sequence[int] | np.ndarray, boxes: Sequence[Window | None], shown: int) -> Jobs:
        listed = np.asarray([_WHOLE if box is None else box for box in boxes], np.float64)
        return cls(np.asarray(images, np.int64), listed.reshape(-1, 4), shown)

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[Job]:
        for at, (image, box) in enumerate(zip(self.images.tolist(), self.boxes.tolist(), strict=True)):
            yield Job(image, None if math.isnan(box[0]) else tuple(box), at < self.shown)

    def part(self, start: int, stop: int) -> Jobs:
        """Those from `start` up to `stop`, or to the end."""
        shown = min(max(self.shown - start, 0), max(stop - start, 0))
        return Jobs(self.images[start:stop], self.boxes[start:stop], shown)

    @property
    def digest(self) -> str:
        """What the crops are, in few letters."""
        shown = np.arange(len(self)) < self.shown
        return digest(np.column_stack([self.images, shown, np.nan_to_num(self.boxes)]).astype(np.float64))


@dataclass(frozen=True, eq=False)
class Planned:
    """All crops; which of them each example is, and those of random images and of sampled ones."""

    jobs: Jobs
    crop_of: Int[np.ndarray, "component example"]
    null: Int[np.ndarray, " null"]
    sample: Int[np.ndarray, " sampled"]

    @classmethod
    def of(cls, examples: ConceptExamples, images: int, recipe: Recipe) -> Planned:
        """What `embed` embeds for examples from so many images."""
        random = np.random.default_rng(recipe.seed)
        used = np.arange(examples.images.shape[1]) < examples.counts[:, None]
        boxes = None if examples.boxes is None else np.round(examples.boxes.astype(np.float64), 4)
        keys = examples.images[..., None] if boxes is None else np.concatenate([examples.images[..., None], boxes], -1)
        distinct, inverse = np.unique(keys[used], axis=0, return_inverse=True)
        crop_of = np.zeros(examples.images.shape, np.int32)
        crop_of[used] = inverse.ravel()
        shown = distinct[:, 0].astype(np.int64) if len(distinct) else np.zeros(0, np.int64)
        chance = drawn(images, recipe.null, recipe.seed)
        if boxes is None:
            windows, places = np.full((len(shown), 4), np.nan), np.full((len(chance), 4), np.nan)
        else:
            windows = distinct[:, 1:]
            places = distinct[random.integers(0, len(distinct), len(chance)), 1:] if len(distinct) else boxes[:0, 0]
        sampled = np.zeros(0, np.int64) if examples.sampled is None else examples.sampled.images
        others = Jobs(
            np.concatenate([chance[: len(places)], sampled]).astype(np.int64),
            np.concatenate([places, np.full((len(sampled), 4), np.nan)]),
            0,
        )
        at, new = _each_once(shown, windows, others)
        jobs = Jobs(
            np.concatenate([shown, others.images[new]]), np.concatenate([windows, others.boxes[new]]), len(shown)
        )
        null, sample = np.split(at, [len(at) - len(sampled)])
        return cls(jobs, crop_of, null, sample)


def _each_once(
    images: Int[np.ndarray, " shown"], boxes: Float[np.ndarray, "shown 4"], others: Jobs
) -> tuple[Int[np.ndarray, " other"], Int[np.ndarray, " new"]]:
    """(the number of each other job among all, which of the others are new); what is shown is in order of images."""
    known: dict[tuple[int, bytes], int] = {}
    at = np.zeros(len(others), np.int64)
    new: list[int] = []
    begin, end = (np.searchsorted(images, others.images, side) for side in ("left", "right"))
    for number, (image, box) in enumerate(zip(others.images.tolist(), others.boxes, strict=True)):
        key = (image, box.tobytes())
        if key not in known:
            rows = slice(begin[number], end[number])
            same = np.flatnonzero(((boxes[rows] == box) | (np.isnan(boxes[rows]) & np.isnan(box))).all(1))
            known[key] = int(begin[number] + same[0]) if len(same) else len(images) + len(new)
            new += [] if len(same) else [number]
        at[number] = known[key]
    return at, np.asarray(new, np.int64)
