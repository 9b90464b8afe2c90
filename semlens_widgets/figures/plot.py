"""Matplotlib's own axes on a sheet: placed in millimetres, with the sheet's fonts, colours and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .. import numbers
from ..numbers import Number
from .fonts import font
from .sheet import LINE, PT, SMALL, Sheet, text_width

Range = tuple[Number, Number]
DASHES = (0, (2, 1.5))  # of lines that mark a level
_TICK, _PAD = 0.8, 0.4  # mm
_SIZES = 16  # of marks; as good as any number, and files stay small


@dataclass(frozen=True, eq=False)
class Plot:
    """Axes from x and y (its upper edge) on, in mm of the sheet, over two ranges of data.

    `axes` are matplotlib's, in units of the data, without ticks or lines at first. What is written on the sheet lies
    above what is drawn in axes.
    """

    sheet: Sheet
    axes: Axes
    x: Number
    y: Number
    width: Number
    height: Number

    @classmethod
    def on(
        cls, sheet: Sheet, x: Number, y: Number, width: Number, height: Number, across: Range, up: Range = (0, 1)
    ) -> Plot:
        """New axes; `up` goes from the lower edge to the upper one, so that (3, 0) counts downwards."""
        axes = sheet.add_axes(x, y, width, height)
        axes.set_xlim(_wide(across))
        axes.set_ylim(_wide(up))
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.patch.set_visible(False)
        return cls(sheet, axes, x, y, width, height)

    def place(self, across: Any, up: Any) -> tuple[Any, Any]:
        """Where data stand on the sheet, in mm."""
        (left, right), (low, high) = self.axes.get_xlim(), self.axes.get_ylim()
        x = self.x + (np.asarray(across, float) - left) / (right - left) * self.width
        return x, self.y + self.height * (1 - (np.asarray(up, float) - low) / (high - low))

    def line(self, side: str, colour: str | None = None) -> None:
        """Draws the line of one side: "left", "bottom"."""
        self.axes.spines[side].set(visible=True, color=colour or self.sheet.theme.line_strong, linewidth=LINE)

    def ticks_below(
        self,
        name: str = "",
        *,
        signed: bool = False,
        write: Callable[[Number], str] | None = None,
        apart: Number = 14.0,
    ) -> Number:
        """The axis below, its name at the right end of the same line; gives the height below the line.

        Ticks stand some `apart` mm from each other; one whose number would touch that of another has none.
        """
        self.line("bottom")
        low, high = self.axes.get_xlim()
        values = _round_numbers(low, high, max(2.0, self.width / apart))
        digits = _digits(values)
        start = self.x + self.width - text_width(name, SMALL) - 1 if name else math.inf
        texts: list[str] = []
        last, reach = -math.inf, 0.0  # where the last number stands, and half of its width
        for value in values:
            text = write(value) if write else numbers.fixed(value, digits)
            text = "0" if not float(value) else f"+{text}" if signed and value > 0 else text
            at, half = float(self.place(value, 0)[0]), text_width(text, SMALL) / 2
            free = at - half >= self.x - 1 and at + half <= min(start, self.sheet.width)
            free = free and abs(at - last) >= half + reach + _PAD
            texts.append(text if free else "")
            if free:
                last, reach = at, half
        self._ticks(self.axes.xaxis, values, texts)
        if name:
            y = self.y + self.height + _TICK + _PAD
            self.sheet.text(
                self.x + self.width, y, name, SMALL, colour=self.sheet.theme.ink_2, align="right"
            )  # fmt: skip
        return _TICK + _PAD + SMALL * PT * 1.25

    def ticks_beside(self) -> None:
        """The axis at the left."""
        self.line("left")
        low, high = sorted(self.axes.get_ylim())
        values = _round_numbers(low, high, max(2.0, self.height / 14))
        self._ticks(self.axes.yaxis, values, [numbers.fixed(value, _digits(values)) for value in values])

    def _ticks(self, axis: Any, values: Sequence[Number], texts: Sequence[str]) -> None:
        theme = self.sheet.theme
        axis.set_ticks(values, texts, fontproperties=font(SMALL), color=theme.ink_2)
        axis.set_tick_params(length=_TICK / PT, width=LINE, color=theme.line_strong, pad=_PAD / PT)

    def silhouette(self, edges: np.ndarray, heights: np.ndarray, colour: str, base: Number = 0.0) -> None:
        """The outline of a histogram, filled down to its base."""
        across = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2, edges[-1:]])
        self.axes.fill_between(across, base, base + np.pad(heights, 1), color=colour, linewidth=0)

    def marks(
        self,
        across: np.ndarray,
        up: np.ndarray,
        diameters: np.ndarray,
        colour: str,
        shape: str = "o",
        *,
        half: bool = False,
        titles: Sequence[str] | None = None,
    ) -> None:
        """Marks of one colour with diameters in mm, the largest below; `half` full ones; titles are for a page.

        Diameters are rounded to few sizes, for what has one size is drawn once and then only placed.
        """
        theme = self.sheet.theme
        largest = float(diameters.max(initial=0)) or 1.0
        sizes = np.ceil(diameters / largest * _SIZES) * largest / _SIZES
        for size in np.unique(sizes)[::-1]:
            own = np.flatnonzero(sizes == size).tolist()
            made = self.axes.plot(
                across[own], up[own], shape, markersize=size / PT, color=colour, markeredgewidth=LINE * 0.8,
                markeredgecolor=colour if half else theme.bg, fillstyle="right" if half else "full",
                markerfacecoloralt=theme.bg, clip_on=False,
            )  # fmt: skip
            if titles is not None:
                self.sheet.give_titles(made[0], [titles[at] for at in own])


def signed_bars(
    sheet: Sheet, x0: Number, x1: Number, middles: Sequence[Number], values: Sequence[Number], ends: Range | None = None
) -> None:
    """Horizontal bars from a common zero, green for and purple against, at these heights in mm of the sheet."""
    if not len(middles):
        return
    theme = sheet.theme
    low, high = ends or (min([0.0, *values]), max([0.0, *values]))
    top, bottom = middles[0] - 1.6, middles[-1] + 1.6
    plot = Plot.on(sheet, x0, top, x1 - x0, bottom - top, (low, high) if low < high else (0, 1), (bottom, top))
    plot.axes.barh(middles, values, 1.6, color=[theme.supports if v > 0 else theme.against for v in values])
    plot.axes.plot([0, 0], [bottom, top], color=theme.ink, linewidth=LINE, clip_on=False)


def _wide(ends: Range) -> Range:
    """Ends that differ: what has no width lies in the middle."""
    return ends if ends[0] != ends[1] else (ends[0] - 0.5, ends[1] + 0.5)


def _round_numbers(low: Number, high: Number, wanted: Number) -> list[float]:
    """Round numbers inside a range, about as many as wanted."""
    made = MaxNLocator(max(1, round(wanted)), steps=[1, 2, 5, 10]).tick_values(low, high)
    spare = (high - low) * 1e-9
    return [float(value) for value in made if low - spare <= value <= high + spare]


def _digits(values: Sequence[Number]) -> int:
    """Digits after the point that tell ticks apart."""
    step = min(np.diff(values), default=1.0)
    return max(0, -math.floor(math.log10(step) + 1e-9))
