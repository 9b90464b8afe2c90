"""How well two readers agree beyond chance: Cohen's kappa and Gwet's AC1, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Int
from scipy.special import stdtrit

from .. import numbers
from ..inference import wilson
from ..intervals import UNKNOWN, Interval
from ..results import Result
from ..verdicts import DECISIONS


@dataclass(frozen=True, eq=False)
class Agreement(Result):
    """How two readers' decisions agree.

    Attributes
    ----------
    readers
        Their names.
    subjects
        What both decided about.
    decisions
        What each said of it, one pair for each subject.
    categories
        What could be said, in order.
    table
        [first second], how often the first said one and the second the other, in the order of `categories`.
    observed
        The share of subjects on which they agree, with a 95 % interval.
    kappa
        Cohen's kappa: how far that goes beyond the chance of readers who say each thing as often as these two do (Cohen
        1960, Educational and Psychological Measurement 20). NaN where both always say one and the same.
    ac1
        Gwet's AC1, whose chance is that of a subject that is hard to tell; where nearly all is of one kind it stays
        high while kappa falls (Gwet 2008, British Journal of Mathematical and Statistical Psychology 61).

    Notes
    -----
    Intervals are Wilson's for the observed agreement, at the number of subjects at which its variance is that of the
    measure by the delta method (Fleiss, Cohen & Everitt 1969, Psychological Bulletin 72; Gwet 2008), as Korn & Graubard
    (1998, Survey Methodology 24) do for shares in surveys. The usual ± 1.96 standard errors hold the true value in half
    of the cases and less where readers agree on nearly all; these hold it in 89 to 100 of 100, for 4 to 200 subjects.

    Examples
    --------
    >>> team = sl.demo.lens(n=105, progress=False)
    >>> _ = team.audit(sl.Checklist(spurious=["ruler"]), relevance=False, progress=False)
    >>> reading = team.begin_reading("Ada", "Bob", ["@ruler"])

    >>> for reader in ("Ada", "Bob"):
    ...     team.auditor = reader
    ...     _ = team.judge("@ruler", "spurious")
    ...     _ = team.finish_reading()
    >>> team.agreement().disagreements
    ()
    """

    readers: tuple[str, str]
    subjects: tuple[str, ...]
    decisions: tuple[tuple[str, str], ...]
    categories: tuple[str, ...]
    table: Int[np.ndarray, "first second"]
    observed: Interval
    kappa: Interval
    ac1: Interval

    @property
    def disagreements(self) -> tuple[str, ...]:
        """What they do not agree about."""
        return tuple(s for s, (a, b) in zip(self.subjects, self.decisions, strict=True) if a != b)

    @property
    def sentence(self) -> str:
        """All of it, in words."""
        first, second = self.readers
        same = len(self.subjects) - len(self.disagreements)
        told = [f"{first} and {second} agree on {same} of {len(self.subjects)}"]
        for name, found in (("Cohen's kappa", self.kappa), ("Gwet's AC1", self.ac1)):
            if math.isnan(found.mean):
                told.append(f"{name} is not defined: both always say the same one thing" if self.subjects else
                            f"{name} is not known")  # fmt: skip
            else:
                low, high = numbers.with_sign(found.low, 2), numbers.with_sign(found.high, 2)
                told.append(f"{name} {numbers.with_sign(found.mean, 2)} [{low}, {high}]")
        return "; ".join(told)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per subject: what each said."""
        return [
            {"subject": subject, self.readers[0]: a, self.readers[1]: b, "agree": a == b}
            for subject, (a, b) in zip(self.subjects, self.decisions, strict=True)
        ]

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "readers": list(self.readers), "subjects": len(self.subjects), "categories": list(self.categories),
            "table": self.table.tolist(), "sentence": self.sentence,
            **{name: [i.mean, i.low, i.high]
               for name, i in (("observed", self.observed), ("kappa", self.kappa), ("ac1", self.ac1))},
            "disagreements": [
                {"subject": subject, "decisions": list(said)}
                for subject, said in zip(self.subjects, self.decisions, strict=True) if said[0] != said[1]
            ],
        }  # fmt: skip

    def __repr__(self) -> str:
        lines = [f"<Agreement: {self.sentence}>"]
        for subject, (a, b) in zip(self.subjects, self.decisions, strict=True):
            lines += [f"  {subject}: {self.readers[0]} {a}, {self.readers[1]} {b}"] if a != b else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{escape(name)}</th>" for name in self.categories)
        rows = "".join(
            f"<tr><th>{escape(name)}</th>{''.join(f'<td>{n}</td>' for n in row)}</tr>"
            for name, row in zip(self.categories, self.table.tolist(), strict=True)
        )
        return f"<p>{escape(self.sentence)}</p><table><tr><th></th>{heads}</tr>{rows}</table>"


def agreement(
    readers: tuple[str, str], subjects: Sequence[str], first: Sequence[str], second: Sequence[str],
    categories: Sequence[str] = DECISIONS,
) -> Agreement:  # fmt: skip
    """How the decisions of two readers agree, subject by subject. ValueError for a decision that is no category."""
    at = {name: number for number, name in enumerate(categories)}
    if foreign := [said for said in (*first, *second) if said not in at]:
        raise ValueError(f"{foreign[0]!r:.60} is none of {', '.join(categories)}")
    table = np.zeros((len(at), len(at)), np.int64)
    pairs = tuple(zip(first, second, strict=True))
    for a, b in pairs:
        table[at[a], at[b]] += 1
    observed, kappa, ac1 = measures(table)
    return Agreement(readers, tuple(subjects), pairs, tuple(categories), table, observed, kappa, ac1)


def measures(table: Int[np.ndarray, "first second"]) -> tuple[Interval, Interval, Interval]:
    """(observed agreement, Cohen's kappa, Gwet's AC1) of a table of counts, each with its 95 % interval."""
    n = int(table.sum())
    if not n:
        return UNKNOWN, UNKNOWN, UNKNOWN
    shares = table / n
    same = float(np.trace(shares))
    rows, columns = shares.sum(1), shares.sum(0)
    used = (rows + columns) / 2
    q = len(table)
    agree = np.eye(q)
    by_chance = float(rows @ columns)
    hard = float((used * (1 - used)).sum() / (q - 1))
    # What one subject of each cell adds to the chance of a measure: the derivatives of the delta method.
    of_kappa = columns[:, None] + rows[None, :] - 2 * by_chance
    of_ac1 = (1 - used[:, None] - used[None, :]) / (q - 1)
    of_ac1 = of_ac1 - float((shares * of_ac1).sum())
    made = [Interval(same, *_range(same, float(n), n))]
    for chance, slope in ((by_chance, of_kappa), (hard, of_ac1)):
        if chance > 1 - 1e-12:
            made.append(UNKNOWN)
            continue
        pull = (agree - same) * (1 - chance) - (1 - same) * slope
        variance = float((shares * pull**2).sum()) / (1 - chance) ** 2 / max(n - 1, 1)
        effective = min(float(n), same * (1 - same) / variance) if variance > 0 and 0 < same < 1 else float(n)
        ends = ((end - chance) / (1 - chance) for end in _range(same, effective, n))
        made.append(Interval((same - chance) / (1 - chance), *(max(-1.0, end) for end in ends)))
    return made[0], made[1], made[2]


def _range(share: float, size: float, n: int) -> tuple[float, float]:
    """Wilson's interval of a share of so many, with the quantile of t for `n` subjects."""
    return wilson(share, size, float(stdtrit(max(n - 1, 1), 0.975)))
