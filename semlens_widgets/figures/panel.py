"""Several figures as one, with letters: every part is laid out anew for the room it gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..numbers import Number
from .figure import DOUBLE, Figure
from .sheet import PANEL, PT, Sheet

_GUTTER, _NARROWEST = 5.0, 55.0  # mm between parts, and of the narrowest


def _rows(figures: Any) -> list[list[Figure]]:
    """The figures as rows of lists; ValueError where they are none, TypeError for what is no figure."""
    if isinstance(figures, Figure) or not all(isinstance(row, list | tuple) for row in figures):
        raise TypeError("a panel is a list of rows of figures, as in [[a, b], [c, d]]; one row is [[a, b]]")
    rows = [list(row) for row in figures]
    if not rows or not all(rows):
        raise ValueError("a panel is a list of rows, each with at least one figure: [[a, b], [c, d]]")
    for figure in (figure for row in rows for figure in row):
        if not isinstance(figure, Figure):
            kind = type(figure).__name__
            figured = f"; give its figure: {kind.lower()}.figure()" if hasattr(figure, "figure") else ""
            raise TypeError(f"a panel is made of figures, not of a {kind}{figured}")
    return rows


def panel(
    figures: Sequence[Sequence[Figure]],
    labels: str | Sequence[str] | None = "abcdefghijklmnopqrstuvwxyz",
    *,
    width_mm: Number = DOUBLE,
    widths: Sequence[Sequence[Number]] | None = None,
    theme: str | None = None,
) -> Figure:
    """Rows of figures as one figure, each with its letter; the caption holds all captions.

    Each part is drawn again for its room, so type keeps its size.

    Parameters
    ----------
    figures
        Rows of them.
    labels
        A letter for each; None for none.
    width_mm
        Width of the whole in millimetres.
    widths
        Per row the shares of its figures; equal unless given.
    theme
        That of the first figure unless given.

    Returns
    -------
    Figure
        A figure to save or look at.

    Raises
    ------
    ValueError
        Where a part would be narrower than 55 mm, or where labels are too few.

    Examples
    --------
    >>> hits, card = lens.search("ruler").figure(rows=3), sl.figures.card(lens.space, "layer4:57")
    >>> sl.panel([[hits, card]], labels="ab", width_mm=180).save("panel.svg").name
    'panel.svg'
    """
    rows = _rows(figures)
    count = sum(len(row) for row in rows)
    if not isinstance(labels, str | list | tuple | None):
        raise TypeError(f"labels={labels!r}; give a letter for each figure, as in labels='abcd', or None")
    names = [""] * count if labels is None else list(labels)
    if len(names) < count:
        raise ValueError(f"{len(names)} labels for {count} figures; give one each, as in labels='abcd'")
    shares = [[1.0] * len(row) for row in rows] if widths is None else [list(row) for row in widths]
    if [len(row) for row in shares] != [len(row) for row in rows] or min(min(row) for row in shares) <= 0:
        raise ValueError("widths has one positive share per figure, in the same rows")

    def rooms(width: Number) -> list[list[Number]]:
        widths = [[(width - _GUTTER * (len(row) - 1)) * s / sum(row) for s in row] for row in shares]
        if (least := min(min(row) for row in widths)) < _NARROWEST:
            raise ValueError(
                f"a part would be {least:.0f} mm wide, at least {_NARROWEST:g} are needed; make the panel wider or put "
                "fewer figures in a row"
            )
        return widths

    rooms(width_mm)

    def draw(sheet: Sheet) -> Number:
        y, number = 0.0, 0
        for row, room in zip(rows, rooms(sheet.width), strict=True):
            x, tall, head = 0.0, 0.0, PANEL * PT * 1.5 if labels is not None else 0.0
            for figure, width in zip(row, room, strict=True):
                if names[number]:
                    sheet.text(x + 1, y + 0.8, names[number], PANEL, bold=True)
                tall = max(tall, head + figure.drawn(sheet.part(x, y + head, width)))
                x += width + _GUTTER
                number += 1
            y += tall + 2
        return y - 2

    parts = [figure for row in rows for figure in row]
    words = " ".join(f"{f'({name}) ' if name else ''}{f.words}" for name, f in zip(names, parts, strict=False))
    return Figure(draw, words, width_mm, theme or parts[0].theme)
