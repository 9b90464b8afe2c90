"""The images of a repair: to learn from, to choose by and to measure on; and pictures with and without the thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from ..counterfactual import Pairs
from ..counterfactual.pairs import picture_of
from ..images import Images, UnreadableImage
from ..outputs import Outputs

PARTS = (0.6, 0.2, 0.2)
FEWEST = 8  # images of each class
_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Split:
    """Numbers of images, by class in equal parts: to train, to choose by (validation), and to measure on (test)."""

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]


def split_of(labels: Int[np.ndarray, " image"], classes: Sequence[str], seed: int) -> Split:
    """60, 20 and 20 % of the labelled images of each class. ValueError for a class with fewer than eight."""
    random = np.random.default_rng([seed, 61])
    parts: list[list[np.ndarray]] = [[], [], []]
    for number, name in enumerate(classes):
        own = random.permutation(np.flatnonzero(labels == number))
        if len(own) < FEWEST:
            raise ValueError(
                f"{len(own)} images of {name!r} to repair with; give data with at least {FEWEST} of each class"
            )
        ends = np.cumsum(np.round(np.asarray(PARTS) * len(own)).astype(int))[:2]
        for part, found in zip(parts, np.split(own, ends), strict=True):
            part.append(found)
    return Split(*(np.sort(np.concatenate(part)) for part in parts))


@dataclass(frozen=True, eq=False)
class Twins:
    """Pairs as the model takes them, and the class of each where that is known (-1: not)."""

    pairs: Pairs
    images: Images  # whose transform pictures without one go through
    ids: Int[np.ndarray, " pair"]
    labels: Int[np.ndarray, " pair"]

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, chosen: Any) -> Twins:
        return Twins(self.pairs, self.images, self.ids[chosen], self.labels[chosen])

    def batches(self) -> Iterator[tuple[list[Any], list[Any], np.ndarray]]:
        """(items without, items with, their places); pairs of which a picture cannot be read are left out."""
        for first in range(0, len(self.ids), _AT_ONCE):
            without, with_, places = [], [], []
            for place in range(first, min(first + _AT_ONCE, len(self.ids))):
                try:
                    items = [self._item(side, int(self.ids[place])) for side in (self.pairs.without, self.pairs.with_)]
                except UnreadableImage:
                    continue
                without.append(items[0])
                with_.append(items[1])
                places.append(place)
            if places:
                yield without, with_, np.asarray(places)

    def _item(self, side: Any, number: int) -> Any:
        return side.tensor(number) if isinstance(side, Images) else self.images.prepared(picture_of(side, number))


def twins_of(pairs: Pairs, images: Images, outputs: Outputs, labels: Int[np.ndarray, " pair"] | None = None) -> Twins:
    """Pairs with their classes: as given, else those of the side without, of a data set or of (picture, label)."""
    ids = np.arange(len(pairs))
    if labels is None:
        labels = np.asarray([_label(pairs.without, i, outputs) for i in ids.tolist()], np.int64)
    return Twins(pairs, images, ids, labels)


def _label(side: Any, number: int, outputs: Outputs) -> int:
    if isinstance(side, Images):
        return int(outputs.labels_of(side, [number])[0])
    try:
        item = side[number]
    except (UnreadableImage, OSError):
        return -1
    label = item[1] if isinstance(item, tuple | list) and len(item) > 1 else None
    whole = isinstance(label, int | np.integer) and not isinstance(label, bool)
    return int(label) if whole and 0 <= int(label) < len(outputs.classes) else -1  # type: ignore[arg-type]
