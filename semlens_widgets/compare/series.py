"""Several models in an order that means something: what appears, goes and moves along it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from ..clip import Probes
from ..components import Component
from ..evaluate import SCORES, Evaluation, evaluate
from ..intervals import Interval
from ..results import Result
from ..space import SemanticSpace
from ..vectors import frozen
from .concepts import ConceptTable, concepts
from .pairs import Comparison, Pairs, check_comparable, compare
from .shown import json_text, number, table


@dataclass(frozen=True, eq=False)
class Step:
    """From one model of a series to the next: what appears, what goes, what moves to another component."""

    comparison: Comparison

    @property
    def names(self) -> tuple[str, str]:
        return self.comparison.names

    @property
    def births(self) -> list[Component]:
        """Components of the later model without a counterpart in the earlier."""
        return self.comparison.b_only

    @property
    def deaths(self) -> list[Component]:
        """Components of the earlier model without a counterpart in the later."""
        return self.comparison.a_only

    @cached_property
    def moves(self) -> Pairs:
        """Pairs whose meaning is carried by another component than before: another layer, index or sign."""
        return self.comparison.pairs.where(np.asarray([p.a != p.b for p in self.comparison.pairs], bool))

    @cached_property
    def stays(self) -> Pairs:
        """Pairs of the same layer, index and sign."""
        return self.comparison.pairs.where(np.asarray([p.a == p.b for p in self.comparison.pairs], bool))

    def __repr__(self) -> str:
        return (
            f"{self.names[0]} → {self.names[1]}: {len(self.births):,} births, {len(self.deaths):,} deaths, "
            f"{len(self.moves):,} moves, {len(self.stays):,} stay"
        )


@dataclass(frozen=True, eq=False)
class Series(Result):
    """Several models compared with each other, in an order that means something (training, depth, dropout).

    `series["first", "last"]` is any two models' `Comparison`; `similarity` is S from each model (row) to each (column);
    `steps` lead from each model to the next; `evaluations` are each model's scores, made when first asked for.

    Attributes
    ----------
    names
        What the models are called, in their order.
    spaces
        Their spaces.
    comparisons
        Every two of them.
    concepts
        When each tracked concept is there; None without any.

    Examples
    --------
    >>> other = sl.demo.lens("unbiased", n=100, progress=False)
    >>> same = sl.demo.lens("biased", n=100, progress=False)
    >>> series = sl.compare_many({"biased": same, "unbiased": other}, concepts=["ruler"])
    >>> series.similarity.shape
    (2, 2)
    """

    names: tuple[str, ...]
    spaces: tuple[SemanticSpace, ...]
    comparisons: tuple[Comparison, ...]
    concepts: ConceptTable | None

    def __getitem__(self, names: tuple[str, str]) -> Comparison:
        """The comparison of two models, in that order. KeyError for a name that is not in the series."""
        for name in names:
            if name not in self.names:
                raise KeyError(f"no model {name!r} in this series; it has {', '.join(self.names)}")
        if names[0] == names[1]:
            raise KeyError(f"{names[0]!r} is not compared with itself; give two models")
        for comparison in self.comparisons:
            if set(comparison.names) == set(names):
                return comparison if comparison.names == tuple(names) else comparison.reversed
        raise AssertionError("all pairs are compared")

    @cached_property
    def similarity(self) -> Float[np.ndarray, "model other"]:
        """S from each model (row) to each other (column), [model other]."""
        matrix = np.ones((len(self.names), len(self.names)))
        for comparison in self.comparisons:
            i, j = (self.names.index(name) for name in comparison.names)
            matrix[i, j], matrix[j, i] = comparison.s_ab.score, comparison.s_ba.score
        return frozen(matrix)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """From each model to the next: births, deaths, moves, stays."""
        return tuple(Step(self[before, after]) for before, after in pairwise(self.names))

    @cached_property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Each model's clarity, redundancy and polysemanticity."""
        return tuple(evaluate(space) for space in self.spaces)

    def readability(self) -> list[dict[str, Any]]:
        """One dict per model: how many components live and are clear, and the mean of each score over components.

        Scores are `Interval`s with the data set's mean removed, as in `Evaluation.summary`.
        """
        whole = (evaluation.summary()[-1] for evaluation in self.evaluations)
        return [
            {"model": name, "living": row["living"], "clear": row["clear"]}
            | {score: row[f"{score}_centred"] for score in SCORES}
            for name, row in zip(self.names, whole, strict=True)
        ]

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per step: before, after, S in both directions, births, deaths, moves, stays."""
        return [
            {"before": s.names[0], "after": s.names[1], "s_forward": s.comparison.s_ab.score,
             "s_back": s.comparison.s_ba.score, "births": len(s.births), "deaths": len(s.deaths),
             "moves": len(s.moves), "stays": len(s.stays)}
            for s in self.steps
        ]  # fmt: skip

    def to_json(self) -> str:
        """Names, similarity, readability, steps with their components, and tracked concepts, as JSON text."""
        steps = [
            row
            | {"births": [str(c) for c in s.births], "deaths": [str(c) for c in s.deaths],
               "moves": [[str(p.a), str(p.b), p.score] for p in s.moves]}
            for row, s in zip(self.to_rows(), self.steps, strict=True)
        ]  # fmt: skip
        tracked = None if self.concepts is None else self.concepts.to_rows()
        readable = [
            {key: asdict(value) if isinstance(value, Interval) else value for key, value in row.items()}
            for row in self.readability()
        ]
        return json_text(
            {"names": self.names, "similarity": self.similarity, "readability": readable, "steps": steps,
             "concepts": tracked}
        )  # fmt: skip

    def __repr__(self) -> str:
        lines = [f"<Series of {len(self.names)} models>", *(f"  {step}" for step in self.steps)]
        if self.concepts is not None:
            lines += [f"  {c!r} first found in {self.concepts.first(c) or 'none'}" for c in self.concepts.concepts]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        names = [escape(name) for name in self.names]
        matrix = [(name, *map(number, row)) for name, row in zip(names, self.similarity, strict=True)]
        steps = [
            (escape(s.names[0]), escape(s.names[1]), *(f"{len(x):,}" for x in (s.births, s.deaths, s.moves, s.stays)))
            for s in self.steps
        ]
        readable = [
            (escape(row["model"]), f"{row['clear']} of {row['living']}", *(str(row[score]) for score in SCORES))
            for row in self.readability()
        ]
        tracked = "" if self.concepts is None else self.concepts._repr_html_()
        return (
            table(["S, row in column", *names], matrix)
            + table(["model", "clear components", *SCORES], readable)
            + table(["before", "after", "births", "deaths", "moves", "stay"], steps)
            + tracked
        )


def compare_many(
    spaces: Mapping[str, SemanticSpace],
    *,
    probes: Probes | None = None,
    allow: str | Collection[str] = (),
    centre: bool = False,
    centre_probes: bool | None = None,
    block: int = 2048,
    seed: int = 0,
) -> Series:
    """Compare every two of several spaces, in the order given; `probes` are concepts to track along it.

    Components are centred among each other with `centre`, for probes with `centre_probes` (as `centre` unless told):
    probes that the null probe was subtracted from are compared with components that are not centred.
    Parameters and errors as in `compare`; ValueError for fewer than two spaces.
    """
    if len(spaces) < 2:
        raise ValueError(f"{len(spaces)} space to compare; a series has at least two")
    check_comparable(spaces, allow)
    compared = tuple(
        compare(spaces[i], spaces[j], names=(i, j), allow=allow, centre=centre, block=block, seed=seed)
        for i, j in combinations(spaces, 2)
    )
    tracked = None if probes is None else concepts(
        probes, spaces, allow=allow, centre=centre if centre_probes is None else centre_probes
    )  # fmt: skip
    return Series(tuple(spaces), tuple(spaces.values()), compared, tracked)
