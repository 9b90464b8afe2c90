"""What each view of a window shows at this moment, as a figure: the registry behind the windows' figure button."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..describe import Labels
from .card import card
from .figure import Figure
from .gallery import gallery
from .labels import label_table
from .scores import score_distributions
from .search import hits

if TYPE_CHECKING:
    from ..lens import Lens

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


def figure_of_view(lens: Lens, name: str, **options: Any) -> Figure:
    """The figure of a view's present state. KeyError for a view that has none."""
    if name not in VIEWS:
        raise KeyError(f"no figure of a view {name!r}; there are {', '.join(sorted(VIEWS))}")
    return VIEWS[name](lens, **options)


def labels_of(lens: Lens) -> Labels | None:
    return lens.labels


@view("search")
def _search(lens: Lens, **options: Any) -> Figure:
    if lens.hits is None:
        return _gallery(lens, **options)
    return hits(lens.hits, **options)


@view("gallery")
def _gallery(lens: Lens, **options: Any) -> Figure:
    chosen = options.pop("components", None) or lens.selection or _of_layer(lens)
    return gallery(lens.space, chosen, labels=labels_of(lens), **options)


def _of_layer(lens: Lens) -> list[int] | None:
    if lens.layer is None:
        return None
    rows = np.arange(len(lens.components))[lens.components.rows(lens.layer)]
    return [int(row) for row in rows[lens.space.alive[rows]][:10]]


@view("card")
def _card(lens: Lens, **options: Any) -> Figure:
    component = options.pop("component", None)
    if component is None and not lens.selection:
        raise NothingToShow("no component is selected; click one, or set lens.selection")
    return card(lens.space, lens.selection[0] if component is None else component, labels=labels_of(lens), **options)


@view("describe")
def _describe(lens: Lens, **options: Any) -> Figure:
    if lens.labels is None:
        raise NothingToShow("nothing is described yet; call lens.describe()")
    return label_table(lens.labels, **options)


@view("evaluate")
def _evaluate(lens: Lens, **options: Any) -> Figure:
    if lens.evaluation is None:
        raise NothingToShow("nothing is evaluated yet; call lens.evaluate()")
    return score_distributions(lens.evaluation, **options)
