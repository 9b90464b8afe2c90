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


def figure_of_view(session: Session, name: str, **options: Any) -> Figure:
    """The figure of a view's present state. KeyError for a view that has none."""
    if name not in VIEWS:
        near = get_close_matches(str(name), VIEWS, 1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise KeyError(f"no figure of a view {name!r}; there are {', '.join(sorted(VIEWS))}{meant}")
    return VIEWS[name](session, **options)


def names_of(session: Session) -> dict[str, Any]:
    """What components are called, as options of a figure."""
    return {"labels": session.labels, "own_labels": session.own_labels}


@view("search")
def _search(session: Session, **options: Any) -> Figure:
    if session.hits is None:
        return _gallery(session, **options)
    return hits(session.hits, **options)


@view("gallery")
def _gallery(session: Session, **options: Any) -> Figure:
    given = options.pop("components", None)
    chosen = given if given is not None else session.selection or _of_layer(session)
    return gallery(session.space, chosen, **names_of(session), **options)


def _of_layer(session: Session) -> list[int] | None:
    if session.layer is None:
        return None
    rows = np.arange(len(session.components))[session.components.rows(session.layer)]
    return [int(row) for row in rows[session.space.alive[rows]][:10]]


@view("card")
def _card(session: Session, **options: Any) -> Figure:
    component = options.pop("component", None)
    if component is None and not session.selection:
        raise NothingToShow("no component is selected; click one, or set lens.selection")
    shown = session.selection[0] if component is None else component
    return card(session.space, shown, **names_of(session), **({"relevance": session.relevance} | options))


@view("describe")
def _describe(session: Session, **options: Any) -> Figure:
    if session.labels is None and not session.own_labels:
        raise NothingToShow("nothing is described yet; call lens.describe()")
    if options.get("components") == []:
        raise NothingToShow("no component is shown; search for less, or show all layers")
    if session.labels is None:
        components = session.components
        wanted = {str(components[components.row(c)]) for c in options.pop("components", session.own_labels)}
        named = {component: word for component, word in session.own_labels.items() if component in wanted}
        return own_table(session.space, named or session.own_labels, **options)
    return label_table(session.labels, own_labels=session.own_labels, **options)


@view("evaluate")
def _evaluate(session: Session, **options: Any) -> Figure:
    if session.evaluation is None:
        raise NothingToShow("nothing is evaluated yet; call lens.evaluate()")
    return score_distributions(session.evaluation, **({"layer": session.layer} | options))


@view("map")
def _map(session: Session, **options: Any) -> Figure:
    colour = options.pop("colour", session.map_colour)
    shown: dict[str, Any] = {"selection": session.selection, "layer": session.layer}
    if has_colour(session, "relevance"):
        shown |= {"sizes": map_values(session, "relevance").numbers, "sizes_name": "relevance"}
    if colour == "label":
        shown |= names_of(session)
    elif colour != "layer":
        shown |= values_of(session, colour)
    return semantic_map(session.space, session.current_layout(), **(shown | options))


def values_of(session: Session, colour: str) -> dict[str, Any]:
    """What a map coloured by numbers shows, as options of its figure: as the window has it."""
    if not has_colour(session, colour):
        raise NothingToShow(_MISSING.get(colour, "nothing is evaluated yet; call lens.evaluate()"))
    if colour != "search":
        made = map_values(session, colour)
        return {"values": made.numbers, "values_name": made.about, "mark": made.mark, "signed": made.signed}
    if session.hits is None:
        raise NothingToShow("nothing is searched; set lens.query, or colour the map by label or layer")
    values = np.full(len(session.components), np.nan)
    values[session.hits.rows] = session.hits.z
    mark = None if session.hits.unknown else Z_CRITICAL
    return {"values": values, "values_name": f"z of “{session.hits.probe}”", "mark": mark, "evidence": True}


_MISSING = {
    "confidence": "nothing is described yet; call lens.describe()",
    "relevance": "there is no relevance yet; call lens.relate()",
}


@view("prediction")
def _prediction(session: Session, **options: Any) -> Figure:
    if session.explanation is None:
        raise NothingToShow("no prediction is explained yet; set lens.image")
    return prediction(session.explanation, space=session.space, **names_of(session), **options)


@view("circuit")
def _circuit(session: Session, **options: Any) -> Figure:
    if session.explanation is None:
        raise NothingToShow("no prediction is explained yet; set lens.image")
    kept = {name: options.pop(name) for name in ("top", "depth") if name in options}
    return circuit(session.explanation.circuit(**kept), space=session.space, **names_of(session), **options)


@view("audit")
def _audit(session: Session, **options: Any) -> Figure:
    if session.report is None:
        raise NothingToShow("nothing is audited yet; set lens.checklist, or call lens.audit(target=…)")
    return audit(session.report, verdicts=session.verdicts, **options)


@view("checklist")
def _checklist(session: Session, **options: Any) -> Figure:
    if session.report is None:
        raise NothingToShow("nothing is audited yet; set lens.checklist, or call lens.audit(target=…)")
    return checklist_table(session.report, verdicts=session.verdicts, **options)


def _compared(session: Session) -> Comparison:
    if session.comparison is None:
        raise NothingToShow("nothing is compared yet; call lens.compare(other)")
    return session.comparison


@view("compare")
def _compare(session: Session, **options: Any) -> Figure:
    """The three columns, kept to two `layers`, to what carries a `concept`, and to texts to `find` in each."""
    compared = _compared(session)
    layers, concept, find = (options.pop(name, None) for name in ("layers", "concept", "find"))
    notes = [f"layers {layers[0]} and {layers[1]}"] if layers else []
    notes += [f"what carries “{concept}”"] if concept else []
    notes += [f"“{text}” in {part}" for text, part in zip(find or (), _COLUMNS, strict=False) if text]
    if notes:
        options = {"kept": compared_rows(session, layers, concept, find), "kept_to": ", ".join(notes)} | options
    return comparison(compared, **options)


_COLUMNS = ("only in A", "shared", "only in B")


@view("compare_layers")
def _compare_layers(session: Session, **options: Any) -> Figure:
    return comparison(_compared(session), view="layers", **options)


@view("compare_map")
def _compare_map(session: Session, **options: Any) -> Figure:
    compared = _compared(session)
    chosen = {"selection": session.selection, "other_selection": session.others[str(session.other)].selection}
    return overlay_map(compared, session.current_overlay(), **(chosen | options))
