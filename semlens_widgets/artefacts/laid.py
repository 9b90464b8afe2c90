"""Things laid on or beside the lesion by people: a ruler, a sticker, ink, a stamp."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from PIL import Image

from ..numbers import Number
from ..pictures import opened
from .canvas import Canvas, Colour, Point, ribbon, step
from .value import Artefact

SIDES = ("top", "right", "bottom", "left")
PATCH_COLOURS: dict[str, Colour] = {
    "blue": (52, 98, 186), "green": (72, 152, 98), "yellow": (232, 200, 84), "orange": (232, 136, 62),
    "pink": (232, 138, 172),
}  # fmt: skip
_INK: Colour = (0.36, 0.26, 0.62)  # what gentian violet lets through


_PRINT, _PRINT_ON_DARK = (26, 24, 25), (232, 232, 226)
_DARK = 80  # of 255; on what is darker nobody would print in black


@dataclass(frozen=True)
class Ruler(Artefact):
    """A printed millimetre scale along one side, every fifth tick longer and with its number; black, or white where the
    picture beneath is dark.

    Parameters
    ----------
    size
        How large it is, 1 for the usual size.
    opacity
        0 to 1; 1 is as it usually looks.
    seed
        Decides what is not given: the same at every picture size.
    side
        "top", "right", "bottom" or "left"; the seed decides unless given.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]
    >>> sl.artefacts.Ruler(seed=3)(picture).size == picture.size
    True
    """

    side: str | None = None

    kind: ClassVar[str] = "ruler"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side is not None and self.side not in SIDES:
            raise ValueError(f"side={self.side!r}; a ruler lies along {', '.join(map(repr, SIDES))}")

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        drawn, tilt, off, apart, phase = random.random(5)
        turn = SIDES.index(self.side) if self.side is not None else int(drawn * 4)
        angle = (turn - 2) * math.pi / 2 + (tilt - 0.5) * 0.16  # at the bottom as it is
        cos, sin = math.cos(angle), math.sin(angle)
        far = canvas.ends[1] if turn % 2 == 0 else canvas.ends[0]
        base = far - (0.06 + 0.14 * off) * min(self.size, 1.5)
        every = (0.11 + 0.04 * apart) * self.size
        half = max(0.0065 * self.size, 0.55 / canvas.unit)

        def box(x0: Number, y0: Number, x1: Number, y1: Number) -> list[Point]:
            return [(x * cos - y * sin, x * sin + y * cos) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]

        reach = math.hypot(*canvas.ends) + 1
        shapes, numbers = [box(-reach, base - half, reach, base + half)], []
        for number in range(math.ceil(2 * reach / every)):
            x = -reach + (number + phase) * every
            tall = (0.19 if number % 5 == 0 else 0.10) * self.size
            shapes.append(box(x - half, base - tall, x + half, base))
            if number % 5 == 0:
                x, y = x, base - tall - 0.055 * self.size
                numbers.append(
                    (str(number % 50 or 50), (x * cos - y * sin, x * sin + y * cos), 0.07 * self.size, angle)
                )
        cover = np.maximum(canvas.filled(shapes), canvas.written(numbers) if canvas.unit >= 60 else 0)
        beneath = float((canvas.pixels.mean(2) * cover).sum() / max(float(cover.sum()), 1e-9))
        canvas.blend(_PRINT if beneath >= _DARK else _PRINT_ON_DARK, 0.9 * cover)


@dataclass(frozen=True)
class Patch(Artefact):
    """A coloured round sticker that reaches into the picture from its edge and throws a soft shadow.

    Parameters
    ----------
    size
        How large it is, 1 for the usual size.
    opacity
        0 to 1; 1 is as it usually looks.
    seed
        Decides what is not given: the same at every picture size.
    colour
        A name of `PATCH_COLOURS` ("blue", "green", "yellow", "orange", "pink") or (red, green, blue) from 0 to 255; the
        seed decides unless given.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]
    >>> sl.artefacts.Patch(colour="blue")(picture).size == picture.size
    True
    """

    colour: str | Colour | None = None

    kind: ClassVar[str] = "coloured patch"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.colour, str) and self.colour not in PATCH_COLOURS:
            names = ", ".join(map(repr, PATCH_COLOURS))
            raise ValueError(f"colour={self.colour!r}; there are {names}, or give (red, green, blue)")

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        turn, wide, off, aspect, drawn = random.random(5)
        turn, aspect = turn * 2 * math.pi, 0.85 + 0.3 * aspect
        radius = (0.38 + 0.24 * wide) * self.size
        cos, sin, ends = math.cos(turn), math.sin(turn), canvas.ends
        to_edge = min(ends[0] / max(abs(cos), 1e-6), ends[1] / max(abs(sin), 1e-6))  # along this direction
        away = to_edge - radius * (0.1 + 0.45 * off)
        x, y = canvas.grid
        far = np.sqrt(((x - away * cos) * aspect) ** 2 + ((y - away * sin) / aspect) ** 2)
        weave = canvas.noise(random, 90) * 2.2 + canvas.noise(random, 24) * 2.6 + canvas.noise(random, 5) * 4
        edge = 0.006 * canvas.noise(random, 12)
        inside = radius - far + edge
        soft = 0.006 + 0.7 / canvas.unit
        canvas.stain((0.62, 0.6, 0.6), 0.75 * step(0.05 - np.abs(inside + 0.03), 0.06) * (inside < soft))
        names = list(PATCH_COLOURS)
        colour = self.colour if self.colour is not None else names[int(drawn * len(names))]
        rgb = np.asarray(PATCH_COLOURS[colour] if isinstance(colour, str) else colour, np.float32)
        lit = 9 * (-x - y) / math.sqrt(2)  # from the upper left
        rim = -26 * np.exp(-((inside - 0.012) ** 2) / 0.014**2) + 12 * np.exp(-((inside - 0.045) ** 2) / 0.02**2)
        canvas.blend(rgb + (weave + lit + rim)[..., None], step(inside, soft))


@dataclass(frozen=True)
class Ink(Artefact):
    """Strokes of a surgical marker on the skin around the lesion; the skin shows through.

    Parameters
    ----------
    size
        How large it is, 1 for the usual size.
    opacity
        0 to 1; 1 is as it usually looks.
    seed
        Decides what is not given: the same at every picture size.
    strokes
        How many; the seed decides (2 or 3) unless given.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]
    >>> sl.artefacts.Ink(strokes=3)(picture).size == picture.size
    True
    """

    strokes: int | None = None

    kind: ClassVar[str] = "ink marker"

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        count = self.strokes if self.strokes is not None else 2 + int(random.random() * 2)
        first = random.random() * 2 * math.pi
        shapes = []
        for number in range(count):
            jitter, off, tilt, long, bend, wide = random.random(6)
            place = first + number * 2.1 + (jitter - 0.5) * 0.6
            away = 0.68 + 0.2 * off
            along = place + math.pi / 2 + (tilt - 0.5) * 1.2
            s = np.linspace(-1, 1, 60) * (0.2 + 0.18 * long) * self.size
            t = (bend - 0.5) * 1.6 * s * s
            t = t + 0.006 * np.convolve(random.standard_normal(len(s) + 8), np.ones(9) / 9, "valid")
            ends = canvas.ends
            x = away * math.cos(place) * ends[0] + s * math.cos(along) - t * math.sin(along)
            y = away * math.sin(place) * ends[1] + s * math.sin(along) + t * math.cos(along)
            half = (0.026 + 0.016 * wide) * self.size * np.clip(1.15 - (np.linspace(-1, 1, 60) ** 8), 0.15, 1)
            half = half * (1 + 0.16 * np.convolve(random.standard_normal(len(s) + 4), np.ones(5) / 5, "valid"))
            shapes.append(ribbon(np.stack([x, y], 1), half))
        cover = canvas.filled(shapes, blur=0.009)
        grain = 0.1 * canvas.noise(random, 160) + 0.08 * canvas.noise(random, 60) + 0.09 * canvas.noise(random, 10)
        worn = np.clip(0.84 - 0.16 * np.exp(-np.abs(canvas.noise(random, 90)) / 0.25) + grain, 0.2, 1)
        canvas.stain(_INK, step(cover - 0.45 + 0.5 * grain, 0.45) * worn * np.clip(4 * cover, 0, 1))


@dataclass(frozen=True)
class Stamp(Artefact):
    """Words written across a picture, as a watermark or the stamp of a clinic.

    Parameters
    ----------
    size
        How large it is, 1 for the usual size.
    opacity
        0 to 1; 1 is as it usually looks.
    seed
        Decides what is not given: the same at every picture size.
    text
        What is written.
    place
        "corner", small and opaque at a lower corner, as cameras write; or "middle", large, slanted and faint.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]
    >>> sl.artefacts.Stamp(text="CLINIC 7")(picture).size == picture.size
    True
    """

    text: str = "CLINIC 0417"
    place: str = "corner"

    kind: ClassVar[str] = "stamp"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.text.strip():
            raise ValueError("a stamp without text; give text=…")
        if self.place not in ("corner", "middle"):
            raise ValueError(f"place={self.place!r}; a stamp is in the 'corner' or in the 'middle'")

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        right, x, y, turn = random.random(4)
        ends = canvas.ends
        if self.place == "middle":
            tall = min(0.34, 2.6 / max(len(self.text), 4)) * self.size
            words = [(self.text, ((x - 0.5) * 0.1, (y - 0.5) * 0.1), tall, -0.5 + (turn - 0.5) * 0.2)]
            canvas.blend((250, 250, 250), 0.42 * canvas.written(words))
            return
        tall = 0.1 * self.size
        half = 0.31 * tall * len(self.text)
        middle = (math.copysign(ends[0] - half - 0.06 - 0.05 * x, right - 0.5), ends[1] - tall - 0.03 - 0.05 * y)
        shadow = (middle[0] + 0.09 * tall, middle[1] + 0.09 * tall)
        canvas.blend((20, 20, 20), 0.7 * canvas.written([(self.text, shadow, tall, 0.0)]))
        canvas.blend((246, 244, 236), 0.94 * canvas.written([(self.text, middle, tall, 0.0)]))


@dataclass(frozen=True, eq=False)
class Sticker(Artefact):
    """A picture of one's own, laid onto others.

    Parameters
    ----------
    size
        How large it is, 1 for the usual size.
    opacity
        0 to 1; 1 is as it usually looks.
    seed
        Decides what is not given: the same at every picture size.
    image
        The picture, or the file of one; transparent parts show what lies beneath. Its longer side is a third of the
        shorter side of what it is laid on, times `size`.
    mask
        Which part of it is laid on: a picture or array of the same size, 0 (nothing) to 255, to 1 or True (all).
    at
        Its middle as shares of width and height from the left upper corner, (0.5, 0.5) for the middle; the seed decides
        unless given.
    turn
        Degrees counterclockwise; the seed decides (up to ± 15) unless given.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]
    >>> sl.artefacts.Sticker(image=picture, at=(0.2, 0.2))(picture).size == picture.size
    True
    """

    image: Image.Image | str | os.PathLike[str] | None = None
    mask: Image.Image | np.ndarray | None = field(default=None, repr=False)
    at: Point | None = None
    turn: Number | None = None

    kind: ClassVar[str] = "sticker"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image is None:
            raise ValueError("a sticker of what? Give image=…, a PIL picture or the file of one")
        picture = self.image if isinstance(self.image, Image.Image) else opened(self.image).image
        rgba = picture.convert("RGBA")
        if self.mask is not None:
            mask = np.asarray(self.mask.convert("L") if isinstance(self.mask, Image.Image) else self.mask)
            if mask.shape != (rgba.height, rgba.width):
                raise ValueError(
                    f"the mask is {mask.shape[::-1]} pixels and the sticker {rgba.size}; give one of the same size"
                )
            share = mask.astype(np.float64) / (255 if mask.dtype == np.uint8 else 1)
            alpha = np.asarray(rgba.getchannel("A"), np.float32) * np.clip(share, 0, 1)
            rgba.putalpha(Image.fromarray(np.round(alpha).astype(np.uint8)))
        object.__setattr__(self, "image", rgba)
        object.__setattr__(self, "mask", None)

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        x, y, drawn = random.random(3)
        rgba = self.image
        assert isinstance(rgba, Image.Image)
        (width, height), unit = canvas.size, canvas.unit
        turned = rgba.rotate(
            self.turn if self.turn is not None else (drawn - 0.5) * 30, Image.Resampling.BICUBIC, expand=True
        )
        scale = self.size * 2 / 3 * unit / max(rgba.size)
        wide, tall = max(1, round(turned.width * scale)), max(1, round(turned.height * scale))
        small = np.asarray(turned.convert("RGBa").resize((wide, tall), Image.Resampling.LANCZOS), np.float32)
        inner = (wide / 2 + (width - wide) * x, tall / 2 + (height - tall) * y)
        middle = inner if self.at is None else (self.at[0] * width, self.at[1] * height)
        left, top = round(middle[0] - wide / 2), round(middle[1] - tall / 2)
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + wide, width), min(top + tall, height)
        if x0 >= x1 or y0 >= y1:
            return
        part = small[y0 - top : y1 - top, x0 - left : x1 - left]
        pixels = canvas.pixels.copy()
        pixels[y0:y1, x0:x1] = part[..., :3] + pixels[y0:y1, x0:x1] * (1 - part[..., 3:] / 255)
        canvas.pixels = pixels
