"""Targets of class scores: one of them, or all labels that are on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..outputs import Outputs
from .goal import Asked, Goal
from .value import Target

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False, repr=False)
class Output(Target):
    """One of the model's numbers: see `output`."""

    kind = "output"
    of_scores = True
    which: str | int

    @property
    def name(self) -> str:
        return self.which if isinstance(self.which, str) else f"class {self.which}"

    def __repr__(self) -> str:
        return f"sl.targets.output({self.which!r})"

    def goal(self, asked: Asked) -> Goal:
        return ClassGoal(asked.classes, asked.classes.number(self.which))

    def document(self) -> dict[str, Any]:
        return {"kind": self.kind, "which": self.which}


@dataclass(frozen=True, eq=False, repr=False)
class AllOn(Target):
    """All labels that are on: see `all_on`."""

    kind = "all_on"
    of_scores = True
    steady = False

    @property
    def name(self) -> str:
        return "all labels that are on"

    def __repr__(self) -> str:
        return "sl.targets.all_on()"

    def goal(self, asked: Asked) -> Goal:
        outputs = asked.classes
        if outputs.kind != "multi":
            raise ValueError(
                f'the model\'s outputs are "{outputs.kind}", of which not several are on at once; explain one, '
                'targets.output(…), or say outputs="multi" where they are several labels with a sigmoid each'
            )
        if not asked.one:
            return AllOnGoal(outputs, self.name, None)
        on = outputs.is_predicted(outputs.values(asked.answer, 1))[0]
        if not on.any():
            raise ValueError("no label is on: all probabilities are below one half; explain one of them, target='…'")
        named = [outputs.classes[number] for number in np.flatnonzero(on)]
        listed = " + ".join(named if len(named) <= 4 else [*named[:3], f"{len(named) - 3} more"])
        return AllOnGoal(outputs, listed, on)

    def document(self) -> dict[str, Any]:
        return {"kind": self.kind}


class ClassGoal(Goal):
    """What speaks for one class: its logit, or its probability where the model gives that."""

    outputs: Outputs

    def __init__(self, outputs: Outputs, number: int) -> None:
        super().__init__(outputs.classes[number], outputs.reading())
        self.outputs, self.number = outputs, number

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        return self.read.of_class(given, self.number)


class AllOnGoal(Goal):
    """The sum over labels that are on: those of `on` [class], or each image's own."""

    outputs: Outputs

    def __init__(self, outputs: Outputs, name: str, on: np.ndarray | None) -> None:
        super().__init__(name, outputs.reading())
        self.outputs, self.on = outputs, on

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        self._last = self.outputs.is_predicted(self.read.values()) if self.on is None else self.on[None]
        return self.again(given)

    def again(self, given: torch.Tensor) -> torch.Tensor:
        import torch

        on = torch.as_tensor(self._last, device=given.device)
        return (given * on.repeat(len(given) // len(on), 1)).sum(1)


def output(which: str | int | np.integer) -> Target:
    """One of the model's numbers for an image, by name or number.

    The logit of a class, of one of several labels, of "yes" or "no" where the model has one logit, or the number of a
    regression. The same as giving name or number as target.

    Parameters
    ----------
    which
        By name or number.

    Returns
    -------
    Target
        The target.

    Examples
    --------
    >>> lens.explain(3, sl.targets.output("melanoma")).target
    'melanoma'
    """
    return Output(which if isinstance(which, str) else int(which))


def all_on() -> Target:
    """The sum of the logits of all labels that are on (with a probability above one half), of a model with several.

    Over a data set each image counts with its own.

    Returns
    -------
    Target
        The target.

    Raises
    ------
    ValueError
        Where none is on, or the model says one class.

    Examples
    --------
    >>> sl.targets.all_on() == sl.targets.all_on()
    True
    """
    return AllOn()
