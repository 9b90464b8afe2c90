"""What is explained: a class or a function, as one number of the model's answer to a picture."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .images import Images
from .outputs import Chosen, Kind, NoClasses, Outputs, Reading, ask, decide, whole

if TYPE_CHECKING:
    import torch

ClassTarget = int | np.integer | str | Callable[..., Any] | None


class Goal:
    """What is explained, as a function of the model's answer as `read` finds it in there."""

    def __init__(
        self, target: ClassTarget, read: Reading | whole, number: int | None, outputs: Outputs | None
    ) -> None:
        self.target, self.read, self.number, self.outputs = target, read, number, outputs

    def said(self) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, Kind | None, str]:
        """Classes, logits, probabilities, kind and note of the last answer."""
        outputs, read = self.outputs, self.read
        if outputs is None:
            return (), np.zeros(0, np.float32), np.zeros(0, np.float32), None, ""
        values = (read.values() if isinstance(read, Reading) else outputs.values(read.all, 1))[0]
        logits = outputs.logits(values)
        likely = np.full_like(logits, np.nan) if outputs.kind == "regression" else outputs.probabilities(values)
        return outputs.classes, logits, likely, outputs.kind, outputs.note

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        if self.number is not None:
            assert isinstance(self.read, Reading)
            return self.read.of_class(given, self.number)
        assert callable(self.target)
        return _one_number(self.target(self.read.given(given) if isinstance(self.read, whole) else given))


def _one_number(answer: Any) -> torch.Tensor:
    """What a target function gave for one image, [1]. ValueError where that is not one number."""
    import torch

    if not isinstance(answer, torch.Tensor) or answer.numel() != 1:
        shape = f"shape {tuple(answer.shape)}" if hasattr(answer, "shape") else f"a {type(answer).__name__}"
        raise ValueError(
            f"the target function gave {shape} for one image; it must give one number per image, as in "
            "`lambda logits: logits[:, 3]`"
        )
    return answer.reshape(1)


def _of_function(
    model: torch.nn.Module, inputs: torch.Tensor, target: Callable[..., Any], outputs: Outputs | None, output: Chosen
) -> Goal:
    """The function as goal, of the class scores, or of the whole answer where that is what it takes."""
    answer = ask(model, inputs)
    all_of_it = whole(output)
    if outputs is None:
        _one_number(target(all_of_it.given(all_of_it(answer, 1))))
        return Goal(target, all_of_it, None, outputs)
    reading = outputs.reading()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it may be written for something else
            _one_number(target(reading(answer, 1)))
    except (AttributeError, IndexError, KeyError, TypeError):
        try:
            _one_number(target(all_of_it.given(all_of_it(answer, 1))))
        except Exception:  # it takes neither: what it says of the scores is what it was meant for
            _one_number(target(reading(answer, 1)))
        return Goal(target, all_of_it, None, outputs)
    return Goal(target, reading, None, outputs)


def goal_of(
    model: torch.nn.Module, inputs: torch.Tensor, target: ClassTarget, outputs: Outputs | None, output: Chosen
) -> Goal:
    if callable(target):
        return _of_function(model, inputs, target, outputs, output)
    assert outputs is not None
    if target is None:
        number = int(outputs.predicted(outputs.values(ask(model, inputs), 1))[0])
    else:
        number = outputs.number(target)
    return Goal(target, outputs.reading(), number, outputs)


def decided(
    model: torch.nn.Module, images: Images, inputs: torch.Tensor, target: ClassTarget, output: Chosen,
    outputs: Kind | Outputs | None,
) -> Outputs | None:  # fmt: skip
    """How the model's answer is read; None where it has no class scores and a function says what is meant."""
    if isinstance(outputs, Outputs):
        return outputs
    try:
        return decide(model, images, output=output, outputs=outputs, inputs=inputs)
    except NoClasses:
        if not callable(target):
            raise
        return None
