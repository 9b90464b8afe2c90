"""A gallery sheet: components as strips of their strongest examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..components import Component
from ..describe import Labels
from ..images import Images
from ..numbers import Number
from ..space import SemanticSpace
from ..texts import plural
from .crops import Crops, strip_of
from .figure import DOUBLE, Figure
from .made_from import made_from
from .names import Names
from .sheet import GAP, LINE, MARGIN, PT, SMALL, Sheet, text_width

_LABEL = 26.0  # mm, at most


def gallery(
    space: SemanticSpace,
    components: Sequence[int | str | Component] | None = None,
    *,
    labels: Labels | None = None,
    own_labels: Mapping[str, str] | None = None,
    examples: int | None = None,
    width_mm: Number = DOUBLE,
    theme: str = "print",
    pictures: Images | None = None,
) -> Figure:
    """Some components, each with its strongest examples.

    Parameters
    ----------
    space
        Of the components.
    components
        Which; the first ten living ones unless given.
    labels
        What `describe` gave: its words stand beside the components.
    own_labels
        A person's own words, as in {"layer4:3": "ruler"}; they win.
    examples
        How many of each; as many as the width holds unless given.
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

    Examples
    --------
    >>> sl.figures.gallery(lens.space, ["layer4:57", "layer4:64"]).save("gallery.svg").name
    'gallery.svg'
    """
    rows = chosen_rows(space, components, 10)
    crops = Crops.of(space, pictures)
    names = Names.of(space.components, labels, own_labels)
    caption = (
        f"{plural(len(rows), 'component')} with their strongest examples, strongest first.{names.note} "
        f"{made_from(space, _layers(space, rows))} {crops.note}"
    )
    return Figure(lambda sheet: _draw(sheet, crops, rows, names, examples), caption, width_mm, theme)


def chosen_rows(space: SemanticSpace, components: Sequence[int | str | Component] | None, most: int) -> list[int]:
    """Rows of some components, or of the first living ones. ValueError for an empty choice."""
    if components is None:
        return [int(row) for row in np.flatnonzero(space.alive)[:most]]
    rows = [space.components.row(component) for component in components]
    if not rows:
        raise ValueError("no component chosen; give some, as in ['layer4:57', 'layer4:12']")
    return rows


def _layers(space: SemanticSpace, rows: Sequence[int]) -> list[str]:
    return list(dict.fromkeys(space.components[row].layer for row in rows))


def _draw(sheet: Sheet, crops: Crops, rows: list[int], named: Names, wanted: int | None) -> Number:
    theme, left, right, y = sheet.theme, MARGIN, sheet.width - MARGIN, MARGIN
    space = crops.space
    room = (right - left) * 0.3
    names = min(room, max(text_width(str(space.components[row]), SMALL, False, True) for row in rows))
    words = {row: word for row in rows if (word := named.display_name(row))}
    if words:
        names = min(room, _LABEL, max([names, *(text_width(word, SMALL) for word in words.values())]))
    begin = left + names + 2
    examples, side = strip_of(right - begin, wanted, max(1, *(crops.count(row) for row in rows)))
    step = SMALL * PT * 1.3
    height = max(side, 2 * step if words else step)
    for row in rows:
        sheet.line([(left, y), (right, y)], theme.line, LINE)
        y += GAP / 2
        middle = y + height / 2
        name = str(space.components[row])
        if row in words:
            ink = theme.ink if named.word(row) else theme.ink_2
            sheet.fit(left, middle - step / 2, names, words[row], SMALL, colour=ink, upright="center")
            middle += step / 2
        sheet.fit(left, middle, names, name, SMALL, mono=True, colour=theme.ink_2 if words else None, upright="center")
        if crops.count(row):
            crops.strip(sheet, row, begin, y + (height - side) / 2, side, examples)
        else:
            sheet.text(begin, y + height / 2, "never active", SMALL, colour=theme.ink_2, upright="center")
        y += height + GAP / 2
    sheet.line([(left, y), (right, y)], theme.line, LINE)
    return y + MARGIN
