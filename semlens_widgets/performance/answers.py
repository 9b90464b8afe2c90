"""What a model says of labelled images, and what some of its components answer to them, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int
from tqdm.auto import tqdm

from ..components import Components
from ..images import Images, batches
from ..images.labels import as_list
from ..model import Layer, Pooling, is_here, recording, stack
from ..model.reading import pooled
from ..outputs import Kind, Outputs, ask
from ..passes import OnStep
from ..texts import plural
from ..vectors import frozen

if TYPE_CHECKING:
    import torch


class NoLabels(ValueError):
    """Nothing is right or wrong: no image has a label that is a class of the model."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said of labelled images.

    ids:      the images, by number. classes: the names of the model's classes. kind: what its outputs mean.
    chances:  [image class], the probability of each class.
    margins:  [image class], the log of its odds: what images are ranked by, where probabilities have no digits left.
    says:     [image class], what is predicted: one class, or of several labels at once all above one half.
    truth:    [image class], 1 where the image is of the class, 0 where not, NaN where nobody says.
    """

    ids: Int[np.ndarray, " image"]
    classes: tuple[str, ...]
    kind: Kind
    chances: Float[np.ndarray, "image class"]
    margins: Float[np.ndarray, "image class"]
    says: Bool[np.ndarray, "image class"]
    truth: Float[np.ndarray, "image class"]

    def __post_init__(self) -> None:
        for name in ("ids", "chances", "margins", "says", "truth"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def exclusive(self) -> bool:
        """Whether an image is of one class only."""
        return self.kind != "multi"

    @cached_property
    def labels(self) -> Int[np.ndarray, " image"]:
        """The class of each image; of several labels at once there is no such number, and it is 0."""
        return self.truth.argmax(1) if self.exclusive else np.zeros(len(self), np.int64)

    def only(self, chosen: Any) -> Answers:
        """The same of some images."""
        parts = {name: getattr(self, name)[chosen] for name in ("ids", "chances", "margins", "says", "truth")}
        return replace(self, **parts)


@dataclass(frozen=True, eq=False)
class Asked:
    """The answers, what the chosen components answered to the same images, and what could not be used."""

    answers: Answers
    responses: Float[np.ndarray, "image chosen"]
    notes: tuple[str, ...]


def ask_all(
    model: torch.nn.Module, images: Images, outputs: Outputs, *, labels: Any = None, layers: Sequence[Layer] = (),
    components: Components | None = None, rows: Sequence[int] = (), ids: Int[np.ndarray, " image"] | None = None,
    pooling: Pooling = "max", batch_size: int = 64, progress: bool = True, on_step: OnStep | None = None,
) -> Asked:  # fmt: skip
    """One pass over all images that have a label.

    labels: [image class] of 0 and 1 (NaN: not known) where the model says several labels at once, as an array, a table
            or a dict by class; else the labels are those of the images.
    rows:   components whose pooled responses are kept. ids: restricts the pass to some images.

    NoLabels where nothing can be right or wrong; ValueError where no image can be read, or the table does not fit.
    """
    if outputs.kind == "regression":
        raise NoLabels(
            "the model's outputs are numbers (outputs=\"regression\"): accuracy, AUROC and calibration are of classes"
        )
    truth = _truth(outputs, images, labels)
    told = ~np.isnan(truth).all(1)
    if ids is not None:
        told &= np.isin(np.arange(len(truth)), ids)
    if not told.any():
        classes = ", ".join(outputs.classes[:8])
        raise NoLabels(f"no image has a label that is a class of the model ({classes}); give labels=…, one per image")
    asked, ids = len(truth) if ids is None else len(ids), np.flatnonzero(told)
    read, values, responses = _pass(
        model, images, ids, outputs, layers, components, rows, pooling, batch_size, progress, on_step
    )  # fmt: skip
    notes = []
    if len(ids) < asked:
        notes.append(f"{plural(asked - len(ids), 'image')} without a label left out")
    if len(read) < len(ids):
        notes.append(f"{plural(len(ids) - len(read), 'image')} could not be read")
    margins = np.stack([outputs.margins(values, c) for c in range(len(outputs.classes))], 1)
    answers = Answers(
        read, outputs.classes, outputs.kind, outputs.probabilities(values).astype(np.float64),
        margins.astype(np.float64), outputs.is_predicted(values), truth[read],
    )  # fmt: skip
    return Asked(answers, responses, tuple(notes))


def _pass(
    model: torch.nn.Module, images: Images, ids: np.ndarray, outputs: Outputs, layers: Sequence[Layer],
    components: Components | None, rows: Sequence[int], pooling: Pooling, batch_size: int, progress: bool,
    on_step: OnStep | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """(images that could be read, the model's numbers for them, responses of the chosen components)."""
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}; it is at least 1")
    chosen = np.asarray(list(rows), np.int64)
    needed = [] if components is None else [n for n in layers if np.isin(_rows(components, n.name), chosen).any()]
    read, values, responses, done = [], [], [], 0
    with _answering(model, needed, components, chosen, outputs, pooling) as answer, tqdm(
        total=len(ids), unit="image", desc="performance", disable=not progress
    ) as bar:
        for batch in batches(images, ids, batch_size, here=is_here(model)):
            if batch.items:
                found, said = answer(batch.items)
                read.append(batch.ids)
                values.append(found)
                responses.append(said)
            done += len(batch.ids) + len(batch.unreadable)
            bar.update(len(batch.ids) + len(batch.unreadable))
            if on_step is not None:
                on_step(done, len(ids))
    if not read:
        raise ValueError(f"none of the {len(ids)} images could be read")
    return np.concatenate(read), np.concatenate(values), np.concatenate(responses)


