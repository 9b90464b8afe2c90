"""Whole answers, image by image: laid out as numbers, and made again of them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from .parts import Chosen, NoClasses, described, part, parts, per_image

if TYPE_CHECKING:
    import torch


class whole:
    """The whole answer as one tensor [image number], for a target that is a function of all of it.

    As `read` of `answering` it lays all real numbers of the answer to each image side by side; `given` is the answer to
    one image again, with the numbers that are asked about in their places. What is no tensor of real numbers is as the
    model gave it last.
    """

    def __init__(self, output: Chosen) -> None:
        self.output = output

    def __call__(self, answer: Any, images: int) -> torch.Tensor:
        import torch
        from torch import nn

        self.answers = each(part(answer, self.output), images)
        laid = []
        for one in self.answers:
            tensors = [tensor for tensor in parts(one).values() if tensor.is_floating_point()]
            if not tensors:
                raise NoClasses(f"the model answers with a {type(one).__name__} without a real number in it")
            laid.append(torch.cat([tensor.reshape(1, -1) for tensor in tensors], 1))
        most = max(row.shape[1] for row in laid)
        rows = [row if row.shape[1] == most else nn.functional.pad(row, (0, most - row.shape[1])) for row in laid]
        return rows[0] if images == 1 else torch.cat(rows)

    def given(self, numbers: torch.Tensor, image: int) -> Any:
        """The answer to one image, made of the numbers [number] that were laid out for it."""
        answer = self.answers[image]
        shapes = [tensor.shape for tensor in parts(answer).values() if tensor.is_floating_point()]
        sizes = [shape.numel() for shape in shapes]
        pieces = numbers.reshape(-1)[: sum(sizes)].split(sizes)
        return _replaced(answer, iter([n.reshape(s) for n, s in zip(pieces, shapes, strict=True)]))


def each(answer: Any, images: int) -> list[Any]:
    """The answer to so many images as one answer for each, as if it had been asked about alone.

    ValueError where nothing in the answer counts the images.
    """
    if images == 1:
        return [answer]
    if per_image(answer) and len(answer) == images:
        return [[item] for item in answer]
    if not any(tensor.ndim and len(tensor) == images for tensor in parts(answer).values()):
        raise ValueError(f"nothing in the answer to {images} images, a {described(answer)}, counts the images")

    def of(image: int, tensor: torch.Tensor) -> torch.Tensor:
        return tensor[image : image + 1] if tensor.ndim and len(tensor) == images else tensor

    return [_mapped(answer, partial(of, image)) for image in range(images)]


def _replaced(answer: Any, pieces: Iterator[torch.Tensor]) -> Any:
    """The answer with its tensors of real numbers, in order, replaced."""
    return _mapped(answer, lambda tensor: next(pieces) if tensor.is_floating_point() else tensor)


def _mapped(answer: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The answer with each of its tensors, in order, changed."""
    import torch

    if isinstance(answer, torch.Tensor):
        return change(answer)
    if isinstance(answer, Mapping):
        made = {name: _mapped(value, change) for name, value in answer.items()}
        if type(answer) is dict:
            return made
        changed: Any = copy.copy(answer)
        for name, value in made.items():
            changed[name] = value
        return changed
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        changed = copy.copy(answer)
        for field in dataclasses.fields(answer):
            object.__setattr__(changed, field.name, _mapped(getattr(answer, field.name), change))
        return changed
    if isinstance(answer, list | tuple):
        made_of = [_mapped(item, change) for item in answer]
        return type(answer)(*made_of) if hasattr(answer, "_fields") else type(answer)(made_of)
    return answer
