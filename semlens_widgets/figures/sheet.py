"""A sheet of paper in millimetres: what figures are drawn on, with matplotlib underneath.

Places are measured from the top left corner, x to the right and y down. Nothing here reads or changes the user's
matplotlib settings.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from itertools import count
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.text import Text
from matplotlib.textpath import TextPath, TextToPath
from matplotlib.transforms import Affine2D
from PIL import Image

from ..numbers import Number
from ..palette import FIGURE, Theme, rgb
from .fonts import borrowed, font, font_of

MM = 1 / 25.4  # inches
PT = 25.4 / 72  # mm
SMALL, TEXT, TITLE, PANEL = (FIGURE["pt"][name] for name in ("small", "text", "title", "panel"))
LINE, BOLD_LINE = FIGURE["line-pt"], FIGURE["bold-line-pt"]
GAP, MARGIN = FIGURE["gap-mm"], FIGURE["margin-mm"]
LINE_HEIGHT = 1.3
SMALLEST = 6.0  # pt; below it text is not read in print

Align = Literal["left", "center", "right"]
Upright = Literal["top", "center", "baseline", "bottom"]

_lock = threading.RLock()  # matplotlib's settings belong to the process


@contextmanager
def own_style() -> Iterator[None]:
    """Matplotlib as it comes, with what print needs, whatever the user has set; theirs is back afterwards."""
    style: dict[Any, Any] = {name: value for name, value in mpl.rcParamsDefault.items() if name not in _NOT_STYLE}
    with _lock, mpl.rc_context(style | _STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # captions tell
        yield


_NOT_STYLE = frozenset((
    "backend", "backend_fallback", "interactive", "toolbar", "timezone", "webagg.port", "webagg.address",
    "webagg.port_retries", "webagg.open_in_browser", "tk.window_focus", "docstring.hardcopy", "date.epoch",
    "figure.hooks", "savefig.directory",
))  # fmt: skip
_STYLE = {
    "pdf.fonttype": 42,  # TrueType as it is: text stays text; journals refuse Type 3
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "semlens",  # ids of clips and images would be random
    "text.hinting": "none",  # letters stand where they stand in the vector file
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "path.simplify": False,
}


@functools.lru_cache(maxsize=20_000)
def text_width(text: str, size: Number = TEXT, bold: bool = False, mono: bool = False) -> Number:
    """Width in mm."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        width, _, _ = TextToPath().get_text_width_height_descent(text, font_of(text, size, bold, mono), False)
    return float(width) * PT


def fitted(text: str, room: Number, size: Number = TEXT, bold: bool = False, mono: bool = False) -> str:
    """The text, or as much of it as `room` mm hold with an ellipsis; empty where not even that fits."""
    if text_width(text, size, bold, mono) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        shortened = f"{text[:middle].rstrip()}…"
        low, high = (middle, high) if text_width(shortened, size, bold, mono) <= room else (low, middle - 1)
    return f"{text[:low].rstrip()}…" if low else ""