@contextmanager
def _answering(
    model: Any, layers: Sequence[Layer], components: Any, chosen: np.ndarray, outputs: Outputs, pooling: Pooling
) -> Iterator[Callable[[Sequence[Any]], tuple[np.ndarray, np.ndarray]]]:
    """Within, a function of a batch: (the model's numbers, responses of the chosen components)."""

    def alone(items: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        values = outputs.values(ask(model, stack(items)), len(items))
        return values, np.zeros((len(items), len(chosen)), np.float32)

    if not layers:
        yield alone
        return
    said: list[Any] = []

    def recorded(items: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        said.clear()
        found = recorder.activations(items, whole=True)
        responses = np.zeros((len(items), len(components)), np.float32)
        for layer in layers:
            responses[:, components.rows(layer.name)] = pooled(found[layer.name], pooling).responses(layer).values
        return outputs.values(said[-1], len(items)), responses[:, chosen]

    with recording(model, tuple(layers)) as recorder:
        handle = model.register_forward_hook(lambda module, given, answer: said.append(answer))
        try:
            yield recorded
        finally:
            handle.remove()


def _rows(components: Components, layer: str) -> np.ndarray:
    return np.arange(len(components))[components.rows(layer)]


# labels


def _truth(outputs: Outputs, images: Images, labels: Any) -> Float[np.ndarray, "image class"]:
    if outputs.kind == "multi":
        return _table(outputs, len(images), labels)
    ids = np.arange(len(images))
    found = outputs.labels_of(images if labels is None else images.labelled(labels), ids)
    truth = np.full((len(ids), len(outputs.classes)), np.nan)
    truth[found >= 0] = found[found >= 0, None] == np.arange(len(outputs.classes))
    return truth


def _table(outputs: Outputs, images: int, labels: Any) -> Float[np.ndarray, "image class"]:
    """Several labels at once: a column for each class, in the order of the classes or by their names."""
    needed = (
        f"the model says several labels at once; give labels=… as a table of 0 and 1, {images} rows and a column for "
        f"each of the {len(outputs.classes)} classes ({', '.join(outputs.classes[:6])})"
    )
    if labels is None:
        raise NoLabels(needed)
    columns = getattr(labels, "columns", labels if isinstance(labels, Mapping) else None)
    if columns is not None:
        names = [str(name) for name in columns]
        if lacking := [name for name in outputs.classes if name not in names]:
            raise ValueError(f"labels have no column {lacking[0]!r}; {needed}")
        by_name = dict(zip(names, columns, strict=True))
        table = np.stack([_numbers(labels[by_name[name]], needed) for name in outputs.classes], 1)
    else:
        table = _numbers(labels, needed)
    if table.shape != (images, len(outputs.classes)) or not np.isin(table[~np.isnan(table)], (0, 1)).all():
        raise ValueError(f"labels are {table.shape}; {needed}")
    return table


def _numbers(values: Any, needed: str) -> np.ndarray:
    try:
        return np.asarray(as_list(values), np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"labels are no numbers; {needed}") from None
