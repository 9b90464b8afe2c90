"""Answers that are no class scores: maps of classes, boxes, embeddings. Where they are, and their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..images import Images
from .names import class_number
from .naming import own_names
from .parts import Chosen, NoClasses, described, part, parts, per_image

if TYPE_CHECKING:
    import torch

Form = Literal["map", "boxes", "embedding"]
_MAPS = ("logits", "out", "maps")
_EMBEDDINGS = ("image_embeds", "image_features", "pooler_output", "embedding", "embeddings", "pooled", "features")


def form_of(answer: Any, output: Chosen, images: int) -> Form | None:
    """Which of these an answer is; None for none of them, or where it may be several things.

    A map beside numbers [image number] may be features of a classifier, and is not taken for one.
    """
    chosen = part(answer, output)
    if _boxes_in(chosen):
        return "boxes"
    beside = any(tensor.ndim == 2 and len(tensor) == images for tensor in parts(chosen).values())
    find = {"map": map_in, "embedding": embedding_in}
    form: Form = "embedding" if beside else "map"
    try:
        find[form](answer, output, images)
    except NoClasses:
        return None
    return form


def sure_map(answer: Any, output: Chosen, images: int, model: Any, data: Images) -> bool:
    """Whether a map is one of classes beyond doubt: because it is called so, or its classes have names."""
    tensor = map_in(answer, output, images)
    named = any(way.rpartition(".")[2] in _MAPS and found is tensor for way, found in parts(answer).items())
    return named or map_names(model, data, tensor.shape[1]) != tuple(map(str, range(tensor.shape[1])))


# a score of every class at every place


def map_in(answer: Any, output: Chosen, images: int) -> torch.Tensor:
    """The scores [image class height width] of a segmentation. NoClasses where there are none, or several."""
    chosen = part(answer, output)
    found = {
        way: tensor
        for way, tensor in parts(chosen).items()
        if tensor.ndim == 4 and len(tensor) == images and tensor.is_floating_point() and tensor.numel()
    }
    named = [tensor for way, tensor in found.items() if way.rpartition(".")[2] in _MAPS]
    if len(named) == 1:
        return named[0]
    if len(found) == 1 and "quer" not in next(iter(found)):
        return next(iter(found.values()))
    if found:
        raise NoClasses(
            f"the model answers with a {described(answer, images)}, and which of {', '.join(map(repr, found))} holds a "
            "score of every class at every place [image class height width] is not certain; say it with output=…, a "
            "name or a function of the answer"
        )
    raise NoClasses(
        f"the model answers with a {described(answer, images)}, in which there is no score of every class at every "
        "place [image class height width], as of a segmentation; targets.output(…) is for class scores"
    )


# boxes


@dataclass(frozen=True, eq=False)
class Boxes:
    """What a detection found in each image: for each box where it is, what, and how sure.

    places: per image [box 4], (left, top, right, bottom) in shares of what the model saw.
    labels: per image [box], the class.
    scores: [image box], with their graph; 0 beyond an image's last box. `counts` says how many each has.
    """

    places: Sequence[torch.Tensor]
    labels: Sequence[torch.Tensor]
    scores: torch.Tensor

    @property
    def counts(self) -> list[int]:
        return [len(labels) for labels in self.labels]


def boxes_in(answer: Any, output: Chosen, images: int, size: tuple[int, int], model: Any) -> Boxes:
    """The boxes in a detector's answer; `size` is the (height, width) of its input. NoClasses where there are none.

    Torchvision's detectors give a list of one dict per image, with boxes in pixels, labels and scores. DETR and its
    kin give logits [image query class] and boxes [image query 4] (middle, width and height, in shares): there a box is
    a query that found something, and its score the probability of its class. Scores lie in [0, 1].
    """
    chosen = part(answer, output)
    if _listed(chosen):
        return _of_list(chosen, size)
    found = {way.rpartition(".")[2]: tensor for way, tensor in parts(chosen).items()}
    scores = found.get("logits", found.get("pred_logits"))
    where = found.get("pred_boxes")
    if scores is None or where is None or scores.ndim != 3 or where.shape != (*scores.shape[:2], 4):
        raise NoClasses(
            f"the model answers with a {described(answer, images)}, in which there are no boxes with labels and "
            "scores, as of a detection; targets.output(…) is for class scores, targets.segment(…) for maps"
        )
    return _of_queries(scores, where.detach(), _has_no_object(scores.shape[-1], "pred_logits" in found, model))


def _of_list(answer: Sequence[Mapping[str, torch.Tensor]], size: tuple[int, int]) -> Boxes:
    height, width = size
    places = [item["boxes"].detach() / item["boxes"].new_tensor([width, height, width, height]) for item in answer]
    return Boxes(places, [item["labels"].detach() for item in answer], _padded([item["scores"] for item in answer]))


def _of_queries(scores: torch.Tensor, where: torch.Tensor, no_object: bool) -> Boxes:
    """Those queries of a DETR that found something: whose likeliest class is not "nothing", or likelier than not."""
    import torch

    likely = scores.softmax(-1) if no_object else scores.sigmoid()
    best, labels = (likely[..., :-1] if no_object else likely).max(-1)
    found = best > (likely[..., -1] if no_object else 0.5)
    middle, half = where[..., :2], where[..., 2:] / 2
    places = torch.cat([middle - half, middle + half], -1)
    return Boxes(
        [place[kept] for place, kept in zip(places, found, strict=True)],
        [label[kept] for label, kept in zip(labels, found, strict=True)],
        _padded([row[kept] for row, kept in zip(best, found, strict=True)]),
    )


def _padded(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Rows of different lengths as one tensor, zeros after the shorter ones; never empty."""
    import torch

    most = max(1, *(len(row) for row in rows))
    return torch.stack([torch.nn.functional.pad(row, (0, most - len(row))) for row in rows])


