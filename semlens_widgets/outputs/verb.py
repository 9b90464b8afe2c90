"""The verb: decides, once per model and data set, how the model's answer is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ..images import Images, batches, first_readable
from ..model import stack
from .asking import ask, tried
from .graph import End, end_of
from .kinds import KINDS, MEANS, Kind, Scale
from .naming import named
from .parts import FUNCTION, Chosen, NoClasses, scores, way_to
from .value import Outputs

if TYPE_CHECKING:
    import torch

_PROBED = 8  # images that say whether numbers are probabilities, where the model's last operation does not
_OF_PROBLEM: dict[str, Kind] = {
    "single_label_classification": "single",
    "multi_label_classification": "multi",
    "regression": "regression",
}


def decide(
    model: torch.nn.Module,
    images: Images,
    *,
    output: Chosen = None,
    outputs: Kind | None = None,
    inputs: torch.Tensor | None = None,
) -> Outputs:
    """How the model's answer is read, from one forward pass, and some more where names are held against labels.

    output:  which part of the answer holds the class scores; by default what is called `logits`, or the only tensor
             [image class] (or [image]) there is.
    outputs: what the numbers mean: "single", "binary", "multi" or "regression". By default what is certain: what a
             Hugging Face configuration states, a sigmoid or softmax at the model's end, two classes in the data for
             one number; several numbers are single.
    inputs:  one image [1 channel height width] to ask about; by default the first that can be read.

    Names are the `classes=` that the user gave, else those in the model's own configuration, else those of the data
    set, if predictions agree with its labels better than by chance (one-sided binomial test on at most 64 images).
    Sigmoids and softmaxes are recognised by the last operation of the pass, or by numbers that are shares of 1.
    NoClasses where the answer has no class scores, or several that may be; ValueError where their meaning is not
    certain: both say what to do.
    """
    if outputs is not None and outputs not in KINDS:
        listed = ", ".join(f"{kind!r} ({MEANS[kind]})" for kind in KINDS)
        raise ValueError(f"outputs={outputs!r}; what a model's outputs mean is {listed}")
    if getattr(model, "num_classes", None) == 0:
        raise NoClasses(
            "the model has no classifier (num_classes=0): its numbers are features; make it with its classes, or "
            f"say what is to be explained: {FUNCTION}"
        )
    example = stack([first_readable(images)[1]]) if inputs is None else inputs
    answer, count = tried(model, example)
    tensor = scores(answer, output, count)
    if not callable(output):
        output = way_to(answer, tensor) or None  # the same part, however many images are asked about
    last = end_of(tensor)
    size = 1 if tensor.ndim == 1 else tensor.shape[1]
    kind = _kind(model, images, size, last, outputs)
    first = Outputs(kind, "logits", size, tuple(map(str, range(size))), output=output)
    scale = _scale(kind, last, first.values(answer, count), outputs, lambda: _some(model, images, first))
    unnamed = Outputs(kind, scale, size, tuple(map(str, range(2 if kind == "binary" else size))), output=output)
    return named(model, images, unnamed)


def decided(
    model: torch.nn.Module, images: Images, output: Chosen, outputs: Kind | None, inputs: torch.Tensor | None = None
) -> Outputs | NoClasses:
    """As `decide`, or why there are no class scores."""
    try:
        return decide(model, images, output=output, outputs=outputs, inputs=inputs)
    except NoClasses as none:
        return none


def _some(model: torch.nn.Module, images: Images, read: Outputs) -> Float[np.ndarray, "image output"]:
    """What the model answers to a few different images."""
    ids = np.unique(np.linspace(0, len(images) - 1, min(_PROBED, len(images))).astype(np.int64))
    answers = [
        read.values(ask(model, stack(batch.items)), len(batch.items))
        for batch in batches(images, ids, _PROBED)
        if batch.items
    ]
    return np.concatenate(answers) if answers else np.zeros((0, read.count), np.float32)


# what the numbers mean


def _kind(model: torch.nn.Module, images: Images, size: int, last: End, stated: Kind | None) -> Kind:
    if stated is not None:
        if stated == "binary" and size != 1:
            raise ValueError(
                f'outputs="binary" is one logit per image, and the model gives {size} numbers: one class of them is '
                '"single", several labels at once are "multi"'
            )
        if stated == "single" and size == 1:
            raise ValueError(
                'outputs="single" is one of several classes, and the model gives one number per image: say '
                'outputs="binary" (a logit, two classes) or outputs="regression" (a number, no classes)'
            )
        if stated == "single" and last == "sigmoid":
            raise ValueError(
                'outputs="single" is a softmax over all classes, and the model ends with a sigmoid for each: say '
                'outputs="multi", or give the model without its sigmoid'
            )
        return stated
    problem = _OF_PROBLEM.get(str(getattr(getattr(model, "config", None), "problem_type", None)))
    if problem is not None and not (problem == "single" and size == 1):
        return "binary" if problem == "multi" and size == 1 else problem
    if size > 1:
        return "multi" if last == "sigmoid" else "single"
    highest = images.highest_label
    two = len(images.classes) == 2 or (not images.classes and highest == 1)
    if last in ("sigmoid", "softmax") or two:
        return "binary"
    raise NoClasses(
        'the model gives one number per image, which may be a logit or a measure: say outputs="binary" (a sigmoid, two '
        'classes) or outputs="regression" (no classes), to sl.Lens or to the verb'
    )


def _scale(
    kind: Kind,
    last: End,
    values: Float[np.ndarray, "image output"],
    stated: Kind | None,
    some: Callable[[], Float[np.ndarray, "image output"]],
) -> Scale:
    """Whether the numbers are probabilities already: by the last operation, else by what some images give."""
    if kind == "regression" or last in ("affine", "log-softmax"):
        return "logits"
    if kind == "single":
        if last == "softmax" and not _shares(values):
            raise NoClasses(
                "the model ends with a softmax, but its numbers do not add up to 1 over the classes: give a model that "
                "answers with one number per class, before or after a softmax over classes"
            )
        return "probabilities" if last == "softmax" or (_shares(values) and _shares(some())) else "logits"
    if last == "softmax" and bool((values == 1).all()):
        raise NoClasses("the model ends with a softmax over one number, which is always 1; give it without")
    if last in ("sigmoid", "softmax"):
        return "probabilities"
    if _between(values) and _between(some()):
        raise NoClasses(
            f'outputs="{kind}", and all numbers that the model gives lie in [0, 1]: they may be probabilities, or '
            "logits. Give the model so that it answers with logits, or with nn.Sigmoid as its last operation, or say "
            "output=torch.logit where they are probabilities"
        )
    return "logits"


def _shares(values: Float[np.ndarray, "image class"]) -> bool:
    """Whether they are shares of 1, within the precision of bfloat16 where they are that coarse."""
    if not len(values) or values.shape[1] < 2 or values.min() < 0:
        return False
    coarse = bool((values.view(np.uint32) & 0x1FFF == 0).all())  # no more bits than half precision holds
    return bool((np.abs(values.sum(1, dtype=np.float64) - 1) < (2e-2 if coarse else 1e-4)).all())


def _between(values: Float[np.ndarray, "image output"]) -> bool:
    return bool(len(values) and values.min() >= 0 and values.max() <= 1)
