"""Crops of examples on a sheet, with the pixels that print needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..images import Images
from ..numbers import Number
from ..palette import FIGURE
from ..space import SemanticSpace
from .sheet import GAP, Sheet

CROP_DPI = FIGURE["crop-dpi"]
_SMALLEST, _LARGEST = 4.5, 12.0  # mm


@dataclass(frozen=True, eq=False)
class Crops:
    """The examples of a space as pictures: from the data set where it is at hand, else the thumbnails of the file."""

    space: SemanticSpace
    original: bool

    @classmethod
    def of(cls, space: SemanticSpace, pictures: Images | None = None) -> Crops:
        """`pictures` is the data set the space was made from, where the space itself does not have it at hand."""
        if pictures is None:
            return cls(space, space.originals is not None)
        if pictures.fingerprint != space.recipe.images:
            raise ValueError(
                f"pictures has fingerprint {pictures.fingerprint[:8]}, the space was made from "
                f"{space.recipe.images[:8]}; give the same images with the same transform"
            )
        return cls(space.with_originals(pictures), True)

    @property
    def note(self) -> str:
        return "Crops from the original images." if self.original else "Crops from the file's thumbnails."

    def count(self, row: int) -> int:
        return int(self.space.examples.counts[row])

    def picture(self, row: int, rank: int, side: Number) -> np.ndarray:
        """One example as a square of `side` mm at print resolution; a small one keeps its pixels."""
        picture = self.space.shown(row, rank)
        width, height = picture.size
        edge = min(width, height)
        left, top = (width - edge) // 2, (height - edge) // 2
        square = picture.crop((left, top, left + edge, top + edge))
        pixels = max(1, round(side / 25.4 * CROP_DPI))
        if edge > pixels:
            square = square.resize((pixels, pixels), Image.Resampling.LANCZOS)
        return np.asarray(square.convert("RGB"))

    def draw(self, sheet: Sheet, row: int, rank: int, x: Number, y: Number, side: Number) -> None:
        sheet.picture(x, y, side, side, self.picture(row, rank, side))

    def strip(self, sheet: Sheet, row: int, x: Number, y: Number, side: Number, most: int) -> None:
        """The strongest examples of a component in a row, strongest first."""
        for rank in range(min(most, self.count(row))):
            self.draw(sheet, row, rank, x + rank * (side + GAP / 2), y, side)


def strip_of(room: Number, wanted: int | None, most: int) -> tuple[int, Number]:
    """(examples, side in mm) of a strip that fits into `room` mm; without a wish as many as look good there."""
    good = 6.0 if room < 80 else 9.0
    examples = max(1, min(wanted or int((room + GAP / 2) / (good + GAP / 2)), most))
    side = (room - (examples - 1) * GAP / 2) / examples
    while side < _SMALLEST and examples > 1:
        examples -= 1
        side = (room - (examples - 1) * GAP / 2) / examples
    return examples, min(side, _LARGEST)
