"""What is measured: right and wrong, AUROC, recall and change under every condition, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..intervals import Interval
from ..outputs import Outputs
from .value import CURVE_DRAWS, Measured, Point, Side

_ROUNDS = 300
_NOTHING = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, eq=False)
class Answers:
    """What the model answered under every condition: right or wrong, each image's own class predicted or not, and the
    target's logit margin. Nothing is right or wrong of a regression."""

    right: Bool[np.ndarray, "condition image"] | None
    own: Bool[np.ndarray, "condition image"] | None
    margins: Float[np.ndarray, "condition image"]
    labels: Int[np.ndarray, " image"]
    target: int
    classes: int

    @classmethod
    def of(
        cls,
        outputs: Outputs,
        answered: Float[np.ndarray, "condition image output"],
        labels: Int[np.ndarray, " image"],
        target: int,
    ) -> Answers:
        classes = len(outputs.classes)
        margins = outputs.margins(answered, target)
        if outputs.kind == "regression":
            return cls(None, None, margins, labels, target, 0)
        if outputs.kind == "multi":
            predicted = outputs.is_predicted(answered)
            own = np.take_along_axis(predicted, labels[None, :, None], axis=2)[..., 0]
            return cls(predicted[..., target] == (labels == target), own, margins, labels, target, classes)
        right = outputs.predicted(answered) == labels
        return cls(right, right, margins, labels, target, classes)

    def sides(self, counts: Mapping[str, int]) -> dict[Side, Measured]:
        first = 2 + counts["equal"]
        sides: dict[Side, Measured] = {
            "as it is": self._resampled(0),
            "switched off": self._resampled(1),
            "random, equal number": self._drawn(range(2, first)),
        }
        if counts["weighed"]:
            sides["random, equal relevance"] = self._drawn(range(first, first + counts["weighed"]))
        return sides

    def curve(self, name: str, numbers: Sequence[int], counts: Mapping[str, int]) -> list[Point]:
        if self.right is None:
            return []
        first = 2 + counts["equal"] + counts["weighed"]
        control = first + counts["steps"]
        points = []
        for at, number in enumerate(numbers):
            last = at == len(numbers) - 1
            own = 1 if last else first + at
            whole = range(2, 2 + min(counts["equal"], CURVE_DRAWS))
            drawn = whole if last else range(control + at, len(self.right), counts["steps"])
            accuracies = [float(self.right[c].mean()) for c in drawn]
            areas = [float(self._areas(c, self._once)[0]) for c in drawn]
            points.append(
                Point(
                    name, number, float(self.right[own].mean()), float(self._areas(own, self._once)[0]),
                    _spanned(accuracies), _spanned(areas),
                )
            )  # fmt: skip
        return points

    @property
    def _once(self) -> Float[np.ndarray, "round image"]:
        return np.full((1, len(self.labels)), 1 / len(self.labels))

    def _areas(self, condition: int, weights: Float[np.ndarray, "round image"]) -> Float[np.ndarray, " round"]:
        return area_under_curve(self.margins[condition], self.labels == self.target, weights)

    def _resampled(self, condition: int) -> Measured:
        n = len(self.labels)
        weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=_ROUNDS) / n
        weights = np.concatenate([self._once, weights])
        change = self.margins[condition] - self.margins[0]
        moved = _interval(weights @ change), _interval(weights @ np.abs(change))
        if self.right is None or self.own is None:
            return Measured(_NOTHING, _NOTHING, (), *moved)
        right, own = self.right[condition].astype(np.float64), self.own[condition].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls = [
                (weights @ (own * (self.labels == c))) / (weights @ (self.labels == c)) for c in range(self.classes)
            ]
        return Measured(
            _interval(weights @ right),
            _interval(self._areas(condition, weights)),
            tuple(_interval(r) for r in recalls),
            *moved,
        )

    def _drawn(self, conditions: range) -> Measured:
        changes = [self.margins[c] - self.margins[0] for c in conditions]
        moved = (
            _spanned([float(change.mean()) for change in changes]),
            _spanned([float(np.abs(change).mean()) for change in changes]),
        )
        if self.right is None or self.own is None:
            return Measured(_NOTHING, _NOTHING, (), *moved)
        recalls = []
        for number in range(self.classes):
            of = self.labels == number
            recalls.append(_spanned([float(self.own[c][of].mean()) if of.any() else np.nan for c in conditions]))
        return Measured(
            _spanned([float(self.right[c].mean()) for c in conditions]),
            _spanned([float(self._areas(c, self._once)[0]) for c in conditions]),
            tuple(recalls),
            *moved,
        )


def _interval(values: Float[np.ndarray, " round"]) -> Interval:
    """The first value, with the 95 % interval of the others."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (np.nan, np.nan)
    return Interval(float(values[0]), float(low), float(high))


def _spanned(values: Sequence[float]) -> Interval:
    if not len(values) or not np.isfinite(values).all():
        return Interval(float("nan"), float("nan"), float("nan"))
    return Interval(float(np.mean(values)), float(np.min(values)), float(np.max(values)))


def area_under_curve(
    scores: Float[np.ndarray, " image"],
    positive: Bool[np.ndarray, " image"],
    weights: Float[np.ndarray, "round image"],
) -> Float[np.ndarray, " round"]:
    """The chance that a positive scores above another image, ties counting half; NaN where there are not both."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores[order]) != 0]))
    inside, outside = (
        np.add.reduceat(weights[:, order] * kind[order], starts, axis=1) for kind in (positive, ~positive)
    )
    below = np.cumsum(outside, 1) - outside / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (inside * below).sum(1) / (inside.sum(1) * outside.sum(1))
