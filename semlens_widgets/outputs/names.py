"""What classes are called, and whether the labels of a data set mean the model's outputs."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log

import numpy as np
from jaxtyping import Int

from ..texts import p_equals, plural

LEVEL = 0.05
SURE = 0.001  # no more images are asked from here on


def class_number(target: int | np.integer | str, classes: Sequence[str]) -> int:
    """The number of a class given by name or number.

    KeyError with the nearest name, or with the numbers where several have the name; IndexError beyond the last.
    """
    if not isinstance(target, str):
        if not 0 <= target < len(classes):
            raise IndexError(f"class {target}; classes go from 0 to {len(classes) - 1}")
        return int(target)
    same = [number for number, name in enumerate(classes) if _meant(name, number, target)]
    if len(same) > 1:
        listed = " and ".join(f"{number} ({classes[number]!r})" for number in same)
        raise KeyError(f"{len(same)} classes are called {target!r}: {listed}; ask by number, or by the longer name")
    if target in classes:
        return list(classes).index(target)
    folded = [name.casefold() for name in classes]
    if folded.count(target.casefold()) == 1:
        return folded.index(target.casefold())
    near = difflib.get_close_matches(target, classes, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    shown = ", ".join(classes if len(classes) <= 8 else [*classes[:7], "…"])
    raise KeyError(f"no class {target!r}; there are {shown}{hint}")


def _meant(name: str, number: int, target: str) -> bool:
    return name == target or name == f"{target} ({number})"


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names of which each stands for one class: those of several classes with the number, "crane (134)"."""
    several = {name for name in names if list(names).count(name) > 1} if len(set(names)) < len(names) else set()
    return tuple(f"{name} ({number})" if name in several else name for number, name in enumerate(names))


@dataclass(frozen=True)
class Agreement:
    """How far a model's predictions agree with labels that are read as numbers of its outputs.

    images, agreeing: how many were asked, and for how many of them label and prediction are the same number.
    chance: the share that would agree if predictions had nothing to do with labels: the sum over classes of how often
            it is a label times how often it is predicted; one of all classes where all images have the same label.
    p:      one-sided binomial test of `agreeing` against `chance`.
    able:   whether so few images can show anything: whether agreement of all of them would.
    """

    images: int
    agreeing: int
    chance: float
    p: float
    able: bool

    @classmethod
    def of(cls, labels: Int[np.ndarray, " image"], predicted: Int[np.ndarray, " image"], classes: int) -> Agreement:
        images = len(labels)
        if not images:
            return cls(0, 0, 1.0, 1.0, False)
        shares, predicted_shares = (np.bincount(numbers, minlength=classes) / images for numbers in (labels, predicted))
        alone = 1 / classes
        one = float(shares.max()) == 1.0
        chance = alone if one else float((shares * predicted_shares).sum())
        full = alone if one else float((shares**2).sum())
        agreeing = int((labels == predicted).sum())
        return cls(images, agreeing, chance, binomial_tail(agreeing, images, chance), full**images < LEVEL)

    @property
    def better_than_chance(self) -> bool:
        return self.p < LEVEL

    def __str__(self) -> str:
        return (
            f"predictions agree with labels for {self.agreeing} of {plural(self.images, 'image')}, where chance gives "
            f"{self.chance * self.images:.1f} (one-sided binomial test, {p_equals(self.p)})"
        )


def binomial_tail(at_least: int, n: int, rate: float) -> float:
    """The chance of so many successes or more in n trials."""
    if at_least <= 0 or rate >= 1:
        return 1.0
    if rate <= 0:
        return 0.0
    terms = (
        exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(rate) + (n - k) * log(1 - rate))
        for k in range(at_least, n + 1)
    )
    return min(1.0, sum(terms))
