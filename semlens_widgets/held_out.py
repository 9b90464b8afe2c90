"""Held out: does a component answer to what a probe means, on images that did not choose it?

The strongest examples of a component cannot tell: if all twenty show a coloured patch, most patches may still leave
it cold. The sample of the data set, without the component's own examples, can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri

from .space import Sample, SemanticSpace
from .threads import on_all
from .vectors import freeze

MIN_IMAGES = 10  # images on either side, before they may judge: by chance, MIN_AUROC is then passed in 1 case of 250
MIN_AUROC = 0.75  # half-way from chance (.5) to telling all images apart (1)
ALPHA = 0.05  # of "surely": components that tell images apart with an AUROC of MIN_AUROC pass at most this often
_BLOCK_NUMBERS = 1 << 20


@dataclass(frozen=True, eq=False)
class HeldOut:
    """How well components tell sampled images that show a probe from the others, pair by pair of the two.

    An image shows the probe when its similarity to it is at least half-way from that of the whole sample to that of
    the component's examples, which are left out themselves. `auroc` is the chance that the component responds more
    strongly to an image that shows the probe than to one that does not (.5 is chance; Mann & Whitney 1947), NaN
    where fewer than 10 images do or do not. `shown` says how many do, `others` how many do not. Such a component is
    not `checked`: it is neither `confirmed` (.75 or more) nor `refuted`.
    """

    auroc: Float[np.ndarray, " pair"]
    shown: Int[np.ndarray, " pair"]
    others: Int[np.ndarray, " pair"]

    def __post_init__(self) -> None:
        freeze(self, "auroc", "shown", "others")

    @property
    def checked(self) -> Bool[np.ndarray, " pair"]:
        return ~np.isnan(self.auroc)

    @property
    def confirmed(self) -> Bool[np.ndarray, " pair"]:
        return self.auroc >= MIN_AUROC

    @property
    def refuted(self) -> Bool[np.ndarray, " pair"]:
        return self.auroc < MIN_AUROC

    def passes_corrected(self, tried: int) -> Bool[np.ndarray, " pair"]:
        """Which would pass although they were picked among `tried` for passing. Nobody who cannot be judged.

        The AUROC exceeds .75 by more than the best of `tried` gains by luck in 95 of 100 cases: by that many of its
        standard errors (Hanley & McNeil 1982).
        """
        above, beyond = self.auroc / (2 - self.auroc), 2 * self.auroc**2 / (1 + self.auroc)
        spread = self.auroc * (1 - self.auroc) + (self.shown - 1) * (above - self.auroc**2)
        spread += (self.others - 1) * (beyond - self.auroc**2)
        error = np.sqrt(np.maximum(spread, 0) / np.maximum(self.shown * self.others, 1))
        return self.auroc - float(-ndtri(ALPHA / max(tried, 1))) * error >= MIN_AUROC


def held_out(
    space: SemanticSpace,
    rows: Int[np.ndarray, " pair"],
    vectors: Float[np.ndarray, "pair dim"],
    query_rows: Sequence[int] = (),
) -> HeldOut:
    """Components (as rows) and probes held against the space's sample. Nobody is judged where it has none.

    `query_rows` are rows of components that the probes were made from: their examples are left out as well.
    """
    auroc, (shown, others) = np.full(len(rows), np.nan), np.zeros((2, len(rows)), np.int64)
    sample = space.sample
    if sample is None or not len(sample):
        return HeldOut(auroc, shown, others)
    examples, step = space.examples, max(1, _BLOCK_NUMBERS // len(sample))
    made_of = [examples.images[row, : examples.counts[row]] for row in query_rows]
    known = np.isin(sample.images, np.concatenate(made_of) if made_of else [])
    examples.images, examples.counts, space.vectors  # noqa: B018  read from the file before threads ask for them

    def judge(start: int) -> None:
        pairs = slice(start, start + step)
        auroc[pairs], shown[pairs], others[pairs] = _judged(space, sample, rows[pairs], vectors[pairs], known)

    for _ in on_all(judge, range(0, len(rows), step)):
        pass
    return HeldOut(auroc, shown, others)


def _judged(
    space: SemanticSpace, sample: Sample, rows: np.ndarray, vectors: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(AUROC, images that show it, others) of some pairs; sampled images that are `known` are no evidence."""
    some, number = np.unique(rows, return_inverse=True)  # a component may have several words
    examples = space.examples
    images = examples.images[some]
    place = np.minimum(np.searchsorted(sample.images, images), len(sample) - 1)
    ranked = np.arange(place.shape[1]) < examples.counts[some, None]
    own = np.tile(known, (len(some), 1))
    component, rank = np.nonzero(ranked & (sample.images[place] == images))
    own[component, place[component, rank]] = True
    ranks = mean_ranks(np.where(own, np.inf, sample.activations[:, some].T))[number]
    similarity = vectors @ sample.vectors.T
    usual, best = similarity.mean(1), space.mean_similarity(rows, vectors)
    shows = ~own[number] & (similarity >= (usual + best)[:, None] / 2)
    yes = shows.sum(1)
    no = (~own).sum(1)[number] - yes
    above = np.einsum("pi,pi->p", ranks, shows) - yes * (yes + 1) / 2
    judged = np.minimum(yes, no) >= MIN_IMAGES
    return np.where(judged, above / np.maximum(yes * no, 1), np.nan), yes, no


def mean_ranks(values: Float[np.ndarray, "row image"]) -> Float[np.ndarray, "row image"]:
    """Each number's rank in its row, from 1; equal ones share the mean of theirs, as scipy's `rankdata` has it.

    (scipy.stats takes a second to import, which a first search would wait for.)
    """
    order = np.argsort(values, axis=1)
    rising = np.take_along_axis(values, order, 1)
    place = np.arange(values.shape[1])
    begins, ends = np.ones((2, *values.shape), bool)
    begins[:, 1:] = ends[:, :-1] = rising[:, 1:] != rising[:, :-1]
    first = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, place, len(place))[:, ::-1], axis=1)[:, ::-1]
    result = np.empty(values.shape)
    np.put_along_axis(result, order, (first + last) / 2 + 1, axis=1)
    return result
