"""The card of one component: its examples, how all images excite it, and its nearest siblings."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .. import numbers
from ..components import Component
from ..describe import Labels
from ..images import Images
from ..numbers import Number
from ..relevance import Relevance
from ..role import class_relevance
from ..space import SemanticSpace
from ..vectors import top_k
from .crops import Crops
from .figure import SINGLE, Figure
from .made_from import made_from
from .names import Names
from .plot import Plot, signed_bars
from .sheet import GAP, LINE, MARGIN, PT, SMALL, TITLE, Sheet, fitted, text_width

_SIBLINGS = 5
_COLUMNS = 5
_CLASSES = 6
_TALL = 9.0  # mm of the histogram


def card(
    space: SemanticSpace,
    component: int | str | Component,
    *,
    labels: Labels | None = None,
    own_labels: Mapping[str, str] | None = None,
    relevance: Relevance | None = None,
    examples: int = 10,
    width_mm: Number = SINGLE,
    theme: str = "print",
    pictures: Images | None = None,
) -> Figure:
    """All there is to know about one component.

    Parameters
    ----------
    space
        Of the component.
    component
        A row, "layer4:57" or a `Component`.
    labels
        What `describe` gave: its words stand beside the components.
    own_labels
        A person's own words, as in {"layer4:3": "ruler"}; they win.
    relevance
        Shows the classes it speaks most for and against.
    examples
        How many, at most.
    width_mm
        Width of the figure in millimetres.
    theme
        "print", "light" or "dark".
    pictures
        The data set, where the space does not have it at hand: crops are then cut from it.

    Returns
    -------
    Figure
        A figure to save or look at.

    Raises
    ------
    ValueError
        For a dead one, of which there is nothing to show.

    Examples
    --------
    >>> sl.figures.card(lens.space, "layer4:57", examples=6).save("card.svg").name
    'card.svg'
    """
    row = space.components.row(component)
    if not space.alive[row]:
        raise ValueError(f"component {space.components[row]} is dead: no image excites it, so there is nothing to show")
    crops = Crops.of(space, pictures)
    name, names = space.components[row], Names.of(space.components, labels, own_labels)
    caption = (
        f"Component {name}: its {min(examples, crops.count(row))} strongest examples, its responses to all images "
        f"(log count; the cut is the weakest of its {crops.count(row)} examples), and its nearest siblings by cosine."
        f"{'' if relevance is None else _CLASS_NOTE.format(relevance.backend)}{names.key} "
        f"{made_from(space, [name.layer])} {crops.note}"
    )
    return Figure(lambda sheet: _draw(sheet, crops, row, names, relevance, examples), caption, width_mm, theme)


_CLASS_NOTE = " Classes: mean share of the layer's relevance ({}), green for, purple against."


def _draw(
    sheet: Sheet, crops: Crops, row: int, names: Names, relevance: Relevance | None, examples: int
) -> Number:
    left, right, y = MARGIN, sheet.width - MARGIN, MARGIN
    name = str(crops.space.components[row])
    word = names.display_name(row)
    title = word or name
    room = right - left - (text_width(name, SMALL, False, True) + 3 if word else 0)
    sheet.text(left, y, fitted(title, room, TITLE, True), TITLE, bold=True)
    if word:
        sheet.text(right, y + (TITLE - SMALL) * PT * 0.8, name, SMALL, mono=True, align="right")
    y += TITLE * PT * 1.6
    if note := _word_note(names, row):
        y += sheet.paragraph(left, y - 0.6, right - left, note, SMALL, colour=sheet.theme.ink_2)
    wide = sheet.width >= 120
    column = (right - left - 4) / 2 if wide else right - left
    first = _crops(sheet, crops, row, left, y, column, examples)
    beside = left + column + 4 if wide else left
    at = y if wide else y + first + 2
    at += _histogram(sheet, crops, row, beside, beside + column, at) + 2.5
    under = y + first + 2.5
    if relevance is not None:
        if wide:
            under += _classes(sheet, relevance, row, left, left + column, under)
        else:
            at += _classes(sheet, relevance, row, left, left + column, at) + 2.5
    at += _siblings(sheet, crops, row, names, beside, beside + column, at)
    return max(under if wide else y + first, at) + MARGIN


def _word_note(names: Names, row: int) -> str:
    """How sure a computed word is, or which words come closest where none explains it."""
    labels = names.labels
    if labels is None or names.own_word(row):
        return ""
    if labels.word(row) is None:
        closest = labels.closest(row)
        return f"closest: {', '.join(closest[:3])}" if closest else ""
    score, margin = (numbers.score(float(value), 2) for value in (labels.scores[row, 0], labels.margins[row]))
    return f"score {score}, margin {margin}, confidence {numbers.percent(float(labels.confidence[row, 0]))}"


def _classes(sheet: Sheet, relevance: Relevance, row: int, x0: Number, x1: Number, y: Number) -> Number:
    """The classes the component matters most for, from the one it speaks most for to the one it speaks most against."""
    theme, start = sheet.theme, y
    y += heading(sheet, x0, x1, y, "Classes", "% of its layer")
    listed = sorted(class_relevance(relevance, row)[:_CLASSES], key=lambda entry: -entry[1])
    value, step = text_width("+00.0", SMALL), SMALL * PT * 1.6
    names = min(max((text_width(name, SMALL) for name, _ in listed), default=0.0), (x1 - x0) * 0.4)
    middles = [y + (at + 0.5) * step for at in range(len(listed))]
    signed_bars(sheet, x0 + names + 2, x1 - value - 2, middles, [share for _, share in listed])
    for middle, (name, share) in zip(middles, listed, strict=True):
        colour = theme.supports if share > 0 else theme.against
        sheet.fit(x0, middle, names, name, SMALL, upright="center")
        sheet.text(x1, middle, numbers.signed(share), SMALL, colour=colour, align="right", upright="center")
    return y - start + len(listed) * step


def _crops(sheet: Sheet, crops: Crops, row: int, x: Number, y: Number, room: Number, examples: int) -> Number:
    side = (room - (_COLUMNS - 1) * GAP / 2) / _COLUMNS
    count = min(examples, crops.count(row))
    for rank in range(count):
        down, across = divmod(rank, _COLUMNS)
        crops.draw(sheet, row, rank, x + across * (side + GAP / 2), y + down * (side + GAP / 2), side)
    return math.ceil(count / _COLUMNS) * (side + GAP / 2) - GAP / 2


def heading(sheet: Sheet, x0: Number, x1: Number, y: Number, text: str, unit: str) -> Number:
    sheet.text(x0, y, text, SMALL, bold=True)
    if text_width(text, SMALL, True) + text_width(unit, SMALL) + 2 <= x1 - x0:
        sheet.text(x1, y, unit, SMALL, colour=sheet.theme.ink_2, align="right")
    return SMALL * PT * 1.6


def _histogram(sheet: Sheet, crops: Crops, row: int, x0: Number, x1: Number, y: Number) -> Number:
    theme, space = sheet.theme, crops.space
    edges, counts = space.examples.statistics.histogram(row)
    used = np.flatnonzero(counts)
    first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, len(counts))
    edges, counts = edges[first : last + 1], counts[first:last]
    cut = float(space.examples.responses[row, crops.count(row) - 1])
    unit = f"{numbers.count(space.examples.statistics.images)} images, log count"
    top = y + heading(sheet, x0, x1, y, "Activation", unit)
    text = f"top {crops.count(row)} from {numbers.activation(cut)}"
    base = top + SMALL * PT * 1.4 + _TALL
    up = (0, math.log1p(counts.max(initial=1)))
    plot = Plot.on(sheet, x0, base - _TALL, x1 - x0, _TALL, (edges[0], edges[-1]), up)
    colours = [theme.seq[4] if above else theme.null for above in (edges[:-1] + edges[1:]) / 2 >= cut]
    plot.axes.bar(edges[:-1], np.log1p(counts), np.diff(edges), align="edge", color=colours, ec=theme.bg, lw=LINE / 2)
    below = plot.ticks_below("activation", write=_plain)
    at = float(plot.place(cut, 0)[0])
    sheet.line([(at, top), (at, base)], theme.ink, LINE)
    fits_left = at - x0 > text_width(text, SMALL) + 1
    sheet.text(at - 0.8 if fits_left else at + 0.8, top, text, SMALL, align="right" if fits_left else "left")
    return base - y + below


def _plain(value: Number) -> str:
    text = numbers.activation(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _siblings(sheet: Sheet, crops: Crops, row: int, names: Names, x0: Number, x1: Number, y: Number) -> Number:
    theme, space = sheet.theme, crops.space
    cosines = np.where(space.alive, space.vectors @ space.vectors[row], -np.inf)
    cosines[row] = -np.inf
    near, scores = top_k(cosines, min(_SIBLINGS, max(int(space.alive.sum()) - 1, 1)))
    start, side = y, 5.5
    y += heading(sheet, x0, x1, y, "Nearest siblings", "cosine")
    widths = [text_width(str(space.components[other]), SMALL, False, True) for other in near.tolist()]
    widths += [text_width(names.word(other) or "", SMALL) for other in near.tolist()]
    room = min(max(widths, default=0.0), (x1 - x0) * 0.4)
    few = int((x1 - x0 - room - 4 - text_width("1.00", SMALL) + GAP / 2) / (side + GAP / 2))
    for other, cosine in zip(near.tolist(), scores.tolist(), strict=True):
        if not math.isfinite(cosine):
            continue
        middle, half = y + side / 2, SMALL * PT * 0.65
        name, word, value = str(space.components[other]), names.word(other), numbers.score(cosine, 2)
        if word:
            sheet.fit(x0, middle - half, room, word, SMALL, upright="center")
        quiet = theme.ink_2 if word else None
        down = half if word else 0.0
        sheet.fit(x0, middle + down, room, name, SMALL, mono=True, colour=quiet, upright="center")
        crops.strip(sheet, other, x0 + room + 2, y, side, few)
        sheet.text(x1, middle, value, SMALL, align="right", colour=theme.ink_2, upright="center")
        y += side + GAP / 2
    return y - start
