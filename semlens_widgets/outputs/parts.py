"""Which tensor in a model's output holds its class scores, and what to say where none does."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Chosen = str | int | Callable[[Any], Any] | None  # `output=`: a part by name or number, or a function that gives it
_FEATURES = re.compile(r"pool|embed|feature|hidden|latent|codes?$")  # names of what is no class score
FUNCTION = "target=… takes a value of sl.targets, or a function of the model's output that gives one number per image"


class NoClasses(ValueError):
    """The model's answer is not one number per image and class, or does not say which of its tensors is."""


def parts(answer: Any) -> dict[str, torch.Tensor]:
    """All tensors in a model's answer by the way to them: "logits", "0", "aux.out"; "" for a bare tensor."""
    return {".".join(map(str, way)): tensor for way, tensor in _walk(answer, ())}


def _walk(answer: Any, way: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], torch.Tensor]]:
    import torch

    if isinstance(answer, torch.Tensor):
        yield way, answer
        return
    for name, part in _children(answer):
        yield from _walk(part, (*way, name))


def _children(answer: Any) -> list[tuple[Any, Any]]:
    if isinstance(answer, Mapping):
        return list(answer.items())
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        return [(field.name, getattr(answer, field.name)) for field in dataclasses.fields(answer)]
    if isinstance(answer, tuple) and hasattr(answer, "_fields"):
        return list(zip(answer._fields, answer, strict=True))
    if isinstance(answer, list | tuple):
        return list(enumerate(answer))
    return []


def part(answer: Any, output: Chosen) -> Any:
    """The part of an answer that `output` names; NoClasses, with what there is, where there is no such part."""
    if output is None:
        return answer
    if callable(output):
        return output(answer)
    for name, value in _children(answer):
        if name == output or str(name) == str(output):
            return value
    children = _children(answer)
    if isinstance(output, int) and -len(children) <= output < len(children):
        return children[output][1]
    tensors = parts(answer)
    if str(output) in tensors:
        return tensors[str(output)]
    raise NoClasses(f"the model's answer has no part {output!r}; it is a {described(answer)}")


def scores(answer: Any, output: Chosen, images: int) -> torch.Tensor:
    """The class scores [image class] (or [image]) in a model's answer to that many images.

    `output` says which part; without it: a part called `logits`, else the only tensor of that shape. NoClasses where
    there is none, or more than one, saying what there is and what to do.
    """
    import torch

    chosen = part(answer, output)
    if isinstance(chosen, torch.Tensor):
        return _checked(chosen, answer, images)
    tensors = parts(answer)
    if per_image(answer):
        raise NoClasses(_nothing(answer, images))
    named = [tensor for way, tensor in tensors.items() if way.rpartition(".")[2] == "logits"]
    if len(named) == 1:
        return _checked(named[0], answer, images)
    fitting = {way: tensor for way, tensor in tensors.items() if _fits(tensor, images)}
    if len(fitting) == 1 and not _FEATURES.search(next(iter(fitting))):
        return _checked(next(iter(fitting.values())), answer, images)
    if len(fitting) == 1:
        way = next(iter(fitting))
        raise NoClasses(
            f"the model answers with a {described(answer, images)}, of which {way!r} is called as features are, not "
            f"class scores; if its numbers are what is meant, say output={way!r}"
        )
    if fitting:
        first = next(iter(fitting))
        raise NoClasses(
            f"the model answers with a {described(answer, images)}, of which {' and '.join(map(repr, fitting))} may be "
            f"class scores [image class]; say which: output={_as_written(first)}"
        )
    raise NoClasses(_nothing(answer, images))


def per_image(answer: Any) -> bool:
    """Whether it is a list with one dict per image, as of a detection."""
    return isinstance(answer, list | tuple) and bool(answer) and all(isinstance(item, Mapping) for item in answer)


def way_to(answer: Any, tensor: torch.Tensor) -> str:
    """The way to a tensor in an answer, as `parts` names it."""
    return next((way for way, tensor_there in parts(answer).items() if tensor_there is tensor), "")


def _as_written(way: str) -> str:
    return way if way.isdecimal() else repr(way)


def _fits(tensor: torch.Tensor, images: int) -> bool:
    return tensor.ndim in (1, 2) and len(tensor) == images and tensor.numel() > 0 and tensor.is_floating_point()


def _checked(tensor: torch.Tensor, answer: Any, images: int) -> torch.Tensor:
    if _fits(tensor, images):
        return tensor
    if tensor.ndim == 0 and images == 1 and tensor.is_floating_point():
        return tensor.reshape(1)  # what `squeeze()` leaves of one number for one image
    if tensor.ndim in (1, 2) and len(tensor) == images and not tensor.is_floating_point():
        raise NoClasses(
            f"the model answers with {_shape(tensor, images)} of kind {tensor.dtype}: numbers of classes, or other "
            "whole numbers. What is explained are the scores they are made from; give a model that answers with them"
        )
    raise NoClasses(_nothing(answer, images))


def _nothing(answer: Any, images: int) -> str:
    """Why there are no class scores, and what to do."""
    tensors = parts(answer)
    if per_image(answer):
        return (
            f"the model answers with a list of one dict per image, with {', '.join(map(str, answer[0]))}, as of a "
            f"detection, not with one number per image and class; say what is to be explained: {FUNCTION}, such as "
            "lambda out: out[0]['scores'].max()"
        )
    if any("boxes" in way for way in tensors):
        what, such = "detections", "lambda out: out.logits[:, :, 1].amax(1)"
    elif any(tensor.ndim == 4 for tensor in tensors.values()):
        way, tensor = next((way, tensor) for way, tensor in tensors.items() if tensor.ndim == 4)
        what = f"a map, {_shape(tensor, images)}: a class for every place, as of a segmentation"
        such = f"lambda out: {_taken(answer, way)}[:, 0].mean((1, 2))"
    elif tensors:
        what = "no tensor [image class]"
        such = "lambda out: out.flatten(1).mean(1)" if "" in tensors else "lambda out: …"
    else:
        what, such = "no tensor at all", "lambda out: …"
    listed = f" ({described(answer, images)})" if tensors else f" (a {type(answer).__name__})"
    return (
        f"the model answers with {what}{listed}, not with one number per image and class [image class]; say which part "
        f"is meant (output=…), or what is to be explained: {FUNCTION}, such as {such}"
    )


def _taken(answer: Any, way: str) -> str:
    if not way:
        return "out"
    return f"out[{way}]" if way.isdecimal() else f"out[{way!r}]" if isinstance(answer, Mapping) else f"out.{way}"


def described(answer: Any, images: int = 0) -> str:
    """What a model's answer to so many images holds, in a line."""
    tensors = parts(answer)
    if "" in tensors:
        return f"tensor {_shape(tensors[''], images)}"
    listed = [f"{way!r} {_shape(tensor, images)}" for way, tensor in tensors.items()]
    if len(listed) > 8:
        listed = [*listed[:7], f"and {len(listed) - 7} more"]
    return f"{type(answer).__name__} of {', '.join(listed) or 'no tensors'}"


def _shape(tensor: torch.Tensor, images: int) -> str:
    """Its sizes, that of the images as n."""
    sizes = [str(size) for size in tensor.shape]
    return f"[{' '.join(['n', *sizes[1:]] if sizes and tensor.shape[0] == images else sizes)}]"
