"""The semantic map: every component as a point, alike ones near each other, groups named where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from ..components import Component
from ..describe import UNEXPLAINED, Labels
from ..layout import Layout
from ..palette import rgb
from ..space import SemanticSpace
from . import numbers
from .figure import DOUBLE, Figure
from .heatmap import scale_bar
from .made_from import made_from
from .names import Names, marked
from .numbers import Number
from .sheet import LINE, MARGIN, PT, SMALL, Sheet, text_width

_DOT, _LARGEST_DOT = 1.4, 4.0  # mm
_TALLEST = 0.75  # of the width
_GROUPS = 11  # as many as there are colours for


def semantic_map(
    space: SemanticSpace,
    layout: Layout,
    *,
    labels: Labels | None = None,
    own_labels: Mapping[str, str] | None = None,
    values: Float[np.ndarray, " component"] | None = None,
    values_name: str = "",
    sizes: Float[np.ndarray, " component"] | None = None,
    selection: Sequence[int | str | Component] = (),
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """Components where `layout` has them: coloured by label if there are any, else by layer, or by `values`.

    Labels are a person's own words in `own_labels`, as in {"layer4:3": "ruler"}, which win, and `labels`.

    `values` [component] go from paper to deep blue, NaN is grey; `values_name` says what they are. `sizes` [component]
    are the areas of the marks, in any unit. Chosen components are ringed.
    """
    if len(layout) != len(space.components):
        raise ValueError(f"the layout has {len(layout)} places for {len(space.components)} components")
    chosen = [space.components.row(component) for component in selection]
    names = Names.of(space.components, labels, own_labels)
    shown = values_name or "a value" if values is not None else "label" if names else "layer"
    rings = ""
    if names and values is None:
        rings = f" Open rings: {'nobody named them' if labels is None else 'no word explains them'}.{names.key}"
    caption = (
        f"{numbers.count(int(np.isfinite(layout.positions[:, 0]).sum()))} components by {layout.method.upper()} of "
        f"their mean embeddings; colour: {shown}.{rings} {made_from(space)}"
    )
    return Figure(
        lambda sheet: _draw(sheet, space, layout, names, values, values_name, sizes, chosen), caption, width_mm, theme
    )


def _draw(
    sheet: Sheet,
    space: SemanticSpace,
    layout: Layout,
    named: Names,
    values: np.ndarray | None,
    name: str,
    sizes: np.ndarray | None,
    chosen: list[int],
) -> Number:
    theme, room = sheet.theme, sheet.width - 2 * MARGIN - 2 * _LARGEST_DOT
    placed = np.flatnonzero(np.isfinite(layout.positions[:, 0]))
    places = layout.positions[placed].astype(float)
    low, high = (places.min(0), places.max(0)) if len(places) else (np.zeros(2), np.ones(2))
    extent = np.maximum(high - low, 1e-6)
    scale = min(room / extent[0], _TALLEST * room / extent[1])  # one scale for both axes
    wide, tall = float(extent[0] * scale), float(extent[1] * scale)
    x = (sheet.width - wide) / 2 + (places[:, 0] - low[0]) * scale
    y = MARGIN + _LARGEST_DOT + SMALL * PT + (high[1] - places[:, 1]) * scale
    dots = np.full(len(placed), _DOT)
    if sizes is not None and np.nanmax(np.abs(sizes[placed]), initial=0) > 0:
        share = np.nan_to_num(np.abs(sizes[placed])) / np.nanmax(np.abs(sizes[placed]))
        dots = np.sqrt(_DOT**2 * 0.5 + share * (_LARGEST_DOT**2 - _DOT**2 * 0.5))
    bottom = MARGIN + 2 * _LARGEST_DOT + SMALL * PT + tall
    if values is not None:
        bottom += _by_value(sheet, values[placed], name, x, y, dots, bottom)
    else:
        groups = _groups(named, placed)
        bottom += _by_group(sheet, groups, x, y, dots, bottom, named)
    if chosen:
        at = np.flatnonzero(np.isin(placed, chosen))
        sheet.dots(x[at], y[at], dots[at] + 1.2, "none", edge=theme.accent, line=LINE * 2)
    return bottom + MARGIN


def _groups(named: Names, placed: np.ndarray) -> list[str | None]:
    """What each component goes by: its name, marked where a person called any by it; else its layer."""
    if not named:
        return [named.components.layers[n] for n in named.components.layer_numbers[placed]]
    own = {named.own_word(int(row)) for row in placed}
    words = [named.plain(int(row)) for row in placed]
    return [marked(word) if word and word in own else word for word in words]


def _by_value(
    sheet: Sheet, values: np.ndarray, name: str, x: np.ndarray, y: np.ndarray, dots: np.ndarray, bottom: Number
) -> Number:
    theme, known = sheet.theme, np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 1.0)
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    order = np.argsort(np.where(known, values, -np.inf), kind="stable")
    colours = theme.sequential(np.nan_to_num(share))
    colours[~known] = rgb(theme.null)
    sheet.dots(x[order], y[order], dots[order], colours[order], edge=theme.line_strong, line=LINE * 0.5)
    ends = (f"{name} {numbers.fixed(low, 2)}".strip(), numbers.fixed(high, 2))
    return scale_bar(sheet, MARGIN, sheet.width - MARGIN, bottom, *ends)


def _by_group(
    sheet: Sheet,
    groups: list[str | None],
    x: np.ndarray,
    y: np.ndarray,
    dots: np.ndarray,
    bottom: Number,
    named: Names,
) -> Number:
    captioned = bool(named)
    theme, names = sheet.theme, np.asarray([g or "" for g in groups])
    counted = sorted({g for g in groups if g}, key=lambda g: (-int((names == g).sum()), g))
    coloured = counted[:_GROUPS] if captioned else counted[: len(theme.cat)]
    rest = ~np.isin(names, coloured)
    none = names == ""
    others = rest & ~none
    sheet.dots(x[none], y[none], dots[none], "none", edge=theme.context, line=LINE)
    sheet.dots(x[others], y[others], dots[others], theme.context)
    for number, group in enumerate(coloured):
        own = names == group
        sheet.dots(x[own], y[own], dots[own], theme.cat[number], edge=theme.bg, line=LINE * 0.6)
    left: list[int] = list(range(len(coloured)))
    if captioned:
        left = _captions(sheet, coloured, names, x, y, bottom)
    extra = [("other labels", theme.context)] if others.any() and captioned else []
    rings = ("unnamed" if named.labels is None else UNEXPLAINED) if none.any() and captioned else ""
    return _legend(sheet, [(coloured[n], theme.cat[n]) for n in left] + extra, rings, bottom)


def _captions(
    sheet: Sheet, groups: list[str], names: np.ndarray, x: np.ndarray, y: np.ndarray, bottom: Number
) -> list[int]:
    """Each group's name over its points where there is room; the numbers of those without."""
    theme, line = sheet.theme, SMALL * PT * 1.25
    taken: list[tuple[float, float, float, float]] = []
    homeless = []
    for number, group in enumerate(groups):
        own = names == group
        count = f" {numbers.count(int(own.sum()))}"
        width = text_width(group, SMALL, True) + text_width(count, SMALL)
        middle, centre = float(np.median(x[own])), float(np.median(y[own]))
        top = float(np.quantile(y[own], 0.1)) - line - 1
        for dx, at in ((0, top), (0, centre - line / 2), (0, float(np.quantile(y[own], 0.9)) + 1), (0.5, centre),
                       (-0.5, centre), (0.5, top), (-0.5, top), (0, top - line), (0, top - 2 * line),
                       (0.6, top - line), (-0.6, top - line)):  # fmt: skip
            start = float(np.clip(middle - width / 2 + dx * width, MARGIN, sheet.width - MARGIN - width))
            level = float(np.clip(at, MARGIN, bottom - line))
            box = (start - 0.8, level - 0.2, start + width + 0.8, level + line)
            if start < MARGIN or any(box[0] < c and box[2] > a and box[1] < d and box[3] > b for a, b, c, d in taken):
                continue
            taken.append(box)
            sheet.plate(box[0], box[1], box[2] - box[0], box[3] - box[1])
            sheet.text(start, level, group, SMALL, bold=True, colour=theme.cat[number])
            sheet.text(start + width, level, count, SMALL, colour=theme.ink_2, align="right")
            break
        else:
            homeless.append(number)
    return homeless


def _legend(sheet: Sheet, entries: list[tuple[str, str]], rings: str, y: Number) -> Number:
    theme, start, x, line = sheet.theme, y, MARGIN, SMALL * PT * 1.6
    for name, colour in [*entries, *([(rings, "")] if rings else [])]:
        width = text_width(name, SMALL) + 5.5
        if x > MARGIN and x + width > sheet.width - MARGIN:
            x, y = MARGIN, y + line
        middle = y + line / 2
        point = (np.asarray([x + 0.8]), np.asarray([middle]))
        if colour:
            sheet.dots(*point, _DOT, colour)
        else:
            sheet.dots(*point, _DOT, "none", edge=theme.context, line=LINE)
        sheet.fit(x + 2.2, middle, sheet.width - MARGIN - x - 2.2, name, SMALL, colour=theme.ink_2, upright="center")
        x += width
    return y - start + line if entries or rings else 0.0
