"""What shows a concept and what does not: pictures, numbers of a data set, pairs, or words that a CLIP reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..clip import Clip, text_probes
from ..counterfactual import Pairs
from ..counterfactual.pairs import picture_of
from ..crops import cut
from ..images import Images, UnreadableImage, batches
from ..vectors import unit

_LOOKED_AT = 1000  # images of the data set that a CLIP is asked about
_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Shown:
    """One group of pictures: numbers of a data set, or a side that has its own."""

    side: Any
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def tensors(self, images: Images) -> Iterator[tuple[int, Any]]:
        """(place in the group, what the model takes); those that cannot be read are left out.

        A side that is no `sl.images` is prepared as the pictures of `images` are.
        """
        for at, number in enumerate(self.numbers):
            try:
                if isinstance(self.side, Images):
                    yield at, self.side.tensor(number)
                else:
                    yield at, images.prepared(picture_of(self.side, number))
            except UnreadableImage:
                continue


@dataclass(frozen=True, eq=False)
class Contrast:
    """Pictures that show a concept and pictures that do not; number i of both are one pair where they are `paired`."""

    shown: Shown
    others: Shown
    paired: bool
    name: str
    source: str


def of_images(given: Any, against: Any, images: Images, seed: int) -> Contrast:
    """TypeError or ValueError for what is neither pictures nor numbers."""
    if isinstance(given, Pairs):
        if against is not None:
            raise ValueError("pairs have both sides; leave against= away")
        numbers = tuple(range(len(given)))
        source = f"{len(given)} pairs with and without {given.name}"
        return Contrast(Shown(given.with_, numbers), Shown(given.without, numbers), True, given.name, source)
    shown = _group(given, images, "from_images")
    if against is not None:
        others = _group(against, images, "against")
        return Contrast(shown, others, False, "concept", f"{len(shown)} pictures against {len(others)} others")
    taken = set(shown.numbers) if shown.side is images else set()
    left = np.asarray([number for number in range(len(images)) if number not in taken])
    if not len(left):
        raise ValueError("all images of the data set show it; say what does not, against=…")
    drawn = np.sort(np.random.default_rng(seed).permutation(left)[: max(len(shown), 20)])
    others = Shown(images, tuple(int(n) for n in drawn))
    return Contrast(shown, others, False, "concept", f"{len(shown)} pictures against {len(others)} random images")


def _group(given: Any, images: Images, what: str) -> Shown:
    if isinstance(given, Images):
        return Shown(given, tuple(range(len(given))))
    if isinstance(given, str | bytes) or not hasattr(given, "__len__") or not hasattr(given, "__getitem__"):
        raise TypeError(
            f"{what} is a {type(given).__name__}; give numbers of the data set, a mask [image], PIL pictures, "
            "sl.images(…), or sl.demo.pairs(…)"
        )
    if not len(given):
        raise ValueError(f"{what} is empty; give at least 5 pictures")
    numbers = np.asarray(given) if not isinstance(given[0], Image.Image | tuple | list) else None
    if numbers is not None and numbers.ndim == 1 and numbers.dtype == bool:
        if len(numbers) != len(images):
            raise ValueError(f"{what} is a mask of {len(numbers)} for {len(images)} images")
        numbers = np.flatnonzero(numbers)
    if numbers is not None and numbers.ndim == 1 and numbers.dtype.kind in "iu":
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= len(images)):
            raise IndexError(f"{what} has image {numbers.max()}; the data set has 0 to {len(images) - 1}")
        return Shown(images, tuple(int(n) for n in dict.fromkeys(numbers.tolist())))
    return Shown(given, tuple(range(len(given))))


def of_text(words: str, clip: Clip, images: Images, count: int, seed: int) -> Contrast:
    """The images that a CLIP finds most like a text, and as many drawn from the half that it finds least like it."""
    unseen: Any = getattr(clip, "unknown_words", None)
    unknown = unseen(words) if unseen else []
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: words that this CLIP never saw; use others, or give from_images=…")
    probe = text_probes(clip, [words]).vectors[0]
    ids = np.unique(np.linspace(0, len(images) - 1, min(_LOOKED_AT, len(images))).astype(np.int64))
    known: list[int] = []
    likeness: list[np.ndarray] = []
    for batch in batches(images, ids, _AT_ONCE, _seen):
        if batch.items:
            known += [int(n) for n in batch.ids]
            likeness.append(unit(np.asarray(clip.images(batch.items), np.float32)) @ probe)
    if len(known) < 20:
        raise ValueError(f"{len(known)} images that can be read; words choose among at least 20")
    order = np.argsort(-np.concatenate(likeness), kind="stable")
    count = min(count, len(known) // 4)
    least = np.random.default_rng(seed).permutation(order[len(order) // 2 :])[:count]
    shown, others = (tuple(sorted(known[at] for at in part)) for part in (order[:count], least))
    source = f"the {count} of {len(known)} images that {clip.name} finds most like {words!r}, against {count} others"
    return Contrast(Shown(images, shown), Shown(images, others), False, words, source)


def _seen(images: Images, number: int) -> Image.Image:
    """What the model sees of an image, as a picture."""
    picture = images.picture(number)
    return cut(picture, images.window(picture.size))

