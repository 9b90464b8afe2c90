"""What the images of a data set are explained for: each for a class of its own, or all for one target."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Int

from .. import targets
from ..images import Images
from ..outputs import Chosen, NoClasses, Outputs, Reading, answering
from ..targets.goal import Goal
from ..targets.over import over

if TYPE_CHECKING:
    import torch

Target = Literal["auto", "label", "predicted"] | int | targets.Target

_STATISTIC = (
    "mean over a class's images of relevance / sum of absolute relevance of the layer; images explained for "
)


def goal_of(
    model: torch.nn.Module, images: Images, target: Target, output: Chosen, read: Outputs | NoClasses
) -> ClassesGoal | OneGoal:
    if isinstance(target, targets.Target):
        goal, target = over(model, images, target, output, read)
        return OneGoal(goal, f"{target.key} {read.key if isinstance(read, Outputs) else output}", not callable(output))
    if isinstance(read, NoClasses):
        raise read
    return ClassesGoal(read, target, labels_of(read, images, target))


class OneGoal:
    """One target for all images: the only class there is."""

    labels = None

    def __init__(self, goal: Goal, key: str, lasting: bool) -> None:
        self.goal, self.names, self.key, self.lasting = goal, (goal.name,), key, lasting
        self.statistic = _STATISTIC + goal.name
        self.classes: np.ndarray

    @contextmanager
    def asking(self, model: torch.nn.Module, ids: np.ndarray) -> Iterator[None]:
        """As in `ClassesGoal`."""
        self.classes = np.zeros(len(ids), np.int64)
        with answering(model, self.goal.read):
            yield

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        return self.goal(given)

    def again(self, given: torch.Tensor) -> torch.Tensor:
        return self.goal.again(given)


class ClassesGoal:
    """What each image is explained for; remembers the `classes` of the last batch."""

    def __init__(self, outputs: Outputs, target: str | int, labels: Int[np.ndarray, " image"] | None) -> None:
        self.outputs, self.labels, self.names, self.key = outputs, labels, outputs.classes, outputs.key
        self.lasting = not callable(outputs.output)  # what a function gives another time is not known
        self.one = None if isinstance(target, str) else outputs.number(target)
        self.classes: np.ndarray

    @property
    def statistic(self) -> str:
        of = "their predicted class" if self.labels is None else "their label"
        if self.one is not None:
            of = f"{self.outputs.classes[self.one]!r}"
        elif self.outputs.kind == "regression":
            of = "the number that the model gives"
        return _STATISTIC + of

    @contextmanager
    def asking(self, model: torch.nn.Module, ids: np.ndarray) -> Iterator[None]:
        """Within, the model answers with class scores to these images, and this is a target of `attribute`."""
        self._given = None if self.labels is None else self.labels[ids]
        self._reading: Reading = self.outputs.reading()
        with answering(model, self._reading):
            yield

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        values = self._reading.values()  # NotFinite for every kind of target
        if self._given is not None:
            self.classes = self._given
        else:
            one = self.one
            self.classes = self.outputs.predicted(values) if one is None else np.full(len(values), one)
        return self._reading.of_class(given, self.classes)

    def again(self, given: torch.Tensor) -> torch.Tensor:
        """The same of another answer to the same images: for the classes that the last call was for."""
        return self._reading.of_class(given, self.classes)


def labels_of(outputs: Outputs, images: Images, target: str | int) -> Int[np.ndarray, " image"] | None:
    """The classes that images are explained for where these are their labels, else None; ValueError if that is demanded
    and cannot be."""
    if target not in ("auto", "label"):
        return None
    labels = outputs.labels_of(images, range(len(images)))
    fitting = bool((labels >= 0).all())
    if target == "label" and not fitting:
        highest = images.highest_label
        have = "no labels" if highest is None else f"labels up to {highest} in {len(images.classes)} named classes"
        gives = "numbers" if outputs.kind == "regression" else f"{len(outputs.classes)} classes"
        raise ValueError(
            f"target='label', but the data set has {have} and the model {gives}, so a label does not say which output "
            "it means for every image; give labels=… and classes=… to sl.images, or target='predicted'"
        )
    return labels if fitting and (target == "label" or outputs.agreed is not False) else None
