"""What is measured of some images: right and wrong, ranking, and whether the probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtr

from ..effect import area_under_curve
from ..intervals import UNKNOWN, Interval, of_few
from .answers import Answers
from .estimates import NOTHING, ROUNDS, Estimate, Z, bootstrap, of_auroc, of_share

Measure = Literal["accuracy", "auroc", "sensitivity", "specificity", "brier", "ece"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
COMPARED: tuple[Measure, ...] = ("accuracy", "auroc", "sensitivity", "specificity")
"""What groups of images are compared by; the other two say how far probabilities can be believed."""
OF_CLASS: tuple[Measure, ...] = ("sensitivity", "specificity", "auroc")
WRITTEN = {"accuracy": "accuracy", "auroc": "AUROC", "sensitivity": "sensitivity", "specificity": "specificity",
           "brier": "Brier score", "ece": "calibration error"}  # fmt: skip
BINS = 15
_BY_CHANCE = 0.02  # of answers that are calibrated; what is surely no chance then keeps 95 % intervals
_MOST = 1 << 28  # of rounds × images × classes; beyond, means over classes are not resampled


@dataclass(frozen=True)
class Bin:
    """Images whose confidence lies between `low` and `high`: how many, their mean confidence, and how often right."""

    low: float
    high: float
    images: int
    confidence: float
    right: Interval


@dataclass(frozen=True)
class ClassMeasures:
    """One class against all others: `images` of it, and what is measured; NaN where it has no image, or all have it."""

    name: str
    images: int
    sensitivity: Interval
    specificity: Interval
    auroc: Interval


@dataclass(frozen=True, eq=False)
class Measures:
    """What is measured of some images, with 95 % intervals.

    images, positives: how many, and how many of these are of the target; `positives` is 0 without a target.
    estimates: by measure. "accuracy": the share of images whose class is predicted (of several labels at once: whose
               target is said rightly). "auroc": the chance that an image of the target is ranked above another one.
               "sensitivity", "specificity": the share of images with and without the target of which that is said.
               "brier": the mean squared error of the probabilities, over all classes, of two classes or several labels
               at once of the target's alone (Brier 1950). "ece": the expected calibration error, by the confidence in
               what is predicted, in 15 bins of equal width (Naeini et al. 2015; Guo et al. 2017). Without a target
               AUROC, sensitivity and specificity are means over the classes, each against the others.
    why:       by measure why it is not known, in words.
    """

    images: int
    positives: int
    estimates: Mapping[Measure, Estimate]
    why: Mapping[Measure, str] = field(default_factory=dict)

    @cached_property
    def _intervals(self) -> dict[str, Interval]:
        return {str(name): estimate.interval for name, estimate in self.estimates.items()}

    def __getitem__(self, measure: str) -> Interval:
        """`measures["auroc"]`."""
        if measure not in MEASURES:
            raise KeyError(f"no measure {measure!r}; there are {', '.join(MEASURES)}")
        return self._intervals.get(measure, UNKNOWN)

    @property
    def accuracy(self) -> Interval:
        return self["accuracy"]

    @property
    def auroc(self) -> Interval:
        return self["auroc"]

    @property
    def sensitivity(self) -> Interval:
        return self["sensitivity"]

    @property
    def specificity(self) -> Interval:
        return self["specificity"]

    @property
    def brier(self) -> Interval:
        return self["brier"]

    @property
    def ece(self) -> Interval:
        return self["ece"]

    def to_row(self) -> dict[str, Any]:
        row: dict[str, Any] = {"images": self.images, "positives": self.positives}
        for name in MEASURES:
            interval = self[name]
            row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
        return row


def measure(answers: Answers, target: int | None, *, calibration: bool = True) -> Measures:
    """What is measured of these images, for one class by number; of None means over the classes are taken.

    calibration: Brier score and calibration error as well.
    """
    why: dict[Measure, str] = {}
    found: dict[Measure, Estimate] = {}
    known = _known(answers, target)
    answers = answers.only(known)
    n = len(answers)
    right = _right(answers, target)
    found["accuracy"] = of_share(int(right.sum()), n)
    if not n:
        why = dict.fromkeys(MEASURES, "no image")
        return Measures(0, 0, found, why)
    if target is None:
        found |= _over_classes(answers, why)
        positives = 0
    else:
        positive = answers.truth[:, target] == 1
        positives = int(positive.sum())
        found |= _of_class(answers, target, positive, why)
    if calibration:
        found |= _calibration(answers, target)
    return Measures(n, positives, found, why)


def by_class(answers: Answers) -> tuple[ClassMeasures, ...]:
    """Every class against all others."""
    made = []
    for number, name in enumerate(answers.classes):
        mine = answers.only(~np.isnan(answers.truth[:, number]))
        positive = mine.truth[:, number] == 1
        found = _of_class(mine, number, positive, {})
        intervals = [found[m].interval for m in OF_CLASS]
        made.append(ClassMeasures(name, int(positive.sum()), *intervals))
    return tuple(made)


def reliability(answers: Answers, target: int | None) -> tuple[Bin, ...]:
    """The bins that have images, of the confidence in what is predicted."""
    answers = answers.only(_known(answers, target))
    confidence, right = _confidence(answers, target), _right(answers, target)
    at = _bin(confidence)
    made = []
    for number in np.unique(at).tolist():
        own = at == number
        share = of_share(int(right[own].sum()), int(own.sum())).interval
        made.append(Bin(number / BINS, (number + 1) / BINS, int(own.sum()), float(confidence[own].mean()), share))
    return tuple(made)


# single measures


def _known(answers: Answers, target: int | None) -> Bool[np.ndarray, " image"]:
    return ~np.isnan(answers.truth[:, 0 if target is None else target])


def _right(answers: Answers, target: int | None) -> Bool[np.ndarray, " image"]:
    if answers.exclusive or target is None:
        return (answers.says == (answers.truth == 1)).all(1)
    return answers.says[:, target] == (answers.truth[:, target] == 1)


def _of_class(
    answers: Answers, target: int, positive: Bool[np.ndarray, " image"], why: dict[Measure, str]
) -> dict[Measure, Estimate]:
    says, name = answers.says[:, target], answers.classes[target]
    yes, no = int(positive.sum()), int((~positive).sum())
    if not yes:
        why |= dict.fromkeys(("sensitivity", "auroc"), f"no image is {name}")
    if not no:
        why |= dict.fromkeys(("specificity", "auroc"), f"every image is {name}")
    return {
        "auroc": of_auroc(answers.margins[:, target], positive),
        "sensitivity": of_share(int(says[positive].sum()), yes),
        "specificity": of_share(int((~says[~positive]).sum()), no),
    }


def _over_classes(answers: Answers, why: dict[Measure, str]) -> dict[Measure, Estimate]:
    """Means over the classes that have images and others beside them; images are resampled within their classes."""
    labels, classes = answers.labels, len(answers.classes)
    counts = np.bincount(labels, minlength=classes)
    seen = np.flatnonzero((counts > 0) & (counts < len(labels))).tolist()
    if not seen:
        why |= dict.fromkeys(("auroc", "sensitivity", "specificity"), "all images are of one class")
        return dict.fromkeys(("auroc", "sensitivity", "specificity"), NOTHING)
    if len(seen) < classes:
        lacking = [answers.classes[c] for c in range(classes) if c not in seen]
        why |= {"auroc": f"a mean over {len(seen)} of {classes} classes: no image of {', '.join(lacking[:5])}"}
    of = answers.truth == 1
    own = {
        "auroc": lambda w, c: area_under_curve(answers.margins[:, c], of[:, c], w),
        "sensitivity": lambda w, c: _share(w, answers.says[:, c], of[:, c]),
        "specificity": lambda w, c: _share(w, ~answers.says[:, c], ~of[:, c]),
    }
    single = {c: _of_class(answers, c, of[:, c], {}) for c in seen}
    made: dict[Measure, Estimate] = {}
    for name, value in own.items():
        listed = [single[c][name] for c in seen]  # type: ignore[index]
        mean = float(np.mean([e.value for e in listed]))
        if ROUNDS * len(labels) * len(seen) <= _MOST:
            _, low, high = bootstrap(
                lambda w, v=value: np.mean([v(w, c) for c in seen], 0), labels, rounds=ROUNDS  # type: ignore[misc]
            )
        else:  # no mean is less sure than its parts are on average
            ends = np.asarray([e.ends(Z) for e in listed])
            low, high = (float(end) for end in ends.mean(0))
        made[name] = Estimate(mean, "drawn", drawn=(low, high))  # type: ignore[index]
    return made


def _share(
    weights: Float[np.ndarray, "round image"], right: Bool[np.ndarray, " image"], among: Bool[np.ndarray, " image"]
) -> Float[np.ndarray, " round"]:
    return (weights @ (right & among)) / (weights @ among)


def _calibration(answers: Answers, target: int | None) -> dict[Measure, Estimate]:
    if answers.exclusive and len(answers.classes) > 2:
        error = ((answers.chances - answers.truth) ** 2).sum(1)
    else:
        column = len(answers.classes) - 1 if target is None else target
        error = (answers.chances[:, column] - answers.truth[:, column]) ** 2
    brier = of_few(error)
    known = Estimate(brier.mean, "drawn", drawn=(brier.low, brier.high))
    return {"brier": known, "ece": of_calibration(_confidence(answers, target), _right(answers, target))}


def of_calibration(confidence: Float[np.ndarray, " image"], right: Bool[np.ndarray, " image"]) -> Estimate:
    """The expected calibration error, as it is usually computed, with an interval for what it would be of all images.

    With few images in a bin the error is never 0: chance alone makes confidence and right answers differ. So the
    interval is laid about the error with that taken off (in each bin the size of a normal number of which this is the
    expected absolute value), as wide as the images in each bin vary, and begins at 0 unless the error is larger than in
    98 of 100 draws of answers that are right exactly as often as the confidences say.
    """
    n, at = len(confidence), _bin(confidence)
    gap = confidence - right
    counts, sums, squares = (np.bincount(at, w, minlength=BINS) for w in (np.ones(n), gap, gap**2))
    value = float(np.abs(sums).sum() / n)
    seen = counts > 0
    mean = np.abs(sums[seen]) / counts[seen]
    least = 0.25 * squares.sum() / n  # a bin of one image does not say how much images vary
    spread = np.sqrt(np.maximum(squares[seen] / counts[seen] - mean**2, least) / counts[seen])
    wide = Z * float(np.sqrt(((counts[seen] * spread) ** 2).sum())) / n
    centre = float((counts[seen] * _without_chance(mean, spread)).sum()) / n
    by_chance = np.bincount(at, confidence * (1 - confidence), minlength=BINS) ** 0.5
    null = np.abs(np.random.default_rng(0).normal(size=(ROUNDS, BINS)) * by_chance).sum(1) / n
    surely = (null >= value).mean() <= _BY_CHANCE
    low = max(centre - wide, 0.0) if surely else 0.0
    return Estimate(value, "drawn", drawn=(min(low, value), min(max(centre + wide, value), 1.0)))


_GRID = np.linspace(0, 6, 601)
_FOLDED = _GRID * (2 * ndtr(_GRID) - 1) + 2 * np.exp(-(_GRID**2) / 2) / np.sqrt(2 * np.pi)  # of |a normal number|


def _without_chance(
    mean: Float[np.ndarray, " bin"], spread: Float[np.ndarray, " bin"]
) -> Float[np.ndarray, " bin"]:
    """The size of a number whose noisy absolute value is expected to be `mean`."""
    size = mean / np.maximum(spread, 1e-12)
    return np.where(size > 5, mean, np.interp(size, _FOLDED, _GRID) * spread)


def _confidence(answers: Answers, target: int | None) -> Float[np.ndarray, " image"]:
    """The probability of what is predicted."""
    if answers.exclusive or target is None:
        return answers.chances.max(1)
    return np.maximum(answers.chances[:, target], 1 - answers.chances[:, target])


def _bin(confidence: Float[np.ndarray, " image"]) -> Any:
    """The bin of each image; a confidence on an edge belongs to the bin below, as usual."""
    return np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
