"""A picture to draw on, at any size: places in units of half its shorter side, soft edges, smooth random texture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ..numbers import Number

Point = tuple[Number, Number]
Colour = tuple[Number, Number, Number]
_FINE = 2048  # pixels of the longer side up to which shapes are drawn four times as large


def step(distance: Any, soft: Number) -> Any:
    """A soft step from 0 to 1 where `distance` crosses zero, over ± `soft`."""
    t = np.clip(distance / soft * 0.5 + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


@dataclass(eq=False)
class Canvas:
    """The pixels [height width 3] of a picture, 0 to 255, and its units: (0, 0) is its middle, 1 half its shorter side.

    The same drawing in these units looks the same at any size.
    """

    pixels: Float[np.ndarray, "height width 3"]

    @classmethod
    def of(cls, picture: Image.Image) -> Canvas:
        return cls(np.asarray(picture.convert("RGB"), np.float32))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def unit(self) -> float:
        """Pixels in one unit."""
        return min(self.size) / 2

    @property
    def ends(self) -> Point:
        """How far the picture reaches from its middle, to the right and down: 1 along its shorter side."""
        return self.size[0] / 2 / self.unit, self.size[1] / 2 / self.unit

    @property
    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """The places (x [1 width], y [height 1]) of the pixels' middles."""
        (width, height), unit = self.size, self.unit
        x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / unit
        y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / unit
        return x[None], y[:, None]

    def noise(self, random: np.random.Generator, cells: int) -> Float[np.ndarray, "height width"]:
        """Smooth random texture with about `cells` bumps along the shorter side; mean 0, deviation near 1."""
        ends = self.ends
        grid = random.standard_normal((max(2, round(cells * ends[1])), max(2, round(cells * ends[0]))))
        smooth = Image.fromarray(grid.astype(np.float32)).resize(self.size, Image.Resampling.BICUBIC)
        return np.asarray(smooth, np.float32)

    def filled(self, shapes: Sequence[Sequence[Point]], blur: Number = 0.0) -> Float[np.ndarray, "height width"]:
        """How much of each pixel lies in one of the polygons, 0 to 1; edges blurred over about `blur` units."""
        (width, height), times = self.size, 4 if max(self.size) <= _FINE else 2
        mask = Image.new("L", (width * times, height * times))
        draw, unit = ImageDraw.Draw(mask), self.unit * times
        for shape in shapes:
            draw.polygon([(width * times / 2 + x * unit, height * times / 2 + y * unit) for x, y in shape], fill=255)
        return self._smoothed(mask.reduce(times), blur)

    def _smoothed(self, mask: Image.Image, blur: Number) -> Float[np.ndarray, "height width"]:
        if blur * self.unit > 0.3:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * self.unit))
        return np.asarray(mask, np.float32) / 255

    def written(self, words: Sequence[tuple[str, Point, Number, Number]]) -> Float[np.ndarray, "height width"]:
        """How much of each pixel the texts cover: each a text, its middle, its height in units, its turn in radians."""
        cover = np.zeros((self.size[1], self.size[0]), np.float32)
        for text, middle, tall, turn in words:
            font = ImageFont.load_default(size=max(6.0, tall * self.unit * 4))
            left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
            mask = Image.new("L", (right - left + 8, bottom - top + 8))
            ImageDraw.Draw(mask).text((4 - left, 4 - top), text, fill=255, font=font)
            mask = mask.rotate(-math.degrees(turn), Image.Resampling.BICUBIC, expand=True)
            scale = tall * self.unit / max(bottom - top, 1)
            small = mask.resize(
                (max(1, round(mask.width * scale)), max(1, round(mask.height * scale))), Image.Resampling.BOX
            )
            sheet = Image.new("L", self.size)
            at = (self.size[0] / 2 + middle[0] * self.unit, self.size[1] / 2 + middle[1] * self.unit)
            sheet.paste(small, (round(at[0] - small.width / 2), round(at[1] - small.height / 2)))
            cover = np.maximum(cover, np.asarray(sheet, np.float32) / 255)
        return cover

    def blend(self, colour: Any, cover: Float[np.ndarray, "height width"]) -> None:
        """Paints with an opaque colour where `cover` says."""
        self.pixels = self.pixels + (np.asarray(colour, np.float32) - self.pixels) * cover[..., None]

    def stain(self, light: Colour, cover: Float[np.ndarray, "height width"]) -> None:
        """Lays a stain over the picture that lets this share of red, green and blue through."""
        self.pixels = self.pixels * (1 - cover[..., None] * (1 - np.asarray(light, np.float32)))

    def picture(self) -> Image.Image:
        return Image.fromarray(np.clip(np.round(self.pixels), 0, 255).astype(np.uint8))


def ribbon(path: Float[np.ndarray, "point 2"], half: Float[np.ndarray, " point"]) -> list[Point]:
    """The outline of a line along a path, with half its width at each point."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    aside = np.stack([-along[:, 1], along[:, 0]], 1) * half[:, None]
    return [(float(x), float(y)) for x, y in np.concatenate([path + aside, (path - aside)[::-1]])]
