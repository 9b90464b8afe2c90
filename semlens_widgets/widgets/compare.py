"""What a window asks when two models are compared, and the trait and verbs that any view of it needs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..compare import Comparison, ConceptTable, Similarity
from ..session import Session
from ..session.compared import asked_words, compared_rows, comparison_of, concept_rows
from . import answers, choosing, component_card, overlay
from .common import HITS
from .labelled import listed_layers
from .view import Live, Verbs, View, maybe_text, texts
from .widget import LensWidget
from .wire import Answer


def overview(session: Session) -> Answer:
    """The two models, how much each knows of the other, and the layer by layer matrices."""
    compared = session.comparison
    result: dict[str, Any] = {"others": list(session.others), "other": session.other}
    if compared is None:
        return result | {"comparison": None}
    a, b = compared.a.components, compared.b.components
    outside = len(compared.ab.rows) - len(compared.pairs) - len(compared.a_only_rows)
    return result | {
        "comparison": {
            "names": list(compared.names),
            "a_in_b": _similarity(compared.s_ab),
            "b_in_a": _similarity(compared.s_ba),
            "different_data": compared.different_data,
            "centre": compared.centre,
            "layers": [listed_layers(session), listed_layers(session.others[str(session.other)])],
            "layers_a": list(a.layers),
            "layers_b": list(b.layers),
            "cosines": {"ab": _cells(compared.layers_ab), "ba": _cells(compared.layers_ba)},
            "known": {"ab": _cells(compared.known_ab), "ba": _cells(compared.known_ba)},
            "pairs": len(compared.pairs),
            "one_way": outside + len(compared.ba.rows) - len(compared.pairs) - len(compared.b_only_rows),
            "a_only": len(compared.a_only_rows),
            "b_only": len(compared.b_only_rows),
        }
    }


def _similarity(s: Similarity) -> dict[str, float]:
    return {"score": s.score, "low": s.low, "high": s.high, "chance": s.chance, "chance_sd": s.chance_sd}


def _cells(matrix: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isnan(value) else float(value) for value in row] for row in matrix]


def lists(session: Session, layers: Any, concept: Any, find: Any) -> Answer:
    """The three columns: components only in A, pairs, components only in B.

    `layers` (two names, or None) keeps one layer of each; `concept` (a word, or None) keeps what carries it in A or
    in B; `find` has a text for each column, which an id or a label must contain. Answered are `a` and
    `b`, rows of one model, and the pairs `pair_a` and `pair_b`, each with the cosines.
    """
    compared, (a_rows, pairs, b_rows) = comparison_of(session), compared_rows(session, layers, concept, find)
    return {
        "a": a_rows, "a_scores": _best(compared, a_rows, "ab", layers),
        "pair_a": pairs.rows_a, "pair_b": pairs.rows_b, "pair_scores": pairs.scores,
        "b": b_rows, "b_scores": _best(compared, b_rows, "ba", layers),
    }  # fmt: skip


def _best(compared: Comparison, rows: np.ndarray, side: str, layers: Any) -> np.ndarray:
    """The best cosine in the other model, or in one layer of it, of some rows of one side."""
    near = compared.ab if side == "ab" else compared.ba
    at = np.searchsorted(near.rows, rows)
    if not layers:
        return near.of_best("scores")[at]
    return near.scores[at, near.layers.index(layers[1] if side == "ab" else layers[0])]


def concept_table(session: Session) -> Answer:
    """The tracked concepts, and the present query where it is none of them, in both models."""
    words = asked_words(session)
    others = {} if session.other is None else {session.other: session.others[session.other]}
    models = {session.name: session, **others}
    try:
        table = concept_rows(session, words)
    except RuntimeError as error:  # opened without its CLIP: nothing new can be asked, and the window says so
        return {"models": list(models), "rows": [], "relevance": False, "message": str(error)}
    shares = {name: share for name, m in models.items() if (share := m.relevance_shares) is not None}
    relevance = table.relevance(shares)
    return {
        "models": list(models),
        "rows": [_row(table, i, relevance, session.query) for i in range(len(words))],
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


class Beside:
    """Keeps a window's `other_selection` in step with the lens that its own is compared with now, and with no other."""

    def __init__(self, window: LensWidget) -> None:
        self.window, self.lens = window, window.lens
        self.beside: Session | None = None
        window.observe(self._chosen, "other_selection")
        self.lens.observe(self._compared, "comparison")
        self._compared()

    def _compared(self, change: Any = None) -> None:
        other = self.lens.others.get(self.lens.other or "")
        if other is self.beside:
            return
        self._leave_other()
        self.beside = other
        if other is not None:
            other.observe(self._moved, "selection")
            other.observe(self._explained, "relevance")
            self._moved()

    def _leave_other(self) -> None:
        if self.beside is not None:
            self.beside.unobserve(self._moved, "selection")
            self.beside.unobserve(self._explained, "relevance")
            self.beside = None

    # Only the other lens's lock is ever held here: with both, two windows could wait for each other.

    def _moved(self, change: Any = None) -> None:
        if self.beside is not None:
            self.window.set_trait("other_selection", self.beside.selected_rows())

    def _chosen(self, change: Any) -> None:
        if self.beside is None:
            return
        try:
            self.beside.selection = change["new"]
        except Exception as error:
            self.window.failed(error)
            self._moved()

    def _explained(self, change: Any) -> None:
        self.window.ask_again(COUNTER)

    def leave(self) -> None:
        self._leave_other()
        self.lens.unobserve(self._compared, "comparison")


def verbs_about(models: Callable[[Session], Mapping[str, Session]]) -> Verbs:
    """The questions about components as verbs about the model that `model` names, `other_` before each."""

    def about(function: Callable[..., Answer]) -> Callable[..., Answer]:
        @functools.wraps(function)
        def verb(session: Session, model: str, **asked: Any) -> Answer:
            chosen = models(session).get(model)
            if chosen is None:
                raise ValueError(f"{model!r} is not compared with here")
            return function(chosen, **asked)

        own, *others = inspect.signature(function).parameters.values()
        named = inspect.Parameter("model", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        verb.__signature__ = inspect.Signature([own, named, *others])  # type: ignore[attr-defined]
        return verb

    asked = (answers.components, answers.sprite, answers.example, component_card.card)
    return {f"other_{function.__name__}": about(function) for function in asked}


COUNTER = "comparison_version"
VIEW = View(
    "compare",
    live={"other": Live.same("other", maybe_text), "concepts": Live.same("concepts", texts)},
    counters=dict.fromkeys(("comparison", "concepts", "relevance"), COUNTER) | {"hits": HITS},
    constants={"other_selection": lambda session: []},
    verbs={
        **verbs_about(lambda session: session.others),
        **overlay.VERBS,
        "comparison": overview,
        "comparison_choices": choosing.choices,
        "compare_with": choosing.compare_with,
        "comparison_lists": lists,
        "comparison_concepts": concept_table,
    },
    figure=True,
    while_open=lambda window: Beside(window).leave,
)
