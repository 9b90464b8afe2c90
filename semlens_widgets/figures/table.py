"""A table as print likes it: three rules, aligned columns, no cells drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..numbers import Number
from .sheet import LINE, MARGIN, PT, SMALL, Align, Sheet, fitted, text_width

_GAP, _WIDEST_GAP = 2.5, 12.0  # mm between columns


@dataclass(frozen=True)
class Column:
    """A column: its heading, the text of every row, how it stands, and whether it gives way where room is short.

    `draw` draws instead of writing, all rows at once: (sheet, x, y of each middle, room); `width` is what it needs.
    """

    heading: str
    texts: Sequence[str] = ()
    right: bool = False
    mono: bool = False
    gives: bool = False
    width: Number = 0.0
    draw: Callable[[Sheet, Number, list[Number], Number], None] | None = None

    def natural(self) -> Number:
        if self.draw is not None:
            return max(self.width, text_width(self.heading, SMALL))
        widest = max((text_width(text, SMALL, False, self.mono) for text in self.texts), default=0.0)
        return max(text_width(self.heading, SMALL), widest)


def table(
    sheet: Sheet,
    columns: Sequence[Column],
    rows: int,
    *,
    y: Number = MARGIN,
    height: Number = SMALL * PT * 1.75,
    ink: Callable[[int], str] | None = None,
    heads: Mapping[int, str] | None = None,
    left: Number = MARGIN,
    right: Number | None = None,
) -> Number:
    """Draws the table from y on and gives its height. Where even narrow columns are too wide, the last drop out.

    `heads` are words above the rows of these numbers.
    """
    theme, right = sheet.theme, sheet.width - MARGIN if right is None else right
    kept = _kept(columns, right - left)
    widths = _widths(kept, right - left)
    start = y
    sheet.line([(left, y), (right, y)], theme.ink, LINE * 1.6)
    head = SMALL * PT * 1.9
    gap = _gap(widths, right - left)
    places = [left + sum(widths[:i]) + gap * i for i in range(len(kept))]
    for column, x, width in zip(kept, places, widths, strict=True):
        at, align = _stands(column, x, width)
        heading = fitted(column.heading, width, SMALL)
        sheet.text(at, y + head / 2, heading, SMALL, colour=theme.ink_2, align=align, upright="center")
    y += head
    sheet.line([(left, y), (right, y)], theme.ink, LINE)
    y += height * 0.15
    middles: list[Number] = []
    for row in range(rows):
        if heads and row in heads:
            sheet.fit(left, y + height * 0.55, right - left, heads[row], SMALL, bold=True, upright="center")
            y += height
        middle, how = y + height / 2, {"colour": ink(row) if ink else theme.ink, "upright": "center"}
        for column, x, width in zip(kept, places, widths, strict=True):
            if column.draw is None:
                at, align = _stands(column, x, width)
                sheet.fit(at, middle, width, column.texts[row], SMALL, mono=column.mono, align=align, **how)
        middles.append(middle)
        y += height
    for column, x, width in zip(kept, places, widths, strict=True):
        if column.draw is not None and middles:
            column.draw(sheet, x, middles, width)
    y += height * 0.15
    sheet.line([(left, y), (right, y)], theme.ink, LINE * 1.6)
    return y - start


def _stands(column: Column, x: Number, width: Number) -> tuple[Number, Align]:
    """Where a column's text begins, or ends."""
    return (x + width, "right") if column.right else (x, "left")


def _gap(widths: list[Number], room: Number) -> Number:
    """Columns stand apart as far as the table is wide, but not so far that the eye loses the row."""
    return min((room - sum(widths)) / max(len(widths) - 1, 1), _WIDEST_GAP)


_NARROWEST = 20.0  # mm of a column that gives way


def _kept(columns: Sequence[Column], room: Number) -> list[Column]:
    kept = list(columns)
    while len(kept) > 1:
        least = sum(min(c.natural(), _NARROWEST) if c.gives else c.natural() for c in kept) + _GAP * (len(kept) - 1)
        if least <= room:
            break
        kept.pop()
    return kept


def _widths(columns: list[Column], room: Number) -> list[Number]:
    """Natural widths; columns that give way share what is missing, or what is left over goes to the last of them."""
    widths = [column.natural() for column in columns]
    missing = sum(widths) + _GAP * (len(columns) - 1) - room
    giving = [i for i, column in enumerate(columns) if column.gives]
    while missing > 1e-6 and giving:
        widest = max(giving, key=lambda i: widths[i])
        second = max([widths[i] for i in giving if i != widest] or [_NARROWEST / 2])
        less = min(missing, max(widths[widest] - second, 0.5))
        widths[widest] -= less
        missing -= less
    if missing < 0 and columns and columns[-1].gives:
        widths[-1] -= missing
    return widths
