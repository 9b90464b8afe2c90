"""A matrix as coloured cells with their values written in them where they fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.colors import to_hex

from .. import numbers
from ..numbers import Number
from ..palette import contrast
from .plot import Plot
from .sheet import GAP, PT, SMALL, Sheet, fitted, text_width

_LARGEST, _WIDEST, _TALLEST, _LOWEST = 16.0, 26.0, 6.5, 2.6  # mm of a cell: widest, with its name, highest, lowest


def heatmap(
    sheet: Sheet,
    matrix: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    x0: Number,
    x1: Number,
    y: Number,
    *,
    domain: tuple[Number, Number] | None = None,
    write: Callable[[int, int], str] | None = None,
    dashed: np.ndarray | None = None,
    diverging: bool = False,
    above: str = "",
    beside: str = "",
) -> Number:
    """Draws between x0 and x1 from y on; gives the height. NaN cells stay empty, `dashed` ones carry a dash.

    `above` names the columns, `beside` the rows. `diverging` colours have the middle of the domain as their zero.
    """
    theme, start = sheet.theme, y
    finite = matrix[np.isfinite(matrix)]
    low, high = domain or ((float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0))
    shares = np.clip((matrix - low) / (high - low), 0, 1) if high > low else np.full(matrix.shape, 0.5)
    indent = SMALL * PT * 1.6 if beside else 0.0
    names = min(max((text_width(name, SMALL) for name in rows), default=0), (x1 - x0) * 0.4)
    left = x0 + indent + names + 1.5
    upright = max((text_width(name, SMALL) + 0.8 for name in columns), default=0.0)
    wide = min((x1 - left) / max(len(columns), 1), min(max(_LARGEST, upright), _WIDEST))
    tall = min(_TALLEST, max(wide, _LOWEST))
    if above:
        sheet.fit(left, y, x1 - left, above, SMALL, colour=theme.ink_2)
        y += SMALL * PT * 1.5
    y += _column_names(sheet, columns, left, wide, y)
    if beside:
        room = tall * len(rows)
        sheet.text(
            x0, y + room / 2, fitted(beside, room, SMALL), SMALL, colour=theme.ink_2, align="center", upright="top",
            turned=True,
        )  # fmt: skip
    shares = np.nan_to_num(shares)
    colours = theme.diverging(2 * shares - 1) if diverging else theme.sequential(shares)
    cells = np.concatenate([colours, np.isfinite(matrix)[..., None]], 2)  # what is not known is not seen
    size = (wide * len(columns), tall * len(rows))
    plot = Plot.on(sheet, left, y, *size, (0, len(columns)), (len(rows), 0))
    plot.axes.pcolormesh(cells, edgecolors=theme.bg, linewidth=GAP / 4 / PT, antialiased=True, clip_on=False)
    for i, name in enumerate(rows):
        middle = y + tall * (i + 0.5)
        if i % max(1, int(np.ceil(SMALL * PT * 1.15 / tall))) == 0:
            sheet.fit(left - 1.5 - names, middle, names, name, SMALL, upright="center")
        for j in np.flatnonzero(np.isfinite(matrix[i])).tolist():
            text = write(i, j) if write else numbers.score(float(matrix[i, j]), 2)
            ink = max((theme.ink, theme.bg), key=lambda colour: contrast(colour, to_hex(colours[i, j])))
            centre = left + (j + 0.5) * wide
            if text_width(text, SMALL) <= wide - 0.8 and tall >= SMALL * PT * 1.15:
                sheet.text(centre, middle, text, SMALL, colour=ink, align="center", upright="center")
            elif dashed is not None and dashed[i, j]:
                sheet.line([(centre - wide * 0.15, middle), (centre + wide * 0.15, middle)], ink)
    return y + tall * len(rows) - start


def _column_names(sheet: Sheet, columns: Sequence[str], left: Number, wide: Number, y: Number) -> Number:
    """Names above their columns, upright where they fit so, else turned; some are left out where they are too many."""
    line = SMALL * PT * 1.35
    if all(text_width(name, SMALL) <= wide - 0.6 for name in columns):
        for j, name in enumerate(columns):
            sheet.text(left + (j + 0.5) * wide, y, name, SMALL, align="center")
        return line
    most = 22.0
    height = min(most, max(text_width(name, SMALL) for name in columns))
    step = max(1, int(np.ceil(line / wide)))
    for j in range(0, len(columns), step):
        name = fitted(columns[j], most, SMALL)
        sheet.text(left + (j + 0.5) * wide, y + height, name, SMALL, turned=True, upright="center")
    return height + 0.8


def scale_bar(
    sheet: Sheet,
    x0: Number,
    x1: Number,
    y: Number,
    low: str,
    high: str,
    *,
    diverging: bool = False,
    palest: Number = 0.0,
    widest: Number = 30.0,
) -> Number:
    """What the colours mean, in words at both ends; gives the height. The palest may be left out."""
    theme, line = sheet.theme, SMALL * PT * 1.5
    first, last = text_width(low, SMALL), text_width(high, SMALL)
    width = min(widest, max(x1 - x0 - first - last - 3, 6.0))
    sheet.text(x0, y, low, SMALL, colour=theme.ink_2)
    shares = np.linspace(palest, 1, 256)
    colours = theme.diverging(2 * shares - 1) if diverging else theme.sequential(shares)
    plot = Plot.on(sheet, x0 + first + 1.5, y + 0.2, width, line * 0.6, (0, 1))
    plot.axes.imshow(colours[None], extent=(0, 1, 0, 1), aspect="auto", interpolation="none")
    sheet.text(x0 + first + width + 3, y, high, SMALL, colour=theme.ink_2)
    return line
