"""How readable the components are: the distribution of each score per layer, beside that of random images."""

from __future__ import annotations

import numpy as np

from .. import numbers
from ..evaluate import SCORES, Evaluation
from ..numbers import Number
from .figure import DOUBLE, Figure
from .plot import DASHES, Plot
from .sheet import BOLD_LINE, GAP, LINE, MARGIN, PT, SMALL, TEXT, Sheet, text_width

_ROW = 9.0  # mm per layer
_ORDER = ("clarity", "polysemanticity", "redundancy")
_BINS = 40


def score_distributions(
    evaluation: Evaluation,
    *,
    raw: bool = False,
    layer: str | None = None,
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """Clarity, polysemanticity and redundancy of the components of every layer, or of one.

    Silhouettes are the components, dots their means with 95 % intervals, dashed lines the mean of random images.

    Parameters
    ----------
    evaluation
        What `evaluate` gave.
    raw
        Show the scores without the data set's mean removed.
    layer
        One layer; None for all.
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
    >>> sl.figures.score_distributions(lens.evaluate(progress=False)).save("scores.svg").name
    'scores.svg'
    """
    form = "raw" if raw else "data-set mean removed"
    components = evaluation.components
    components.rows(layer)  # KeyError where there is no such layer
    shown = [name for name in components.layers if layer in (None, name)]
    layers = ", ".join(f"{n} ({s})" for n, s in zip(components.layers, components.sizes, strict=True) if n in shown)
    caption = (
        f"Distribution over components of clarity, polysemanticity and redundancy ({form}); dots: means with 95 % "
        f"bootstrap intervals, dashed: the same of random images. Layers: {layers}. CLIP {evaluation.clip}."
    )
    return Figure(lambda sheet: _draw(sheet, evaluation, raw, shown), caption, width_mm, theme)


def _draw(sheet: Sheet, evaluation: Evaluation, raw: bool, layers: list[str]) -> Number:
    left, right = MARGIN, sheet.width - MARGIN
    names = min(max(text_width(name, SMALL) for name in layers), (right - left) * 0.25)
    wide = sheet.width >= 120
    if not wide:
        y = MARGIN
        for score in _ORDER:
            y += _one(sheet, evaluation, score, raw, layers, left + names + 2, right, y, left) + 3
        return y - 3 + MARGIN
    column = (right - left - names - 2 - 2 * 5) / 3
    heights = []
    for at, score in enumerate(_ORDER):
        x = left + names + 2 + at * (column + 5)
        heights.append(_one(sheet, evaluation, score, raw, layers, x, x + column, MARGIN, left if at == 0 else None))
    return MARGIN + max(heights) + MARGIN


def _random(sheet: Sheet, x: Number, room: tuple[Number, Number], y: Number) -> None:
    """What the dashed line at x is, above it, between the name of the score and the right end."""
    text = "random images"
    wide = text_width(text, SMALL)
    start = min(max(x - wide / 2, room[0]), room[1] - wide)
    if start >= room[0]:
        top = y + (TEXT - SMALL) * PT * 0.8
        sheet.text(start, top, text, SMALL, colour=sheet.theme.ink_2)
        foot = y + TEXT * PT * 1.6 + 0.6
        sheet.line([(min(max(x, start), start + wide), top + SMALL * PT * 1.3), (x, foot)], sheet.theme.ink_2, LINE)


def _one(
    sheet: Sheet,
    evaluation: Evaluation,
    score: str,
    raw: bool,
    layers: list[str],
    x0: Number,
    x1: Number,
    y: Number,
    names: Number | None,
) -> Number:
    """One score from x0 to x1; layers are named from `names` on, where that is given."""
    assert score in SCORES
    theme, form = sheet.theme, evaluation.raw if raw else evaluation.centred
    values, null = getattr(form, score), form.null[score].mean
    finite = values[np.isfinite(values)]
    known = np.concatenate([finite, null[np.isfinite(null)]])
    start = y
    sheet.text(x0, y, score, TEXT, bold=True)
    y += TEXT * PT * 1.6
    if not len(known):
        sheet.text(x0, y, "no living component", SMALL, colour=theme.ink_2)
        return y - start + SMALL * PT * 1.5
    low, high = float(known.min()), float(known.max())
    spare = (high - low) * 0.04 or 0.01
    domain, tall = (low - spare, high + spare), _ROW * len(layers) + GAP / 2
    plot = Plot.on(sheet, x0, y - 1, x1 - x0, tall, domain, (tall, 0))  # mm, downwards
    summary = {entry["layer"]: entry for entry in evaluation.summary()}
    for base, layer in zip(np.arange(1, len(layers) + 1) * _ROW, layers, strict=True):
        rows = evaluation.components.rows(layer)
        if names is not None:
            sheet.fit(names, y + base - 0.5 - _ROW / 2, x0 - names - 1.5, layer, SMALL, upright="center")
        counts, edges = np.histogram(values[rows][np.isfinite(values[rows])], bins=_BINS, range=domain)
        plot.silhouette(edges, counts / max(1, counts.max()) * (2.2 - _ROW), theme.seq[2], base)
        plot.axes.plot(domain, (base, base), color=theme.line, linewidth=LINE)
        chance = float(np.nanmean(null[rows])) if np.isfinite(null[rows]).any() else float("nan")
        if np.isfinite(chance):
            plot.axes.plot((chance, chance), (base - _ROW + 1.6, base), color=theme.ink_2, lw=LINE, ls=DASHES)
            if layer == layers[0]:
                at = float(plot.place(chance, 0)[0])
                _random(sheet, at, (x0 + text_width(score, TEXT, True) + 2, x1), start)
        mean = summary[layer][score if raw else f"{score}_centred"]
        plot.axes.plot((mean.low, mean.high), (base - 1.6, base - 1.6), color=theme.ink, linewidth=BOLD_LINE)
        plot.axes.plot(mean.mean, base - 1.6, "o", ms=1.5 / PT, color=theme.ink, mec=theme.bg, mew=LINE)
    return y - 1 + tall - start + plot.ticks_below(write=lambda v: numbers.score(v, 2))
