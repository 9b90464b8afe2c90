"""The verb: decides, once per model and data set, how the model's answer is read; and asks the model."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ..images import Images, batches, first_readable
from ..model import alone, evaluating, stack
from .graph import End, end_of
from .kinds import KINDS, MEANS, Kind, Scale
from .names import SURE, Agreement, unique
from .parts import FUNCTION, Chosen, NoClasses, described, part, parts, per_image, scores, way_to
from .value import Outputs

if TYPE_CHECKING:
    import torch

_ASKED = 64  # images that say whether labels and predictions agree
_STEP = 16
_PROBED = 8  # images that say whether numbers are probabilities, where the model's last operation does not
GROWN: ContextVar[int] = ContextVar("grown", default=1)  # how many rows each image becomes on its way up
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
    answer, count = _tried(model, example)
    tensor = scores(answer, output, count)
    if not callable(output):
        output = way_to(answer, tensor) or None  # the same part, however many images are asked about
    last = end_of(tensor)
    size = 1 if tensor.ndim == 1 else tensor.shape[1]
    kind = _kind(model, images, size, last, outputs)
    first = Outputs(kind, "logits", size, tuple(map(str, range(size))), output=output)
    scale = _scale(kind, last, first.values(answer, count), outputs, lambda: _some(model, images, first))
    unnamed = Outputs(kind, scale, size, tuple(map(str, range(2 if kind == "binary" else size))), output=output)
    return _named(model, images, unnamed)


def decided(
    model: torch.nn.Module, images: Images, output: Chosen, outputs: Kind | None, inputs: torch.Tensor | None = None
) -> Outputs | NoClasses:
    """As `decide`, or why there are no class scores."""
    try:
        return decide(model, images, output=output, outputs=outputs, inputs=inputs)
    except NoClasses as none:
        return none


def ask(model: torch.nn.Module, inputs: torch.Tensor) -> Any:
    """The model's whole answer, in eval mode and without gradients."""
    with alone(model), evaluating(model):
        return model(placed(model, inputs))


