"""Performance on paper: a line for all images, every subgroup and slice, with intervals, beside the reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import numbers
from ..intervals import Interval
from ..numbers import Number
from ..performance import Performance, Slice, Subgroup
from ..performance.measures import MEASURES, WRITTEN, Measure
from .figure import DOUBLE, Figure
from .plot import DASHES, Plot
from .sheet import BOLD_LINE, GAP, LINE, MARGIN, PT, SMALL, TEXT, Sheet, text_width, wrapped

_ROW, _HEAD, _APART = 4.2, 7.0, 5.0  # mm
_CURVE = 38.0  # mm, the side of the reliability diagram
_NAMES = 0.36  # of the width, at most
_MARKS: tuple[Measure, ...] = ("auroc", "sensitivity", "specificity")


@dataclass(frozen=True)
class _Line:
    """A row: its name, how many images, what is measured of them, and of which it is surely worse."""

    name: str
    images: int
    values: dict[Measure, Interval]
    worse: frozenset[Measure]
    first: bool  # of its kind: a rule stands above


def performance(
    found: Performance, *, measures: Sequence[str] = _MARKS, rows: int = 40, width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:  # fmt: skip
    """All images, subgroups and slices in lines: measures with 95 % intervals, beside those of all images (dashed).

    What is surely worse is filled; reliability stands below.

    Parameters
    ----------
    found
        What `lens.performance` gave.
    measures
        Which, a column each: "accuracy", "auroc", "sensitivity", "specificity", "brier", "ece".
    rows
        How many lines at most.
    width_mm
        How wide the figure is, in mm.
    theme
        Its colours: "print", "light" or "dark".

    Returns
    -------
    Figure
        The figure, with a caption.

    Raises
    ------
    KeyError
        For a measure there is not.

    Examples
    --------
    >>> found = lens.performance(slices=False, reliance=False, progress=False)
    >>> sl.figures.performance(found, width_mm=85, measures=["auroc"]).width_mm
    85
    """
    for name in measures:
        found.overall[name]
    chosen = tuple(name for name in MEASURES if name in measures)
    caption = (
        f"{found.message} Dots: estimates with 95 % intervals, filled where the model is surely worse than in the "
        "images held against them; dashed: all images."
    )
    return Figure(lambda sheet: _draw(sheet, found, chosen, rows), caption, width_mm, theme)


def _lines(found: Performance, measures: Sequence[Measure], most: int) -> list[_Line]:
    made = [_Line("all images", found.overall.images, {m: found.overall[m] for m in measures}, frozenset(), False)]
    slices = [s for s in found.slices if not s.where or s.worse]
    kinds: tuple[list[tuple[str, Subgroup | Slice]], ...] = (
        [(s.name, s) for s in found.subgroups], [(s.title, s) for s in slices],
    )  # fmt: skip
    for kind in kinds:
        for at, (name, part) in enumerate(kind):
            worse = frozenset(gap.measure for gap in part.worse)
            values = {m: part.measures[m] for m in measures}
            made.append(_Line(name, part.measures.images, values, worse, at == 0))
    return made[: max(most, 1)]


def _draw(sheet: Sheet, found: Performance, measures: Sequence[Measure], most: int) -> Number:
    lines = _lines(found, measures, most)
    left, right = MARGIN, sheet.width - MARGIN
    names = min(max(text_width(line.name, SMALL) for line in lines), (right - left) * _NAMES)
    counts = max(text_width(numbers.count(line.images), SMALL) for line in lines)
    start = left + names + 2 + counts + _APART
    tall = len(lines) * _ROW
    top = MARGIN + _HEAD
    middles = [top + (at + 0.5) * _ROW for at in range(len(lines))]
    ink = sheet.theme.ink_2
    sheet.text(start - _APART, MARGIN + _HEAD - 1.2, "images", SMALL, colour=ink, align="right", upright="bottom")
    for line, middle in zip(lines, middles, strict=True):
        if line.first:
            sheet.line([(left, middle - _ROW / 2), (right, middle - _ROW / 2)], sheet.theme.line, LINE)
        sheet.fit(left, middle, names, line.name, SMALL, bold=bool(line.worse), upright="center")
        sheet.text(start - _APART, middle, numbers.count(line.images), SMALL, align="right", upright="center")
    room = (right - start - _APART * (len(measures) - 1)) / len(measures)
    below = 0.0
    for at, name in enumerate(measures):
        x = start + at * (room + _APART)
        sheet.fit(x, MARGIN, room, WRITTEN[name], TEXT, bold=True)
        below = max(below, _column(sheet, name, lines, x, top, room, tall, middles))
    y = top + tall + below + _APART
    return y + _reliability(sheet, found, left, y) + MARGIN


def _column(
    sheet: Sheet, name: Measure, lines: Sequence[_Line], x: Number, y: Number, room: Number, tall: Number,
    middles: Sequence[Number],
) -> Number:  # fmt: skip
    """One measure's dots from x on; gives the height of its axis."""
    theme = sheet.theme
    known = [line.values[name] for line in lines if np.isfinite(line.values[name].mean)]
    low = min((i.low for i in known if np.isfinite(i.low)), default=0.0)
    high = max((i.high for i in known if np.isfinite(i.high)), default=1.0)
    plot = Plot.on(sheet, x, y, room, tall, (low - 0.02, high + 0.02), (y + tall, y))
    if np.isfinite(lines[0].values[name].mean):
        overall = lines[0].values[name].mean
        plot.axes.plot([overall, overall], [y, y + tall], color=theme.ink_2, lw=LINE, ls=DASHES)
    for line, middle in zip(lines, middles, strict=True):
        value = line.values[name]
        if not np.isfinite(value.mean):
            sheet.text(x + room / 2, middle, "–", SMALL, colour=theme.ink_2, align="center", upright="center")
            continue
        colour = theme.spurious if name in line.worse else theme.ink
        plot.axes.plot([value.low, value.high], [middle, middle], color=colour, linewidth=BOLD_LINE)
        inside = colour if name in line.worse else theme.bg
        plot.axes.plot([value.mean], [middle], "o", ms=1.7 / PT, color=inside, mec=colour, mew=LINE * 1.4)
    return plot.ticks_below(write=lambda v: numbers.score(v, 2 if high - low < 0.5 else 1), apart=11.0)


