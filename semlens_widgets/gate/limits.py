"""Limits: what was found, held against what the plan allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .. import numbers
from ..audit import AuditReport
from ..intervals import UNKNOWN, Interval
from ..numbers import Number
from ..performance import Performance
from ..texts import plural
from .plan import AuditPlan

State = Literal["kept", "broken", "not judged"]
_AT_MOST = ("spurious_concept", "spurious_total", "unexpected_total", "brier", "ece")
_OVERALL = ("accuracy", "auroc", "sensitivity", "specificity", "brier", "ece")
_WORST = "worst_subgroup_"


@dataclass(frozen=True)
class Check:
    """One limit and what became of it.

    name, about: the limit's key, and of what it was judged: a concept, a subgroup, or all. limit, found: numbers.
    sure: whether the whole 95 % interval lies on the same side of the limit.
    """

    name: str
    about: str
    limit: Number
    found: Interval
    state: State
    message: str
    sure: bool = True

    @property
    def title(self) -> str:
        return f"{self.name}: {self.about}" if self.about else self.name


def checks_of(plan: AuditPlan, report: AuditReport, performance: Performance | None, why: str) -> tuple[Check, ...]:
    """Every limit of the plan; `why` says why performance is not known, where it is not."""
    made: list[Check] = []
    by = plan.get("limits", "by", "estimate")
    for name, limit in plan.document.get("limits", {}).items():
        if name == "by":
            continue
        if name in ("spurious_concept", "spurious_total", "unexpected_total"):
            made += _of_shares(name, float(limit), report, by)
        elif name == "missing_valid":
            made.append(_of_missing(int(limit), report))
        elif performance is None:
            made.append(Check(name, "", float(limit), UNKNOWN, "not judged", f"performance is not known: {why}"))
        elif name == "worse_groups":
            made.append(_of_worse(int(limit), performance))
        elif name.startswith(_WORST):
            made += _of_subgroups(name, float(limit), performance, by)
        else:
            measure: Any = name
            overall = performance.overall
            made.append(_judged(name, "", float(limit), overall[measure], by, overall.why.get(measure, "")))
    return tuple(made)


def _of_shares(name: str, limit: float, report: AuditReport, by: str) -> Iterator[Check]:
    if not report.has_relevance or report.doubt:
        why = f"{report.doubt}: a share would be a hint" if report.doubt else "relevance is not known"
        yield Check(name, "", limit, UNKNOWN, "not judged", why)
        return
    if name != "spurious_concept":
        region: Any = "spurious" if name == "spurious_total" else "unexpected"
        yield _judged(name, "", limit, report.shares[region], by)
        return
    found = [f for f in report.findings if f.kind == "spurious"]
    if not found:
        yield Check(name, "", limit, UNKNOWN, "not judged", "the checklist names no spurious concept")
    for finding in found:
        if finding.state in ("unknown", "unseen"):
            yield Check(name, finding.name, limit, UNKNOWN, "not judged", finding.message)
        else:
            yield _judged(name, finding.name, limit, finding.share or UNKNOWN, by)


def _of_missing(limit: int, report: AuditReport) -> Check:
    missing = [f.name for f in report.findings if f.kind == "valid" and f.state in ("missing", "unknown")]
    found = Interval(float(len(missing)), float(len(missing)), float(len(missing)))
    state: State = "broken" if len(missing) > limit else "kept"
    listed = f": {', '.join(missing)}" if missing else ""
    told = f"{plural(len(missing), 'expected concept')} missing, at most {limit}{listed}"
    return Check("missing_valid", "", limit, found, state, told)


def _of_worse(limit: int, performance: Performance) -> Check:
    names = [part.title for part in performance.worse]
    found = Interval(float(len(names)), float(len(names)), float(len(names)))
    state: State = "broken" if len(names) > limit else "kept"
    listed = f": {', '.join(names[:8])}" if names else ""
    if not performance.tests:
        return Check("worse_groups", "", limit, UNKNOWN, "not judged", "no groups to compare: give [test] metadata")
    told = f"surely worse in {plural(len(names), 'group')}, at most {limit}{listed}"
    return Check("worse_groups", "", limit, found, state, told)


def _of_subgroups(name: str, limit: float, performance: Performance, by: str) -> Iterator[Check]:
    measure: Any = name.removeprefix(_WORST)
    if not performance.subgroups:
        yield Check(name, "", limit, UNKNOWN, "not judged", "there are no subgroups: give [test] metadata")
    for subgroup in performance.subgroups:
        why = subgroup.measures.why.get(measure, "")
        yield _judged(name, subgroup.name, limit, subgroup.measures[measure], by, why)


def _judged(name: str, about: str, limit: float, found: Interval, by: str, why: str = "") -> Check:
    if not np.isfinite(found.mean):
        return Check(name, about, limit, found, "not judged", why or "it is not known")
    at_most = name in _AT_MOST
    within: Callable[[float], bool] = (lambda x: x <= limit) if at_most else (lambda x: x >= limit)
    worst = found.high if at_most else found.low
    best = found.low if at_most else found.high
    kept = within(found.mean) if by == "estimate" else within(worst if np.isfinite(worst) else found.mean)
    sure = not np.isfinite([worst, best]).all() or within(worst) == within(best)
    low, mean, high = (numbers.score(x, 3) for x in (found.low, found.mean, found.high))
    told = f"{mean} [{low}, {high}], {'at most' if at_most else 'at least'} {numbers.score(limit, 3)}"
    told += "" if sure else "; not certain: the interval reaches over the limit"
    return Check(name, about, limit, found, "kept" if kept else "broken", told, sure)
