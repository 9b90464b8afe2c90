"""The table of labels: words, how sure, and what they stand on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .. import numbers
from ..components import Component
from ..describe import UNEXPLAINED, Labels
from ..images import Images
from ..numbers import Number
from ..space import SemanticSpace
from ..texts import plural
from .crops import Crops
from .figure import DOUBLE, Figure
from .gallery import chosen_rows
from .made_from import made_from
from .names import Names
from .sheet import GAP, MARGIN, Sheet
from .table import Column, table

_CROP, _ROW = 5.0, 6.0  # mm


def label_table(
    labels: Labels,
    components: Sequence[int | str | Component] | None = None,
    *,
    own_labels: Mapping[str, str] | None = None,
    rows: int = 15,
    width_mm: Number = DOUBLE,
    theme: str = "print",
    pictures: Images | None = None,
) -> Figure:
    """Components with their words: score, margin, confidence, adjusted similarity, examples.

    A component whose best word is not accepted reads "unexplained", with that word in brackets.

    Parameters
    ----------
    labels
        What `describe` gave.
    components
        Which; the surest one of every word first unless given, so that the table shows what there is.
    own_labels
        A person's own words, as in {"layer4:3": "ruler"}; one stands first, is marked, and has no scores.
    rows
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

    Examples
    --------
    >>> labels = lens.describe(["ruler", "hair", "blue patch"])
    >>> sl.figures.label_table(labels, rows=5).save("labels.svg").name
    'labels.svg'
    """
    names = Names.of(labels.components, labels, own_labels)
    if components is not None:
        chosen = chosen_rows(labels.space, components, rows)
    else:
        living = np.flatnonzero(labels.space.alive)
        unnamed = np.asarray([names.own_word(int(row)) is None for row in living], bool)
        keys = (-labels.scores[living, 0], ~labels.accepted[living, 0], unnamed)
        surest = living[np.lexsort(keys)]
        later = _said_before([names.plain(int(row)) for row in surest])
        chosen = [int(row) for row in surest[np.argsort(later, kind="stable")][:rows]]
    crops = Crops.of(labels.space, pictures)
    caption = (
        f"Labels: {labels.message}. Confidence: share of random sets of images whose best word fits them less well; "
        f"adjusted similarity: 0 for random images, 1 for those that match the word best; margin: lead over the "
        f"second word.{names.key} {made_from(labels.space)} {crops.note}"
    )
    return Figure(lambda sheet: _draw(sheet, labels, names, chosen, crops), caption, width_mm, theme)


def _said_before(words: Sequence[str | None]) -> list[int]:
    """How often each word stood before; those without a word come after all."""
    seen: Counter[str] = Counter()
    counts = []
    for word in words:
        counts.append(len(words) if word is None else seen[word])
        if word is not None:
            seen[word] += 1
    return counts


def own_table(
    space: SemanticSpace,
    own_labels: Mapping[str, str],
    *,
    rows: int = 15,
    width_mm: Number = DOUBLE,
    theme: str = "print",
    pictures: Images | None = None,
) -> Figure:
    """The components that a person gave a word, by component, where nothing else is described.

    Parameters
    ----------
    space
        Of the components.
    own_labels
        A person's own words, as in {"layer4:3": "ruler"}.
    rows
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

    Examples
    --------
    >>> sl.figures.own_table(lens.space, {"layer4:57": "tape measure"}).save("own.svg").name
    'own.svg'
    """
    names = Names(space.components, None, own_labels)
    chosen = sorted(space.components.row(component) for component in own_labels)[:rows]
    crops = Crops.of(space, pictures)
    caption = (
        f"{plural(len(own_labels), 'component')} named by a person.{names.key} "
        f"{made_from(space)} {crops.note}"
    )  # fmt: skip

    def draw(sheet: Sheet) -> Number:
        return MARGIN + table(sheet, _first_columns(sheet, names, chosen, crops), len(chosen), height=_ROW) + MARGIN

    return Figure(draw, caption, width_mm, theme)


def _first_columns(sheet: Sheet, names: Names, rows: list[int], crops: Crops) -> list[Column]:
    """Component, label, examples."""

    def strips(part: Sheet, x: Number, middles: list[Number], room: Number) -> None:
        for row, middle in zip(rows, middles, strict=True):
            crops.strip(part, row, x, middle - _CROP / 2, _CROP, int((room + GAP / 2) / (_CROP + GAP / 2) + 1e-6))

    few = 2 if sheet.width < 100 else 3 if sheet.width < 120 else 5 if sheet.width < 160 else 9
    return [
        Column("component", [str(names.components[row]) for row in rows], mono=True),
        Column("label", [names.word(row) or _closest(names, row) for row in rows], gives=True),
        Column("examples", width=few * (_CROP + GAP / 2) - GAP / 2, draw=strips),
    ]


def _closest(names: Names, row: int) -> str:
    closest = names.labels.closest(row) if names.labels is not None else ()
    return f"{UNEXPLAINED} ({closest[0]}?)" if closest else "never active"


def _draw(sheet: Sheet, labels: Labels, names: Names, rows: list[int], crops: Crops) -> Number:
    def column(heading: str, values: np.ndarray, write: Callable[[float], str]) -> Column:
        known = [np.isfinite(values[row]) and names.own_word(row) is None for row in rows]
        texts = [write(float(values[row])) if there else "–" for row, there in zip(rows, known, strict=True)]
        return Column(heading, texts, right=True)

    def short(value: float) -> str:
        return numbers.score(value, 2)

    component, label, examples = _first_columns(sheet, names, rows, crops)
    columns = [
        component,
        label,
        column("score", labels.scores[:, 0], short),
        examples,
        column("confidence", labels.confidence[:, 0], numbers.percent),
        column("margin", labels.margins, short),
        column("adjusted similarity", labels.adjusted_similarity[:, 0], short),
    ]
    if sheet.width >= 120:
        then = [", ".join(labels.closest(row)[0 if names.own_word(row) else 1 :]) for row in rows]
        columns.append(Column("next words", then, gives=True))
    theme = sheet.theme

    def ink(at: int) -> str:
        return theme.ink if names.word(rows[at]) is not None else theme.ink_2

    return MARGIN + table(sheet, columns, len(rows), height=_ROW, ink=ink) + MARGIN
