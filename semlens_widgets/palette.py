"""Colours and sizes, from the one table that the windows are made of too: screen and paper agree."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

_TABLE: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

GLYPHS: dict[str, str] = _TABLE["glyphs"]
"""What stands beside the colour of a verdict, a sign of relevance, or the state of a concept: never colour alone."""

LAYER_HUES: tuple[int, ...] = tuple(_TABLE["layers"])
"""Which of the categories stand for layers: none that says valid, spurious or ambiguous, for or against."""

LAYOUT: dict[str, int] = _TABLE["layout"]
"""Sizes in px, as the windows have them."""

FIGURE: dict[str, Any] = _TABLE["figure"]
"""Sizes of figures in mm and pt."""

VERDICTS = ("valid", "spurious", "ambiguous", "unexpected")


@dataclass(frozen=True)
class Theme:
    """The colours of one theme, as #rrggbb.

    `ink` and `ink_2` (quiet) are for text on `bg`, `bg_sunk` and `bg_hover`, as are the verdicts, their `_soft`
    grounds included, `supports` and `against` (signs of relevance) and the categories `cat`. `seq` goes from low
    to high, `div` from against to for with zero in the middle.
    """

    name: str
    bg: str
    bg_sunk: str
    bg_hover: str
    line: str
    line_strong: str
    ink: str
    ink_2: str
    accent: str
    accent_ink: str
    on_accent: str
    accent_soft: str
    valid: str
    valid_soft: str
    spurious: str
    spurious_soft: str
    ambiguous: str
    ambiguous_soft: str
    unexpected: str
    unexpected_soft: str
    supports: str
    against: str
    null: str
    context: str
    seq: tuple[str, ...]
    div: tuple[str, ...]
    cat: tuple[str, ...]

    def verdict(self, verdict: str) -> str:
        """The colour of "valid", "spurious", "ambiguous" or "unexpected"."""
        if verdict not in VERDICTS:
            raise KeyError(f"no verdict {verdict!r}; there are {', '.join(VERDICTS)}")
        return str(getattr(self, verdict))

    def sequential(self, shares: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch 3"]:
        """Colours in [0, 1] for values from 0 (paper) to 1 (strong); beyond, the ends hold."""
        return along(self.seq, shares)

    def diverging(self, values: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch 3"]:
        """Colours in [0, 1] for values from −1 (against) through 0 to 1 (for); beyond, the ends hold."""
        return along(self.div, (np.asarray(values) + 1) / 2)


PAGE = "page"
"""The theme of a figure that stands in an HTML page: colours that stand for the page's, see `VARIABLES`."""

COLOURS = tuple(field.name for field in fields(Theme) if field.type == "str" and field.name != "name")
"""The single colours of a theme, by name."""

_PAGE: dict[str, Any] = {name: f"#00{number:02x}fe" for number, name in enumerate(COLOURS)}

VARIABLES = {colour: f"var(--{name.replace('_', '-')})" for name, colour in _PAGE.items()}
"""The CSS variable that each colour of the theme "page" stands for."""


@functools.cache
def theme(name: str) -> Theme:
    """The theme of that name: "light", "dark", "print" for paper, or "page". KeyError for another."""
    if name == PAGE:
        return replace(theme("light"), name=PAGE, **_PAGE)
    if name not in _TABLE["themes"]:
        near = get_close_matches(str(name).lower(), _TABLE["themes"], 1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise KeyError(f"no theme {name!r}; there are {', '.join(_TABLE['themes'])}{meant}")
    colours: dict[str, Any] = {
        key.replace("-", "_"): tuple(value) if isinstance(value, list) else value
        for key, value in _TABLE["themes"][name].items()
    }
    return Theme(name, supports=colours.pop("for"), **colours)


def along(stops: tuple[str, ...], shares: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch 3"]:
    """Colours at shares in [0, 1] of the way along evenly spaced stops, straight lines between them."""
    table = np.asarray([rgb(stop) for stop in stops])
    places = np.clip(np.asarray(shares, np.float64), 0, 1) * (len(stops) - 1)
    at = np.arange(len(stops))
    return np.stack([np.interp(places, at, table[:, channel]) for channel in range(3)], -1)


def rgb(colour: str) -> tuple[float, float, float]:
    """#rrggbb as three numbers in [0, 1]."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21, as WCAG 2 defines it; text needs 4.5."""

    def luminance(colour: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
