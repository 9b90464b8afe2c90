"""Showing: which images show what a probe means, and how many do, judged by how alike they are to it.

Likenesses to a probe are taken for a mixture of two normal distributions, of images that show it and of others, fitted
by maximum likelihood with a penalty that keeps variances from 0 (Chen, Tan and Zhang 2008; Chen and Li 2009). Two
normal distributions fit what is skewed, or has three parts, as well. So the two are told apart only where the fitted
density has a valley between them, and one distribution is clearly worse (by BIC). Where they are not, nobody knows
which images show the probe, and those that are most alike to it stand in for them: images of which some show it, beside
others of which most do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from .vectors import freeze

SURE = 0.9  # chance that an image shows the probe (or does not), before it counts
VALLEY = 0.5  # of the lower peak's density; told apart are groups with no more between them
MOST_ALIKE = 0.05  # share of the images that stand in for those that show the probe, where nobody knows which do
MIN_IMAGES = 10  # on either side
_FEWEST = 40  # images that a mixture is fitted to
_STARTS = np.array([0.02, 0.1, 0.25, 0.5, 0.75])  # shares of images that show the probe, to begin with
_SHARES = np.array(
    [0.002, 0.004, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96]
)  # that an interval is sought among
_BINS, _ROUNDS = 120, 60
_AT_ONCE = 64  # probes
_PENALTY = 0.25  # images' worth of the whole variance that either variance is drawn to
_Z_95 = 1.959963984540054


class Prevalence(NamedTuple):
    """The share of images that show a probe, with its 95 % interval; NaN for the share where it cannot be told."""

    share: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.share):
            return f"at most {self.high:.0%} of the images" if self.high < 1 else "an unknown share of the images"
        return f"{self.share:.1%} ({self.low:.1%} to {self.high:.1%}) of the images"


@dataclass(frozen=True, eq=False)
class Showing:
    """Which images show each probe, and which do not; the others are unsure, and neither.

    `told_apart`: probes whose likenesses have two groups. Their images `shows` or `lacks` the probe with a chance of
    at least .9. Of other probes `shows` are the 5 % of the images that are most alike to it (at least 10) and
    `lacks` all others: some of the first may not show it, and some of the others may.
    """

    likeness: Float[np.ndarray, "probe image"]
    shows: Bool[np.ndarray, "probe image"]
    lacks: Bool[np.ndarray, "probe image"]
    told_apart: Bool[np.ndarray, " probe"]

    def __post_init__(self) -> None:
        freeze(self, "likeness", "shows", "lacks", "told_apart")

    def without(
        self, left_out: Bool[np.ndarray, "pair image"], probe: Int[np.ndarray, " pair"]
    ) -> tuple[Bool[np.ndarray, "pair image"], Bool[np.ndarray, "pair image"]]:
        """(`shows`, `lacks`) of some probes when some images do not count: others are then most alike to a probe."""
        shows, lacks = self.shows[probe] & ~left_out, self.lacks[probe] & ~left_out
        for number in np.unique(probe[~self.told_apart[probe]]):
            pairs = np.flatnonzero(probe == number)
            shows[pairs], lacks[pairs] = _most_alike(self.likeness[number], ~left_out[pairs])
        return shows, lacks

    @cached_property
    def chances(self) -> Float[np.ndarray, "probe image"]:
        """The chance that each image shows each probe, by the mixture; NaN for probes that are not told apart.

        What is expected of an image is linear in it: as a predictor in place of what is really shown, it leaves slopes
        as they are, where likenesses or a hard cut, which err, make them smaller (regression calibration: Carroll et
        al., Measurement Error in Nonlinear Models, 2006, chapter 4).
        """
        result = np.full(self.likeness.shape, np.nan)
        for at, binned in _binned(self.likeness):
            fitted = _fit(binned, _STARTS, free=True)
            for mine, probe in enumerate(at):
                if self.told_apart[probe]:
                    result[probe] = fitted.best_of(mine).chance(_standardised(self.likeness[probe]))
        return result

    @cached_property
    def prevalence(self) -> tuple[Prevalence, ...]:
        """How many images show each probe: the mixture's share, with the interval of its profile likelihood (Wilks).

        Where the groups are not told apart there is no share, and the interval begins at 0.
        """
        result = [Prevalence(np.nan, 0.0, 1.0)] * len(self.likeness)
        for at, binned in _binned(self.likeness):
            free, fixed = _fit(binned, _STARTS, free=True), _fit(binned, _SHARES, free=False)
            for mine, probe in enumerate(at):
                result[probe] = _interval(free.best_of(mine), fixed.likelihood[mine], bool(self.told_apart[probe]))
        return tuple(result)


def showing(likeness: Float[np.ndarray, "probe image"]) -> Showing:
    """Tell images that show a probe from those that do not, by their likeness (cosine) to it."""
    likeness = np.asarray(likeness, np.float64)
    shows, lacks = np.zeros((2, *likeness.shape), bool)
    told = np.zeros(len(likeness), bool)
    for at, binned in _binned(likeness):
        fitted = _fit(binned, _STARTS, free=True)
        for mine, probe in enumerate(at):
            shows[probe], lacks[probe] = _told_apart(likeness[probe], fitted.best_of(mine), binned.one[mine])
        told[at] = np.minimum(shows[at].sum(1), lacks[at].sum(1)) >= MIN_IMAGES
    everybody = np.ones((1, likeness.shape[1]), bool)
    for probe in np.flatnonzero(~told):
        (shows[probe],), (lacks[probe],) = _most_alike(likeness[probe], everybody)
    return Showing(likeness, shows, lacks, told)


def _most_alike(
    likeness: Float[np.ndarray, " image"], counts: Bool[np.ndarray, "pair image"]
) -> tuple[Bool[np.ndarray, "pair image"], Bool[np.ndarray, "pair image"]]:
    """Of the images that count those that are most alike to a probe, and the others; none where too few are left."""
    left = counts.sum(1)
    wanted = np.maximum(MIN_IMAGES, np.rint(MOST_ALIKE * left))
    able = (left >= wanted + MIN_IMAGES) & bool(len(likeness) and np.ptp(likeness))
    # They are among the first of all: behind them come only as many as do not count.
    among = int(wanted.max(initial=0) + (len(likeness) - left).max(initial=0))
    order = np.argsort(-likeness, kind="stable")[:among]
    ranked = counts[:, order]
    first = ranked & (ranked.cumsum(1) <= wanted[:, None]) & able[:, None]
    shows = np.zeros(counts.shape, bool)
    shows[:, order] = first
    return shows, counts & ~shows & able[:, None]


def _told_apart(likeness: Float[np.ndarray, " image"], two: _Mixture, one: float) -> tuple[np.ndarray, np.ndarray]:
    """The images that surely show a probe, and those that surely do not; none where there are no two groups."""
    if 2 * (two.likelihood - one) < 3 * np.log(len(likeness)) or two.valley() > VALLEY:
        nobody = np.zeros(len(likeness), bool)
        return nobody, nobody
    chance = two.chance(_standardised(likeness))
    return chance >= SURE, chance <= 1 - SURE


def _standardised(likeness: Float[np.ndarray, " image"]) -> Float[np.ndarray, " image"]:
    return (likeness - likeness.mean()) / likeness.std()


@dataclass(frozen=True, eq=False)
class _Binned:
    """Likenesses in units of their deviation, counted in bins: as quick for a million images as for a hundred."""

    middles: Float[np.ndarray, "probe bin"]
    counts: Float[np.ndarray, "probe bin"]
    rising: Float[np.ndarray, "probe image"]

    @property
    def one(self) -> Float[np.ndarray, " probe"]:
        """The log-likelihood of one normal distribution, with the penalty of two."""
        return -0.5 * (self.counts * self.middles**2).sum(1) - 2 * _PENALTY


def _binned(likeness: Float[np.ndarray, "probe image"]) -> Iterator[tuple[Int[np.ndarray, " some"], _Binned]]:
    """Block by block the probes whose likenesses a mixture can be fitted to, with those."""
    if likeness.shape[1] < _FEWEST:
        return
    able = np.flatnonzero(np.ptp(likeness, axis=1) > 0)
    for start in range(0, len(able), _AT_ONCE):
        at = able[start : start + _AT_ONCE]
        part = likeness[at]
        rising = np.sort((part - part.mean(1, keepdims=True)) / part.std(1, keepdims=True), axis=1)
        counted = [np.histogram(line, _BINS) for line in rising]
        edges = np.stack([edges for _, edges in counted])
        counts = np.stack([counts for counts, _ in counted]).astype(float)
        yield at, _Binned((edges[:, 1:] + edges[:, :-1]) / 2, counts, rising)


class _Mixture(NamedTuple):
    """The share of images that show a probe; means and deviations of the others, and of those; the log-likelihood."""

    share: float
    mean: Float[np.ndarray, " 2"]
    deviation: Float[np.ndarray, " 2"]
    likelihood: float  # with the penalty

    def densities(self, x: Float[np.ndarray, " x"]) -> Float[np.ndarray, "2 x"]:
        weight = np.array([1 - self.share, self.share]) / self.deviation
        return weight[:, None] * np.exp(-0.5 * ((x - self.mean[:, None]) / self.deviation[:, None]) ** 2)

    def valley(self) -> float:
        """The lowest density between the means, as a share of the lower of the peaks beside it; 1: there is none."""
        density = self.densities(np.linspace(self.mean[0], self.mean[1], 201)).sum(0)
        lowest = int(density.argmin())
        return float(density[lowest] / min(density[: lowest + 1].max(), density[lowest:].max()))

    def chance(self, x: Float[np.ndarray, " x"]) -> Float[np.ndarray, " x"]:
        """That an image shows the probe: rising between the means, and beyond them as at them."""
        others, ours = self.densities(np.clip(x, *self.mean))
        return ours / (others + ours)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Mixtures of each probe, from several starts."""

    share: Float[np.ndarray, "probe start"]
    mean: Float[np.ndarray, "probe start 2"]
    deviation: Float[np.ndarray, "probe start 2"]
    likelihood: Float[np.ndarray, "probe start"]  # -inf where those that show it are less alike to it than the others

    def best_of(self, probe: int) -> _Mixture:
        at = probe, int(self.likelihood[probe].argmax())
        return _Mixture(float(self.share[at]), self.mean[at], self.deviation[at], float(self.likelihood[at]))


