"""What artefacts have in common: a frozen value that draws one thing onto a picture, the same way for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, TypeVar

import numpy as np
from PIL import Image

from ..numbers import Number
from .canvas import Canvas

Self = TypeVar("Self", bound="Artefact")
_KEPT = ("L", "RGB", "RGBA")


@dataclass(frozen=True)
class Artefact:
    """One thing that may lie on a picture and is no part of what the picture shows.

    Called with a PIL picture it gives a new one of the same size with the thing on it; the picture given stays as it
    is. Modes "L", "RGB" and "RGBA" stay (transparency is kept), others of 8 bits become "RGB".

    Parameters
    ----------
    size
        How large it is, 1 for the usual size.
    opacity
        0 to 1; 1 is as it usually looks.
    seed
        What the seed decides is the same at every picture size: where it lies, its turn, its texture.

    Raises
    ------
    ValueError
        For a size or opacity that is none, and for pictures of more than 8 bits.
    TypeError
        For what is no number, or no picture.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]

    >>> ruler = sl.artefacts.Ruler(seed=3)
    >>> ruler(picture).size == picture.size, ruler.varied(1) == ruler
    (True, False)
    """

    size: Number = 1.0
    opacity: Number = 1.0
    seed: int = 0

    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for what, kind in (("size", Real), ("opacity", Real), ("seed", Integral)):
            value = getattr(self, what)
            if isinstance(value, bool) or not isinstance(value, kind):
                raise TypeError(f"{what}={value!r}; needed is a {'number' if kind is Real else 'whole number'}")
        if not 0 < self.size < 100:
            raise ValueError(f"size={self.size}; 1 is the usual size, needed is a number above 0")
        if not 0 <= self.opacity <= 1:
            raise ValueError(f"opacity={self.opacity}; it lies between 0 and 1")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed}; give a whole number from 0")

    def __call__(self, picture: Any) -> Image.Image:
        """The picture with this on it."""
        if not isinstance(picture, Image.Image):
            raise TypeError(f"an artefact is drawn on a PIL picture, not on a {type(picture).__name__}")
        if picture.mode[0] in "IF":
            raise ValueError(f"a picture of mode {picture.mode!r} has more than 8 bits; convert it to 'RGB' first")
        canvas = Canvas.of(picture)
        before = canvas.pixels
        self.draw(canvas, np.random.default_rng([self.seed, 20]))
        canvas.pixels = before + (canvas.pixels - before) * self.opacity
        drawn = canvas.picture()
        if picture.mode == "RGBA":
            drawn.putalpha(picture.getchannel("A"))
        return drawn.convert("L") if picture.mode == "L" else drawn

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        """Paint on the canvas, in an order that no size changes.

        Parameters
        ----------
        canvas
            The picture's pixels and units.
        random
            Where whatever chance decides comes from.
        """
        raise NotImplementedError

    def varied(self: Self, number: int) -> Self:
        """The same artefact as chance would have it on another picture: another seed, made of this one and `number`.

        Parameters
        ----------
        number
            Of the other picture.

        Returns
        -------
        Artefact
            Another artefact.
        """
        return replace(self, seed=int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0]))
