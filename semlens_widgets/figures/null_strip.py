"""The strip above a list of hits: the null distribution, and every component as a mark on the same axis, of z."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import numbers
from ..numbers import Number
from ..search import HIT_ALPHA, Z_CRITICAL, Matches
from .plot import Plot
from .sheet import BOLD_LINE, LINE, PT, SMALL, Sheet, text_width

_HEIGHT, _LABEL = 9.0, 3.6  # mm


def score_at_p01(matches: Matches) -> Number:
    """The score that one random set of images in a hundred exceeds."""
    return float(matches.null.at_p01[0]) if len(matches) else 0.0


def null_strip(sheet: Sheet, matches: Matches, x0: Number, x1: Number, y: Number) -> Number:
    """Draws between x0 and x1 from y on; gives the height."""
    theme, sets, z, limit = sheet.theme, matches.null.deviates, matches.z, Z_CRITICAL
    low = float(min(sets.min(), limit, z.min(initial=np.inf)))
    high = float(max(sets.max(), limit, z.max(initial=-np.inf)))
    margin = (high - low) * 0.03 or 0.01
    counts, edges = np.histogram(sets, bins=48)
    plot = Plot.on(sheet, x0, y + _LABEL, x1 - x0, _HEIGHT, (low - margin, high + margin))
    plot.silhouette(edges, counts / max(1, counts.max()), theme.null)
    above = int((matches.p <= HIT_ALPHA).sum()) if not matches.unknown else 0
    for chosen, colour, width in ((z[above:], theme.context, LINE), (z[:above], theme.seq[4], BOLD_LINE)):
        step = (high - low) / (x1 - x0) / 10  # a tenth of a mm: thousands of hits are no more lines than can be seen
        at = np.unique(np.round(chosen / step)) * step
        plot.axes.vlines(at, 0, 3 / _HEIGHT, colour, linewidth=width, transform=plot.axes.get_xaxis_transform())
    limit_at, base = float(plot.place(limit, 0)[0]), y + _LABEL + _HEIGHT
    sheet.line([(limit_at, y + 1.2), (limit_at, base)], theme.ink, LINE, (2, 1.5))
    below = plot.ticks_below("z above random image sets" if matches.by == "examples" else "z above chance", signed=True)
    _names(sheet, matches, limit_at, (x0, x1), y, lambda z: float(plot.place(z, 0)[0]), base)
    return _LABEL + _HEIGHT + below


def _names(
    sheet: Sheet,
    matches: Matches,
    limit: Number,
    room: tuple[Number, Number],
    y: Number,
    place: Callable[[Number], Number],
    base: Number,
) -> None:
    """Labels give way in this order: the best component, p = .01, the name of the null."""
    theme, (x0, x1) = sheet.theme, room
    taken: list[tuple[Number, Number]] = []
    if len(matches):
        best = place(float(matches.best.z))
        name, value = str(matches.best.component), f"z = {numbers.z(matches.best.z)}"
        # The gap is no spaces of a text: those at its beginning are lost in an SVG.
        first = text_width(name, SMALL, False, True) + text_width("  ", SMALL, True)
        width = first + text_width(value, SMALL, True)
        start = min(max(best - width / 2, x0), x1 - width)
        if start - 1 < limit < start + width + 1:  # beside the dashed line, not on it
            start = min(max(limit + 1 if best >= limit else limit - 1 - width, x0), x1 - width)
        sheet.text(start, y, name, SMALL, mono=True)
        sheet.text(start + first, y, value, SMALL, bold=True)
        sheet.line([(best, y + SMALL * PT * 1.4), (best, base)], theme.accent_ink, BOLD_LINE)
        taken.append((start - 1, start + width + 1))
    null = [f"Null: {numbers.count(len(matches.null.sets))} random image sets", "Null: random images", "Null"]
    level = "p = .01"
    choices = (
        ([(level, limit + 0.8), (level, limit - 0.8 - text_width(level, SMALL))], theme.ink, x1),
        ([(text, x0) for text in null], theme.ink_2, limit - 0.8),
    )
    for places, colour, end in choices:
        for text, start in places:
            stop = start + text_width(text, SMALL)
            if x0 <= start and stop <= end and not any(start < b and stop > a for a, b in taken):
                sheet.text(start, y, text, SMALL, colour=colour)
                taken.append((start - 1, stop + 1))
                break