def _fit(binned: _Binned, shares: Float[np.ndarray, " start"], *, free: bool) -> _Fitted:
    """Mixtures by expectation and maximisation, each from (or, unless `free`, at) a share that shows the probe."""
    x, counts = binned.middles[:, None, None], binned.counts[:, None, None]
    total = binned.rising.shape[1]
    share = np.tile(shares, (len(x), 1))
    cuts = np.clip(np.round(total * (1 - shares)), 2, total - 2).astype(int)
    parts = [(binned.rising[:, :cut], binned.rising[:, cut:]) for cut in cuts]
    mean = np.stack([[low.mean(1), high.mean(1)] for low, high in parts]).transpose(2, 0, 1)
    deviation = np.stack([[low.std(1), high.std(1)] for low, high in parts]).transpose(2, 0, 1) + 0.1
    likelihood = np.zeros(share.shape)
    for _ in range(_ROUNDS):
        weight = np.stack([1 - share, share], -1)
        log = (x - mean[..., None]) / deviation[..., None]
        log *= -0.5 * log
        log += np.log(weight / deviation)[..., None]
        top = log.max(2, keepdims=True)
        each = np.exp(log - top)
        both = each.sum(2, keepdims=True)
        penalty = _PENALTY * (deviation**-2 + 2 * np.log(deviation)).sum(-1)
        likelihood = ((top + np.log(both)) * counts).sum((2, 3)) - penalty
        each *= counts / both
        size = each.sum(-1)
        mean = (each * x).sum(-1) / np.maximum(size, 1e-12)
        variance = (each * (x - mean[..., None]) ** 2).sum(-1)
        deviation = np.sqrt((variance + 2 * _PENALTY) / (size + 2 * _PENALTY))
        if free:
            share = np.clip(size[..., 1] / total, 1e-4, 1 - 1e-4)
    return _Fitted(share, mean, deviation, np.where(mean[..., 1] > mean[..., 0], likelihood, -np.inf))


def _interval(two: _Mixture, profile: Float[np.ndarray, " share"], told: bool) -> Prevalence:
    """From the likelihood at the best share, and at each of `_SHARES`."""
    most = max(two.likelihood, float(profile.max()))
    fallen = np.sqrt(2 * np.maximum(most - profile, 0))  # about straight in the logit of the share
    below, above = two.share > _SHARES, two.share < _SHARES
    high = _crossing(two.share, _SHARES[above], fallen[above], 1.0)
    if not told:
        return Prevalence(np.nan, 0.0, high)
    return Prevalence(two.share, _crossing(two.share, _SHARES[below][::-1], fallen[below][::-1], 0.0), high)


def _crossing(share: float, shares: np.ndarray, fallen: np.ndarray, end: float) -> float:
    """Where the likelihood, going away from its maximum, has fallen as far as it does in 95 of 100 cases."""
    at, before = np.log(share / (1 - share)), 0.0
    for there, now in zip(np.log(shares / (1 - shares)), fallen, strict=True):
        if now >= _Z_95:
            logit = at + (there - at) * (_Z_95 - before) / max(now - before, 1e-9)
            return float(1 / (1 + np.exp(-logit)))
        at, before = there, max(now, before)
    return end