def placed(model: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """The inputs where the model is, and in its precision."""
    parameter = next(iter(model.parameters()), None)
    if parameter is None:
        return inputs
    return inputs.to(parameter.device, parameter.dtype if parameter.is_floating_point() else None)


@contextmanager
def answering(model: torch.nn.Module, read: Callable[[Any, int], torch.Tensor]) -> Iterator[None]:
    """Within, the model answers with the tensor that `read` finds in its answer to so many images (see `GROWN`)."""

    def hook(module: Any, inputs: Any, answer: Any) -> Any:
        return read(answer, len(inputs[0]) * GROWN.get())

    with alone(model):
        handle = model.register_forward_hook(hook)
        try:
            yield
        finally:
            handle.remove()


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


# asking


def _tried(model: torch.nn.Module, example: torch.Tensor) -> tuple[Any, int]:
    """(the answer with its graph where there can be one, to how many images).

    The image is asked about twice at once, so that what counts images is told from what counts something else.
    """
    import torch

    first: Exception | None = None
    for copies, graph in ((2, True), (2, False), (1, True), (1, False)):
        batch = placed(model, example).repeat(copies, *[1] * (example.ndim - 1))
        try:
            with alone(model), evaluating(model):
                if not graph:
                    return model(batch), copies
                with torch.inference_mode(False), torch.enable_grad():
                    return model(batch.clone().requires_grad_()), copies
        except (RuntimeError, ValueError, AssertionError, NotImplementedError) as error:
            first = first or error
    raise ValueError(
        f"the model fails on an image [channel height width] of shape {tuple(example.shape[1:])}: "
        f"{(str(first).splitlines() or [type(first).__name__])[0]}; give sl.images the transform that belongs to the "
        "model"
    ) from first


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


# what they are called


def _named(model: torch.nn.Module, images: Images, read: Outputs) -> Outputs:
    """With names, and what labels mean: see `decide`."""
    read = replace(read, named=images.classes)
    size = len(read.classes)
    known = images.classes
    own = own_names(model, size)
    if images.stated and (names := _of_stated(known, read)):
        return replace(read, classes=unique(names), labels=tuple(range(size)))
    if own is not None and read.kind != "regression":
        folded = [name.casefold() for name in own]
        at = tuple(folded.index(name.casefold()) if name.casefold() in folded else -1 for name in known)
        if known and -1 not in at:
            return replace(read, classes=unique(own), labels=at)
        if len(known) not in (0, size):
            return replace(read, classes=unique(own), labels=())
        return replace(_held_against_labels(model, images, read, None), classes=unique(own), note="")
    if read.kind == "regression":
        names = own or (("output",) if size == 1 else read.classes)
        return replace(read, classes=unique(names), labels=())
    if known and len(known) != size:
        note = (
            f"the data set has {len(known)} classes and the model {size}, so classes are shown by number: "
            "sl.images(…, classes=…), in the order of the model's outputs, names them"
        )
        return replace(read, labels=(), note=note)
    if not known:
        return read
    return _held_against_labels(model, images, read, known)


def _of_stated(names: Sequence[str], read: Outputs) -> tuple[str, ...] | None:
    """The names that the user gave, where there is one for each class; of a logit one will do, for "yes"."""
    if read.kind == "binary" and len(names) == 1:
        return f"not {names[0]}", names[0]
    return tuple(names) if len(names) == len(read.classes) else None


def own_names(model: torch.nn.Module, size: int) -> tuple[str, ...] | None:
    """What the model's own configuration calls its outputs (Hugging Face, timm); "LABEL_3" is no name."""
    listed: Any = getattr(getattr(model, "config", None), "id2label", None)
    if isinstance(listed, Mapping):
        at = {int(number): str(name) for number, name in listed.items()}
        listed = [at[number] for number in sorted(at)] if sorted(at) == list(range(len(at))) else None
    if listed is None:
        cfg = getattr(model, "pretrained_cfg", None)
        listed = cfg.get("label_names") if isinstance(cfg, Mapping) else None
    if not listed or len(listed) != size or all(re.fullmatch(r"LABEL_\d+", str(name)) for name in listed):
        return None
    return tuple(map(str, listed))


def _held_against_labels(
    model: torch.nn.Module, images: Images, read: Outputs, names: Sequence[str] | None
) -> Outputs:
    """With `names` where predictions agree with labels better than by chance, or nothing can say that they do not."""
    agreement = _agreement(model, images, read)
    if not agreement.able:
        note = f"names are those of the labels, unchecked: {agreement.images} labelled images are too few to tell"
        return replace(read, classes=unique(names or read.classes), labels=None, note=note if names else "")
    if agreement.better_than_chance:
        return replace(read, classes=unique(names or read.classes), labels=None, agreed=True)
    note = (
        f"{agreement}: no better than chance, so classes are shown by number. To name them, give sl.images(…, "
        "classes=…) in the order of the model's outputs"
    )
    return replace(read, labels=None, agreed=False, note=note[0].upper() + note[1:])


def _agreement(model: torch.nn.Module, images: Images, read: Outputs) -> Agreement:
    """Of some labelled images, evenly spread; no more than it takes to be sure that they agree."""
    given = {image: label for image in range(len(images)) if (label := images.label(image)) is not None}
    labelled = [image for image, label in given.items() if 0 <= label < len(read.classes)]
    at = np.linspace(0, len(labelled) - 1, min(_ASKED, len(labelled))).round().astype(np.int64)
    ids = np.asarray(labelled, np.int64)[np.unique(at)] if labelled else np.zeros(0, np.int64)
    ids = np.random.default_rng(0).permutation(ids)  # any first part is of all classes
    labels, predicted = np.zeros(0, np.int64), np.zeros(0, np.int64)
    agreement = Agreement.of(labels, predicted, len(read.classes))
    # A stream is gone through once for all of them.
    for batch in batches(images, ids, _ASKED if images.streamed else _STEP):
        if not batch.items:
            continue
        answers = read.values(ask(model, stack(batch.items)), len(batch.items))
        labels = np.concatenate([labels, [given[int(image)] for image in batch.ids]])
        predicted = np.concatenate([predicted, read.predicted(answers)])
        agreement = Agreement.of(labels, predicted, len(read.classes))
        if agreement.able and agreement.p < SURE:
            break
    return agreement
