"""What is asked of two or more compared models: filtered rows, and words held against each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ..clip import Probes
from ..compare import Comparison, ConceptTable, concepts
from ..compare.pairs import Pairs
from .state import LiveState


def compared_rows(
    session: LiveState, layers: Any = None, concept: Any = None, find: Any = None
) -> tuple[np.ndarray, Pairs, np.ndarray]:
    """(rows only in A, pairs, rows only in B) of the comparison that pass filters.

    `layers` (two names, or None) keeps one layer of each; `concept` (a word, or None) keeps what carries it in A or
    in B; `find` has a text for each of the three, which an id or a label must contain.
    """
    compared = comparison_of(session)
    other = session.others[str(session.other)]
    if layers:
        pairs = compared.between(*layers)
        a_rows, b_rows = compared.only(*layers)
    else:
        pairs, a_rows, b_rows = compared.pairs, compared.a_only_rows, compared.b_only_rows
    if concept:
        in_a, in_b = concept_rows(session, (str(concept),)).carrying[0]
        a_rows, b_rows = a_rows[np.isin(a_rows, in_a)], b_rows[np.isin(b_rows, in_b)]
        pairs = pairs.where(np.isin(pairs.rows_a, in_a) | np.isin(pairs.rows_b, in_b))
    texts = [str(t or "").strip().lower() for t in (find or ("", "", ""))]
    if texts[0]:
        a_rows = a_rows[_with(session, a_rows, texts[0])]
    if texts[1]:
        pairs = pairs.where(_with(session, pairs.rows_a, texts[1]) | _with(other, pairs.rows_b, texts[1]))
    if texts[2]:
        b_rows = b_rows[_with(other, b_rows, texts[2])]
    return a_rows, pairs, b_rows


def comparison_of(session: LiveState) -> Comparison:
    """This model against the other. ValueError before `compare`."""
    if session.comparison is None:
        raise ValueError("nothing is compared yet; call lens.compare(other)")
    return session.comparison


def _with(session: LiveState, rows: np.ndarray, text: str) -> np.ndarray:
    """Which rows have the text in their id or in their label."""

    def words(row: int) -> str:
        label = session.label_of(row)
        return f"{session.components[row]} {label.text if label else ''}".lower()

    return np.asarray([text in words(int(row)) for row in rows], bool)


def models_of(session: LiveState) -> tuple[dict[str, LiveState], tuple[str, ...]]:
    """(this model, and the one it is compared with, by name; what may differ between them)."""
    models = {session.name: session}
    if session.other is not None:
        models[session.other] = session.others[session.other]
    different = session.comparison is not None and session.comparison.different_data
    return models, ("data",) if different else ()


def concept_rows(session: LiveState, words: Sequence[str]) -> ConceptTable:
    """Words, or the present query whatever is in it, held against this model and the other."""
    models, allow = models_of(session)
    return concepts_of(models, words, allow=allow)


def concepts_of(
    models: Mapping[str, LiveState], words: Sequence[str], *, by_layer: bool = False,
    allow: str | Collection[str] = (),
) -> ConceptTable:  # fmt: skip
    """Words in several models, embedded by the first of them; the first's present query may stand among them."""
    first = next(iter(models.values()))
    probes = [probe_of(first, word) for word in words]
    joined = Probes(
        tuple(words),
        np.concatenate([p.vectors for p in probes]) if probes else np.zeros((0, first.space.dim), np.float32),
        first.space.recipe.clip,
        tuple(p.unknown[0] for p in probes),
    )
    spaces = {name: model.space for name, model in models.items()}
    return concepts(joined, spaces, by_layer=by_layer, allow=allow, centre=first.probe_cache.centre)


def asked_words(session: LiveState) -> tuple[str, ...]:
    """The tracked concepts, after the present query where it is none of them."""
    words = tuple(session.concepts)
    return (session.query, *words) if session.query and session.query not in words else words


def probe_of(session: LiveState, word: str) -> Probes:
    """A word as the lens searches it; its present query with all that is in it, pictures too."""
    if word == session.query and session.hits is not None:
        return Probes((word,), session.hits.vector[None], session.space.recipe.clip, (session.hits.unknown,))
    return session.probes([word])