def _listed(chosen: Any) -> bool:
    return per_image(chosen) and all({"boxes", "labels", "scores"} <= set(item) for item in chosen)


def _boxes_in(chosen: Any) -> bool:
    return _listed(chosen) or any(way.rpartition(".")[2] == "pred_boxes" for way in parts(chosen))


def _has_no_object(classes: int, original: bool, model: Any) -> bool:
    """Whether the last class of a DETR stands for "nothing here"."""
    known = getattr(getattr(model, "config", None), "num_labels", None)
    if known in (classes, classes - 1):
        return bool(known == classes - 1)
    if original:
        return True
    raise NoClasses(
        f"the model gives {classes} scores for every box, and whether the last of them means that there is nothing is "
        "not certain: its config has no num_labels that says it. Give a function of the answer as target"
    )


# embeddings


def embedding_in(answer: Any, output: Chosen, images: int) -> torch.Tensor:
    """The embedding [image dim]: the model's answer, or what is called so in it. NoClasses where there is none."""
    chosen = part(answer, output)
    found = {
        way: tensor
        for way, tensor in parts(chosen).items()
        if tensor.ndim == 2 and len(tensor) == images and tensor.is_floating_point() and tensor.shape[1] > 1
    }
    for name in _EMBEDDINGS:
        named = [tensor for way, tensor in found.items() if way.rpartition(".")[2] == name]
        if len(named) == 1:
            return named[0]
    if len(found) == 1:
        return next(iter(found.values()))
    raise NoClasses(
        f"the model answers with a {described(answer, images)}, in which there is "
        + ("more than one" if found else "no")
        + " embedding [image dim]; say which part is meant: output=…, a name or a function of the answer"
    )


# what classes are called


def map_names(model: Any, images: Images, count: int) -> tuple[str, ...]:
    """The names of a map's classes: those that the user gave, else the model's own (Hugging Face's `id2label`, or an
    attribute `class_names`), else their numbers."""
    if images.stated and len(images.classes) == count:
        return images.classes
    return own_names(model, count) or _attribute(model, count) or tuple(map(str, range(count)))


def _attribute(model: Any, count: int) -> tuple[str, ...] | None:
    listed = getattr(model, "class_names", None)
    known = isinstance(listed, list | tuple) and len(listed) == count and all(isinstance(n, str) for n in listed)
    return tuple(listed) if known else None  # type: ignore[arg-type]


def box_name(model: Any, images: Images, label: int) -> str:
    """What a detector's label is called, as `map_names`."""
    names = box_names(model, images)
    return names[label] if label < len(names) else str(label)


def box_number(model: Any, images: Images, label: int | str) -> int:
    """The number of a detector's label; KeyError with the nearest name."""
    names = box_names(model, images)
    if not isinstance(label, str):
        return int(label)
    if not names:
        if label.isdecimal():
            return int(label)
        raise KeyError(
            f"no class {label!r}: what the detector's labels are called is not known. Give their number, or the names "
            "in the order of the labels, background first where it counts: sl.images(…, classes=…)"
        )
    return class_number(label, names)


def box_names(model: Any, images: Images) -> tuple[str, ...]:
    """What a detector's labels are called, in their order; empty where nothing says it."""
    if images.stated and images.classes:
        return images.classes
    stated = getattr(getattr(model, "config", None), "id2label", None)
    if stated:
        return own_names(model, len(stated)) or ()
    own = getattr(model, "class_names", None)
    return _attribute(model, len(own)) or () if own else ()
