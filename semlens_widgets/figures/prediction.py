"""One prediction: where in the picture it comes from, and which components carried it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from .. import numbers
from ..components import Component
from ..describe import Labels
from ..explain import Explanation
from ..numbers import Number
from ..space import SemanticSpace
from .crops import CROP_DPI, Crops
from .figure import DOUBLE, Figure
from .heat import overlaid
from .heatmap import scale_bar
from .made_from import made_from
from .names import Names
from .plot import signed_bars
from .sheet import GAP, MARGIN, PT, SMALL, Sheet, fitted, text_width

_CROP, _ROW = 6.0, 7.0  # mm


def prediction(
    explanation: Explanation,
    *,
    space: SemanticSpace | None = None,
    labels: Labels | None = None,
    own_labels: Mapping[str, str] | None = None,
    component: int | str | Component | None = None,
    rows: int = 8,
    layer: str | None = None,
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """The picture with its relevance, the likeliest classes, and the components that mattered most.

    Parameters
    ----------
    explanation
        What `explain` gave.
    space
        Whose components they are: shows their strongest examples.
    labels
        What `describe` gave: its words stand beside the components.
    own_labels
        A person's own words, as in {"layer4:3": "ruler"}; they win.
    component
        Shows where the relevance of that one lies instead of all.
    rows
        How many components.
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

    Examples
    --------
    >>> sl.figures.prediction(lens.explain(3), space=lens.space, rows=4).save("prediction.svg").name
    'prediction.svg'
    """
    if space is not None and space.components != explanation.components:
        space = None
    names = Names.of(explanation.components, *((None, None) if space is None else (labels, own_labels)))
    shown = None if component is None else explanation.components.row(component)
    heat = explanation.heat if shown is None else explanation.heatmap(shown)
    where = "of all components" if shown is None else f"of {explanation.components[shown]}"
    answers = ", ".join(f"{name} {text}" for name, text, _ in _answers(explanation, 3))
    answers += f" ({explanation.note})" if explanation.note else ""
    caption = (
        f"Prediction for {explanation.name}: {answers or 'no classes'}. Relevance {where} for {explanation.target} "
        f"({explanation.how}); green speaks for it, purple against it; shares of the absolute relevance of a "
        f"component's layer.{_measured(explanation.reliability)}{names.key} "
        + (made_from(space) if space is not None else "")
    ).strip()
    return Figure(lambda sheet: _draw(sheet, explanation, heat, space, names, rows, layer), caption, width_mm, theme)


def _measured(reliability: str) -> str:
    return f" Measured: {reliability}." if reliability else ""


def _draw(
    sheet: Sheet,
    explanation: Explanation,
    heat: np.ndarray,
    space: SemanticSpace | None,
    names: Names,
    rows: int,
    layer: str | None,
) -> Number:
    left, right, y = MARGIN, sheet.width - MARGIN, MARGIN
    wide = sheet.width >= 120
    side = min((right - left) * 0.36, 60.0) if wide else (right - left) * 0.5
    tall = _picture(sheet, explanation, heat, left, y, side)
    if wide:
        tall += 2 + _classes(sheet, explanation, left, left + side, y + tall + 2)
        other = _components(sheet, explanation, space, names, left + side + 5, right, y, rows, layer)
        return y + max(tall, other) + MARGIN
    beside = _classes(sheet, explanation, left + side + 3, right, y)
    y += max(tall, beside) + 2
    return y + _components(sheet, explanation, space, names, left, right, y, rows, layer) + MARGIN


def _picture(sheet: Sheet, explanation: Explanation, heat: np.ndarray, x: Number, y: Number, side: Number) -> Number:
    theme, pixels = sheet.theme, round(side / 25.4 * CROP_DPI)
    shown = overlaid(explanation.picture, explanation.window, heat, theme, pixels)
    height = side * shown.shape[0] / shown.shape[1]
    sheet.picture(x, y, side, height, shown)
    inset = side * 0.28
    original = explanation.picture.convert("RGB")
    small = max(1, round(inset / 25.4 * CROP_DPI))
    if max(original.size) > small:
        original = original.copy()
        original.thumbnail((small, small), Image.Resampling.LANCZOS)
    wide, tall = (inset * n / max(original.size) for n in original.size)
    sheet.rectangle(x + side - wide - 0.6, y + height - tall - 0.6, wide + 0.6, tall + 0.6, theme.bg)
    sheet.picture(x + side - wide, y + height - tall, wide, tall, original)
    last = fitted("for " + explanation.target, side - text_width("against", SMALL) - 9, SMALL)
    return height + 1.2 + scale_bar(sheet, x, x + side, y + height + 1.2, "against", last, diverging=True, widest=12.0)


def _classes(sheet: Sheet, explanation: Explanation, x0: Number, x1: Number, y: Number) -> Number:
    theme, start = sheet.theme, y
    sheet.fit(x0, y, x1 - x0, "Prediction", SMALL, bold=True)
    y += SMALL * PT * 1.7
    step = SMALL * PT * 1.8
    shown = _answers(explanation, 4) or [(explanation.target, f"{explanation.value:.4g}", None)]
    value = max(text_width(text, SMALL) for text in ("100.0 %", *(text for _, text, _ in shown)))
    bar = 0.0 if shown[0][2] is None else min(14.0, (x1 - x0) * 0.3)
    for name, text, probability in shown:
        middle = y + step / 2
        explained = name == explanation.target
        sheet.fit(x0, middle, x1 - x0 - value - bar - 3, name, SMALL, bold=explained, upright="center")
        at = x1 - value - bar - 1
        if probability is not None:
            sheet.rectangle(at, middle - 0.6, bar, 1.2, theme.bg_sunk)
            sheet.rectangle(at, middle - 0.6, max(bar * probability, 0.1), 1.2, theme.seq[4])
        sheet.text(x1, middle, text, SMALL, align="right", upright="center")
        y += step
    return y - start


def _answers(explanation: Explanation, n: int) -> list[tuple[str, str, float | None]]:
    """(name, what stands there, probability) of what the model said; of a regression its numbers, without one."""
    if explanation.kind == "regression":
        return [(name, text, None) for name, text in explanation.answers(n)]
    return [(name, numbers.percent(p, 1), p) for name, p in explanation.predictions(n)]


def _components(
    sheet: Sheet,
    explanation: Explanation,
    space: SemanticSpace | None,
    names: Names,
    x0: Number,
    x1: Number,
    y: Number,
    rows: int,
    layer: str | None,
) -> Number:
    theme, start, share = sheet.theme, y, explanation.share
    chosen = explanation.rows(rows, layer)
    title = "Components that carried it"
    sheet.fit(x0, y, x1 - x0, title, SMALL, bold=True)
    if text_width(title, SMALL, True) + text_width("% of its layer", SMALL) + 3 < x1 - x0:
        sheet.text(x1, y, "% of its layer", SMALL, colour=theme.ink_2, align="right")
    y += SMALL * PT * 1.7
    sheet.line([(x0, y), (x1, y)], theme.line_strong)
    y += GAP / 2
    crops = None if space is None else Crops.of(space)
    value = text_width("+00.0", SMALL)
    bar = min(18.0, (x1 - x0) * 0.22)
    called = [names.word(row) or "" for row in chosen]
    ids = [text_width(str(explanation.components[row]), SMALL, False, True) for row in chosen]
    room = min((x1 - x0) * 0.3, 26.0, max([*ids, *(text_width(word, SMALL) for word in called)], default=0.0))
    few = int((x1 - x0 - room - bar - value - 6 + GAP / 2) / (_CROP + GAP / 2)) if crops else 0
    middles = [y + _CROP / 2 + at * _ROW for at in range(len(chosen))]
    for row, middle in zip(chosen, middles, strict=True):
        component = str(explanation.components[row])
        word = names.word(row)
        half = SMALL * PT * 0.65 if word else 0.0
        if word:
            sheet.fit(x0, middle - half, room, word, SMALL, upright="center")
        quiet = theme.ink_2 if word else None
        sheet.fit(x0, middle + half, room, component, SMALL, mono=True, colour=quiet, upright="center")
        if crops is not None:
            crops.strip(sheet, row, x0 + room + 1.5, middle - _CROP / 2, _CROP, few)
        amount = float(share[row])
        colour = theme.supports if amount > 0 else theme.against
        text = numbers.signed(amount)
        sheet.text(x1, middle, text, SMALL, colour=colour, align="right", upright="center")
    signed_bars(sheet, x1 - value - 2 - bar, x1 - value - 2, middles, [float(share[row]) for row in chosen])
    return y - start + len(chosen) * _ROW
