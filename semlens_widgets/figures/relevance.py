"""Relevance over a data set: per class, the components that speak most for it and against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import numbers
from ..components import Component
from ..numbers import Number
from ..relevance import Relevance
from .figure import DOUBLE, Figure
from .plot import signed_bars
from .sheet import GAP, LINE, MARGIN, PT, SMALL, TEXT, Sheet, text_width

_ROW, _GUTTER = 3.4, 5.0  # mm


def relevance(
    relevance: Relevance,
    classes: Sequence[int | str] | None = None,
    *,
    components: int = 6,
    layer: str | None = None,
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """For each class the components with the largest mean relevance, as bars on one scale; green for, purple against.

    Parameters
    ----------
    relevance
        What `relate` gave.
    classes
        By name or number; else the first nine that have images.
    components
        How many of each class.
    layer
        Of one layer; None for all.
    width_mm
        Width of the figure in millimetres.
    theme
        "print", "light" or "dark".

    Returns
    -------
    Figure
        A figure to save or look at.

    Raises
    ------
    ValueError
        Where none has.

    Examples
    --------
    >>> sl.figures.relevance(lens.relate(progress=False), components=4).save("relevance.svg").name
    'relevance.svg'
    """
    if classes is None:
        chosen = [int(number) for number in np.flatnonzero(relevance.counts)[:9]]
    else:
        chosen = [relevance.number(name) for name in classes]
    if not chosen:
        raise ValueError("no class with images to show")
    over = ", ".join(
        f"{name} ({numbers.count(size)})"
        for name, size in zip(relevance.components.layers, relevance.components.sizes, strict=True)
        if layer in (None, name)
    )
    measured = "" if relevance.measured is None else relevance.measured.sentence(relevance.backend, layer)
    caption = (
        f"The {components} components with the largest relevance, for {len(chosen)} "
        f"class{'es' if len(chosen) > 1 else ''}: mean share of their layer's relevance, in per cent, sign kept "
        f"({relevance.chosen or relevance.backend}; {relevance.statistic}). Layers: {over}."
        + (f" Measured: {measured}." if measured else "")
    )
    return Figure(lambda sheet: _draw(sheet, relevance, chosen, components, layer), caption, width_mm, theme)


def _draw(sheet: Sheet, relevance: Relevance, classes: list[int], most: int, layer: str | None) -> Number:
    left, right = MARGIN, sheet.width - MARGIN
    across = min(len(classes), max(1, int((right - left + _GUTTER) / (38 + _GUTTER))))
    column = (right - left - (across - 1) * _GUTTER) / across
    tops = [relevance.top(number, most, layer) for number in classes]
    longest = max((abs(value) for rows in tops for _, value in rows), default=0.0) or 1.0
    y = MARGIN
    for start in range(0, len(classes), across):
        tall = [
            _one(sheet, relevance, number, rows, longest, left + at * (column + _GUTTER), column, y)
            for at, (number, rows) in enumerate(
                zip(classes[start : start + across], tops[start : start + across], strict=True)
            )
        ]
        y += max(tall) + 3
    return y - 3 + MARGIN


def _one(
    sheet: Sheet,
    relevance: Relevance,
    number: int,
    rows: list[tuple[Component, float]],
    longest: Number,
    x: Number,
    room: Number,
    y: Number,
) -> Number:
    theme, start = sheet.theme, y
    images = f"n = {numbers.count(int(relevance.counts[number]))}, % of layer"
    spare = room - text_width(images, SMALL) - 2
    sheet.fit(x, y, spare, relevance.classes[number], TEXT, bold=True)
    sheet.text(x + room, y + (TEXT - SMALL) * PT * 0.8, images, SMALL, colour=theme.ink_2, align="right")
    y += TEXT * PT * 1.5
    sheet.line([(x, y), (x + room, y)], theme.line_strong, LINE)
    y += GAP / 2
    names = min(max((text_width(str(c), SMALL, False, True) for c, _ in rows), default=0.0), room * 0.45)
    value = text_width("+00.0", SMALL)
    middles = [y + (at + 0.5) * _ROW for at in range(len(rows))]
    signed_bars(sheet, x + names + 1.5, x + room - value - 1, middles, [mean for _, mean in rows], (-longest, longest))
    for middle, (component, mean) in zip(middles, rows, strict=True):
        sheet.fit(x, middle, names, str(component), SMALL, mono=True, upright="center")
        colour = theme.supports if mean > 0 else theme.against
        sheet.text(x + room, middle, numbers.signed(mean), SMALL, colour=colour, align="right", upright="center")
    return y - start + len(rows) * _ROW