def _reliability(sheet: Sheet, found: Performance, x: Number, y: Number) -> Number:
    """How often the model is right, by its confidence; gives the height."""
    if not found.reliability:
        return 0.0
    theme = sheet.theme
    ece = found.overall["ece"]
    sheet.text(x, y, "Reliability", TEXT, bold=True)
    told = f"calibration error {numbers.score(ece.mean, 3)} [{numbers.score(ece.low, 3)}, {numbers.score(ece.high, 3)}]"
    start = x + text_width("Reliability", TEXT, True) + 2
    sheet.fit(start, y + (TEXT - SMALL) * PT, sheet.width - MARGIN - start, told, SMALL, colour=theme.ink_2)
    top = y + TEXT * PT * 1.6 + GAP / 2
    low = min(min(b.low for b in found.reliability), 0.5)
    wide = min(_CURVE * 1.4, sheet.width * 0.5)
    plot = Plot.on(sheet, x + 8, top, wide, _CURVE, (low, 1.0), (0.0, 1.0))
    plot.axes.plot([low, 1], [low, 1], color=theme.ink_2, linewidth=LINE, linestyle=DASHES)
    for b in found.reliability:
        plot.axes.plot([b.confidence] * 2, [b.right.low, b.right.high], color=theme.ink, linewidth=BOLD_LINE)
    most = max(b.images for b in found.reliability)
    sizes = np.asarray([0.9 + 1.6 * (b.images / most) ** 0.5 for b in found.reliability])
    plot.marks(
        np.asarray([b.confidence for b in found.reliability]), np.asarray([b.right.mean for b in found.reliability]),
        sizes, theme.ink,
    )  # fmt: skip
    plot.ticks_beside()
    tall = plot.ticks_below("confidence", write=lambda v: numbers.score(v, 1))
    beside = x + 8 + wide + 4
    told = "share of images that are right, by confidence; larger dots: more images"
    for at, line in enumerate(wrapped(told, min(sheet.width - MARGIN - beside, 45.0), SMALL)):
        sheet.text(beside, top + 1 + at * SMALL * PT * 1.4, line, SMALL, colour=theme.ink_2)
    return top - y + _CURVE + tall
