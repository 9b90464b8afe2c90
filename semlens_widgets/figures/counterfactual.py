"""A counterfactual: which components change with the thing in the picture, and the prediction beside other edits."""

from __future__ import annotations

from .. import numbers
from ..counterfactual import Counterfactual
from ..numbers import Number
from .figure import DOUBLE, Figure
from .plot import signed_bars
from .sheet import GAP, LINE, MARGIN, PT, SMALL, TEXT, Sheet, text_width

_ROW, _APART = 3.6, 6.0  # mm
_SIDE_BY_SIDE = 120  # mm of width from which both parts stand side by side

Rows = list[tuple[str, Number, int, bool]]  # name, value, its digits, whether bold


def counterfactual(
    found: Counterfactual, *, components: int = 10, width_mm: Number = DOUBLE, theme: str = "print"
) -> Figure:
    """The components that answer best, by their mean change in standard deviations; found ones in bold. Beside them,
    where the prediction was measured, the mean change of the logit by the thing and by other edits.

    Parameters
    ----------
    found
        What `counterfactual` gave.
    components
        How many, at most.
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
    >>> found = lens.counterfactual(sl.demo.pairs("ruler", 20), target="melanoma", progress=False)
    >>> sl.figures.counterfactual(found, components=5).save("counterfactual.svg").name
    'counterfactual.svg'
    """
    return Figure(lambda sheet: _draw(sheet, found, components), found.message, width_mm, theme)


def _draw(sheet: Sheet, found: Counterfactual, most: int) -> Number:
    left, right = MARGIN, sheet.width - MARGIN
    rows: Rows = [
        (row["component"], row["change"], 1, row["found"]) for row in found.to_rows()[:most]
    ]
    parts = [(f"with {found.name}", "change, SD; bold: found", rows)]
    if (seen := found.prediction) is not None:
        edits = {found.name: seen.change} | seen.controls
        told: Rows = [(name, i.mean, 2, name == found.name) for name, i in edits.items()]
        parts.append((f"logit of {seen.target}", "mean change by each edit", told))
    wide = sheet.width >= _SIDE_BY_SIDE and len(parts) > 1
    room = (right - left - _APART) / 2 if wide else right - left
    y, tallest = MARGIN, 0.0
    for at, (title, unit, listed) in enumerate(parts):
        tall = _part(sheet, title, unit, listed, left + (at * (room + _APART) if wide else 0), room, y)
        tallest = max(tallest, tall)
        y += 0 if wide else tall + 3
    return (MARGIN + tallest if wide else y - 3) + MARGIN


def _part(sheet: Sheet, title: str, unit: str, rows: Rows, x: Number, room: Number, y: Number) -> Number:
    theme, start = sheet.theme, y
    sheet.fit(x, y, room, title, TEXT, bold=True)
    y += TEXT * PT * 1.4
    sheet.fit(x, y, room, unit, SMALL)
    y += SMALL * PT * 1.5
    sheet.line([(x, y), (x + room, y)], theme.line_strong, LINE)
    y += GAP / 2
    names = min(max((text_width(name, SMALL, True) for name, *_ in rows), default=0.0), room * 0.45)
    texts = [numbers.with_sign(change, digits) for _, change, digits, _ in rows]
    value = max((text_width(text, SMALL, True) for text in texts), default=0.0)
    longest = max((abs(change) for _, change, _, _ in rows), default=0.0) or 1.0
    middles = [y + (at + 0.5) * _ROW for at in range(len(rows))]
    ends = (-longest if any(change < 0 for _, change, _, _ in rows) else 0.0, longest)
    signed_bars(sheet, x + names + 1.5, x + room - value - 1.5, middles, [change for _, change, _, _ in rows], ends)
    for middle, text, (name, change, _, bold) in zip(middles, texts, rows, strict=True):
        sheet.fit(x, middle, names, name, SMALL, bold=bold, upright="center")
        colour = theme.supports if change > 0 else theme.against
        sheet.text(x + room, middle, text, SMALL, colour=colour, bold=bold, align="right", upright="center")
    return y - start + len(rows) * _ROW
