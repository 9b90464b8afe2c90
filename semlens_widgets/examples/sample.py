"""A random sample of the data set and what all components answer to it: evidence that no component chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from ..vectors import freeze, frozen

Part = tuple[np.ndarray, np.ndarray]  # (ids, responses [image component])
_ALL_BITS = (1 << 64) - 1
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def drawn(images: int, count: int, seed: int) -> Int[np.ndarray, " image"]:
    """`count` of the numbers 0 … `images` - 1 at random, in order; a larger draw holds every smaller one.

    Those whose hash with `seed` is lowest: so whether a number is among them is known as soon as all are seen, and
    a stream whose length nobody knows has the sample of a folder with the same images.
    """
    return np.sort(np.argsort(_hashes(np.arange(images), seed), kind="stable")[:count])


def _hashes(numbers: Int[np.ndarray, " image"], seed: int) -> UInt64[np.ndarray, " image"]:
    """A different number for each, as if at random (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        start = _mixed(np.asarray([(seed + 1) & _ALL_BITS], np.uint64) * _GAMMA)
        return np.asarray(_mixed(start + numbers.astype(np.uint64) * _GAMMA), np.uint64)


def _mixed(z: Any) -> Any:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@dataclass
class Draw:
    """Who is in a sample: of a known number of images these; of a stream those so far, of which some leave again."""

    count: int
    seed: int
    images: int | None  # None: of a stream

    def __post_init__(self) -> None:
        self._numbers = None if self.images is None else drawn(self.images, self.count, self.seed)
        self._highest: np.uint64 | None = None  # hash of those that are in, once there are enough

    def among(self, ids: Int[np.ndarray, " image"]) -> Int[np.ndarray, " chosen"]:
        """Which of these images are in it, so far."""
        if self._numbers is not None:
            return np.flatnonzero(np.isin(ids, self._numbers))
        if not self.count:
            return np.zeros(0, np.int64)
        hashes = _hashes(ids, self.seed)
        return np.arange(len(ids)) if self._highest is None else np.flatnonzero(hashes < self._highest)

    def left(self, parts: list[Part]) -> list[Part]:
        """Of (ids, responses) the part that is in, in order of ids."""
        ids = np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in parts)])
        kept = np.argsort(ids, kind="stable")
        if self._numbers is None and len(ids) > self.count:
            hashes = _hashes(ids, self.seed)
            lowest = np.argsort(hashes, kind="stable")[: self.count]
            self._highest = hashes[lowest].max(initial=np.uint64(0))
            kept = lowest[np.argsort(ids[lowest], kind="stable")]
        return [(ids[kept], np.concatenate([rows for _, rows in parts])[kept])] if parts else []

    def crowded(self, parts: list[Part]) -> bool:
        """Whether so many are kept of a stream that those should leave that are in no longer."""
        return self._numbers is None and sum(len(ids) for ids, _ in parts) > 2 * self.count + 64


