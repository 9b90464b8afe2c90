"""What skin and instrument bring along: hair, gel bubbles, dark corners."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..numbers import Number
from .canvas import Canvas, ribbon, step
from .value import Artefact


@dataclass(frozen=True)
class Hair(Artefact):
    """Dark hairs that run roughly one way, bend a little and taper to their tips.

    Parameters
    ----------
    size
        How large it is, 1 for the usual size.
    opacity
        0 to 1; 1 is as it usually looks.
    seed
        Decides what is not given: the same at every picture size.
    count
        How many; the seed decides (8 to 20) unless given.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]
    >>> sl.artefacts.Hair(count=12)(picture).size == picture.size
    True
    """

    count: int | None = None

    kind: ClassVar[str] = "hair"

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        count = self.count if self.count is not None else 8 + int(random.random() * 13)
        grain, shade = random.random(2)
        common = grain * 2 * math.pi
        ends = canvas.ends
        hairs, cores = [], []
        for _ in range(count):
            x, y, aside, long, bend, curl, wide = random.random(7)
            turn = common + (aside - 0.5) * 1.5
            length = (0.7 + 1.2 * long) * 1.1
            s = np.linspace(0, 1, 48)
            heading = turn + (bend - 0.5) * 1.5 * s + (curl - 0.5) * 0.9 * s * s
            steps = np.stack([np.cos(heading), np.sin(heading)], 1) * length / len(s)
            path = np.cumsum(steps, 0)
            path += np.array([(2 * x - 1) * ends[0], (2 * y - 1) * ends[1]]) - path.mean(0)
            half = (0.0068 + 0.0052 * wide) * self.size * (1 - 0.72 * s**1.6)
            hairs.append(ribbon(path, np.maximum(half, 0.4 / canvas.unit)))
            cores.append(ribbon(path[:40] - 0.25 * half[:40, None], 0.3 * half[:40]))
        cover = canvas.filled(hairs)
        shadow = canvas.filled([[(x + 0.006, y + 0.008) for x, y in hair] for hair in hairs], blur=0.008)
        canvas.stain((0.72, 0.7, 0.7), 0.45 * shadow)
        dark = np.array([34.0, 25.0, 22.0]) + shade * np.array([34.0, 20.0, 10.0])
        canvas.blend(dark, 0.94 * cover)
        canvas.blend(dark + np.array([74.0, 60.0, 50.0]), 0.45 * canvas.filled(cores))


@dataclass(frozen=True)
class Bubbles(Artefact):
    """Air in the immersion gel: thin dark outlines, bright crescents lit from the upper left, a spark in each.

    Parameters
    ----------
    size
        How large it is, 1 for the usual size.
    opacity
        0 to 1; 1 is as it usually looks.
    seed
        Decides what is not given: the same at every picture size.
    count
        How many; the seed decides (9 to 20) unless given.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]
    >>> sl.artefacts.Bubbles()(picture).size == picture.size
    True
    """

    count: int | None = None

    kind: ClassVar[str] = "gel bubbles"

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        count = self.count if self.count is not None else 9 + int(random.random() * 12)
        ends, px = canvas.ends, 1 / canvas.unit
        pixels = canvas.pixels.copy()
        x_axis, y_axis = (axis.ravel() for axis in canvas.grid)
        for _ in range(count):
            x, y, large, light = random.random(4)
            radius = (0.028 + 0.11 * large**2.2) * self.size
            x, y = (2 * x - 1) * ends[0], (2 * y - 1) * ends[1]
            wide = radius * 1.25 + 3 * px
            columns = slice(*np.searchsorted(x_axis, (x - wide, x + wide)))
            rows = slice(*np.searchsorted(y_axis, (y - wide, y + wide)))
            dx, dy = x_axis[None, columns] - x, y_axis[rows, None] - y
            if not dx.size or not dy.size:
                continue
            far = np.sqrt(dx * dx + dy * dy + 1e-9)
            facing = -(dx + dy) / far / math.sqrt(2)  # 1 towards the light
            thin = 0.05 * radius + 0.5 * px
            outline = np.exp(-(((far - radius) / thin) ** 2))
            crescent = np.exp(-(((far - 0.86 * radius) / (0.09 * radius + 0.5 * px)) ** 2))
            spark_x, spark_y = dx + 0.42 * radius, dy + 0.42 * radius
            spark = np.exp(-(spark_x**2 + spark_y**2) / (0.13 * radius + 0.5 * px) ** 2)
            within = step(radius - far, 0.04 * radius + px)
            glow = 10 + 12 * np.clip(0.5 - 0.6 * facing, 0, 1)
            gain = (
                within * glow
                - 58 * outline * (0.62 - 0.3 * facing)
                + crescent * (78 * np.clip(facing, 0, 1) ** 2 + 34 * np.clip(-facing, 0, 1) ** 2)
                + 120 * spark
            )
            pixels[rows, columns] += (gain * (0.8 + 0.3 * light))[..., None]
        canvas.pixels = pixels


@dataclass(frozen=True)
class DarkCorners(Artefact):
    """The round field of view of a dermatoscope: black outside, with a soft edge.

    Parameters
    ----------
    size
        How large it is, 1 for the usual size.
    opacity
        0 to 1; 1 is as it usually looks.
    seed
        Decides what is not given: the same at every picture size.
    radius
        Of the bright circle in halves of the shorter side; the seed decides (1 to 1.14) unless given. `size` makes the
        dark part larger.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]
    >>> sl.artefacts.DarkCorners()(picture).size == picture.size
    True
    """

    radius: Number | None = None

    kind: ClassVar[str] = "dark corners"

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        drawn, x, y, soft = random.random(4)
        radius = (self.radius if self.radius is not None else 1.0 + 0.14 * drawn) / self.size
        across, down = canvas.grid
        ends = canvas.ends
        far = np.hypot(
            (across - (x - 0.5) * 0.06) / max(1.0, ends[0] ** 0.5), (down - (y - 0.5) * 0.06) / max(1.0, ends[1] ** 0.5)
        )
        edge = 0.03 + 0.05 * soft
        canvas.stain((0.55, 0.5, 0.48), step(far - radius + 0.05, 0.1))
        canvas.blend((9, 8, 9), step(far - radius, edge))