def wrapped(text: str, room: Number, size: Number = TEXT, bold: bool = False) -> list[str]:
    """The text in lines no wider than `room` mm; a word that is wider ends in an ellipsis."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold) <= room:
            lines[-1] = longer
        else:
            lines.append(fitted(word, room, size, bold))
    return lines


class Sheet:
    """A part of a sheet, `width` mm wide, from its place downwards; its height is what is drawn on it.

    `part` gives another part of the same sheet.
    """

    def __init__(self, width: Number, theme: Theme) -> None:
        self.width, self.theme, self._origin = width, theme, (0.0, 0.0)
        self.axes: Any = Canvas(facecolor=theme.bg).add_axes((0.0, 0.0, 1.0, 1.0))
        self.axes.set_axis_off()
        self.axes.set_zorder(1)  # above the axes of plots
        self._plots: list[tuple[Any, tuple[Number, ...]]] = []  # with their places in mm
        self._drawn = count()
        self.titles: dict[str, list[str]] = {}  # of single marks in a page, by the id of their group
        self.missing: set[str] = set()  # letters that no font has
        self.borrowed: dict[tuple[str, bool], str] = {}  # files of fonts besides DejaVu, by family and weight

    def part(self, x: Number, y: Number, width: Number) -> Sheet:
        made = copy(self)
        made.width, made._origin = width, self._place(x, y)
        return made

    def finish(self, height: Number) -> Canvas:
        """The matplotlib figure, cut to the height that was used."""
        canvas: Canvas = self.axes.figure
        canvas.set_size_inches(self.width * MM, height * MM)
        for axes, (x, y, wide, tall) in self._plots:
            axes.set_position((x / self.width, 1 - (y + tall) / height, wide / self.width, tall / height))
        self.axes.set_xlim(0, self.width)
        self.axes.set_ylim(height, 0)
        return canvas

    def add_axes(self, x: Number, y: Number, width: Number, height: Number) -> Any:
        """Axes of their own, below what is written on the sheet; they get their place when its height is known."""
        made: Any = self.axes.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self._plots.append((made, (*self._place(x, y), width, height)))
        return made

    def give_titles(self, artist: Any, titles: Sequence[str]) -> None:
        """What each of many marks is called where a figure stands in a page."""
        artist.set_gid(f"titled-{len(self.titles)}")
        self.titles[artist.get_gid()] = list(titles)

    def _place(self, x: Number, y: Number) -> tuple[float, float]:
        return float(self._origin[0] + x), float(self._origin[1] + y)

    def text(
        self,
        x: Number,
        y: Number,
        text: str,
        size: Number = TEXT,
        *,
        colour: str | None = None,
        bold: bool = False,
        mono: bool = False,
        align: Align = "left",
        upright: Upright = "top",
        turned: bool = False,
    ) -> None:
        """One line of text; `upright` says what of it stands at y, `turned` reads from below upwards."""
        if not (bare := text.strip(" ")):
            return
        if bare != text and align == "left" and not turned:  # a browser drops spaces at the beginning of an SVG's text
            x += text_width(text[: text.index(bare)], size, bold, mono)
        text = bare
        place, written = self._place(x, y), font_of(text, size, bold, mono)
        others, missing = borrowed(text, bold, mono)
        self.missing.update(missing)
        self.borrowed.update({(family, bold): path for family, path in others.items()})
        artist = Text(
            *place, text, color=colour or self.theme.ink, fontproperties=written,
            horizontalalignment=align, verticalalignment="center_baseline" if upright == "center" else upright,
            rotation=90 if turned else 0, rotation_mode="anchor" if turned else "default", parse_math=False,
        )  # fmt: skip
        self._add(artist)

    def fit(self, x: Number, y: Number, room: Number, text: str, size: Number = TEXT, **how: Any) -> None:
        """Text shortened to `room` mm."""
        self.text(x, y, fitted(text, room, size, how.get("bold", False), how.get("mono", False)), size, **how)

    def paragraph(self, x: Number, y: Number, room: Number, text: str, size: Number = TEXT, **how: Any) -> Number:
        """Text in as many lines as it needs; gives the height they take."""
        step = size * PT * LINE_HEIGHT
        lines = wrapped(text, room, size, how.get("bold", False))
        for number, line in enumerate(lines):
            self.text(x, y + number * step, line, size, **how)
        return step * len(lines)

    def sign(self, x: Number, y: Number, glyph: str, height: Number, colour: str) -> None:
        """A glyph as an outline, centred: signs stay what they are where a font lacks them."""
        outline = TextPath((0, 0), glyph, prop=font(100))
        box = outline.get_extents()
        scale = height / max(box.height, box.width, 1e-9)
        moved = Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2).scale(scale, -scale)
        shape = moved.translate(*self._place(x, y)).transform_path(outline)
        self._add(PathPatch(shape, facecolor=colour, edgecolor="none", linewidth=0))

    def rectangle(
        self,
        x: Number,
        y: Number,
        width: Number,
        height: Number,
        fill: Any = None,
        *,
        edge: str | None = None,
        line: Number = LINE,
    ) -> None:
        self._add(
            Rectangle(
                self._place(x, y), width, height, facecolor="none" if fill is None else fill,
                edgecolor=edge or "none", linewidth=line if edge else 0, joinstyle="miter",
            )
        )  # fmt: skip

    def plate(self, x: Number, y: Number, width: Number, height: Number) -> None:
        """The ground, half seen through, so that text stands off from marks behind it."""
        self.rectangle(x, y, width, height, (*rgb(self.theme.bg), 0.72))

    def line(
        self,
        points: Sequence[tuple[Number, Number]],
        colour: str | None = None,
        width: Number = LINE,
        dashes: Any = None,
    ) -> None:
        """A line through points; `dashes` are lengths of ink and gap in pt."""
        places = [self._place(*point) for point in points]
        artist = Line2D(
            [x for x, _ in places], [y for _, y in places], color=colour or self.theme.ink, linewidth=width,
            solid_capstyle="butt", dash_capstyle="butt", solid_joinstyle="miter",
        )  # fmt: skip
        if dashes:
            artist.set_dashes(dashes)
        self._add(artist)

    def area(self, points: Sequence[tuple[Number, Number]], fill: Any, *, edge: str | None = None) -> None:
        """A filled shape."""
        places = [self._place(*point) for point in points]
        self._add(Polygon(places, closed=True, facecolor=fill, edgecolor=edge or "none", linewidth=LINE if edge else 0))

    def dots(
        self,
        x: np.ndarray,
        y: np.ndarray,
        diameter: Any,
        fill: Any,
        *,
        edge: Any = "none",
        line: Number = 0.0,
        shape: Any = "o",
    ) -> None:
        """Many marks at once; `diameter` in mm, `shape` a matplotlib marker or path."""
        origin = self._origin
        points = (np.asarray(diameter) / PT) ** 2
        self.axes.scatter(
            np.asarray(x) + origin[0], np.asarray(y) + origin[1], s=points, c=fill, edgecolors=edge, linewidths=line,
            marker=shape, clip_on=False, zorder=next(self._drawn),
        )  # fmt: skip

    def picture(self, x: Number, y: Number, width: Number, height: Number, picture: Image.Image | np.ndarray) -> None:
        """A picture, embedded with the pixels it has."""
        left, top = self._place(x, y)
        artist = AxesImage(
            self.axes, extent=(left, left + width, top + height, top), interpolation="none", origin="upper"
        )
        artist.set_data(np.asarray(picture))
        self._add(artist)

    def _add(self, artist: Any) -> None:
        """What is drawn later lies above, whatever it is."""
        artist.set_clip_on(False)
        artist.set_zorder(next(self._drawn))
        self.axes.add_artist(artist)
