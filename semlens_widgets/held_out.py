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

from .showing import MIN_IMAGES
from .space import Sample, SemanticSpace
from .threads import on_all
from .vectors import freeze

MIN_AUROC = 0.75  # half-way from chance (.5) to telling all images apart; by chance, 10 images pass in 1 case of 250
ALPHA = 0.05  # of "surely": components that tell images apart with an AUROC of MIN_AUROC pass at most this often
_BLOCK_NUMBERS = 1 << 20


@dataclass(frozen=True, eq=False)
class HeldOut:
    """How well components tell sampled images that show a probe from those that do not, pair by pair of the two.

    Which images those are `Showing` says; a component's own examples are left out. `auroc` is the chance that the
    component responds more strongly to an image that shows the probe than to one that does not (.5 is chance; Mann &
    Whitney 1947), NaN where there are fewer than 10 of either. `shown` says how many do, `others` how many do not.

    An AUROC of .75 or more is `confirmed`. A lower one is `refuted` where the images are `told_apart`. Where they are
    not, it proves nothing: of the images that are most alike to the probe some may not show it, and others may.
    """

    auroc: Float[np.ndarray, " pair"]
    shown: Int[np.ndarray, " pair"]
    others: Int[np.ndarray, " pair"]
    told_apart: Bool[np.ndarray, " pair"]

    def __post_init__(self) -> None:
        freeze(self, "auroc", "shown", "others", "told_apart")

    @property
    def checked(self) -> Bool[np.ndarray, " pair"]:
        """Whether there are images enough, of which it is sure enough what they show."""
        return self.confirmed | self.refuted

    @property
    def verdicts(self) -> Float[np.ndarray, " pair"]:
        """The AUROC where it is a verdict, NaN where it proves nothing."""
        return np.where(self.checked, self.auroc, np.nan)

    @property
    def confirmed(self) -> Bool[np.ndarray, " pair"]:
        return self.auroc >= MIN_AUROC

    @property
    def refuted(self) -> Bool[np.ndarray, " pair"]:
        return (self.auroc < MIN_AUROC) & self.told_apart

    def passes_corrected(self, tried: int) -> Bool[np.ndarray, " pair"]:
        """Which would pass although they were picked among `tried` for passing. Nobody who cannot be judged."""
        return self.surely(tried) >= MIN_AUROC

    def surely(self, tried: int) -> Float[np.ndarray, " pair"]:
        """What each AUROC surely exceeds although it was picked among `tried` for being large; NaN for who is not
        judged.

        It is by as much lower as the best of `tried` gains by luck in 95 of 100 cases: by that many of its standard
        errors (Hanley & McNeil 1982).
        """
        above, beyond = self.auroc / (2 - self.auroc), 2 * self.auroc**2 / (1 + self.auroc)
        spread = self.auroc * (1 - self.auroc) + (self.shown - 1) * (above - self.auroc**2)
        spread += (self.others - 1) * (beyond - self.auroc**2)
        error = np.sqrt(np.maximum(spread, 0) / np.maximum(self.shown * self.others, 1))
        return self.auroc - float(-ndtri(ALPHA / max(tried, 1))) * error


def held_out(
    space: SemanticSpace,
    rows: Int[np.ndarray, " pair"],
    vectors: Float[np.ndarray, "probe dim"],
    query_rows: Sequence[int] = (),
    *,
    probe: Int[np.ndarray, " pair"] | None = None,
) -> HeldOut:
    """Components (as rows) and probes held against the space's sample. Nobody is judged where it has none.

    `probe` says which of `vectors` each pair has, unless each has one of its own. `query_rows` are rows of components
    that the probes were made from: their examples are left out as well.
    """
    probe = np.arange(len(rows)) if probe is None else np.asarray(probe)
    auroc, (shown, others) = np.full(len(rows), np.nan), np.zeros((2, len(rows)), np.int64)
    told = np.zeros(len(rows), bool)
    sample = space.sample
    if sample is None or not len(sample):
        return HeldOut(auroc, shown, others, told)
    examples, step = space.examples, max(1, _BLOCK_NUMBERS // len(sample))
    made_of = [examples.images[row, : examples.counts[row]] for row in query_rows]
    known = np.isin(sample.images, np.concatenate(made_of) if made_of else [])
    used, probe = np.unique(probe, return_inverse=True)
    show = space.showing(vectors[used])
    told[:] = show.told_apart[probe]
    examples.images, examples.counts, sample.ranks  # noqa: B018  read from the file before threads ask for them

    def judge(start: int) -> None:
        pairs = slice(start, start + step)
        shows, lacks = show.without(known | _own(space, sample, rows[pairs]), probe[pairs])
        components, number = np.unique(rows[pairs], return_inverse=True)
        auroc[pairs], shown[pairs], others[pairs] = _aurocs(sample.ranks[components], number, shows, lacks)

    for _ in on_all(judge, range(0, len(rows), step)):
        pass
    return HeldOut(auroc, shown, others, told)


def _own(space: SemanticSpace, sample: Sample, rows: Int[np.ndarray, " pair"]) -> Bool[np.ndarray, "pair image"]:
    """Which sampled images are examples of each component."""
    examples = space.examples
    images = examples.images[rows]
    place = np.minimum(np.searchsorted(sample.images, images), len(sample) - 1)
    ranked = np.arange(place.shape[1]) < examples.counts[rows, None]
    pair, rank = np.nonzero(ranked & (sample.images[place] == images))
    own = np.zeros((len(rows), len(sample)), bool)
    own[pair, place[pair, rank]] = True
    return own


def _aurocs(
    ranks: Int[np.ndarray, "component image"], component: Int[np.ndarray, " pair"],
    shows: Bool[np.ndarray, "pair image"], lacks: Bool[np.ndarray, "pair image"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """(AUROC, images that show it, others) of pairs with these components; equal values count half, images that are
    neither do not."""
    count, images = shows.shape
    order = np.argsort(ranks, axis=1, kind="stable")
    rising = np.take_along_axis(ranks, order, 1)
    place = np.arange(images, dtype=np.int32)
    begins, ends = np.ones((2, *ranks.shape), bool)
    begins[:, 1:] = ends[:, :-1] = rising[:, 1:] != rising[:, :-1]
    first = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, place, images)[:, ::-1], axis=1)[:, ::-1]
    kinds = shows.view(np.uint8) * np.uint8(2) + lacks.view(np.uint8)
    kinds = kinds.reshape(-1).take(order[component] + images * np.arange(count)[:, None])  # from the weakest on
    passed = np.zeros((count, images + 1), np.int32)  # of those that lack it, before each place
    np.cumsum(kinds & 1, axis=1, out=passed[:, 1:])
    pair, at = np.nonzero(kinds > 1)
    of = component[pair]
    below = passed[pair, first[of, at]] + passed[pair, last[of, at] + 1]
    above = np.bincount(pair, below, minlength=count) / 2
    yes, no = np.bincount(pair, minlength=count), passed[:, -1].astype(np.int64)
    return np.where(np.minimum(yes, no) >= MIN_IMAGES, above / np.maximum(yes * no, 1), np.nan), yes, no
