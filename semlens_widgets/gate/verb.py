"""The verb: does what a plan says, and holds what is found against its limits and the version before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..audit import AuditReport
from ..compare.pairs import check_comparable
from ..intervals import UNKNOWN
from ..lens import Lens
from ..lens import open as open_lens
from ..performance import Performance
from ..sections import Measurement
from . import making
from .against import Change, changes
from .handed import hand_on
from .limits import Check, checks_of
from .plan import AuditPlan, PlanError
from .value import GateResult

_PERFORMANCE = ("accuracy", "auroc", "sensitivity", "specificity", "brier", "ece", "worst_subgroup", "worse_groups")


def gate(
    plan: str | os.PathLike[str] | AuditPlan,
    *,
    against: str | os.PathLike[str] | None = None,
    seeds: Sequence[str | os.PathLike[str]] = (),
    folder: str | os.PathLike[str] | None = None,
    expect: str = "",
    progress: bool = True,
) -> GateResult:
    """Audit by a plan that was fixed beforehand: passed, failed with the reasons, or not judged.

    Parameters
    ----------
    plan
        A TOML file, see the page on the gate for its sections; it says which model and data, the checklist, and limits.
        What it names as module:function is imported and runs: take plans from people you trust.
    against
        The `.semlens` file of the version before; unless given, what the plan says under [against]. New and grown
        reliance on what should not matter then fails.
    seeds
        `.semlens` files of models that were trained the same with other seeds, at least two: by how much shares differ
        between them is what chance does. Without them it is estimated from the two models' components.
    folder
        Where report, JUnit XML, Markdown, JSON and the lens are written; unless given, what the plan says under
        [output]; nowhere if neither does.
    expect
        The hash the plan must have, or its beginning; "" for any.
    progress
        Show bars.

    Returns
    -------
    GateResult
        The answer, with every limit and what was found; `code` is the exit code of `semlens audit`.

    Raises
    ------
    PlanError
        A ValueError: the plan cannot be followed, or is another one than `expect` says; every wrong key is named.
    FileNotFoundError
        Where the plan or a file of it is not there.

    Examples
    --------
    >>> _ = open("plan.toml", "w").write('''
    ... [lens]
    ... factory = "semlens_widgets.demo:lens"
    ... options = {n = 150, progress = false}
    ... [audit]
    ... checklist = "abcde"
    ... target = "melanoma"
    ... [limits]
    ... spurious_concept = 0.02
    ... ''')
    >>> answer = sl.gate("plan.toml", progress=False)
    >>> answer.outcome, answer.code
    ('failed', 1)
    """
    planned = plan if isinstance(plan, AuditPlan) else AuditPlan.from_file(plan)
    fixed = planned.hash
    if expect and not fixed.startswith(expect):
        raise PlanError(f"{planned.name} is not the plan that was fixed: its hash is {fixed}, expected was {expect}")
    last = _path(planned, against, "last")
    others = [Path(seed) for seed in seeds] or [planned.folder / s for s in planned.get("against", "seeds", [])]
    if len(others) == 1:
        raise PlanError("seeds are one lens; how much trainings differ is known from two or more")
    for path in [*([last] if last else []), *others]:
        if not path.is_file():
            raise FileNotFoundError(f"no file {str(path)!r} to compare with")
    lens = making.lens_of(planned, progress=progress)
    report = _audit(planned, lens, progress)
    performance, why = _performance(planned, lens, progress)
    checks = checks_of(planned, report, performance, why)
    moved: tuple[Change, ...] = ()
    notes: list[str] = []
    if last is not None:
        moved, more = _compared(planned, lens, report, last, others, notes)
        checks += more
    result = GateResult(planned.name, fixed, lens.name, checks, moved, "" if last is None else last.name, tuple(notes))
    where = Path(folder) if folder is not None else planned.path("output", "folder")
    if where is None:
        return result
    sections: list[Measurement] = [] if performance is None else [performance]
    if performance is not None and performance.groups is not None:
        sections.append(performance.groups)
    return replace(result, files=hand_on(result, lens, where, sections))


def _path(plan: AuditPlan, given: Any, key: str) -> Path | None:
    return Path(given) if given is not None else plan.path("against", key)


def _audit(plan: AuditPlan, lens: Lens, progress: bool) -> AuditReport:
    names = {"p": "level", "margin": "margin", "used": "used", "min_effect": "min_effect"}
    thresholds = {called: plan.get("audit", key) for key, called in names.items() if plan.get("audit", key) is not None}
    return lens.audit(
        plan.checklist, plan.get("audit", "target"), layer=plan.get("audit", "layer"), progress=progress, **thresholds
    )


def _performance(plan: AuditPlan, lens: Lens, progress: bool) -> tuple[Performance | None, str]:
    """(performance, or why it is not known), where a limit asks for it."""
    if not any(name.startswith(_PERFORMANCE) for name in plan.document.get("limits", {})):
        return None, "no limit asks for it"
    if not lens.has_data:
        return None, "the lens comes from a file, which has no model"
    data = making.test_data_of(plan, lens)
    try:
        return lens.performance(data, metadata=plan.path("test", "metadata"), reliance=False, progress=progress), ""
    except ValueError as error:
        return None, str(error)


def _compared(
    plan: AuditPlan, lens: Lens, report: AuditReport, last: Path, seeds: Sequence[Path], notes: list[str]
) -> tuple[tuple[Change, ...], tuple[Check, ...]]:
    """(changes since the version before, the check that nothing of them is alarming)."""
    name = "no new or grown reliance"
    try:
        old, *others = (_report_of(plan, lens, path) for path in (last, *seeds))
    except (ValueError, RuntimeError, KeyError) as error:
        why = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        return (), (Check(name, last.name, 0.0, UNKNOWN, "not judged", why),)
    if report.doubt or old.doubt or not report.has_relevance:
        why = report.doubt or old.doubt or "relevance is not known"
        return (), (Check(name, last.name, 0.0, UNKNOWN, "not judged", why),)
    found = changes(report, old, others)
    if old.space.recipe.images != report.space.recipe.images:
        notes.append(f"{last.name} was made from other images, which the intervals do not account for")
    if others:
        notes.append(f"changes are held against what {len(others)} trainings with other seeds differ by")
    else:
        notes.append("changes are held against what other components and images would make; give seeds to measure it")
    alarms = [change for change in found if change.alarming]
    told = ", ".join(f"{change.concept} ({change.word})" for change in alarms)
    state: Any = "broken" if alarms else "kept"
    return found, (Check(name, last.name, 0.0, UNKNOWN, state, told or "none beyond what chance does"),)


def _report_of(plan: AuditPlan, lens: Lens, path: Path) -> AuditReport:
    """The audit of a kept lens, by the same plan. ValueError where it cannot be compared."""
    kept = open_lens(path, clip=lens.clip_or_none)
    check_comparable({"now": lens.space, path.name: kept.space}, ("data",))
    if kept.relevance is None:
        raise ValueError(f"{path.name} holds no relevance; make it by `semlens audit`, or by fit(relevance=True)")
    return _audit(plan, kept, False)
