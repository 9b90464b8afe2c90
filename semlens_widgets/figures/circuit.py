"""The circuit: which components feed which, level by level, up to the class."""

from __future__ import annotations

from collections.abc import Mapping

from .. import numbers
from ..circuit import Circuit, CircuitNode
from ..describe import Labels
from ..numbers import Number
from ..space import SemanticSpace
from ..texts import plural
from .crops import Crops
from .figure import DOUBLE, Figure
from .made_from import made_from
from .names import Names
from .sheet import LINE, MARGIN, PT, SMALL, Sheet, fitted, text_width

_WIDEST = 3.0  # mm of an edge


def circuit(
    circuit: Circuit,
    *,
    space: SemanticSpace | None = None,
    labels: Labels | None = None,
    own_labels: Mapping[str, str] | None = None,
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """Components from the lowest layer at the left to the target at the right; width is relevance passed on.

    Edges for the target are whole, those against it dashed, so that nothing depends on colour.

    Parameters
    ----------
    circuit
        What `circuit` gave.
    space
        Whose components they are: shows their strongest examples.
    labels
        What `describe` gave: its words stand beside the components.
    own_labels
        A person's own words, as in {"layer4:3": "ruler"}; they win.
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
    >>> found = lens.explain(3).circuit(top=2, depth=2)
    >>> sl.figures.circuit(found, space=lens.space).save("circuit.svg").name
    'circuit.svg'
    """
    if space is not None and any(
        n.row >= len(space.components) or space.components[n.row] != n.component for n in circuit.nodes
    ):
        space = None
    names = None if space is None else Names.of(space.components, labels, own_labels)
    over = "one picture" if circuit.images == 1 else f"{numbers.count(circuit.images)} pictures"
    caption = (
        f"Circuit of {circuit.target} over {over} ({circuit.backend}): "
        f"{plural(len(circuit.nodes), 'component')}, {plural(len(circuit.edges), 'edge')}; "
        "width: relevance passed on, as a share of the highest layer; "
        f"whole: for, dashed: against.{names.key if names else ''} " + (made_from(space) if space is not None else "")
    ).strip()
    return Figure(lambda sheet: _draw(sheet, circuit, space, names), caption, width_mm, theme)


def _draw(sheet: Sheet, circuit: Circuit, space: SemanticSpace | None, names: Names | None) -> Number:
    theme, left, right = sheet.theme, MARGIN, sheet.width - MARGIN
    levels = max((node.level for node in circuit.nodes), default=-1) + 1
    target = min(max(text_width(circuit.target, SMALL, True) + 3, 12.0), (right - left) * 0.22)
    column = (right - left - target) / max(levels, 1)
    line = SMALL * PT * 1.4
    side = min(10.0, column * 0.5)
    step = side + line * 2 + 1.5
    shown: dict[int, list[CircuitNode]] = {}
    for node in circuit.nodes:
        shown.setdefault(node.level, []).append(node)
    most = max((len(nodes) for nodes in shown.values()), default=1)
    y, height = MARGIN + line * 1.3, most * step
    places: dict[object, tuple[float, float]] = {}
    for level, nodes in shown.items():
        middle = left + (levels - 1 - level + 0.5) * column
        layers = ", ".join(dict.fromkeys(node.component.layer for node in nodes))
        _centred(sheet, middle, MARGIN, column - 1.5, layers, theme.ink_2)
        for at, node in enumerate(nodes):
            places[node.component] = (middle, y + (at + 0.5) * height / len(nodes) - line)
    places[None] = (right - target / 2, y + height / 2 - line)
    _edges(sheet, circuit, places, side, target)
    crops = None if space is None else Crops.of(space)
    for node in circuit.nodes:
        _node(sheet, node, places[node.component], side, column, crops, names)
    x, middle = places[None]
    sheet.rectangle(right - target, middle - line, target, 2 * line, theme.bg, edge=theme.ink)
    _centred(sheet, x, middle, target - 1.5, circuit.target, theme.ink, bold=True, upright="center")
    return y + height + _legend(sheet, left, y + height) + MARGIN


def _centred(sheet: Sheet, x: Number, y: Number, room: Number, text: str, colour: str, **how: object) -> None:
    sheet.fit(x, y, room, text, SMALL, colour=colour, align="center", **how)


def _node(
    sheet: Sheet,
    node: CircuitNode,
    place: tuple[Number, Number],
    side: Number,
    column: Number,
    crops: Crops | None,
    names: Names | None,
) -> None:
    theme, (x, y) = sheet.theme, place
    colour = theme.supports if node.relevance > 0 else theme.against
    if crops is not None and crops.count(node.row):
        crops.draw(sheet, node.row, 0, x - side / 2, y - side / 2, side)
        sheet.rectangle(x - side / 2, y - side / 2, side, side, edge=colour, line=LINE * 2)
    else:
        sheet.rectangle(x - side / 2, y - side / 2, side, side, theme.bg_sunk, edge=colour, line=LINE * 2)
    text = numbers.signed(node.relevance) + " %"
    word = names.word(node.row) if names is not None else None
    line = SMALL * PT * 1.3
    below = y + side / 2 + 0.6
    name = fitted(word or str(node.component), column - 2, SMALL, mono=word is None)
    wide = max(text_width(name, SMALL, mono=word is None), text_width(text, SMALL))
    sheet.plate(x - wide / 2, below, wide, 2 * line)
    sheet.text(x, below, name, SMALL, align="center", mono=word is None)
    sheet.fit(x, below + line, column - 2, text, SMALL, align="center", colour=colour)


def _edges(
    sheet: Sheet,
    circuit: Circuit,
    places: dict[object, tuple[float, float]],
    side: Number,
    target: Number,
) -> None:
    theme = sheet.theme
    strongest = max((abs(edge.relevance) for edge in circuit.edges), default=0.0) or 1.0
    for edge in sorted(circuit.edges, key=lambda e: abs(e.relevance)):
        x0, y0 = places[edge.lower]
        x1, y1 = places[edge.upper]
        begin, end = x0 + side / 2 + 0.3, x1 - (target / 2 if edge.upper is None else side / 2) - 0.3
        bend = (end - begin) * 0.7
        points = [_bezier((begin, y0), (begin + bend, y0), (end - bend, y1), (end, y1), t / 24) for t in range(25)]
        widest = _WIDEST if sheet.width >= 120 else _WIDEST * 0.7
        width = max(0.4, widest / PT * abs(edge.relevance) / strongest)
        positive = edge.relevance > 0
        share = 0.45 + 0.55 * abs(edge.relevance) / strongest
        colour = theme.supports if positive else theme.against
        dashes = None if positive else (max(3.0, width), max(1.8, width * 0.6))
        sheet.line(points, _mixed(colour, theme.bg, share), width, dashes)


def _bezier(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float], t: float
) -> tuple[float, float]:
    u = 1 - t
    weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
    return (
        sum(w * point[0] for w, point in zip(weights, (a, b, c, d), strict=True)),
        sum(w * point[1] for w, point in zip(weights, (a, b, c, d), strict=True)),
    )


def _mixed(colour: str, ground: str, share: Number) -> str:
    """A colour paled towards the ground."""
    pairs = [(int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def _legend(sheet: Sheet, x: Number, y: Number) -> Number:
    theme, line = sheet.theme, SMALL * PT * 1.6
    for name, colour, dashes in (("for", theme.supports, None), ("against", theme.against, (3.0, 1.8))):
        sheet.line([(x, y + line / 2), (x + 6, y + line / 2)], colour, 1.5, dashes)
        sheet.text(x + 7.5, y + line / 2, name, SMALL, colour=theme.ink_2, upright="center")
        x += 11 + text_width(name, SMALL)
    return line
