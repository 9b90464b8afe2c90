"""Numbers that images say something about, with intervals that hold what they promise, also for few images.

The percentile bootstrap of a share is too narrow for few images, and has no width where all of them agree: 8 of 8 would
be 1 to 1. Shares therefore have Wilson's score interval (1927), AUROCs Newcombe's (2006, "method 5"), both of which
keep to [0, 1] and have a width everywhere. What has no such formula is resampled. Differences between independent
images put both intervals together (Newcombe 1998; Zou and Donner 2008, "MOVER").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import brentq
from scipy.special import ndtr

from ..inference import auroc, wilson
from ..intervals import UNKNOWN, Interval
from ..numbers import Number

Z = 1.959963984540054  # of 95 %
ROUNDS = 1000
_NUMBERS = 1 << 22  # of weights at a time
_FURTHEST = 38.0  # standard deviations; the tail beyond is below 1e-300
_EDGE = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A number in [0, 1] from images that are independent of each other, with its interval at any width.

    kind:   "share" (of `counts[1]` images, `value` of which are so), "auroc" (of counts positive and negative images),
            or "drawn" (`drawn` is its 95 % interval by resampling, which grows and shrinks in proportion).
    """

    value: Number
    kind: Literal["share", "auroc", "drawn"]
    counts: tuple[int, int] = (0, 0)
    drawn: tuple[float, float] = (float("nan"), float("nan"))

    def ends(self, z: Number = Z) -> tuple[float, float]:
        """(low, high), z standard deviations wide to either side; 1.96 for 95 %."""
        if not np.isfinite(self.value):
            return float("nan"), float("nan")
        if self.kind == "share":
            return wilson(float(self.value), self.counts[1], float(z))
        if self.kind == "auroc":
            return _newcombe(float(self.value), *self.counts, float(z))
        low, high = self.drawn
        return (
            max(0.0, self.value - (self.value - low) * z / Z), min(1.0, self.value + (high - self.value) * z / Z)
        )  # fmt: skip

    @property
    def interval(self) -> Interval:
        return Interval(float(self.value), *self.ends())


NOTHING = Estimate(float("nan"), "drawn")


def of_share(right: Number, images: int) -> Estimate:
    """The share of images that are right; NaN of none."""
    return Estimate(float(right) / images, "share", (0, images)) if images else NOTHING


def of_auroc(scores: Float[np.ndarray, " image"], positive: np.ndarray) -> Estimate:
    """The chance that a positive image scores higher than another one, ties counting half (Mann and Whitney 1947); NaN
    where there are not both."""
    positive = np.asarray(positive, bool)
    yes, no = int(positive.sum()), int((~positive).sum())
    if not yes or not no:
        return NOTHING
    return Estimate(auroc(scores[positive], scores[~positive]), "auroc", (yes, no))


def _newcombe(found: float, positives: int, negatives: int, z: float) -> tuple[float, float]:
    """The AUROCs that lie z of their own standard errors (Hanley and McNeil 1982, as in Newcombe) from this one."""
    more = (positives + negatives) / 2 - 1

    def error(a: float) -> float:
        inside = 1 + more * ((1 - a) / (2 - a) + a / (1 + a))
        return float(np.sqrt(max(a * (1 - a) * inside / (positives * negatives), 0.0)))

    if not z:
        return found, found
    low = 0.0 if found <= _EDGE else float(brentq(lambda a: found - a - z * error(a), 0.0, found - _EDGE))
    high = 1.0 if found >= 1 - _EDGE else float(brentq(lambda a: a - found - z * error(a), found + _EDGE, 1.0))
    return low, high


def difference(a: Estimate, b: Estimate, z: Number = Z) -> Interval:
    """a less b, with the interval that those of both make; NaN where one is not known."""
    if not (np.isfinite(a.value) and np.isfinite(b.value)):
        return UNKNOWN
    mean = float(a.value - b.value)
    (a_low, a_high), (b_low, b_high) = a.ends(z), b.ends(z)
    down = np.hypot(a.value - a_low, b_high - b.value)
    up = np.hypot(a_high - a.value, b.value - b_low)
    return Interval(mean, float(mean - down), float(mean + up))


def p_of_difference(a: Estimate, b: Estimate) -> float:
    """The two-sided p of no difference: the level at which the interval of the difference just reaches zero."""
    found = difference(a, b)
    if not np.isfinite(found.mean):
        return float("nan")
    if not found.mean:
        return 1.0

    def nearer_end(z: float) -> float:
        at = difference(a, b, z)
        return at.low if found.mean > 0 else -at.high

    if nearer_end(_FURTHEST) > 0:
        return float(2 * ndtr(-_FURTHEST))
    return float(2 * ndtr(-brentq(nearer_end, 0.0, _FURTHEST)))


def bootstrap(
    statistic: Callable[[Float[np.ndarray, "round image"]], Float[np.ndarray, " round"]],
    strata: Int[np.ndarray, " image"],
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
    basic: bool = False,
) -> tuple[float, float, float]:
    """(value, low, high) of a statistic at 95 %: images are drawn with replacement, as many of each stratum as it has.

    statistic: takes how often each image counts, in several rounds at once, and gives a number for each.
    basic:     reflect the quantiles about the value (Davison and Hinkley 1997, 5.6), which takes off the bias of a
               statistic that resampling drives one way, such as a calibration error; else the quantiles as they are.
    """
    n = len(strata)
    value = float(statistic(np.ones((1, n)))[0])
    random = np.random.default_rng(seed)
    step = max(1, _NUMBERS // max(n, 1))
    drawn = np.concatenate(
        [statistic(_counts(strata, min(step, rounds - done), random)) for done in range(0, rounds, step)]
    )
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn) or not np.isfinite(value):
        return value, float("nan"), float("nan")
    low, high = (float(q) for q in np.quantile(drawn, (0.025, 0.975)))
    return (value, 2 * value - high, 2 * value - low) if basic else (value, low, high)


def _counts(
    strata: Int[np.ndarray, " image"], rounds: int, random: np.random.Generator
) -> Float[np.ndarray, "round image"]:
    counts = np.zeros((rounds, len(strata)))
    for stratum in np.unique(strata):
        at = np.flatnonzero(strata == stratum)
        counts[:, at] = random.multinomial(len(at), np.full(len(at), 1 / len(at)), size=rounds)
    return counts
