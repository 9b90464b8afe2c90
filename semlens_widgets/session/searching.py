"""The verb `search`, and the answer to the live query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ..components import Component
from ..search import Evidence, Matches, check_settings
from ..search import search as search_space
from .probes import QueryLike, is_component, is_picture_file
from .query import Query
from .state import LiveState

Names = str | Sequence[str] | None


def search(
    session: LiveState, query: QueryLike, negative: Names, top: int | None, layer: Names, templates: Names,
    centre: bool | None, by: Evidence = "both",
) -> Matches | list[Matches]:  # fmt: skip
    """See `Lens.search`."""
    cache, space = session.probe_cache, session.space
    centre = cache.centre if centre is None else centre
    texts = [q for q in query if isinstance(q, str)] if isinstance(query, list | tuple) else []
    several = isinstance(query, list | tuple) and 0 < len(query) == len(texts)
    if several and not all(_is_plain(session, text) for text in texts):
        return [cast("Matches", search(session, text, negative, top, layer, templates, centre, by)) for text in texts]
    check_settings(space, top, layer)  # before a CLIP is loaded
    probes = cache.of_query(query, space, templates, centre)
    if negative:
        words = [negative] if isinstance(negative, str | int) else list(negative)
        if not all(isinstance(word, str) for word in words):
            raise TypeError(f"negative is {negative!r:.60}; give a word or a list of words to push away from")
        probes = probes.away_from(cache.of_terms(words, space, templates, centre))
    asked = _asked_rows(session, query)
    answers = search_space(space, probes, top=top, layer=layer, centre=centre, without=asked, by=by)
    return answers if several else answers[0]


def answer(
    session: LiveState, query: str, layer: str | None, template: str | None, by: Evidence = "both"
) -> Matches:
    """All components ranked by a query in the grammar of `session.query`, its words in a template of their own, or
    (None) in those of the lens."""
    cache = session.probe_cache
    probe = cache.of_text(query, session.space, template, cache.centre)
    options: Any = {"layer": layer, "centre": cache.centre, "by": by, "without": _asked_rows(session, query)}
    return search_space(session.space, probe, top=None, **options)[0]


def tidy_query(session: LiveState, text: str) -> str:
    """A query as `session.query` holds it: files of pictures kept, spaces evened out."""
    cache = session.probe_cache
    listed = [text] if is_picture_file(text) else [str(term) for term in Query.parse(text).terms]  # paths have commas
    return ", ".join(cache.keep(cache.picture_in(term)) if is_picture_file(term) else term for term in listed)


def _asked_rows(session: LiveState, query: Any) -> list[int]:
    """Rows of the components that a query looks for."""
    if isinstance(query, Component):
        return [session.components.row(query)]
    if not isinstance(query, str):
        return []
    listed = map(str, Query.parse(query).terms)
    return [session.components.row(term) for term in listed if is_component(term, session.components)]


def _is_plain(session: LiveState, text: str) -> bool:
    """Whether a text is one term, and that a text: not pushed away from, no component, no picture."""
    special = (
        text.startswith("-")
        or is_component(text, session.components)
        or text in session.probe_cache.pictures
        or is_picture_file(text)
    )
    return [str(term) for term in Query.parse(text).terms] == [text] and not special
