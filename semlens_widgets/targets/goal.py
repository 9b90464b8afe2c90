"""What a target becomes for one model: a number per image, as a function of what is read from the model's answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from ..clip import Clip
from ..images import Images, Window
from ..model import NotFinite
from ..outputs import Chosen, Kind, NoClasses, Outputs, Reading, ask

if TYPE_CHECKING:
    import torch

Read = Callable[[Any, int], "torch.Tensor"]


@dataclass(frozen=True, eq=False)
class Asked:
    """What a target is asked for: a model, its data set, and one image of it as the model takes it.

    one:     whether this image alone is explained: what the model said of it is then settled once. Else the goal is for
             images of the data set, each with its own answer.
    outputs: how class scores are read, or why there are none.
    clip:    the CLIP that embeds texts unless the target has its own.
    """

    model: torch.nn.Module
    images: Images
    picture: Image.Image
    inputs: torch.Tensor
    one: bool
    output: Chosen = None
    outputs: Outputs | NoClasses | None = None
    clip: Clip | None = None

    @cached_property
    def answer(self) -> Any:
        """The model's whole answer to the image."""
        return ask(self.model, self.inputs)

    @cached_property
    def window(self) -> Window:
        return self.images.window(self.picture.size)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what the model takes."""
        return int(self.inputs.shape[-2]), int(self.inputs.shape[-1])

    @property
    def classes(self) -> Outputs:
        """How class scores are read. NoClasses where there are none."""
        if isinstance(self.outputs, Outputs):
            return self.outputs
        raise self.outputs or NoClasses("the model has no class scores")


class Goal:
    """One number per image: `read` finds a tensor in the model's answer, and calling gives the number from it.

    name:   what to call it in captions, files and windows.
    number: the class that is meant, where it is one of `outputs`.
    read:   what `outputs.answering` reads the model's answers by.
    """

    number: int | None = None
    of_scores = True  # whether it may be of class scores
    outputs: Outputs | None = None
    read: Any

    def __init__(self, name: str, read: Read | None = None) -> None:
        self.name = name
        if read is not None:
            self.read = read

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        """The number per image [image], from what was read: the tensor itself, or what it was made from by a softmax
        or sigmoid at the model's end."""
        raise NotImplementedError

    def again(self, given: torch.Tensor) -> torch.Tensor:
        """The same of other answers to the same images, each of which may have become several rows."""
        return self(given)

    def values(self, answer: Any, images: int) -> Float[np.ndarray, " image"]:
        """The numbers in the model's answer to so many images. NotFinite where one is NaN or infinite."""
        found = self(self.read(answer, images)).detach().float().cpu().numpy()
        if not np.isfinite(found).all():
            raise NotFinite(
                f"{self.name} is NaN or infinite for image {int(np.flatnonzero(~np.isfinite(found))[0])} of the batch; "
                "check the model's weights, the input's scale and the precision"
            )
        return found

    def said(self, asked: Asked) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, Kind | None, str]:
        """Classes, logits, probabilities, kind and note of the model's answer; empty where it is none of class scores,
        or is taken for something else here."""
        outputs = asked.outputs
        if not self.of_scores or not isinstance(outputs, Outputs):
            return (), np.zeros(0, np.float32), np.zeros(0, np.float32), None, ""
        read = self.read
        values = (read.values() if isinstance(read, Reading) else outputs.values(asked.answer, 1))[0]
        logits = outputs.logits(values)
        likely = np.full_like(logits, np.nan) if outputs.kind == "regression" else outputs.probabilities(values)
        return outputs.classes, logits, likely, outputs.kind, outputs.note
