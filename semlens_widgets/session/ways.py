"""Ways on where nothing is found, and words to begin with: what else may be asked, and the closest images."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from . import searching
from .query import Query, Term
from .state import LiveState

TRIED, OFFERED, IMAGES = 10, 4, 3  # queries tried, and how many of each kind are offered
_POOL = 200  # words of the vocabulary that may be near
_STARTS, _STARTS_TRIED = 12, 24
_NUMBERED = re.compile(r"[\W\d_]*|n\d{8}")  # names of folders that are no words


@dataclass(frozen=True)
class Ways:
    """What may be done about the present query, which found nothing.

    shorter: queries that are found, each with the part of the query that it leaves out.
    spelling: known words that are written like one the CLIP does not know, or like the query.
    meaning:  words of the vocabulary that are found, nearest in meaning first.
    crops:    numbers of the crops that come closest, each of another image, with their cosines.
    """

    shorter: tuple[tuple[str, str], ...] = ()
    spelling: tuple[str, ...] = ()
    meaning: tuple[str, ...] = ()
    crops: tuple[tuple[int, float], ...] = ()


def ways_on(session: LiveState) -> Ways:
    """Ways on from the present query; none where it is found, or nothing is searched."""
    hits = session.hits
    if hits is None or hits.state != "not found":
        return Ways()
    query, unknown = Query.parse(session.query), hits.unknown
    shorter = [(text, left) for text, left in _shorter(query, unknown) if has_answer(session, text)]
    spelling = [w for w in _alike(session, unknown or query.toward) if unknown or has_answer(session, w)]
    meaning = (
        [] if unknown else [w for w in _near(session, hits.vector) if w not in spelling and has_answer(session, w)]
    )
    crops = () if unknown else _closest(session, hits.vector)
    return Ways(tuple(shorter[:OFFERED]), tuple(spelling[:OFFERED]), tuple(meaning[:OFFERED]), crops)


def has_answer(session: LiveState, text: str) -> bool:
    """Whether a query is found in the layer that is searched, or at least not refuted; not where it cannot be asked."""
    try:
        return searching.answer(session, text, session.layer, session.template).state != "not found"
    except (RuntimeError, ValueError):  # no CLIP at hand, or nothing to look for
        return False


def start_words(session: LiveState) -> tuple[str, ...]:
    """Words to begin with: names of classes, as folders say them, and of the vocabulary, those that are found.

    A CLIP that is not loaded yet is not loaded for that: then words that nobody asked yet come after those found.
    """
    classes = [name for name in session.space.classes if not _NUMBERED.fullmatch(name)]
    words = list(dict.fromkeys([*classes[:_STARTS], *session.vocabulary]))
    ready = getattr(session.clip_or_none, "is_loaded", session.clip_or_none is not None)
    known = set(session.known_words())
    found, untold = [], []
    for word in words[:_STARTS_TRIED]:
        if not (ready or word in known):
            untold.append(word)
        elif has_answer(session, word):
            found.append(word)
        if len(found) == _STARTS:
            break
    return tuple([*found, *untold][:_STARTS])


def _shorter(query: Query, unknown: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(a query that leaves something out, what that is), at most so many as are tried."""
    made: dict[str, str] = {}
    if unknown:
        left = {word.lower() for word in unknown}
        terms = tuple(t for term in query.terms if (t := _without_words(term, left)) is not None)
        made[str(Query(terms))] = ", ".join(unknown)
    if len(query.terms) > 1:
        for at, term in enumerate(query.terms):
            made.setdefault(str(Query(query.terms[:at] + query.terms[at + 1 :])), term.text)
    if len(query.terms) == 1 and len(words := query.terms[0].text.split()) in range(2, 7):
        for at in range(len(words)):
            made.setdefault(" ".join(words[:at] + words[at + 1 :]), words[at])
        for word in words:
            made.setdefault(word, " ".join(other for other in words if other != word))
    useful = ((text, left) for text, left in made.items() if Query.parse(text).toward and text != str(query))
    return (each for each, _ in zip(useful, range(TRIED), strict=False))


def _without_words(term: Term, left: set[str]) -> Term | None:
    kept = " ".join(word for word in term.text.split() if re.sub(r"^\W+|\W+$", "", word).lower() not in left)
    return Term(kept, term.negative) if kept else None


def _alike(session: LiveState, words: Iterable[str]) -> Iterator[str]:
    """Known words that are written like some others, the nearest first."""
    clip_words = getattr(session.clip_or_none, "words", None) or ()
    pool = {word.lower(): word for word in [*sorted(clip_words), *session.vocabulary]}
    given: set[str] = set()
    for word in words:
        for near in difflib.get_close_matches(word.lower(), pool, n=3, cutoff=0.75):
            if near not in given and near != word.lower():
                given.add(near)
                yield pool[near]


def _near(session: LiveState, vector: np.ndarray) -> list[str]:
    """Words of the vocabulary, the nearest in meaning first, at most so many as are tried."""
    words = list(session.vocabulary[:_POOL])
    try:
        probes = session.probes(words) if words else None
    except RuntimeError:  # no CLIP at hand
        words = [word for word in words if word in set(session.known_words())]
        probes = session.probes(words) if words else None
    if probes is None:
        return []
    best = np.argsort(-(probes.vectors @ vector), kind="stable")
    asked = {term.lower() for term in Query.parse(session.query).toward}
    near = [words[at] for at in best if not probes.unknown[at] and words[at].lower() not in asked]
    return near[:TRIED]


def _closest(session: LiveState, vector: np.ndarray) -> tuple[tuple[int, float], ...]:
    """The crops that come closest, each of another image."""
    space = session.space
    cosines = space.crop_similarity(vector)
    most = min(len(cosines), 40)
    best = np.argpartition(-cosines, most - 1)[:most] if most else np.zeros(0, int)
    images: dict[int, int] = {}
    for crop in best[np.argsort(-cosines[best], kind="stable")].tolist():
        images.setdefault(int(space.crop_images[crop]), crop)
    return tuple((crop, float(cosines[crop])) for crop in list(images.values())[:IMAGES])
