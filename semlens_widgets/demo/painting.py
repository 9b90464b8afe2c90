"""How a picture of the demo world is drawn: skin, lesion, light, then the artefacts from the skin up to the lens.

Coordinates run from -1 to 1 over the picture; lengths below are in that unit, colours in 0…255. Pixel
arithmetic uses only +, x, sqrt, exp, min and max, which torch rounds alike in every batch and thread count
(soft steps are polynomials, angles are unit vectors: no sigmoid and no atan2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from semlens_widgets.demo.factors import INDEX, LESION_BIT
from semlens_widgets.demo.scene import (
    BLOTCHES,
    BUBBLES,
    GRIDS,
    HAIRS,
    LESION_COLOURS,
    NOTCHES,
    PATCH_COLOURS,
    SKIN_TONES,
    STROKES,
    TURN,
    Scene,
)


def _step(distance: torch.Tensor, soft: torch.Tensor | float) -> torch.Tensor:
    """A soft step from 0 to 1 where ``distance`` crosses zero, over ± ``soft``."""
    t = (distance / soft * 0.5 + 0.5).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _fade(distance: torch.Tensor) -> torch.Tensor:
    """exp(-distance), stopped at exp(-20): denormal numbers would cost a hundred times more."""
    return torch.exp(-distance.clamp(max=20))


def _blend(image: torch.Tensor, colour: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    alpha = alpha[:, None]
    return image + (colour - image) * alpha


def _rgb(table: np.ndarray | Sequence[Sequence[float]]) -> torch.Tensor:
    return torch.as_tensor(np.asarray(table, np.float32))[:, :, None, None]


class _Canvas:
    """The pixel grid and one block's values on it, as tensors that broadcast against [image height width]."""

    def __init__(self, scene: Scene, flags: np.ndarray, size: int) -> None:
        axis = (torch.arange(size) + 0.5) / size * 2 - 1
        self.scene, self.size, self.n = scene, size, len(flags)
        self.X, self.Y = axis[None, None, :], axis[None, :, None]
        self.px = 2.0 / size
        self.flags = flags
        self.noise = dict(zip(GRIDS, map(self._smooth, scene.grids), strict=True))

    def _smooth(self, grid: np.ndarray) -> torch.Tensor:
        return F.interpolate(torch.from_numpy(grid), size=(self.size, self.size), mode="bicubic", align_corners=False)[
            :, 0
        ]

    def col(self, values: np.ndarray) -> torch.Tensor:
        """One number per picture, as [image 1 1]. Computed in float64, so rounding is alike in every batch."""
        return torch.from_numpy(np.asarray(values, np.float32)).reshape(-1, 1, 1)

    def u(self, name: str, k: int = 0) -> torch.Tensor:
        return self.col(self.scene.u[name][:, k])

    def cos(self, angle: np.ndarray) -> torch.Tensor:
        return self.col(np.cos(angle))

    def sin(self, angle: np.ndarray) -> torch.Tensor:
        return self.col(np.sin(angle))

    def on(self, name: str) -> torch.Tensor:
        return self.col(self.flags[:, INDEX[name]])

    def far(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The distance of every pixel from a point per picture."""
        return torch.sqrt((self.X - x) ** 2 + (self.Y - y) ** 2 + 1e-6)

    def only(self, name: str) -> tuple[np.ndarray, _Canvas] | None:
        """The pictures that contain a factor and a canvas of those alone, or None."""
        rows = np.flatnonzero(self.flags[:, INDEX[name]])
        if len(rows) == 0:
            return None
        part = object.__new__(_Canvas)
        part.__dict__.update(self.__dict__)
        part.scene, part.n, part.flags = self.scene.take(rows), len(rows), self.flags[rows]
        part.noise = {side: texture[rows] for side, texture in self.noise.items()}
        return rows, part


@torch.no_grad()
def paint(scene: Scene, flags: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw one block: skin, lesion, light, then the artefacts from the skin up to the lens."""
    canvas = _Canvas(scene, flags, size)
    masks = torch.zeros(canvas.n, size, size, dtype=torch.int16)
    image = _skin(canvas, masks)
    image = _lesion(canvas, image, masks)
    light = canvas.u("light") * (canvas.u("light_x") * canvas.X + canvas.u("light_y") * canvas.Y)
    image = image * (1 + light)[:, None] + 2.0 * torch.from_numpy(scene.grain)[:, None]
    for name, draw in (("ink", _ink), ("bubbles", _bubbles), ("patch", _patch), ("ruler", _ruler), ("hair", _hair),
                       ("vignette", _vignette)):  # fmt: skip
        part = canvas.only(name)
        if part is None:
            continue
        rows, own = part
        image[rows], cover = draw(own, image[rows])
        if name in ("patch", "vignette"):  # opaque: what lies beneath is no longer visible
            masks[rows] *= ~cover
        masks[rows] |= cover.short() << INDEX[name]
    pixels = image.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    return pixels.numpy(), masks.numpy()


def _skin(c: _Canvas, masks: torch.Tensor) -> torch.Tensor:
    """Mottled skin with fine furrows; red skin is a blotchy flush of it."""
    u, noise = c.scene.u, c.noise
    tone = np.array(list(SKIN_TONES.values()))[c.scene.pick("tone")] + u["tone_light"] + u["tone_tint"]
    mottle = 4 * noise[4] + 3 * noise[8] + 2 * noise[16]
    furrow = -4.2 * _fade(noise[16].abs() / 0.18) - 4 * _fade(noise[32].abs() / 0.25)
    image = _rgb(tone) + mottle[:, None] * _rgb([[1.0, 1.1, 1.1]]) + furrow[:, None]
    blotchy = _step(1.2 * noise[4] + 0.8 * noise[8] + 0.5 * noise[16] + 1.1, 2.2)
    flush = c.on("redskin") * c.u("redness") * (0.55 + 0.45 * blotchy)
    image = image * (1 - flush[:, None] * _rgb([[0.015, 0.25, 0.215]]))
    image[:, 0] += 4 * flush
    masks |= (flush > 0.3).short() << INDEX["redskin"]
    return image


def _outline(c: _Canvas) -> tuple[torch.Tensor, torch.Tensor]:
    """The lesion as (radius per picture, distance from its centre in units of the local radius: 1 at the rim)."""
    u = c.scene.u
    dx, dy = c.X - c.u("x"), c.Y - c.u("y")
    far = torch.sqrt(dx * dx + dy * dy + 1e-6)
    cos_turn, sin_turn = c.cos(u["turn"][:, 0]), c.sin(u["turn"][:, 0])
    cos1 = (dx * cos_turn + dy * sin_turn) / far
    sin1 = (dy * cos_turn - dx * sin_turn) / far
    cosines, sines = [torch.ones_like(cos1), cos1], [torch.zeros_like(sin1), sin1]
    for _ in range(5):  # cos and sin of multiples of the angle, by recurrence
        cosines.append(2 * cos1 * cosines[-1] - cosines[-2])
        sines.append(2 * cos1 * sines[-1] - sines[-2])

    def wave(k: int, phase: np.ndarray) -> torch.Tensor:
        return cosines[k] * c.cos(phase) - sines[k] * c.sin(phase)

    local = 1 + c.u("ellipse") * cosines[2]
    for k in range(4):
        local = local + c.u("wobble", k) * wave(k + 3, u["wobble_turn"][:, k])
    for k, weight in enumerate((1.0, 0.45, 0.75)):
        local = local + c.on("asymmetry") * 0.95 * weight * c.u("lobe", k) * wave(k + 1, u["lobe_turn"][:, k])

    count = c.scene.pick("notches")
    rows = np.flatnonzero(c.flags[:, INDEX["border"]])
    if len(rows):
        bites = torch.zeros(len(rows), c.size, c.size)
        first = u["wobble_turn"][:, 0]
        for k in range(NOTCHES):
            present = k < count
            angle = (first + TURN * (k + u["notch_turn"][:, k]) / count)[rows]
            aligned = cos1[rows] * c.cos(angle) + sin1[rows] * c.sin(angle)
            bite = _fade((1 - aligned) * c.u("notch_width", k)[rows])
            bites = bites + bite * c.col(present * u["notch_depth"][:, k])[rows]
        ragged = 0.055 * c.noise[16][rows] + 0.045 * c.noise[32][rows]
        local[rows] = local[rows] * (1.12 - bites + ragged)
    radius = c.u("radius") + c.on("large") * (c.u("radius_large") - c.u("radius"))
    return radius, far / (radius * local.clamp(0.3, 2.0))


def _lesion(c: _Canvas, image: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The pigmented lesion with its network, its colours and its veil, laid over the skin."""
    u, noise = c.scene.u, c.noise
    radius, depth = _outline(c)
    inside = radius * (1 - depth)
    cover = _step(inside, 0.10 - 0.065 * c.on("border"))
    colour = np.array(list(LESION_COLOURS.values()))[c.scene.pick("colour")] + u["colour_light"] + u["colour_tint"]
    colour = colour * np.array([1.0, 0.94, 0.78])[c.scene.pick("tone")][:, None]  # pigment shows on dark skin too
    shade = 1 + 0.22 * (depth - 0.5).clamp(-0.5, 0.6) + 0.05 * noise[4]
    network = _fade(noise[32].abs() / 0.35) * (0.11 + 0.11 * depth.clamp(0, 1))
    pigment = _rgb(colour) * (shade * (1 - network))[:, None] + 3 * noise[16][:, None]

    part = c.only("variegation")
    blotched = torch.zeros_like(cover)
    if part is not None:
        rows, own = part
        lesion, mark = pigment[rows], blotched[rows]
        order = np.argsort(own.scene.u["blotch_order"], axis=1)
        size = radius[rows]
        for k in range(3):
            present = own.col(k < own.scene.pick("blotches"))
            angle = own.scene.u["blotch_turn"][:, 0] + 2.1 * k + own.scene.u["blotch_jitter"][:, k]
            reach = own.u("blotch_reach", k) * size
            far = own.far(own.u("x") + reach * own.cos(angle), own.u("y") + reach * own.sin(angle))
            wavy = size * (0.13 * own.noise[8] * (-1) ** k + 0.09 * own.noise[16])
            alpha = _step(own.u("blotch_size", k) * size - far + wavy, 0.13 * size + 0.02) * present * 0.92
            grainy = _rgb(np.array(BLOTCHES)[order[:, k]]) * (1 - 0.6 * network[rows])[:, None]
            lesion = _blend(lesion, grainy, alpha)
            mark = torch.maximum(mark, alpha)
        pigment[rows], blotched[rows] = lesion, mark * cover[rows]

    part = c.only("veil")
    veiled = torch.zeros_like(cover)
    if part is not None:
        rows, own = part
        size = radius[rows]
        angle = own.scene.u["veil_turn"][:, 0]
        reach = own.u("veil_reach") * size
        far = own.far(own.u("x") + reach * own.cos(angle), own.u("y") + reach * own.sin(angle))
        alpha = _step(own.u("veil_size") * size - far + 0.09 * size * own.noise[8], 0.36 * size) * 0.82
        haze = _rgb([[146.0, 156.0, 180.0]]) + (13 * own.noise[8] + 9 * own.noise[16])[:, None]
        pigment[rows] = _blend(pigment[rows], haze, alpha)
        veiled[rows] = alpha * cover[rows]

    lesion = cover > 0.5
    rim = (inside.abs() < 0.1) & (c.on("border") > 0)
    where = {"veil": veiled > 0.4, "variegation": blotched > 0.4, "border": rim}
    where |= {name: lesion & (c.on(name) > 0) for name in ("asymmetry", "large")}
    for name, visible in where.items():
        masks |= visible.short() << INDEX[name]
    masks |= lesion.short() << LESION_BIT
    return _blend(image, pigment, cover)


def _ink(c: _Canvas, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Strokes of a surgical marker around the lesion."""
    u = c.scene.u
    alpha = torch.zeros(c.n, c.size, c.size)
    for k in range(STROKES):
        present = c.col(k < c.scene.pick("strokes"))
        place = u["stroke_turn"][:, 0] + 2.1 * k + u["stroke_jitter"][:, k]
        along = place + math.pi / 2 + u["stroke_tilt"][:, k]
        x, y = c.u("stroke_off", k) * c.cos(place), c.u("stroke_off", k) * c.sin(place)
        cos, sin = c.cos(along), c.sin(along)
        s = (c.X - x) * cos + (c.Y - y) * sin
        t = (c.Y - y) * cos - (c.X - x) * sin - 0.35 * s * s
        gap = torch.sqrt(t * t + (s.abs() - c.u("stroke_length", k)).clamp(min=0) ** 2 + 1e-8)
        alpha = torch.maximum(alpha, _step(c.u("stroke_width") - gap, 0.014 + 0.6 * c.px) * present)
    alpha = alpha * (0.80 + 0.13 * c.noise[16] + 0.05 * c.noise[32]).clamp(0.35, 1)
    colour = _rgb(np.array([84.0, 44.0, 140.0]) + u["stroke_tint"])
    return _blend(image, colour, alpha), alpha > 0.3


def _bubbles(c: _Canvas, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Air in the immersion gel: bright rims, lit from the upper left."""
    light, cover = torch.zeros(c.n, c.size, c.size), torch.zeros(c.n, c.size, c.size)
    for k in range(BUBBLES):
        present = c.col(k < c.scene.pick("bubbles"))
        x, y, r = c.u("bubble_x", k), c.u("bubble_y", k), c.u("bubble_radius", k)
        far = c.far(x, y)
        rim = _fade(((far - r) / (0.45 * c.px + 0.006)) ** 2)
        facing = 0.55 + 0.32 * (x - c.X + y - c.Y) / far
        spark = _fade(((c.X - x + 0.4 * r) ** 2 + (c.Y - y + 0.4 * r) ** 2) / (0.28 * r) ** 2)
        within = _step(r - far, 0.03) * present
        light = light + 26 * within + (80 * rim * facing + 105 * spark) * present
        cover = torch.maximum(cover, within)
    return image + light[:, None], cover > 0.5


def _patch(c: _Canvas, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A coloured sticker that reaches into the picture and throws a soft shadow."""
    turn = c.scene.u["patch_turn"][:, 0]
    aspect, radius = c.u("patch_aspect"), c.u("patch_radius")
    x, y = c.u("patch_off") * c.cos(turn), c.u("patch_off") * c.sin(turn)
    far = torch.sqrt(((c.X - x) * aspect) ** 2 + ((c.Y - y) / aspect) ** 2 + 1e-6)
    cover = _step(radius - far, 0.012 + 0.6 * c.px)
    rim = _fade(((far - radius + 0.03) / 0.025) ** 2)
    shadow = 0.74 + 0.26 * _step(far - radius - 0.05, 0.09)
    colour = _rgb(np.array(list(PATCH_COLOURS.values()))[c.scene.pick("patch_colour")])
    cloth = 5 * c.noise[16] + 3 * c.noise[32] - 24 * rim
    return _blend(image * shadow[:, None], colour + cloth[:, None], cover), cover > 0.5


def _ruler(c: _Canvas, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A printed millimetre scale along one side, every fifth tick longer."""
    angle = c.scene.pick("ruler_side") * math.pi / 2 + c.scene.u["ruler_tilt"][:, 0]
    cos, sin = c.cos(angle), c.sin(angle)
    along = c.X * cos + c.Y * sin
    across = c.Y * cos - c.X * sin - c.u("ruler_off")
    step = c.u("ruler_step")
    nearest = torch.round(along / step + c.u("ruler_phase"))
    aside = (along - (nearest - c.u("ruler_phase")) * step).abs()
    length = 0.10 + 0.09 * (torch.remainder(nearest, 5) == 0).float()
    half = max(0.009, 0.42 * c.px)
    soft = 0.6 * c.px
    tick = _step(half - aside, soft) * _step(across + length, soft) * _step(-across, soft)
    line = _step(half - across.abs(), soft)
    ink = torch.maximum(tick, line) * 0.92
    return _blend(image, _rgb([[24.0, 22.0, 22.0]]), ink), (across > -0.2) & (across < 0.05)


def _hair(c: _Canvas, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A few dark, slightly bent hairs that taper to their tips."""
    u = c.scene.u
    cover = torch.zeros(c.n, c.size, c.size)
    for k in range(HAIRS):
        present = c.col(k < c.scene.pick("hairs"))
        cos, sin = c.cos(u["hair_turn"][:, k]), c.sin(u["hair_turn"][:, k])
        s, t = c.X * cos + c.Y * sin, c.Y * cos - c.X * sin
        bend = c.u("hair_bend", k)
        slope = 2 * bend * s
        gap = (t - c.u("hair_off", k) - bend * s * s).abs() / torch.sqrt(1 + slope * slope)
        done = (s - c.u("hair_start", k)) / c.u("hair_length", k)
        width = c.u("hair_width", k) * (1.15 - 0.6 * done.clamp(0, 1))
        ends = _step(done, 0.02) * _step(1 - done, 0.02)
        cover = torch.maximum(cover, _step(width - gap, max(0.008, 0.75 * c.px)) * ends * present)
    cover = cover * 0.92
    shade = c.scene.u["hair_colour"]
    colour = _rgb(np.array([30.0, 22.0, 20.0]) + shade * np.array([38.0, 22.0, 10.0]))
    return _blend(image, colour, cover), cover > 0.35


def _vignette(c: _Canvas, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The round field of view of the instrument: black outside."""
    dark = _step(torch.sqrt(c.X * c.X + c.Y * c.Y + 1e-6) - c.u("vignette_radius"), 0.1)
    return _blend(image, _rgb([[9.0, 8.0, 8.0]]), dark), dark > 0.5
