"""How each component responds over a whole data set, added up so that batches and shards give the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..held import held, partly_read, read_when_touched
from ..sums import BINS, UNITS, carried, exact, finest, fitting, rebinned

_STORED = ("sums", "squares", "nonzero", "negative", "exponent", "bins")


@dataclass(frozen=True, eq=False)
class Statistics:
    """How each component responds over the whole data set; everything here adds up exactly over shards.

    Attributes
    ----------
    images
        How many images there were.
    sums, squares
        [component limb], exact sums of the responses and of their squares.
    nonzero
        [component], images with a response other than 0.
    negative
        [component], whether there were responses below 0.
    exponent
        [component], bins are 2^`exponent` wide.
    bins
        [component bin], how many responses lie in each of 64 bins, from 0 upwards, or from -32 bins upwards where
        `negative`.

    Examples
    --------
    >>> statistics = lens.space.examples.statistics
    >>> edges, counts = statistics.histogram(0)
    >>> int(counts.sum()) == statistics.images
    True
    """

    images: int
    sums: Int[np.ndarray, "component limb"]
    squares: Int[np.ndarray, "component limb"]
    nonzero: Int[np.ndarray, " component"]
    negative: Bool[np.ndarray, " component"]
    exponent: Int[np.ndarray, " component"]
    bins: Int[np.ndarray, "component bin"]

    @property
    def mean(self) -> Float[np.ndarray, " component"]:
        """The mean response over all images."""
        return self.sums @ np.asarray(UNITS) / max(self.images, 1)

    @property
    def variance(self) -> Float[np.ndarray, " component"]:
        """Population variance; never below 0."""
        return np.maximum(self.squares @ np.asarray(UNITS) / max(self.images, 1) - self.mean**2, 0)

    @property
    def nonzero_share(self) -> Float[np.ndarray, " component"]:
        """The share of images, 0 to 1, that a component answers to at all."""
        return self.nonzero / max(self.images, 1)

    def histogram(self, component: int) -> tuple[Float[np.ndarray, " edge"], Int[np.ndarray, " bin"]]:
        """(edges, counts) of one component's responses.

        Parameters
        ----------
        component
            Its row.

        Returns
        -------
        tuple[float array [edge], int array [bin]]
            65 edges and 64 counts.
        """
        width = 2.0 ** float(self.exponent[component])
        start = -BINS / 2 * width if self.negative[component] else 0.0
        return start + width * np.arange(BINS + 1), self.bins[component]

    def merge(self, other: Statistics) -> Statistics:
        """Those of both shards together, exactly.

        Parameters
        ----------
        other
            Of another shard, of the same components.

        Returns
        -------
        Statistics
            The statistics of all images.
        """
        negative = self.negative | other.negative
        exponent = np.maximum(self.exponent, other.exponent)
        bins = self.bins + other.bins
        rows = np.flatnonzero((self.exponent != other.exponent) | (self.negative != other.negative))
        if len(rows):
            mine, yours = (
                rebinned(s.bins[rows], s.negative[rows], s.exponent[rows], exponent[rows]) for s in (self, other)
            )
            exponent[rows], bins[rows] = finest(mine + yours, negative[rows], exponent[rows])
        return Statistics(
            self.images + other.images,
            carried(self.sums + other.sums),
            carried(self.squares + other.squares),
            self.nonzero + other.nonzero,
            negative,
            exponent,
            bins,
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What goes into a file, beside the number of images."""
        return {name: np.asarray(getattr(self, name)) for name in _STORED}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], images: int) -> Statistics:
        """The statistics that `to_arrays` was taken from.

        Parameters
        ----------
        arrays
            What a file kept.
        images
            How many there were.

        Returns
        -------
        Statistics
            The statistics.
        """
        return partly_read(cls, images=images, **{name: held(arrays, name) for name in _STORED})

    @classmethod
    def of(cls, responses: Float[np.ndarray, "image component"], like: Statistics | None = None) -> Statistics:
        """The statistics of one batch of responses.

        Parameters
        ----------
        responses
            [image component].
        like
            Statistics whose bins are taken where they fit.

        Returns
        -------
        Statistics
            The statistics of the batch.
        """
        values = responses.astype(np.float64)
        images, components = values.shape
        low, high = values.min(0, initial=0), values.max(0, initial=0)
        negative = low < 0 if like is None else (low < 0) | like.negative
        exponent = fitting(low, high, negative)
        if like is not None:
            exponent = np.maximum(exponent, like.exponent)
        place = np.floor(np.ldexp(values, -exponent)).astype(np.int64) + np.where(negative, BINS // 2, 0)
        flat = place + np.arange(components) * BINS
        bins = np.bincount(flat.ravel(), minlength=components * BINS).reshape(components, BINS)
        return cls(
            images,
            exact(values),
            exact(values * values),
            (values != 0).sum(0),
            negative,
            exponent,
            bins.astype(np.int64),
        )


read_when_touched(Statistics, *_STORED)
