"""The table of labels: words, how sure, and what they stand on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..components import Component
from ..describe import UNEXPLAINED, Labels
from ..images import Images
from . import numbers
from .crops import Crops
from .figure import DOUBLE, Figure
from .gallery import chosen_rows
from .made_from import made_from
from .numbers import Number
from .sheet import GAP, MARGIN, Sheet
from .table import Column, table

_CROP, _ROW = 5.0, 6.0  # mm


def label_table(
    labels: Labels,
    components: Sequence[int | str | Component] | None = None,
    *,
    rows: int = 15,
    width_mm: Number = DOUBLE,
    theme: str = "print",
    pictures: Images | None = None,
) -> Figure:
    """Some components, or the `rows` with the surest labels: word, score, margin, confidence, reach, examples.

    A component whose best word is not accepted reads "unexplained", with that word in brackets.
    """
    if components is not None:
        chosen = chosen_rows(labels.space, components, rows)
    else:
        living = np.flatnonzero(labels.space.alive)
        keys = (-labels.scores[living, 0], ~labels.accepted[living, 0])
        chosen = [int(row) for row in living[np.lexsort(keys)][:rows]]
    crops = Crops.of(labels.space, pictures)
    caption = (
        f"Labels: {labels.message}. Confidence: share of random sets of images whose best word fits them less well; "
        f"reach: from random images (0 %) to the images that match the word best (100 %); margin: lead over the "
        f"second word. {made_from(labels.space)} {crops.note}"
    )
    return Figure(lambda sheet: _draw(sheet, labels, chosen, crops), caption, width_mm, theme)


def _draw(sheet: Sheet, labels: Labels, rows: list[int], crops: Crops) -> Number:
    def word(row: int) -> str:
        found = labels.word(row)
        closest = labels.closest(row)
        return found if found is not None else f"{UNEXPLAINED} ({closest[0]}?)" if closest else "never active"

    def number(value: Any, write: str) -> str:
        if not np.isfinite(value):
            return "–"
        return numbers.percent(float(value)) if write == "%" else numbers.score(float(value), 2)

    def strip(part: Sheet, at: int, x: Number, middle: Number, room: Number) -> None:
        crops.strip(part, rows[at], x, middle - _CROP / 2, _CROP, int((room + GAP / 2) / (_CROP + GAP / 2) + 1e-6))

    few = 3 if sheet.width < 120 else 6
    columns = [
        Column("component", [str(labels.components[row]) for row in rows], mono=True),
        Column("label", [word(row) for row in rows], gives=True),
        Column("score", [number(labels.scores[row, 0], ".") for row in rows], right=True),
        Column("margin", [number(labels.margins[row], ".") for row in rows], right=True),
        Column("examples", width=few * (_CROP + GAP / 2) - GAP / 2, draw=strip),
        Column("confidence", [number(labels.confidence[row, 0], "%") for row in rows], right=True),
        Column("reach", [number(labels.reach[row, 0], "%") for row in rows], right=True),
    ]
    if sheet.width >= 120:
        then = [", ".join(labels.closest(row)[1:]) for row in rows]
        columns.append(Column("then", then, gives=True))
    theme = sheet.theme

    def ink(at: int) -> str:
        return theme.ink if labels.word(rows[at]) is not None else theme.ink_2

    return MARGIN + table(sheet, columns, len(rows), height=_ROW, ink=ink) + MARGIN
