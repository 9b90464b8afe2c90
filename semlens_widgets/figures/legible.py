"""Whether all text of a figure can be read: not too small, nowhere cut off, nowhere on other text."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text

from .figure import Figure
from .sheet import SMALLEST, own_style

_SLACK = 0.5  # px at 300 dpi: letters may touch


def written(canvas: Canvas) -> list[Text]:
    """All text that is seen: of the sheet, and the ticks of its axes."""
    sheet, *plots = canvas.axes
    ticks = [label for axes in plots for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    return [text for text in (*sheet.texts, *ticks) if text.get_text() and text.get_visible()]


def problems(figure: Figure) -> list[str]:
    """What of the text cannot be read, in words, by the extents that matplotlib itself gives; empty if all can.

    Parameters
    ----------
    figure
        Any of them.

    Returns
    -------
    list[str]
        One line for each.

    Examples
    --------
    >>> sl.figures.problems(lens.search("ruler").figure())
    []
    """
    canvas = figure.canvas()
    with own_style():
        agg = FigureCanvasAgg(canvas)
        canvas.set_dpi(300)
        renderer: Any = agg.get_renderer()
        sheet = canvas.bbox
        canvas.draw_without_rendering()  # ticks get their places
        texts = [(t, t.get_window_extent(renderer)) for t in written(canvas)]
    problems_found = []
    for text, box in texts:
        if float(text.get_fontsize()) < SMALLEST:
            problems_found.append(f"{text.get_text()!r} is {text.get_fontsize():g} pt, less than {SMALLEST:g}")
        if (
            box.x0 < sheet.x0 - _SLACK
            or box.x1 > sheet.x1 + _SLACK
            or box.y0 < sheet.y0 - _SLACK
            or box.y1 > sheet.y1 + _SLACK
        ):
            problems_found.append(f"{text.get_text()!r} is cut off")
    for (one, a), (other, b) in combinations(texts, 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > _SLACK and down > _SLACK + 0.12 * min(a.height, b.height):
            problems_found.append(f"{one.get_text()!r} lies on {other.get_text()!r}")
    return problems_found
