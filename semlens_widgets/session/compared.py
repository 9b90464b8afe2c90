"""What is asked of two or more compared models: filtered rows, and words held against each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..clip import Probes
from ..compare import Comparison, ConceptTable, concepts
from ..compare.pairs import Pairs


def compared_rows(
    lens: Any, layers: Any = None, concept: Any = None, find: Any = None
) -> tuple[np.ndarray, Pairs, np.ndarray]:
    """(rows only in A, pairs, rows only in B) of the comparison that pass filters.

    `layers` (two names, or None) keeps one layer of each; `concept` (a word, or None) keeps what carries it in A or
    in B; `find` has a text for each of the three, which an id or a label must contain.
    """
    found = comparison_of(lens)
    other = lens.others[str(lens.other)]
    if layers:
        pairs = found.between(*layers)
        a_rows, b_rows = found.only(*layers)
    else:
        pairs, a_rows, b_rows = found.pairs, found.a_only_rows, found.b_only_rows
    if concept:
        in_a, in_b = concept_rows(lens, (str(concept),)).carrying[0]
        a_rows, b_rows = a_rows[np.isin(a_rows, in_a)], b_rows[np.isin(b_rows, in_b)]
        pairs = pairs.where(np.isin(pairs.rows_a, in_a) | np.isin(pairs.rows_b, in_b))
    texts = [str(t or "").strip().lower() for t in (find or ("", "", ""))]
    if texts[0]:
        a_rows = a_rows[_with(lens, a_rows, texts[0])]
    if texts[1]:
        pairs = pairs.where(_with(lens, pairs.rows_a, texts[1]) | _with(other, pairs.rows_b, texts[1]))
    if texts[2]:
        b_rows = b_rows[_with(other, b_rows, texts[2])]
    return a_rows, pairs, b_rows


def comparison_of(lens: Any) -> Comparison:
    """This model against the other. ValueError before `compare`."""
    found: Comparison | None = lens.comparison
    if found is None:
        raise ValueError("nothing is compared yet; call lens.compare(other)")
    return found


def _with(lens: Any, rows: np.ndarray, text: str) -> np.ndarray:
    """Which rows have the text in their id or in their label."""

    def words(row: int) -> str:
        label = lens.label_of(row)
        return f"{lens.components[row]} {label.text if label else ''}".lower()

    return np.asarray([text in words(int(row)) for row in rows], bool)


def concept_rows(lens: Any, words: tuple[str, ...]) -> ConceptTable:
    """Words, or the lens's present query whatever is in it, held against this model and the other."""
    models = {lens.name: lens}
    if lens.other is not None:
        models[lens.other] = lens.others[lens.other]
    different = lens.comparison is not None and lens.comparison.different_data
    return concepts_of(models, words, allow=("data",) if different else ())


def concepts_of(
    models: Mapping[str, Any], words: tuple[str, ...], *, by_layer: bool = False, allow: tuple[str, ...] = ()
) -> ConceptTable:
    """Words in several models, embedded by the first of them; the first's present query may stand among them."""
    lens = next(iter(models.values()))
    probes = [probe_of(lens, word) for word in words]
    joined = Probes(
        words,
        np.concatenate([p.vectors for p in probes]) if probes else np.zeros((0, lens.space.dim), np.float32),
        lens.space.recipe.clip,
        tuple(p.unknown[0] for p in probes),
    )
    spaces = {name: model.space for name, model in models.items()}
    return concepts(joined, spaces, by_layer=by_layer, allow=allow, centre=lens._centre)


def asked_words(lens: Any) -> tuple[str, ...]:
    """The tracked concepts, after the present query where it is none of them."""
    words = tuple(lens.concepts)
    return (lens.query, *words) if lens.query and lens.query not in words else words


def probe_of(lens: Any, word: str) -> Probes:
    """A word as the lens searches it; its present query with all that is in it, pictures too."""
    if word == lens.query and lens.hits is not None:
        return Probes((word,), lens.hits.vector[None], lens.space.recipe.clip, (lens.hits.unknown,))
    return lens.probes([word])
