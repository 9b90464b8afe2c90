"""The comparison heatmap on paper: the same rows, columns, order and colours as the window shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..space import SemanticSpace
from . import numbers
from .figure import DOUBLE, Figure
from .heatmap import heatmap, scale_bar
from .made_from import made_from
from .numbers import Number
from .sheet import MARGIN, Sheet


def matrix(
    drawn: Mapping[str, Any], spaces: Mapping[str, SemanticSpace], *, width_mm: Number = DOUBLE, theme: str = "print"
) -> Figure:
    """What `ComparisonHeatmap.matrix()` gives, of the models of these `spaces`, by name.

    Values that are not found, or not above chance, stand in brackets; where there is no room, a dash.
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

    def write(i: int, j: int) -> str:
        value, digits = float(values[i, j]), drawn["digits"]
        text = numbers.score(value, 2) if digits == 2 else numbers.fixed(value, digits)
        text = f"+{text}" if diverging and value > 0 else text
        return f"({text})" if weak[i, j] else text

    y += heatmap(
        sheet, values, [drawn["rows"][i] for i in rows], [drawn["columns"][j] for j in columns], left, right, y,
        domain=(low, high), write=write, dashed=weak, diverging=diverging,
    ) + 1.5  # fmt: skip
    least, most = drawn["words"]
    ends = (f"{least} {numbers.fixed(low, drawn['digits'])}", f"{most} {numbers.fixed(high, drawn['digits'])}")
    return y + scale_bar(sheet, left, right, y, *ends, diverging=diverging) + MARGIN
