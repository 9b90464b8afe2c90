"""What chance decides about a picture of the demo world before anything is drawn: its factors and nuisance values.

Every nuisance value (skin tone, where a hair would lie, …) is drawn whether or not its factor is present, so switching
one factor on or off gives a counterfactual pair of the same lesion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from semlens_widgets.demo.factors import NAMES, Probabilities

SKIN_TONES = {"fair": (233, 198, 177), "tan": (208, 160, 128), "brown": (156, 110, 82)}
LESION_COLOURS = {"light brown": (158, 104, 66), "brown": (122, 74, 46), "dark brown": (84, 48, 32)}
PATCH_COLOURS = {
    "blue": (40, 90, 190), "green": (60, 150, 90), "yellow": (235, 200, 70), "orange": (235, 130, 50),
    "pink": (235, 130, 170),
}  # fmt: skip
BLOTCHES = ((30, 21, 20), (170, 66, 58), (212, 168, 120), (226, 200, 184))  # black, red, tan, whitish
HAIRS, BUBBLES, STROKES, NOTCHES = 10, 14, 3, 7

TURN = 2 * math.pi
_NUISANCE: dict[str, tuple[float, float, int]] = {  # name: (low, high, how many), uniform
    "label": (0, 1, 1), "flags": (0, 1, len(NAMES)),
    "tone": (0, len(SKIN_TONES), 1), "tone_light": (-12, 12, 1), "tone_tint": (-4, 4, 3),
    "colour": (0, len(LESION_COLOURS), 1), "colour_light": (-9, 9, 1), "colour_tint": (-4, 4, 3),
    "x": (-.12, .12, 1), "y": (-.12, .12, 1), "radius": (.33, .41, 1), "radius_large": (.58, .70, 1),
    "ellipse": (0, .12, 1), "turn": (0, TURN, 1), "wobble": (0, .02, 4), "wobble_turn": (0, TURN, 4),
    "lobe": (.24, .36, 3), "lobe_turn": (0, TURN, 3),
    "notches": (5, NOTCHES + 1, 1), "notch_turn": (-.36, .36, NOTCHES), "notch_depth": (.14, .42, NOTCHES),
    "notch_width": (15, 70, NOTCHES),
    "blotches": (2, 4, 1), "blotch_order": (0, 1, 4), "blotch_turn": (0, TURN, 1),
    "blotch_jitter": (-.5, .5, 3), "blotch_reach": (.3, .72, 3), "blotch_size": (.42, .52, 3),
    "veil_turn": (0, TURN, 1), "veil_reach": (.1, .4, 1), "veil_size": (.55, .78, 1),
    "hairs": (4, HAIRS, 1), "hair_turn": (0, math.pi, HAIRS), "hair_off": (-.9, .9, HAIRS),
    "hair_bend": (-.3, .3, HAIRS), "hair_width": (.013, .022, HAIRS), "hair_start": (-1.2, .1, HAIRS),
    "hair_length": (.9, 2., HAIRS), "hair_colour": (0, 1, 1),
    "ruler_side": (0, 4, 1), "ruler_tilt": (-.12, .12, 1), "ruler_off": (.78, .9, 1),
    "ruler_step": (.10, .15, 1), "ruler_phase": (0, 1, 1),
    "patch_turn": (0, TURN, 1), "patch_radius": (.38, .62, 1), "patch_off": (.95, 1.14, 1),
    "patch_colour": (0, len(PATCH_COLOURS), 1), "patch_aspect": (.78, 1.28, 1),
    "vignette_radius": (1.0, 1.14, 1),
    "bubbles": (6, BUBBLES, 1), "bubble_x": (-1, 1, BUBBLES), "bubble_y": (-1, 1, BUBBLES),
    "bubble_radius": (.05, .14, BUBBLES),
    "strokes": (2, STROKES + 1, 1), "stroke_turn": (0, TURN, 1), "stroke_jitter": (-.3, .3, STROKES),
    "stroke_off": (.68, .9, STROKES), "stroke_tilt": (-.7, .7, STROKES), "stroke_length": (.18, .38, STROKES),
    "stroke_width": (.026, .042, 1), "stroke_tint": (-10, 10, 3),
    "redness": (.7, 1., 1), "light_x": (-1, 1, 1), "light_y": (-1, 1, 1), "light": (.02, .1, 1),
}  # fmt: skip
_COLUMNS: dict[str, slice] = {}
for _name, (_, _, _count) in _NUISANCE.items():
    _start = max((s.stop for s in _COLUMNS.values()), default=0)
    _COLUMNS[_name] = slice(_start, _start + _count)
_DRAWS = max(s.stop for s in _COLUMNS.values())
GRIDS = (4, 8, 16, 32)  # sides of the random grids that become smooth texture


@dataclass(frozen=True, eq=False)
class Scene:
    """The nuisance values of a block of pictures: named uniforms ``u`` and the texture grids and grain."""

    u: dict[str, np.ndarray]
    grids: tuple[np.ndarray, ...]
    grain: np.ndarray

    def pick(self, name: str) -> np.ndarray:
        """A nuisance value as a whole number (0 … high - 1)."""
        return self.u[name][:, 0].astype(np.int64)

    def words(self) -> list[tuple[str, str, str]]:
        tables = (("tone", SKIN_TONES), ("colour", LESION_COLOURS), ("patch_colour", PATCH_COLOURS))
        columns = [[list(table)[i] for i in self.pick(name)] for name, table in tables]
        return list(zip(*columns, strict=True))

    def take(self, rows: np.ndarray) -> Scene:
        return Scene({k: v[rows] for k, v in self.u.items()}, tuple(g[rows] for g in self.grids), self.grain[rows])


def rates(labels: np.ndarray, probabilities: Probabilities) -> np.ndarray:
    """How probable each factor is in each picture, given its label."""
    return np.array([probabilities[name] for name in NAMES])[:, labels].T


def scenes(which: np.ndarray, seed: int, size: int, probabilities: Probabilities) -> tuple[Scene, np.ndarray]:
    """Draw the nuisance values of these pictures, and which factors they contain."""
    cells = sum(side * side for side in GRIDS)
    uniform = np.empty((len(which), _DRAWS))
    normal = np.empty((len(which), cells), np.float32)
    grain = np.empty((len(which), size, size), np.float32)
    for row, index in enumerate(which):
        stream = np.random.default_rng([seed, int(index)])
        stream.random(out=uniform[row])
        stream.standard_normal(out=normal[row], dtype=np.float32)
        stream.standard_normal(out=grain[row], dtype=np.float32)  # last: the only draws that depend on the size
    u = {k: low + (high - low) * uniform[:, _COLUMNS[k]] for k, (low, high, _) in _NUISANCE.items()}
    ends = np.cumsum([side * side for side in GRIDS])
    grids = tuple(
        normal[:, end - side * side : end].reshape(-1, 1, side, side) for side, end in zip(GRIDS, ends, strict=True)
    )
    labels = (u["label"][:, 0] < 0.5).astype(np.int64)
    return Scene(u, grids, grain), u["flags"] < rates(labels, probabilities)