@dataclass(frozen=True, eq=False)
class Sampled:
    """The responses of all components to a random sample of the data set, whatever they are: held-out evidence.

    `images` are in order of their ids. `arrays` holds "sample_responses" [component image] as a pass finds them, or
    `compact`; a file reads them when they are first asked for.
    """

    images: Int[np.ndarray, " image"]
    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        freeze(self, "images")

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def responses(self) -> Float[np.ndarray, "component image"]:
        """All of them; mind the memory of many components, and use `of` where some will do."""
        return frozen(self.of(slice(None)))

    def of(self, rows: Any) -> Float[np.ndarray, "row image"]:
        """The responses of some components."""
        kept = self.arrays["sample_responses"][rows]
        return widened(kept, self.arrays["sample_scales"][rows]) if "sample_scales" in self.arrays else kept

    @cached_property
    def ranks(self) -> Int[np.ndarray, "component image"]:
        """The rank of each response among those of its component: see `centred_ranks`."""
        if "sample_ranks" in self.arrays:
            return self.arrays["sample_ranks"]
        return frozen(centred_ranks(self.arrays["sample_responses"]))

    @cached_property
    def rank_sums(self) -> Float[np.ndarray, "component 2"]:
        """The sums of the squares and of the cubes of each component's `ranks`: how far they spread, how lopsided."""
        result = np.empty((len(self.ranks), 2))
        for start in range(0, len(result), _ROWS):
            part = self.ranks[start : start + _ROWS].astype(np.float32)
            squares = part * part
            result[start : start + _ROWS, 0] = squares.sum(1)
            result[start : start + _ROWS, 1] = np.einsum("ri,ri->r", squares, part)
        return frozen(result)

    def compact(self) -> Sampled:
        """The same in half the bytes, with ranks: what a space keeps. See `halved`."""
        if "sample_scales" in self.arrays:
            return self
        codes, scales = halved(self.responses)
        arrays = {"sample_responses": codes, "sample_scales": scales, "sample_ranks": centred_ranks(codes)}
        return Sampled(self.images, arrays)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What a file keeps."""
        kept = ("sample_responses", "sample_scales", "sample_ranks")
        return {"sample_images": self.images} | {name: self.arrays[name] for name in kept if name in self.arrays}

    def merge(self, other: Sampled) -> Sampled:
        images = np.concatenate([self.images, other.images])
        order = np.argsort(images, kind="stable")
        return Sampled(images[order], {"sample_responses": np.hstack([self.responses, other.responses])[:, order]})

    def only(self, kept: Bool[np.ndarray, " image"]) -> Sampled:
        """The same without some images."""
        return self if kept.all() else Sampled(self.images[kept], {"sample_responses": self.responses[:, kept]})


_TOP = 15  # the largest code lies below 2^15, half-way up the range of half precision


def halved(
    responses: Float[np.ndarray, "component image"],
) -> tuple[Float[np.ndarray, "component image"], Float[np.ndarray, "component 2"]]:
    """Responses in half precision, (codes, [origin, unit] of each component): response = origin + unit · code.

    The origin is 0, or the end of the component's range that lies nearer to 0 where that leaves 0 out; the unit is a
    power of two. So a response is kept to within 1/2048 of its distance from the origin, equal ones stay equal, none
    changes places with another, and 0 stays 0. What the codes are depends on the responses alone.
    """
    codes = np.empty(responses.shape, np.float16)
    scales = np.empty((len(responses), 2))
    for start in range(0, len(responses), _ROWS):
        rows = slice(start, start + _ROWS)
        part = responses[rows].astype(np.float64)
        low, high = part.min(1, initial=np.inf), part.max(1, initial=-np.inf)
        origin = np.where(low > 0, low, np.where(high < 0, high, 0.0)) if part.shape[1] else np.zeros(len(part))
        part -= origin[:, None]
        _, exponent = np.frexp(np.abs(part).max(1, initial=0))
        codes[rows] = np.ldexp(part, _TOP - exponent[:, None])
        scales[rows] = np.stack([origin, np.ldexp(1.0, exponent - _TOP)], 1)
    return codes, scales


def widened(
    codes: Float[np.ndarray, "component image"], scales: Float[np.ndarray, "component 2"]
) -> Float[np.ndarray, "component image"]:
    """The responses that were `halved`."""
    origin, unit = scales[..., :1], scales[..., 1:]
    most = np.finfo(np.float32).max  # rounding may have gone beyond it
    return np.clip(origin + unit * codes, -most, most).astype(np.float32)


_MOST = np.iinfo(np.int16).max
_ROWS = 256  # components worked on at once


def centred_ranks(values: Float[np.ndarray, "component image"]) -> Int[np.ndarray, "component image"]:
    """Each value's rank among those of its row, less the mean rank, twice: whole numbers of sum 0 from 1 - n to n - 1.

    Equal values share the mean of their ranks. Of more than 32,768 images they are divided by the smallest whole
    number with which they fit into 16 bits, and rounded.
    """
    images = values.shape[1]
    step = max(1, -(-(images - 1) // _MOST))
    result = np.empty(values.shape, np.int16)
    place = np.arange(images, dtype=np.int32)
    for start in range(0, len(values), _ROWS):
        rows = slice(start, start + _ROWS)
        keys = _monotone(values[rows])
        order = np.argsort(keys, axis=1, kind="stable")
        rising = np.take_along_axis(keys, order, 1)
        begins, ends = np.ones((2, *keys.shape), bool)
        begins[:, 1:] = ends[:, :-1] = rising[:, 1:] != rising[:, :-1]
        first = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
        last = np.minimum.accumulate(np.where(ends, place, images)[:, ::-1], axis=1)[:, ::-1]
        ranks = first + last - (images - 1)
        np.put_along_axis(result[rows], order, (ranks if step == 1 else np.rint(ranks / step)).astype(np.int16), axis=1)
    return result


def _monotone(values: Float[np.ndarray, "row image"]) -> np.ndarray:
    """Numbers in the order of the values, which sort quickly where the values have half precision."""
    if values.dtype != np.float16:
        return values
    bits = (np.ascontiguousarray(values) + np.float16(0)).view(np.int16)  # + 0 makes -0 equal 0
    return np.where(bits < 0, bits ^ np.int16(0x7FFF), bits)
