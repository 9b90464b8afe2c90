"""The semantic map: every component as a point, alike ones near each other, groups named where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from .. import numbers
from ..compare import Comparison
from ..components import Component
from ..describe import UNEXPLAINED, Labels
from ..layout import Layout
from ..numbers import Number
from ..palette import LAYER_HUES, rgb
from ..space import SemanticSpace
from .figure import DOUBLE, Figure
from .heatmap import scale_bar
from .made_from import made_from
from .names import Names, marked
from .sheet import LINE, MARGIN, PT, SMALL, Sheet, text_width

_DOT, _LARGEST_DOT = 1.4, 4.0  # mm
_TALLEST = 0.62  # of the width
_STRETCH = 1.6  # of one axis against the other, as on screen
_GROUPS = 11  # as many as there are colours for
_PALEST = 0.2  # of the colours: paler points could not be told from paper
_HIDDEN = 4  # points that a caption may lie on
_TOGETHER = 0.07  # of the map: points of one label this near stand together


def semantic_map(
    space: SemanticSpace,
    layout: Layout,
    *,
    labels: Labels | None = None,
    own_labels: Mapping[str, str] | None = None,
    values: Float[np.ndarray, " component"] | None = None,
    values_name: str = "",
    signed: bool = False,
    mark: float | None = None,
    evidence: bool = False,
    sizes: Float[np.ndarray, " component"] | None = None,
    sizes_name: str = "",
    layer: str | None = None,
    selection: Sequence[int | str | Component] = (),
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """All components in the plane: coloured by label if there are any, else by layer, or by values.

    Parameters
    ----------
    space
        Of the components.
    layout
        What `compute_layout` gave.
    labels
        What `describe` gave: its words stand beside the components.
    own_labels
        A person's own words, as in {"layer4:3": "ruler"}; they win.
    values
        [component], colours from paper to deep blue; components without one (NaN) are open rings.
    values_name
        What the values are.
    signed
        Colours from purple through zero to green.
    mark
        What random sets of images stay below.
    evidence
        What lies below the mark is grey.
    sizes
        [component], the areas of the marks, in any unit.
    sizes_name
        What the sizes are.
    layer
        Components outside it are pale.
    selection
        Components that are ringed.
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
    >>> sl.figures.semantic_map(lens.space, lens.compute_layout("pca")).save("map.svg").name
    'map.svg'
    """
    if len(layout) != len(space.components):
        raise ValueError(f"the layout has {len(layout)} places for {len(space.components)} components")
    chosen = [space.components.row(component) for component in selection]
    inside = np.zeros(len(space.components), bool)
    inside[space.components.rows(layer)] = True
    names = Names.of(space.components, labels, own_labels)
    shown = values_name or "a value" if values is not None else "label" if names else "layer"
    rings = ""
    if values is not None and not np.isfinite(values[np.isfinite(layout.positions[:, 0])]).all():
        rings = " Open rings: no number."
    elif names and values is None:
        rings = f" Open rings: {'without a label' if labels is None else 'no word explains them'}.{names.key}"
    caption = (
        f"{numbers.count(int(np.isfinite(layout.positions[:, 0]).sum()))} components by {layout.method.upper()} of "
        f"their mean embeddings{_preview(layout)}; colour: {shown}"
        f"{f'; size: {sizes_name}' if sizes is not None and sizes_name else ''}"
        f"{f'; pale: outside {layer}' if layer is not None else ''}.{rings}{' Ringed: selected.' if chosen else ''} "
        f"{made_from(space)}"
    )
    scene = _Scene(space, layout, names, values, values_name, signed, mark, evidence, sizes, sizes_name, inside, chosen)
    return Figure(lambda sheet: _draw(sheet, scene), caption, width_mm, theme)


def _preview(layout: Layout) -> str:
    return "" if layout.sample is None else f" (a preview: of {layout.sample:,}, the others placed among them)"


@dataclass(frozen=True, eq=False)
class _Scene:
    """What is drawn, as `semantic_map` was told."""

    space: SemanticSpace
    layout: Layout
    names: Names
    values: np.ndarray | None
    values_name: str
    signed: bool
    mark: float | None
    evidence: bool
    sizes: np.ndarray | None
    sizes_name: str
    inside: np.ndarray
    chosen: list[int]


@dataclass(frozen=True, eq=False)
class _Points:
    """The components that have a place, in mm: rows, x, y, diameters, and whether each is of the layer."""

    rows: np.ndarray
    x: np.ndarray
    y: np.ndarray
    dots: np.ndarray
    inside: np.ndarray


def _draw(sheet: Sheet, scene: _Scene) -> Number:
    theme = sheet.theme
    placed = np.flatnonzero(np.isfinite(scene.layout.positions[:, 0]))
    x, y, bottom = _spread(sheet, scene.layout.positions[placed])
    usual = _DOT if sheet.width < 120 else _DOT * 1.3
    dots = np.full(len(placed), usual)
    if scene.sizes is not None and (most := float(np.nanmax(np.abs(scene.sizes[placed]), initial=0))) > 0:
        dots = usual * (0.7 + 1.3 * np.sqrt(np.nan_to_num(np.abs(scene.sizes[placed])) / most))
    points = _Points(placed, x, y, dots, scene.inside[placed])
    if scene.values is not None:
        bottom += _by_value(sheet, scene, points, bottom)
    else:
        bottom += _by_group(sheet, scene, points, bottom)
    at = np.isin(placed, scene.chosen)
    if at.any():
        sheet.dots(points.x[at], points.y[at], dots[at] + 1.2, "none", edge=theme.accent, line=LINE * 2)
    return bottom + MARGIN


def _spread(sheet: Sheet, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, Number]:
    """Places on the sheet, in mm, as large as there is room for, and where what is below the map begins."""
    places, room = positions.astype(float), sheet.width - 2 * MARGIN - 2 * _LARGEST_DOT
    low, high = (places.min(0), places.max(0)) if len(places) else (np.zeros(2), np.ones(2))
    across, up = np.asarray((room, _TALLEST * room)) / np.maximum(high - low, 1e-6)
    across, up = min(across, up * _STRETCH), min(up, across * _STRETCH)
    top, wide = MARGIN + _LARGEST_DOT / 2 + SMALL * PT * 1.3, float((high[0] - low[0]) * across)
    bottom = top + float((high[1] - low[1]) * up) + _LARGEST_DOT / 2 + 1.5
    return (sheet.width - wide) / 2 + (places[:, 0] - low[0]) * across, top + (high[1] - places[:, 1]) * up, bottom


def overlay_map(
    comparison: Comparison,
    layouts: tuple[Layout, Layout],
    *,
    selection: Sequence[int | str | Component] = (),
    other_selection: Sequence[int | str | Component] = (),
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """Two models on one map: components of the first as discs, of the second as triangles.

    Parameters
    ----------
    comparison
        What `compare` gave.
    layouts
        What `overlay` gave.
    selection, other_selection
        Components of each that are ringed.
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
    >>> sl.figures.overlay_map(found, lens.overlay("pca")).save("overlay.svg").name
    'overlay.svg'
    """
    spaces = (comparison.a, comparison.b)
    for space, layout in zip(spaces, layouts, strict=True):
        if len(layout) != len(space.components):
            raise ValueError(f"the layout has {len(layout)} places for {len(space.components)} components")
    wished = (selection, other_selection)
    chosen = [{s.components.row(c) for c in rows} for s, rows in zip(spaces, wished, strict=True)]
    made = " ".join(f"{name}: {made_from(space)}" for name, space in zip(comparison.names, spaces, strict=True))
    caption = (
        f"Components of {' and '.join(comparison.names)} on one map, by {layouts[0].method.upper()} of their mean "
        f"embeddings.{' Ringed: selected.' if any(chosen) else ''} {made}"
    )
    return Figure(lambda sheet: _draw_both(sheet, comparison, layouts, chosen), caption, width_mm, theme)


def _draw_both(
    sheet: Sheet, comparison: Comparison, layouts: tuple[Layout, Layout], chosen: list[set[int]]
) -> Number:
    theme, line = sheet.theme, SMALL * PT * 1.6
    placed = [np.flatnonzero(np.isfinite(layout.positions[:, 0])) for layout in layouts]
    both = np.concatenate([layout.positions[rows] for layout, rows in zip(layouts, placed, strict=True)])
    x, y, bottom = _spread(sheet, both)
    of = np.repeat([0, 1], [len(rows) for rows in placed])
    rings = np.concatenate([np.isin(rows, list(those)) for rows, those in zip(placed, chosen, strict=True)])
    for which, shape in enumerate("o^"):
        own = of == which
        sheet.dots(x[own], y[own], _DOT * 1.3, theme.cat[which], edge=theme.bg, line=LINE * 0.6, shape=shape)
    sheet.dots(x[rings], y[rings], _DOT * 1.3 + 1.2, "none", edge=theme.accent, line=LINE * 2)
    for which, (shape, letter, name) in enumerate(zip("o^", "AB", comparison.names, strict=True)):
        middle, at = bottom + line / 2, (np.asarray([MARGIN + 0.8]), np.asarray([bottom + line / 2]))
        sheet.dots(*at, _DOT * 1.3, theme.cat[which], shape=shape)
        sheet.text(MARGIN + 2.6, middle, letter, SMALL, bold=True, upright="center")
        room, count = sheet.width - 2 * MARGIN - 5, f"  {numbers.count(len(placed[which]))}"
        sheet.fit(MARGIN + 5, middle, room, f"{name}{count}", SMALL, colour=theme.ink_2, upright="center")
        bottom += line
    return bottom + MARGIN


_AWAY = 0.2  # of the ink of points outside the layer


def _marks(sheet: Sheet, points: _Points, own: np.ndarray, colours: Any, edge: str) -> None:
    """Some points in their colours [point rgb], or "none"; what is not of the layer is nearly the ground."""
    ground, pale = np.asarray(rgb(sheet.theme.bg)), ~points.inside[own][:, None]

    def seen(colour: np.ndarray) -> np.ndarray:
        return np.where(pale, _AWAY * colour + (1 - _AWAY) * ground, colour)

    fill = colours if isinstance(colours, str) else seen(colours)
    sheet.dots(points.x[own], points.y[own], points.dots[own], fill, edge=seen(np.asarray(rgb(edge))), line=LINE)


def _groups(named: Names, placed: np.ndarray) -> list[str | None]:
    """What each component goes by: its name, marked where a person called any by it; else its layer."""
    if not named:
        return [named.components.layers[n] for n in named.components.layer_numbers[placed]]
    own = {named.own_word(int(row)) for row in placed}
    words = [named.plain(int(row)) for row in placed]
    return [marked(word) if word and word in own else word for word in words]


def _by_value(sheet: Sheet, scene: _Scene, points: _Points, bottom: Number) -> Number:
    assert scene.values is not None
    theme, values = sheet.theme, scene.values[points.rows]
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 1.0)
    if scene.signed:
        low, high = -max(-low, high), max(-low, high)
    floor = scene.mark if scene.evidence and scene.mark is not None else -np.inf
    low = max(low, min(floor, high))
    share = np.nan_to_num((values - low) / (high - low)) if high > low else np.full(len(values), 0.5)
    colours = theme.diverging(2 * share - 1) if scene.signed else theme.sequential(_PALEST + (1 - _PALEST) * share)
    colours[known & (values < floor)] = rgb(theme.null)
    strength = np.abs(2 * share - 1) if scene.signed else share
    order = np.argsort(np.where(known, strength, -np.inf), kind="stable")
    _marks(sheet, points, order[~known[order]], "none", theme.context)
    _marks(sheet, points, order[known[order]], colours[order[known[order]]], theme.context)
    start = bottom
    room = sheet.width - 2 * MARGIN
    bottom += sheet.paragraph(MARGIN, bottom, room, scene.values_name, SMALL, colour=theme.ink_2) + 0.4
    left, right = (numbers.score(end, 2) for end in (low, high))
    bottom += scale_bar(
        sheet, MARGIN, sheet.width - MARGIN, bottom, left, f"+{right}" if scene.signed else right,
        diverging=scene.signed, palest=0.0 if scene.signed else _PALEST,
    )  # fmt: skip
    entries, notes = [], [_size_note(scene)]
    if np.isfinite(floor):
        entries.append((f"below {numbers.score(floor, 2)}, as random sets", theme.null))
    elif scene.mark is not None:
        notes.insert(0, f"random sets stay below {numbers.score(scene.mark, 2)}")
    rings = "no number" if not known.all() else ""
    return bottom + _legend(sheet, entries, rings, notes, bottom) - start


def _size_note(scene: _Scene) -> str:
    return f"size: {scene.sizes_name}" if scene.sizes is not None and scene.sizes_name else ""


def _by_group(sheet: Sheet, scene: _Scene, points: _Points, bottom: Number) -> Number:
    named = scene.names
    groups = _groups(named, points.rows)
    captioned = bool(named)
    theme, names = sheet.theme, np.asarray([g or "" for g in groups])
    counted = sorted({g for g in groups if g}, key=lambda g: (-int((names == g).sum()), g))
    coloured = counted[:_GROUPS] if captioned else list(named.components.layers)
    hues = _hues(sheet, coloured, captioned)
    none = names == ""
    others = ~np.isin(names, coloured) & ~none
    _marks(sheet, points, np.flatnonzero(none), "none", theme.context)
    order = [(np.flatnonzero(others), theme.context)]
    order += [(np.flatnonzero(names == group), hue) for group, hue in zip(coloured, hues, strict=True)]
    for own, hue in order:
        if len(own):
            _marks(sheet, points, own, np.tile(rgb(hue), (len(own), 1)), theme.bg)
    left: list[int] = list(range(len(coloured)))
    if captioned:
        left = _captions(sheet, coloured, names, points, bottom)
    extra = [("other labels", theme.context)] if others.any() and captioned else []
    rings = ("unnamed" if named.labels is None else UNEXPLAINED) if none.any() and captioned else ""
    entries = [(coloured[n], hues[n]) for n in left]
    return _legend(sheet, entries + extra, rings, [_size_note(scene)], bottom)


def _hues(sheet: Sheet, groups: list[str], labels: bool) -> list[str]:
    """A colour for each group; layers that are too many for that go from pale to deep."""
    theme = sheet.theme
    if labels:
        return list(theme.cat[: len(groups)])
    if len(groups) <= len(LAYER_HUES):
        return [theme.cat[hue] for hue in LAYER_HUES[: len(groups)]]
    steps = theme.sequential(_PALEST + (1 - _PALEST) * np.linspace(0, 1, len(groups)))
    return ["#" + "".join(f"{round(255 * float(part)):02x}" for part in step) for step in steps]


Box = tuple[float, float, float, float]


def _captions(sheet: Sheet, groups: list[str], names: np.ndarray, points: _Points, bottom: Number) -> list[int]:
    """Each group's name beside the place where most of it is, where there is room; the numbers of those without."""
    theme, line = sheet.theme, SMALL * PT * 1.25
    taken: list[Box] = []
    homeless = []
    for number, group in enumerate(groups):
        own = np.flatnonzero(names == group)
        count = f" {numbers.count(len(own))}"
        width = text_width(group, SMALL, True) + text_width(count, SMALL)
        near = own[_densest(points.x[own], points.y[own], _TOGETHER * sheet.width)]
        place = _freest(sheet, near, (width, line), points, taken, bottom)
        if place is None:
            homeless.append(number)
            continue
        start, level, lead = place
        if lead:
            sheet.line(lead, theme.cat[number], LINE)
            taken.append(_around(lead))
        taken.append((start - 0.8, level - 0.2, start + width + 0.8, level + line))
        sheet.plate(start - 0.4, level, width + 0.8, line)
        sheet.text(start, level, group, SMALL, bold=True, colour=theme.cat[number])
        sheet.text(start + width, level, count, SMALL, colour=theme.ink_2, align="right")
    return homeless


