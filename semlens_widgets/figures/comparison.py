"""Comparisons as figures: three columns of components, layers against layers, a series, concepts against models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from .. import numbers
from ..compare import Comparison, ConceptTable, Series, Similarity
from ..compare.concepts import column_name
from ..compare.pairs import Pairs
from ..numbers import Number
from ..texts import plural
from .crops import Crops
from .figure import DOUBLE, SINGLE, Figure
from .heatmap import heatmap, scale_bar
from .made_from import made_from
from .sheet import GAP, LINE, MARGIN, PT, SMALL, TEXT, Sheet, text_width
from .table import Column, table

_CROP, _ROW = 5.5, 6.5  # mm


def comparison(
    comparison: Comparison,
    *,
    view: Literal["columns", "layers"] = "columns",
    rows: int = 8,
    kept: tuple[np.ndarray, Pairs, np.ndarray] | None = None,
    kept_to: str = "",
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """What two models share and what only one has.

    Columns show only in A, pairs by score, only in B; layers the directed similarity of every layer of one to every
    layer of the other.

    Parameters
    ----------
    comparison
        What `compare` gave.
    view
        "columns" of components, or "layers" against layers.
    rows
        How many of each kind, in columns.
    kept
        The rows only in A, the pairs, and the rows only in B to show instead of all.
    kept_to
        Says which they are.
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
    >>> found = lens.compare(lens.space, name="itself")
    >>> sl.figures.comparison(found, rows=3).save("comparison.svg").name
    'comparison.svg'
    """
    if view not in ("columns", "layers"):
        raise ValueError(f"view={view!r}; a comparison is shown as 'columns' or 'layers'")
    a, b = (Crops.of(space) for space in (comparison.a, comparison.b))
    first, second = comparison.names
    scores = (
        f"S({first}→{second}) = {_similarity(comparison.s_ab)}, S({second}→{first}) = {_similarity(comparison.s_ba)}"
    )
    made = f"{first}: {made_from(comparison.a)} {second}: {made_from(comparison.b)}"
    centred = " Directions common to all random images were subtracted." if comparison.centre else ""
    if view == "layers":
        caption = (
            f"Directed similarity of layers, the mean best cosine of a layer's components. {scores}.{centred} {made}"
        )
        return Figure(lambda sheet: _layers(sheet, comparison), caption, width_mm, theme)
    shown = kept or (comparison.a_only_rows, comparison.pairs, comparison.b_only_rows)
    filtered = f" Only {kept_to}." if kept_to else ""
    caption = f"{comparison.message}. {scores}.{centred}{filtered} Crops: strongest examples. {made} {a.note}"
    return Figure(lambda sheet: _columns(sheet, comparison, shown, kept_to, a, b, rows), caption, width_mm, theme)


def _similarity(s: Similarity) -> str:
    score, low, high, chance = (numbers.score(value) for value in (s.score, s.low, s.high, s.chance))
    return f"{score} (95 % {low} to {high}; unrelated {chance})"


def _called(
    sheet: Sheet, comparison: Comparison, y: Number, fits: Callable[[str], bool]
) -> tuple[tuple[str, str], Number]:
    """What the models are called where their names have to fit: as they are, else A and B, and the key that says so."""
    if all(fits(name) for name in comparison.names):
        return comparison.names, 0.0
    start, width = y, sheet.width - 2 * MARGIN
    for letter, name in zip("AB", comparison.names, strict=True):
        sheet.text(MARGIN, y, letter, SMALL, bold=True)
        sheet.fit(MARGIN + 4, y, width - 4, name, SMALL)
        y += SMALL * PT * 1.5
    return ("A", "B"), y - start + 1


def _columns(
    sheet: Sheet,
    comparison: Comparison,
    shown: tuple[np.ndarray, Pairs, np.ndarray],
    kept_to: str,
    a: Crops,
    b: Crops,
    rows: int,
) -> Number:
    left, right, y = MARGIN, sheet.width - MARGIN, MARGIN
    narrow = (right - left - 8) * 0.27 if sheet.width >= 120 else (right - left - 3) / 2
    room = narrow - text_width("only in 0,000", TEXT, True) - 3
    (first, second), tall = _called(sheet, comparison, y, lambda name: text_width(name, TEXT, True) <= room)
    y += tall
    for asks, knows, similarity in ((second, first, comparison.s_ab), (first, second, comparison.s_ba)):
        text = f"{asks} knows {knows}: {_similarity(similarity)}"
        if text_width(text, SMALL) > right - left:
            value, chance = numbers.score(similarity.score), numbers.score(similarity.chance)
            text = f"{asks} knows {knows}: {value} (unrelated {chance})"
        sheet.fit(left, y, right - left, text, SMALL, colour=sheet.theme.ink_2)
        y += SMALL * PT * 1.5
    if kept_to:
        sheet.fit(left, y, right - left, f"only {kept_to}", SMALL)
        y += SMALL * PT * 1.5
    y += 1
    only_a, pairs, only_b = [int(row) for row in shown[0]], shown[1], [int(row) for row in shown[2]]
    if sheet.width >= 120:
        gap = 4.0
        side = (right - left - 2 * gap) * 0.27
        middle = right - left - 2 * gap - 2 * side
        heights = [
            _only(sheet, a, only_a, f"only in {first}", left, left + side, y, rows),
            _pairs(sheet, pairs, a, b, left + side + gap, left + side + gap + middle, y, rows),
            _only(sheet, b, only_b, f"only in {second}", right - side, right, y, rows),
        ]
        return y + max(heights) + MARGIN
    y += _pairs(sheet, pairs, a, b, left, right, y, rows) + 2
    half = (right - left - 3) / 2
    heights = [
        _only(sheet, a, only_a, f"only in {first}", left, left + half, y, rows),
        _only(sheet, b, only_b, f"only in {second}", right - half, right, y, rows),
    ]
    return y + max(heights) + MARGIN


def _head(sheet: Sheet, x0: Number, x1: Number, y: Number, text: str, count: int) -> Number:
    number = numbers.count(count)
    sheet.fit(x0, y, x1 - x0 - text_width(number, TEXT) - 2, text, TEXT, bold=True)
    sheet.text(x1, y, number, TEXT, colour=sheet.theme.ink_2, align="right")
    y += TEXT * PT * 1.5
    sheet.line([(x0, y), (x1, y)], sheet.theme.line_strong, LINE)
    return TEXT * PT * 1.5 + GAP / 2


def _only(
    sheet: Sheet, crops: Crops, rows: list[int], title: str, x0: Number, x1: Number, y: Number, most: int
) -> Number:
    start = y
    y += _head(sheet, x0, x1, y, title, len(rows))
    if not rows:
        sheet.text(x0, y + 0.5, "none", SMALL, colour=sheet.theme.ink_2)
        return y - start + SMALL * PT * 1.6
    shown = rows[:most]
    names = [str(crops.space.components[row]) for row in shown]
    room = min(max(text_width(name, SMALL, False, True) for name in names), (x1 - x0) * 0.55)
    few = max(1, int((x1 - x0 - room - 1.5 + GAP / 2) / (_CROP + GAP / 2)))
    for row, name in zip(shown, names, strict=True):
        sheet.fit(x0, y + _CROP / 2, room, name, SMALL, mono=True, upright="center")
        crops.strip(sheet, row, x0 + room + 1.5, y, _CROP, few)
        y += _ROW
    return y + _more(sheet, len(rows) - len(shown), x0, y) - start


def _more(sheet: Sheet, count: int, x: Number, y: Number) -> Number:
    if count <= 0:
        return 0.0
    sheet.text(x, y, f"and {numbers.count(count)} more", SMALL, colour=sheet.theme.ink_2)
    return SMALL * PT * 1.5


def _pairs(
    sheet: Sheet, pairs: Pairs, a: Crops, b: Crops, x0: Number, x1: Number, y: Number, most: int
) -> Number:
    theme, start = sheet.theme, y
    y += _head(sheet, x0, x1, y, "shared", len(pairs))
    shown = list(pairs[:most])
    if not shown:
        sheet.text(x0, y + 0.5, "no pair above chance", SMALL, colour=theme.ink_2)
        return y - start + SMALL * PT * 1.6
    names = max(text_width(str(c), SMALL, False, True) for pair in shown for c in (pair.a, pair.b))
    value = text_width(".000", SMALL) + 2
    half = (x1 - x0 - value) / 2
    names = min(names, half * 0.6)
    few = max(1, int((half - names - 1.5 + GAP / 2) / (_CROP + GAP / 2)))
    for pair in shown:
        middle, centre = y + _CROP / 2, (x0 + x1) / 2
        strip = few * (_CROP + GAP / 2) - GAP / 2
        sheet.fit(x0, middle, names, str(pair.a), SMALL, mono=True, upright="center")
        a.strip(sheet, pair.row_a, centre - value / 2 - strip, y, _CROP, few)
        sheet.text(centre, middle, numbers.score(pair.score, 2), SMALL, align="center", upright="center")
        b.strip(sheet, pair.row_b, centre + value / 2, y, _CROP, few)
        sheet.fit(x1 - names, middle, names, str(pair.b), SMALL, mono=True, upright="center")
        y += _ROW
    return y + _more(sheet, len(pairs) - len(shown), x0, y) - start


def _layers(sheet: Sheet, comparison: Comparison) -> Number:
    left, right, y = MARGIN, sheet.width - MARGIN, MARGIN
    finite = np.concatenate([m[np.isfinite(m)] for m in (comparison.layers_ab, comparison.layers_ba)])
    domain = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    layers = (list(comparison.a.components.layers), list(comparison.b.components.layers))
    wide = sheet.width >= 120
    half = (right - left - 5) / 2 if wide else right - left
    room = min(6.0 * min(len(names) for names in layers), half / 4)
    (first, second), tall = _called(sheet, comparison, y, lambda name: text_width(name, SMALL) <= room)
    y += tall
    height = heatmap(sheet, comparison.layers_ab, layers[0], layers[1], left, left + half, y, domain=domain,
                     above=f"how much of {first} is in {second}", beside=first)  # fmt: skip
    x, below = (left + half + 5, y) if wide else (left, y + height + 3)
    other = heatmap(sheet, comparison.layers_ba, layers[1], layers[0], x, x + half, below, domain=domain,
                    above=f"how much of {second} is in {first}", beside=second)  # fmt: skip
    y = max(y + height, below + other) + 2
    ends = (f"least alike {numbers.score(domain[0], 2)}", f"most alike {numbers.score(domain[1], 2)}")
    return y + scale_bar(sheet, left, right, y, *ends) + MARGIN


def concept_table(table: ConceptTable, *, width_mm: Number = SINGLE, theme: str = "print") -> Figure:
    """Which model, or layer, knows which concept: colour is the adjusted similarity, the number the components that
    carry it.

    A dash stands where a concept is not found.

    Parameters
    ----------
    table
        What `concept_table` gave.
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
    >>> sl.figures.concept_table(lens.concept_table(["ruler", "hair"])).save("concepts.svg").name
    'concepts.svg'
    """
    caption = (
        f"{plural(len(table.concepts), 'concept')} in {plural(len(table.columns), 'column')}. Colour: "
        "adjusted similarity of the best component, from 0 for random images (paper) to 1 for those that match best "
        "(deep blue); number: components that pass search's test each by itself; dash: not found; question mark: too "
        "few images to check it."
    )
    return Figure(lambda sheet: _concepts(sheet, table), caption, width_mm, theme)


def _concepts(sheet: Sheet, table: ConceptTable) -> Number:
    left, right, y = MARGIN, sheet.width - MARGIN, MARGIN

    def write(i: int, j: int) -> str:
        if table.found[i, j]:
            return numbers.count(int(table.carriers[i, j]))
        return "?" if table.unchecked[i, j] else "–"

    names = [column_name(column) for column in table.columns]
    values = np.clip(table.adjusted_similarity, 0, 1)
    y += heatmap(sheet, values, list(table.concepts), names, left, right, y, domain=(0.0, 1.0),
                 write=write, dashed=~table.found) + 1.5  # fmt: skip
    return y + scale_bar(sheet, left, right, y, "adjusted similarity 0 (random)", "1 (best images)") + MARGIN


def series(series: Series, *, width_mm: Number = DOUBLE, theme: str = "print") -> Figure:
    """Models in their order: how alike they are, what each step adds, takes and moves, and when concepts appear.

    Parameters
    ----------
    series
        What `compare_many` gave.
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
    >>> one = sl.demo.lens("biased", n=100, progress=False)
    >>> two = sl.demo.lens("unbiased", n=100, progress=False)
    >>> sl.figures.series(sl.compare_many({"biased": one, "unbiased": two})).save("series.svg").name
    'series.svg'
    """
    caption = (
        f"{len(series.names)} models in order ({', '.join(series.names)}): directed similarity from each (row) to each "
        "(column), and per step the components that appear, go, move to another component, or stay. "
        f"{made_from(series.spaces[-1])}"
    )
    return Figure(lambda sheet: _series(sheet, series), caption, width_mm, theme)


def _series(sheet: Sheet, series: Series) -> Number:
    left, right, y = MARGIN, sheet.width - MARGIN, MARGIN
    wide = sheet.width >= 120
    half = (right - left - 5) / 2 if wide else right - left
    low = float(np.nanmin(series.similarity))
    height = heatmap(sheet, series.similarity, series.names, series.names, left, left + half, y,
                     domain=(low, 1.0), above="how much is in", beside="of")  # fmt: skip
    height += 1.5
    height += scale_bar(sheet, left, left + half, y + height, f"least {numbers.score(low, 2)}", "identical 1.00")
    rows = series.to_rows()
    columns = [
        Column("step", [f"{row['before']} → {row['after']}" for row in rows], gives=True),
        *(Column(name, [numbers.count(row[name]) for row in rows], right=True)
          for name in ("births", "deaths", "moves", "stays")),
    ]  # fmt: skip
    x, below = (left + half + 5, y) if wide else (left, y + height + 3)
    tall = table(sheet, columns, len(rows), y=below, left=x, right=x + half)
    y = max(y + height, below + tall)
    if series.concepts is not None:
        y += 3
        part = sheet.part(0, y, sheet.width)
        return y + _concepts(part, series.concepts)
    return y + MARGIN
