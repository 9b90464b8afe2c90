"""The value: what a model's numbers are, what they are called, and what labels mean for them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from ..fingerprints import fingerprint
from ..images import Images
from ..model import NotFinite
from . import kinds
from .kinds import Kind, Scale
from .names import class_number
from .parts import Chosen, scores

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Outputs:
    """How the answer of one model is read, on one data set. Made by `decide`.

    kind:    "single" (one class per image), "binary" (one logit, two classes), "multi" (several labels at once) or
             "regression" (numbers).
    scale:   whether the model gives logits, or probabilities already.
    count:   how many numbers it gives per image; a binary output has one, and two classes.
    classes: what the classes (of a regression: the numbers) are called, each by a name of its own.
    labels:  per label of the data set the class it means, -1 for none; None where labels are class numbers as they
             are; empty where they mean nothing for this model.
    agreed:  whether predictions agree with the labels better than by chance; None where that was not asked.
    note:    what a reader of the names must know: why classes are numbers, or that nothing was held against labels.
    named:   the classes of the data set that this was decided on: what its labels count.
    output:  which part of the model's answer holds the numbers, as `output=` says.
    """

    kind: Kind
    scale: Scale
    count: int
    classes: tuple[str, ...]
    labels: tuple[int, ...] | None = None
    agreed: bool | None = None
    note: str = ""
    named: tuple[str, ...] = ()
    output: Chosen = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """What a result depends on, as text; of a function as `output` its fingerprint."""
        part = fingerprint(self.output) if callable(self.output) else self.output
        return json.dumps([self.kind, self.scale, self.count, self.classes, self.labels, self.agreed, part])

    def values(self, answer: Any, images: int) -> Float[np.ndarray, "image output"]:
        """The numbers in the model's answer to so many images, float32. NoClasses where there are none, NotFinite where
        one is NaN or infinite."""
        return self.values_of(scores(answer, self.output, images))

    def values_of(self, tensor: torch.Tensor) -> Float[np.ndarray, "image output"]:
        """Class scores [image output] or [image] as an array; NotFinite where one is NaN or infinite."""
        values = (tensor[:, None] if tensor.ndim == 1 else tensor).detach().float().cpu().numpy()
        if values.shape[1] != self.count:
            raise ValueError(f"the model gave {self.count} numbers per image before, and now {values.shape[1]}")
        excluded = np.isneginf(values) if self.kind == "single" else False  # a class that is masked out
        wrong = (~(np.isfinite(values) | excluded)).any(1) | ~np.isfinite(values).any(1)
        if wrong.any():
            bad = int(np.flatnonzero(wrong)[0])
            raise NotFinite(
                f"the model's output is NaN or infinite for image {bad} of the batch; check its weights, the input's "
                "scale and the precision (half and bfloat16 overflow)"
            )
        return values

    def number(self, target: int | np.integer | str) -> int:
        """The number of a class, by name or number; KeyError or IndexError as `class_number`."""
        return class_number(target, self.classes)

    # what the numbers say; any axes before the last, which is [output]

    def probabilities(self, values: Float[np.ndarray, "*any output"]) -> Float[np.ndarray, "*any class"]:
        return kinds.probabilities(values, self.kind, self.scale)

    def predicted(self, values: Float[np.ndarray, "*any output"]) -> Int[np.ndarray, "*any"]:
        return kinds.predicted(values, self.kind, self.scale)

    def is_predicted(self, values: Float[np.ndarray, "*any output"]) -> Bool[np.ndarray, "*any class"]:
        return kinds.is_predicted(values, self.kind, self.scale)

    def margins(self, values: Float[np.ndarray, "*any output"], number: int) -> Float[np.ndarray, "*any"]:
        return kinds.margins(values, number, self.kind, self.scale)

    def logits(self, values: Float[np.ndarray, "*any output"]) -> Float[np.ndarray, "*any class"]:
        """One number per class: of a binary output minus and plus its logit."""
        logits = kinds.as_logits(values, self.kind, self.scale).astype(np.float32)
        return np.concatenate([-logits, logits], -1) if self.kind == "binary" else logits

    # what labels say

    def labels_of(self, images: Images, ids: Any) -> Int[np.ndarray, " image"]:
        """The class that each image's label means; -1 where there is none, or it means nothing for this model."""
        labels = [images.label(int(image)) for image in ids]
        meant = self._meant(images)
        return np.asarray([-1 if label is None else meant.get(label, -1) for label in labels], np.int64)

    def _meant(self, images: Images) -> dict[int, int]:
        """The class of each label of a data set: as it was decided, or by name, or by number where it has no names.

        Numbers of which one is no class are taken for numbers of something else.
        """
        classes = images.classes
        if self.kind == "regression":
            return {}
        if classes == self.named and self.labels is not None:
            return {label: number for label, number in enumerate(self.labels) if number >= 0}
        if classes and classes != self.named and set(classes) <= set(self.classes):
            return {label: self.classes.index(name) for label, name in enumerate(classes)}
        known = [label for image in range(len(images)) if (label := images.label(image)) is not None]
        if len(classes) in (0, len(self.classes)) and max(known, default=-1) < len(self.classes):
            return {number: number for number in range(len(self.classes))}
        return {}

    # what is explained

    def reading(self) -> Reading:
        """What `answering` reads the model's answers by, and gives what speaks for a class in the last one."""
        return Reading(self)


class Reading:
    """Finds the class scores in answers; `of_class` is what relevance for a class is a decomposition of."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs
        self._last: torch.Tensor | None = None

    def __call__(self, answer: Any, images: int) -> torch.Tensor:
        self._last = scores(answer, self.outputs.output, images)
        return self._last

    def values(self) -> Float[np.ndarray, "image output"]:
        """The scores in the last answer, as `Outputs.values`."""
        assert self._last is not None
        return self.outputs.values_of(self._last)

    def of_class(self, given: torch.Tensor, numbers: Any) -> torch.Tensor:
        """The number per image that speaks for a class: its logit, or its probability where the model gives that.

        given: the last scores, or what they were made from by a softmax or sigmoid. numbers: one class, or one each.
        """
        import torch

        given = given[:, None] if given.ndim == 1 else given
        wanted = torch.as_tensor(np.array(numbers), device=given.device).expand(len(given)).long()
        if self.outputs.kind != "binary":
            return given.gather(1, wanted[:, None])[:, 0]
        yes = given[:, 0]
        return torch.where(wanted == 1, yes, 1 - yes if self._likely(given) else -yes)

    def _likely(self, given: torch.Tensor) -> bool:
        """Whether these are the model's probabilities (of all images or some), and not the logits before them."""
        assert self._last is not None
        numbers, last = given.detach().reshape(1, -1).float(), self._last.detach().reshape(-1).float()
        whole = last.numel() % numbers.numel() == 0
        as_given = whole and bool((last.reshape(-1, numbers.numel()) == numbers).all(1).any())
        return self.outputs.scale == "probabilities" and as_given