def _densest(x: np.ndarray, y: np.ndarray, near: Number) -> np.ndarray:
    """Which points lie around the one with most others near it."""
    step = max(1, len(x) // 400)
    apart = np.hypot(x[::step, None] - x, y[::step, None] - y)
    return np.flatnonzero(apart[int(np.argmax((apart < near).sum(1)))] < near)


def _freest(
    sheet: Sheet, own: np.ndarray, size: tuple[Number, Number], points: _Points, taken: list[Box], bottom: Number
) -> tuple[Number, Number, list[tuple[Number, Number]]] | None:
    """(left, top, a line to its points if it is far from them): where a caption hides fewest points, near its own.

    None where there is no room.
    """
    width, line = size
    x, y, reach = points.x[own], points.y[own], points.dots / 2
    middle, beside = float(x.mean()), float(y.mean()) - line / 2
    first, last = float((y - reach[own]).min()), float((y + reach[own]).max())
    above, below = first - line - 0.5, last + 0.5
    centred = middle - width / 2
    wished = [(centred, above, 0.0), (centred, below, 0.3)]
    wished += [(float((x + reach[own]).max()) + 1.2, beside, 0.2)]
    wished += [(float((x - reach[own]).min()) - 1.2 - width, beside, 0.4)]
    for away in (3.0, 6.0, 10.0):
        for shift in (0, 0.5, -0.5):
            wished += [(centred + shift * width, level, 1.5 + 0.5 * away) for level in (above - away, below + away)]
    best = None
    for left, top, cost in wished:
        start = float(np.clip(left, MARGIN, sheet.width - MARGIN - width))
        level = float(np.clip(top, MARGIN * 0.5, bottom - line))
        box = (start - 0.8, level - 0.2, start + width + 0.8, level + line)
        lead: list[tuple[Number, Number]] = []
        if level + line < first - 2.5 or level > last + 2.5:
            at = float(np.clip(middle, start + 1, start + width - 1))
            lead = [(at, level + line), (middle, first)] if level < first else [(at, level), (middle, last)]
        if start < MARGIN or _meets(box, taken) or (lead and _meets(_around(lead), taken)):
            continue
        hidden = (points.x > start - reach) & (points.x < start + width + reach)
        hidden &= (points.y > level - reach) & (points.y < level + line + reach)
        if hidden.sum() > _HIDDEN:
            continue
        cost += 0.5 * (abs(start - left) + abs(level - top)) + float(hidden.sum())
        if best is None or cost < best[0]:
            best = (cost, start, level, lead)
    return best and best[1:]


def _around(line: list[tuple[Number, Number]]) -> Box:
    x, y = [at for at, _ in line], [at for _, at in line]
    return min(x) - 0.4, min(y), max(x) + 0.4, max(y)


def _meets(box: Box, others: list[Box]) -> bool:
    return any(box[0] < c and box[2] > a and box[1] < d and box[3] > b for a, b, c, d in others)


def _legend(sheet: Sheet, entries: list[tuple[str, str]], rings: str, notes: list[str], y: Number) -> Number:
    """Dots and rings with their names, then what else is to be said."""
    theme, start, x, line = sheet.theme, y, MARGIN, SMALL * PT * 1.6
    listed = [*entries, *([(rings, "ring")] if rings else []), *((text, "") for text in notes if text)]
    for name, colour in listed:
        indent = 2.2 if colour else 0.0
        width = text_width(name, SMALL) + indent + 3.3
        if x > MARGIN and x + width - 3.3 > sheet.width - MARGIN:
            x, y = MARGIN, y + line
        middle = y + line / 2
        point = (np.asarray([x + 0.8]), np.asarray([middle]))
        if colour == "ring":
            sheet.dots(*point, _DOT, "none", edge=theme.context, line=LINE)
        elif colour:
            sheet.dots(*point, _DOT, colour)
        room = sheet.width - MARGIN - x - indent
        sheet.fit(x + indent, middle, room, name, SMALL, colour=theme.ink_2, upright="center")
        x += width
    return y - start + line if listed else 0.0
