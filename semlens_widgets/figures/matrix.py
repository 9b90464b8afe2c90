"""The comparison heatmap on paper: the same rows, columns, order and colours as the window shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import numbers
from ..numbers import Number
from ..space import SemanticSpace
from .figure import DOUBLE, Figure
from .heatmap import heatmap, scale_bar
from .made_from import made_from
from .sheet import MARGIN, SMALL, Sheet


def matrix(
    drawn: Mapping[str, Any], spaces: Mapping[str, SemanticSpace], *, width_mm: Number = DOUBLE, theme: str = "print"
) -> Figure:
    """Several models side by side, as `ComparisonHeatmap` shows them.

    Values that are not found, or not above chance, stand in brackets; where there is no room, a dash.

    Parameters
    ----------
    drawn
        What `ComparisonHeatmap.matrix()` gives.
    spaces
        Of its models, by name.
    width_mm
        Width of the figure in millimetres.
    theme
        "print", "light" or "dark".

    Returns
    -------
    Figure
        A figure to save or look at.

    Examples
    --------
    >>> one = sl.demo.lens("biased", n=100, progress=False)
    >>> two = sl.demo.lens("unbiased", n=100, progress=False)
    >>> view = sl.ComparisonHeatmap({"biased": one, "unbiased": two}, concepts=["ruler"])
    >>> sl.figures.matrix(view.matrix(), {"biased": one.space, "unbiased": two.space}).save("matrix.svg").name
    'matrix.svg'
    """
    made = " ".join(f"{name}: {made_from(space)}" for name, space in spaces.items())
    caption = f"{drawn['corner']} by row. {drawn['note']} In brackets or with a dash: {drawn['weak_word']}. {made}"
    return Figure(lambda sheet: _draw(sheet, drawn), caption, width_mm, theme)


def _draw(sheet: Sheet, drawn: Mapping[str, Any]) -> Number:
    left, right, y = MARGIN, sheet.width - MARGIN, MARGIN
    rows, columns = np.asarray(drawn["row_order"], int), np.asarray(drawn["column_order"], int)
    values = np.asarray(drawn["values"], float).reshape(len(rows), len(columns))[np.ix_(rows, columns)]
    weak = np.asarray(drawn["weak"], bool).reshape(values.shape)[np.ix_(rows, columns)]
    low, high = drawn["domain"]
    diverging = drawn["kind"] == "diverging"

    def number(value: float) -> str:
        text = numbers.score(value, 2) if drawn["digits"] == 2 else numbers.fixed(value, drawn["digits"])
        return f"+{text}" if diverging and value > 0 and any(digit in text for digit in "123456789") else text

    def write(i: int, j: int) -> str:
        return f"({number(float(values[i, j]))})" if weak[i, j] else number(float(values[i, j]))

    beside, above = drawn["axes"]
    y += heatmap(
        sheet, values, [drawn["rows"][i] for i in rows], [drawn["columns"][j] for j in columns], left, right, y,
        domain=(low, high), write=write, dashed=weak, diverging=diverging, above=above, beside=beside,
    ) + 1.5  # fmt: skip
    least, most = drawn["words"]
    y += scale_bar(
        sheet, left, right, y, f"{least} {number(low)}", f"{most} {number(high)}", diverging=diverging
    )  # fmt: skip
    if weak.any():
        y += 0.8
        y += sheet.paragraph(left, y, right - left, f"in brackets or with a dash: {drawn['weak_word']}", SMALL,
                             colour=sheet.theme.ink_2)  # fmt: skip
    return y + MARGIN
