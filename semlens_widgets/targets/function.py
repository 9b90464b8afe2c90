"""A function of the model's output as a target."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..fingerprints import fingerprint
from ..outputs import Outputs, Reading, whole
from .goal import Asked, Goal
from .value import Target

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False, repr=False)
class Function(Target):
    """A function of the class scores [image class], or of the model's whole answer to one image."""

    kind = "function"
    of_scores = True
    of: Callable[..., Any]

    @property
    def name(self) -> str:
        return str(getattr(self.of, "__name__", "") or "function")

    @property
    def key(self) -> str:
        return f"function {fingerprint(self.of)}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and self.of is other.of

    def __hash__(self) -> int:
        return id(self.of)

    def __repr__(self) -> str:
        return self.name

    def goal(self, asked: Asked) -> Goal:
        all_of_it = FunctionGoal(self.name, self.of, whole(asked.output))
        if not isinstance(asked.outputs, Outputs):
            all_of_it.values(asked.answer, 1)
            return all_of_it
        of_scores = FunctionGoal(self.name, self.of, asked.outputs.reading())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it may be written for something else
                of_scores.tried(asked.answer)
        except (AttributeError, IndexError, KeyError, TypeError):
            try:
                all_of_it.tried(asked.answer)
            except Exception:  # it takes neither: what it says of the scores is what it was meant for
                of_scores.tried(asked.answer)
            return all_of_it
        return of_scores

    def document(self) -> None:
        return None


class FunctionGoal(Goal):
    """A function of the class scores, or, where they are laid out, of each image's whole answer."""

    def __init__(self, name: str, of: Callable[..., Any], read: Reading | whole) -> None:
        super().__init__(name, read)
        self.of = of

    def tried(self, answer: Any) -> None:
        self(self.read(answer, 1))

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        import torch

        if not isinstance(self.read, whole):
            return _numbers(self.of(given), len(given))
        rows = [_numbers(self.of(self.read.given(row, image)), 1) for image, row in enumerate(given)]
        return rows[0] if len(rows) == 1 else torch.cat(rows)


def _numbers(answer: Any, images: int) -> torch.Tensor:
    """What a target function gave, [image]. ValueError where that is not one number per image."""
    import torch

    if not isinstance(answer, torch.Tensor) or answer.numel() != images:
        shape = f"shape {tuple(answer.shape)}" if hasattr(answer, "shape") else f"a {type(answer).__name__}"
        count = "one image" if images == 1 else f"{images} images"
        raise ValueError(
            f"the target function gave {shape} for {count}; it must give one number per image, as in "
            "`lambda logits: logits[:, 3]`"
        )
    return answer.reshape(images)
