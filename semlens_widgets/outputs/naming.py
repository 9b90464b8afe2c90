"""What a model's outputs are called, and what labels of a data set mean for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..images import Images, batches
from ..model import stack
from .asking import ask
from .names import SURE, Agreement, unique
from .value import Outputs

if TYPE_CHECKING:
    import torch

_ASKED = 64  # images that say whether labels and predictions agree
_STEP = 16


def named(model: torch.nn.Module, images: Images, read: Outputs) -> Outputs:
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
