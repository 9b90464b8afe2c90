"""What a window asks when two models are compared, and the trait and verbs that any view of it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import traitlets

from ..compare import Comparison, ConceptTable, Similarity
from ..session import Session
from ..session.compared import asked_words, compared_rows, comparison_of, concept_rows
from . import answers, overlay
from .channel import Buffers, Job, Verb
from .labelled import listed_layers
from .views import LensView, Live
from .wire import Answer


def overview(lens: Session) -> Answer:
    """The two models, how much each knows of the other, and the layer by layer matrices."""
    found = lens.comparison
    result: dict[str, Any] = {"others": list(lens.others), "other": lens.other}
    if found is None:
        return result | {"comparison": None}
    a, b = found.a.components, found.b.components
    outside = len(found.ab.rows) - len(found.pairs) - len(found.a_only_rows)
    return result | {
        "comparison": {
            "names": list(found.names),
            "a_in_b": _similarity(found.s_ab),
            "b_in_a": _similarity(found.s_ba),
            "different_data": found.different_data,
            "centre": found.centre,
            "layers": [listed_layers(lens), listed_layers(lens.others[str(lens.other)])],
            "layers_a": list(a.layers),
            "layers_b": list(b.layers),
            "cosines": {"ab": _cells(found.layers_ab), "ba": _cells(found.layers_ba)},
            "known": {"ab": _cells(found.known_ab), "ba": _cells(found.known_ba)},
            "pairs": len(found.pairs),
            "one_way": outside + len(found.ba.rows) - len(found.pairs) - len(found.b_only_rows),
            "a_only": len(found.a_only_rows),
            "b_only": len(found.b_only_rows),
        }
    }


def _similarity(s: Similarity) -> dict[str, float]:
    return {"score": s.score, "low": s.low, "high": s.high, "chance": s.chance, "chance_sd": s.chance_sd}


def _cells(matrix: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isnan(value) else float(value) for value in row] for row in matrix]


def lists(lens: Session, layers: Any, concept: Any, find: Any) -> Answer:
    """The three columns: components only in A, pairs, components only in B.

    `layers` (two names, or None) keeps one layer of each; `concept` (a word, or None) keeps what carries it in A or
    in B; `find` has a text for each column, which an id or a label must contain. Answered are `a` and
    `b`, rows of one model, and the pairs `pair_a` and `pair_b`, each with the cosines.
    """
    found, (a_rows, pairs, b_rows) = comparison_of(lens), compared_rows(lens, layers, concept, find)
    return {
        "a": a_rows, "a_scores": _best(found, a_rows, "ab", layers),
        "pair_a": pairs.rows_a, "pair_b": pairs.rows_b, "pair_scores": pairs.scores,
        "b": b_rows, "b_scores": _best(found, b_rows, "ba", layers),
    }  # fmt: skip


def _best(found: Comparison, rows: np.ndarray, side: str, layers: Any) -> np.ndarray:
    """The best cosine in the other model, or in one layer of it, of some rows of one side."""
    near = found.ab if side == "ab" else found.ba
    at = np.searchsorted(near.rows, rows)
    if not layers:
        return near.of_best("scores")[at]
    return near.scores[at, near.layers.index(layers[1] if side == "ab" else layers[0])]


def concept_table(lens: Session) -> Answer:
    """The tracked concepts, and the present query where it is none of them, in both models."""
    words = asked_words(lens)
    models = {lens.name: lens} if lens.other is None else {lens.name: lens, lens.other: lens.others[lens.other]}
    try:
        table = concept_rows(lens, words)
    except RuntimeError as error:  # opened without its CLIP: nothing new can be asked, and the window says so
        return {"models": list(models), "rows": [], "relevance": False, "message": str(error)}
    shares = {name: share for name, m in models.items() if (share := m.relevance_shares) is not None}
    relevance = table.relevance(shares)
    return {
        "models": list(models),
        "rows": [_row(table, i, relevance, lens.query) for i in range(len(words))],
        "relevance": len(shares) == len(models),
        "message": None,
    }


def _row(table: ConceptTable, i: int, relevance: np.ndarray, query: str) -> dict[str, Any]:
    def number(value: Any) -> float | None:
        return None if np.isnan(value) else float(value)

    columns = range(len(table.columns))
    return {
        "concept": table.concepts[i],
        "query": table.concepts[i] == query,
        "unknown": list(table.unknown[i]),
        "score": [number(table.scores[i, j]) for j in columns],
        "z": [number(table.z[i, j]) for j in columns],
        "found": [bool(table.found[i, j]) for j in columns],
        "unchecked": [bool(table.unchecked[i, j]) for j in columns],
        "carriers": [int(table.carriers[i, j]) for j in columns],
        "relevance": [number(relevance[i, j]) for j in columns],
        "best": [None if table.best[i][j] is None else str(table.best[i][j]) for j in columns],
    }


class ComparisonView(LensView):
    """What every view of a comparison shares with its lens: the other model, the concepts, and what it answers.

    Questions about components of the other model have the names of those about this one with `other_` before.
    """

    _live: ClassVar[dict[str, Live]] = {"other": Live.same("other"), "concepts": Live.same("concepts")}
    _counted: ClassVar[dict[str, str]] = dict.fromkeys(("comparison", "concepts", "relevance"), "comparison_version")

    other = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    concepts: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    comparison_version = traitlets.Int(0).tag(sync=True)
    other_selection: Any = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, lens: Session, **unknown: Any) -> None:
        self._beside: Session | None = None
        super().__init__(lens, **unknown)
        self.observe(self._other_chosen, "other_selection")
        self._watch_other()

    def _watch_other(self) -> None:
        """Follow the selection of the model that is compared with now, and of no other."""
        other = self.lens.others.get(self.lens.other or "")
        if other is self._beside:
            return
        self._leave_other()
        self._beside = other
        if other is not None:
            other.observe(self._other_moved, "selection")
            other.observe(self._other_explained, "relevance")
            self._other_moved()

    def _leave_other(self) -> None:
        if self._beside is not None:
            self._beside.unobserve(self._other_moved, "selection")
            self._beside.unobserve(self._other_explained, "relevance")
            self._beside = None

    # Only the other lens's lock is ever held here: with both, two windows could wait for each other.

    def _other_moved(self, change: Any = None) -> None:
        if self._beside is not None:
            self.other_selection = self._beside.selected_rows()

    def _other_chosen(self, change: Any) -> None:
        if self._beside is None:
            return
        try:
            self._beside.selection = change["new"]
        except Exception as error:
            self._channel.failed(error)
            self._other_moved()

    def _other_explained(self, change: Any) -> None:
        self.comparison_version += 1

    def _from_lens(self, change: Any) -> None:
        super()._from_lens(change)
        if change["name"] == "comparison":
            self._watch_other()

    def close(self) -> None:
        self._leave_other()
        super().close()

    def _verbs(self) -> dict[str, Verb]:
        plain, lens = self._plain, self.lens
        return super()._verbs() | verbs_about(lambda: lens.others) | overlay.verbs(lens) | {
            "comparison": plain(overview),
            "comparison_lists": plain(lists, "layers", "concept", "find"),
            "comparison_concepts": plain(concept_table),
        }  # fmt: skip


def verbs_about(models: Callable[[], Mapping[str, Session]]) -> dict[str, Verb]:
    """The questions about components as verbs about the model that `args["model"]` names, `other_` before each."""

    def about(function: Callable[..., Answer], *names: str) -> Verb:
        def verb(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            missing = [n for n in ("model", *names) if n not in args]
            if missing:
                raise ValueError(f"the request lacks {', '.join(missing)}")
            lens = models().get(args["model"])
            if lens is None:
                raise ValueError(f"{args['model']!r} is not compared with here")
            return function(lens, *(args[n] for n in names))

        return verb

    return {
        "other_components": about(answers.components, "rows"),
        "other_sprite": about(answers.sprite, "rows", "examples", "size"),
        "other_example": about(answers.example, "row", "rank", "size"),
        "other_card": about(answers.card, "row"),
    }
