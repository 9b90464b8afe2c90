"""Targets over a data set: one goal for all images, and the images in which it is highest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ..images import Images, batches, first_readable
from ..model import stack
from ..outputs import Chosen, NoClasses, Outputs, ask
from .given import goal_of
from .goal import Asked, Goal
from .value import Target

if TYPE_CHECKING:
    import torch

_LOOKED_AT = 512
_AT_ONCE = 16


def over(
    model: torch.nn.Module, images: Images, target: Target, output: Chosen, outputs: Outputs | NoClasses
) -> tuple[Goal, Target]:
    """A target for all images of a data set. ValueError for one that belongs to one picture."""
    target.once()
    number, item = first_readable(images)
    asked = Asked(model, images, images.picture(number), stack([item]), False, output, outputs)
    return goal_of(target, asked)


@dataclass(frozen=True, eq=False)
class OneNumber(Outputs):
    """A model's answer read as the one number of a target, as of a regression."""

    goal: Goal | None = None

    def values(self, answer: Any, images: int) -> Float[np.ndarray, "image output"]:
        assert self.goal is not None
        return self.goal.values(answer, images)[:, None]


def as_number(
    model: torch.nn.Module, images: Images, target: Target, output: Chosen, outputs: Outputs | NoClasses
) -> Outputs:
    """How the model's answers are read where only the number of a target counts.

    ValueError for one that is another number as soon as the model says something else.
    """
    goal, meant = over(model, images, target, output, outputs)
    if not meant.steady:
        raise ValueError(
            f"{meant!r} is of what the model says, and is of something else once components are off; give a target "
            "that stays: one label, or targets.segment(…), a class everywhere"
        )
    return OneNumber("regression", "logits", 1, (goal.name,), goal=goal)


def highest(goal: Goal, model: torch.nn.Module, images: Images, count: int) -> list[int]:
    """The numbers of the images with the highest values, of (at most 512 of) the data set, evenly spread; in order."""
    ids = np.unique(np.linspace(0, len(images) - 1, min(_LOOKED_AT, len(images))).astype(np.int64))
    known: list[int] = []
    values: list[np.ndarray] = []
    for batch in batches(images, ids, _AT_ONCE):
        if batch.items:
            known += [int(image) for image in batch.ids]
            values.append(goal.values(ask(model, stack(batch.items)), len(batch.items)))
    if not known:
        raise ValueError(f"none of the {len(ids)} images could be read")
    order = np.argsort(-np.concatenate(values), kind="stable")[:count]
    return sorted(known[at] for at in order)
