"""What each view of a window shows at this moment, as a figure: the registry behind the windows' figure button."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..compare import Comparison
from ..search import Z_CRITICAL
from ..session import Session
from ..session.colours import has_colour, map_values
from ..session.compared import compared_rows
from .audit import audit, checklist_table
from .card import card
from .circuit import circuit
from .comparison import comparison
from .figure import Figure
from .gallery import gallery
from .labels import label_table, own_table
from .prediction import prediction
from .scores import score_distributions
from .search import hits
from .semantic_map import overlay_map, semantic_map

View = Callable[..., Figure]
VIEWS: dict[str, View] = {}


class NothingToShow(ValueError):
    """A view has nothing to show yet; the message says what to do."""


def view(name: str) -> Callable[[View], View]:
    """Enters a function of a lens (and options) as the figure of the view of that name."""

    def enter(function: View) -> View:
        VIEWS[name] = function
        return function

    return enter


def figure_of_view(lens: Session, name: str, **options: Any) -> Figure:
    """The figure of a view's present state. KeyError for a view that has none."""
    if name not in VIEWS:
        near = get_close_matches(str(name), VIEWS, 1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise KeyError(f"no figure of a view {name!r}; there are {', '.join(sorted(VIEWS))}{meant}")
    return VIEWS[name](lens, **options)


def names_of(lens: Session) -> dict[str, Any]:
    """What components are called, as options of a figure."""
    return {"labels": lens.labels, "own_labels": lens.own_labels}


@view("search")
def _search(lens: Session, **options: Any) -> Figure:
    if lens.hits is None:
        return _gallery(lens, **options)
    return hits(lens.hits, **options)


@view("gallery")
def _gallery(lens: Session, **options: Any) -> Figure:
    given = options.pop("components", None)
    chosen = given if given is not None else lens.selection or _of_layer(lens)
    return gallery(lens.space, chosen, **names_of(lens), **options)


def _of_layer(lens: Session) -> list[int] | None:
    if lens.layer is None:
        return None
    rows = np.arange(len(lens.components))[lens.components.rows(lens.layer)]
    return [int(row) for row in rows[lens.space.alive[rows]][:10]]


@view("card")
def _card(lens: Session, **options: Any) -> Figure:
    component = options.pop("component", None)
    if component is None and not lens.selection:
        raise NothingToShow("no component is selected; click one, or set lens.selection")
    shown = lens.selection[0] if component is None else component
    return card(lens.space, shown, **names_of(lens), **({"relevance": lens.relevance} | options))


@view("describe")
def _describe(lens: Session, **options: Any) -> Figure:
    if lens.labels is None and not lens.own_labels:
        raise NothingToShow("nothing is described yet; call lens.describe()")
    if options.get("components") == []:
        raise NothingToShow("no component is shown; search for less, or show all layers")
    if lens.labels is None:
        wanted = {str(lens.components[lens.components.row(c)]) for c in options.pop("components", lens.own_labels)}
        named = {component: word for component, word in lens.own_labels.items() if component in wanted}
        return own_table(lens.space, named or lens.own_labels, **options)
    return label_table(lens.labels, own_labels=lens.own_labels, **options)


@view("evaluate")
def _evaluate(lens: Session, **options: Any) -> Figure:
    if lens.evaluation is None:
        raise NothingToShow("nothing is evaluated yet; call lens.evaluate()")
    return score_distributions(lens.evaluation, **({"layer": lens.layer} | options))


@view("map")
def _map(lens: Session, **options: Any) -> Figure:
    colour = options.pop("colour", lens.map_colour)
    shown: dict[str, Any] = {"selection": lens.selection, "layer": lens.layer}
    if has_colour(lens, "relevance"):
        shown |= {"sizes": map_values(lens, "relevance").numbers, "sizes_name": "relevance"}
    if colour == "label":
        shown |= names_of(lens)
    elif colour != "layer":
        shown |= values_of(lens, colour)
    return semantic_map(lens.space, lens.shown_layout(), **(shown | options))


def values_of(lens: Session, colour: str) -> dict[str, Any]:
    """What a map coloured by numbers shows, as options of its figure: as the window has it."""
    if not has_colour(lens, colour):
        raise NothingToShow(_MISSING.get(colour, "nothing is evaluated yet; call lens.evaluate()"))
    if colour != "search":
        made = map_values(lens, colour)
        return {"values": made.numbers, "values_name": made.about, "mark": made.mark, "signed": made.signed}
    if lens.hits is None:
        raise NothingToShow("nothing is searched; set lens.query, or colour the map by label or layer")
    values = np.full(len(lens.components), np.nan)
    values[lens.hits.rows] = lens.hits.z
    mark = None if lens.hits.unknown else Z_CRITICAL
    return {"values": values, "values_name": f"z of “{lens.hits.probe}”", "mark": mark, "evidence": True}


_MISSING = {
    "confidence": "nothing is described yet; call lens.describe()",
    "relevance": "there is no relevance yet; call lens.relate()",
}


@view("prediction")
def _prediction(lens: Session, **options: Any) -> Figure:
    if lens.explanation is None:
        raise NothingToShow("no prediction is explained yet; set lens.image")
    return prediction(lens.explanation, space=lens.space, **names_of(lens), **options)


@view("circuit")
def _circuit(lens: Session, **options: Any) -> Figure:
    if lens.explanation is None:
        raise NothingToShow("no prediction is explained yet; set lens.image")
    kept = {name: options.pop(name) for name in ("top", "depth") if name in options}
    return circuit(lens.explanation.circuit(**kept), space=lens.space, **names_of(lens), **options)


@view("audit")
def _audit(lens: Session, **options: Any) -> Figure:
    if lens.report is None:
        raise NothingToShow("nothing is audited yet; set lens.checklist, or call lens.audit(target=…)")
    return audit(lens.report, verdicts=lens.verdicts, **options)


@view("checklist")
def _checklist(lens: Session, **options: Any) -> Figure:
    if lens.report is None:
        raise NothingToShow("nothing is audited yet; set lens.checklist, or call lens.audit(target=…)")
    return checklist_table(lens.report, verdicts=lens.verdicts, **options)


def _compared(lens: Session) -> Comparison:
    if lens.comparison is None:
        raise NothingToShow("nothing is compared yet; call lens.compare(other)")
    return lens.comparison


@view("compare")
def _compare(lens: Session, **options: Any) -> Figure:
    """The three columns, kept to two `layers`, to what carries the present query, and to texts to `find` in each."""
    found = _compared(lens)
    layers, find = options.pop("layers", None), options.pop("find", None)
    query = lens.query if lens.hits is not None else ""
    said = [f"layers {layers[0]} and {layers[1]}"] if layers else []
    said += [f"what carries “{query}”"] if query else []
    said += [f"“{text}” in {part}" for text, part in zip(find or (), _COLUMNS, strict=False) if text]
    if said:
        options = {"kept": compared_rows(lens, layers, query or None, find), "kept_to": ", ".join(said)} | options
    return comparison(found, **options)


_COLUMNS = ("only in A", "shared", "only in B")


@view("compare_layers")
def _compare_layers(lens: Session, **options: Any) -> Figure:
    return comparison(_compared(lens), view="layers", **options)


@view("compare_map")
def _compare_map(lens: Session, **options: Any) -> Figure:
    found = _compared(lens)
    chosen = {"selection": lens.selection, "other_selection": lens.others[str(lens.other)].selection}
    return overlay_map(found, lens.shown_overlay(), **(chosen | options))
