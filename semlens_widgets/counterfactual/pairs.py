"""Pairs of pictures that differ in one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int
from PIL import Image

from ..artefacts import Artefact
from ..images import Images

Side = Any  # `Images`, or what has a length and numbered items that are pictures


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pictures in twos that differ in one thing: number i of both sides is the same picture, with it and without it.

    Parameters
    ----------
    with_, without
        `sl.images(...)`, or any sequence of PIL pictures, or of (picture, label) as torch data sets give them; as many
        on both sides.
    name
        What the difference is, as a checklist or an artefact calls it.

    Raises
    ------
    ValueError
        For sides that are not equally long, or empty.

    Examples
    --------
    >>> plain = [picture for picture, _ in sl.demo.images(4)]
    >>> drawn = [sl.artefacts.Ruler(seed=i)(picture) for i, picture in enumerate(plain)]
    >>> len(sl.Pairs(drawn, plain, "ruler"))
    4
    """

    with_: Side
    without: Side
    name: str = "the difference"

    def __post_init__(self) -> None:
        for side in (self.with_, self.without):
            numbered = isinstance(side, Images) or (hasattr(side, "__len__") and hasattr(side, "__getitem__"))
            if not numbered or isinstance(side, str | bytes):
                raise TypeError(f"a side of pairs is a {type(side).__name__}; give PIL pictures or sl.images(…)")
        if len(self.with_) != len(self.without):
            raise ValueError(
                f"{len(self.with_)} pictures with {self.name} and {len(self.without)} without it; number i of one side "
                "is the same picture as number i of the other"
            )
        if not len(self.with_):
            raise ValueError("no pairs; give at least one picture on each side")

    def __len__(self) -> int:
        return len(self.with_)

    def __repr__(self) -> str:
        return f"<{len(self):,} pairs of pictures, with and without {self.name}>"

    @classmethod
    def of(cls, given: Any, name: str | None = None) -> Pairs:
        """Pairs as they are, or from a sequence of (with, without).

        Parameters
        ----------
        given
            `Pairs`, or a sequence of (with, without).
        name
            What the difference is.

        Returns
        -------
        Pairs
            The pairs.

        Raises
        ------
        TypeError
            For what is neither.
        """
        if isinstance(given, Pairs):
            return given if name is None else cls(given.with_, given.without, name)
        if isinstance(given, Artefact | Image.Image | str) or not isinstance(given, Sequence):
            raise TypeError(
                f"pairs are a {type(given).__name__}; give an artefact of sl.artefacts, sl.demo.pairs(…), or a list of "
                "(picture with it, picture without it)"
            )
        if any(not isinstance(pair, tuple | list) or len(pair) != 2 for pair in given):
            raise TypeError("each pair is (picture with it, picture without it)")
        return cls([pair[0] for pair in given], [pair[1] for pair in given], name or "the difference")

    @classmethod
    def drawn(cls, artefact: Artefact, images: Side, ids: Int[np.ndarray, " image"] | Sequence[int]) -> Pairs:
        """Pictures of a data set, and the same with an artefact drawn onto them, on each as chance would have it.

        Parameters
        ----------
        artefact
            What is drawn.
        images
            The data set.
        ids
            Which of its pictures.

        Returns
        -------
        Pairs
            A pair for each of `ids`.
        """
        plain = Seen(images, tuple(int(i) for i in ids))
        return cls(Drawn(plain, artefact), plain, artefact.kind)


@dataclass(frozen=True, eq=False)
class Seen(Sequence[Image.Image]):
    """Some pictures of a data set as a person sees them, read when they are asked for."""

    images: Side
    ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, at: Any) -> Any:
        return picture_of(self.images, self.ids[at])


@dataclass(frozen=True, eq=False)
class Drawn(Sequence[Image.Image]):
    """The same pictures with an artefact, drawn when they are asked for; the same every time."""

    pictures: Sequence[Any]
    artefact: Artefact

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, at: Any) -> Any:
        return self.artefact.varied(at)(picture_of(self.pictures, at))


def picture_of(side: Side, number: int) -> Image.Image:
    """One picture of a side. TypeError where it holds something else."""
    if isinstance(side, Images):
        return side.picture(number)
    item = side[number]
    picture = item[0] if isinstance(item, tuple | list) and item else item
    if not isinstance(picture, Image.Image):
        raise TypeError(f"picture {number} of a pair is a {type(picture).__name__}; give PIL pictures, or sl.images(…)")
    return picture
