"""Auditing: the verb, what people decide, and the files in which other notebooks may decide as well."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import cache
from ..audit import AuditReport, Thresholds, TrainingImages
from ..audit import audit as audit_space
from ..audit import training_images as images_behind
from ..audit.file import AuditFile
from ..audit.state import AuditState
from ..checklist import Checklist
from ..clip import Probes
from ..components import Component
from ..outputs import Outputs
from ..targets.given import Targetlike, of
from ..texts import plural
from ..verdicts import Verdict, Verdicts, subject_of
from .explaining import class_number, relate
from .history import step_of
from .proving import ask_logits, logits_of, name_of, prove
from .state import LiveState

Subjects = str | Component | Sequence[str | Component]
_RESTORED = ("checklist", "verdicts", "dossier", "reading")  # what it is told of that it was restored
_LOOK_AGAIN = 2.0  # seconds between two looks at an audit file that others may write
_log = logging.getLogger(__name__)


# asking


def audit(
    session: LiveState, checklist: Checklist | str | os.PathLike[str] | None = None, target: Targetlike = None,
    *, layer: str | Sequence[str] | None = None, relevance: bool = True, progress: bool = True,
    counterfactual: bool | Mapping[str, Any] | None = None, **given: float | None,
) -> AuditReport:  # fmt: skip
    """See `Lens.audit`; `given` are thresholds by the names of `Thresholds`."""
    wanted = session.checklist if checklist is None else checklist
    if not isinstance(wanted, Checklist | str | os.PathLike):
        raise TypeError(f"checklist is a {type(wanted).__name__}; give a sl.Checklist, or the file of one")
    if not isinstance(wanted, Checklist):
        wanted = Checklist.from_file(wanted)
    if not len(wanted):
        raise ValueError(
            "nothing to audit against: give a checklist, such as sl.Checklist.abcde() or one of your own, or set "
            "lens.checklist"
        )
    session.components.rows(layer)  # NotFitted or KeyError here, before any long work, and so for all that is asked
    thresholds = replace(session.thresholds, **{name: value for name, value in given.items() if value is not None})
    target = _audited(session, target, relevance, progress)
    if relevance and session.relevance is None and session.has_data:
        _check_class(session, target)
        if wanted.prompts:
            session.probe_cache.of_words(list(wanted.prompts), None, True)
        relate(session, progress=progress)
    if relevance and session.has_data:
        ask_logits(session, target)
    prove(session, wanted, target, counterfactual, progress)
    with session.lock:
        report = _report(session, wanted, target, thresholds, layer)
        work = session.audit_session
        work.thresholds, work.layer = thresholds, layer
        if wanted != session.checklist:
            before = session.audit_state()
            work.remember(before, replace(before, checklist=wanted))
            step = step_of("checklist", before.checklist, wanted)
            session.set_trait("history", session.history.with_step(step))
        with work.quietly():
            session.checklist, session.audit_level = wanted, thresholds.p
            if report.target is not None:
                session.audit_target = report.target
        session.set_trait("report", report)
        if checklist is not None and not len(session.verdicts):
            session.set_trait("audit_notice", "")  # nothing of what was restored is left
        changed(session)
    return report


def _audited(session: LiveState, target: Targetlike, relevance: bool, progress: bool) -> int | str | None:
    """The class that is audited, by name or number: of a value of `sl.targets`, or a function, the one class of the
    relevance for it, which is found now."""
    if target is None:
        return _usual(session)
    if isinstance(target, str | int | np.integer) and not _is_no_class(session, target):
        return target  # type: ignore[return-value]
    aim = of(target, session.source.clip)
    assert aim is not None
    if relevance:
        return relate(session, target=aim, progress=progress).classes[0]
    return aim.name


def _usual(session: LiveState) -> str | None:
    """The class that was audited last; where relevance is of others since, the only one of them, or none."""
    known, last = (session.own_relevance if session.fitted else None), session.audit_target
    return last if known is None or last in known.classes else known.only


def follow_relevance(session: LiveState) -> None:
    """The report anew for other relevance: of the same class, or of the only one that there is now."""
    if session.report is None:
        return
    work = session.audit_session
    with work.quietly():
        session.audit_target = _usual(session)
    session.set_trait("report", report_with(session))


def _is_no_class(session: LiveState, target: Any) -> bool:
    """Whether a name or number is none of a class: the model has no class scores, and no relevance knows it."""
    known = session.relevance
    if not session.has_data or isinstance(session.source.classes, Outputs):
        return False
    return known is None or (isinstance(target, str) and target not in known.classes)


def _check_class(session: LiveState, target: int | str | None) -> None:
    """ValueError, KeyError or IndexError where relevance would be known, but not for the class that is audited."""
    if target is None:
        classes = session.source.images.classes
        known = f", one of {', '.join(classes[:20])}" if classes else ", by number"
        raise ValueError(f"audit which class? give target{known}")
    class_number(session, target)


def _report(
    session: LiveState, checklist: Checklist, target: int | str | None, thresholds: Thresholds,
    layer: str | Sequence[str] | None,
) -> AuditReport:  # fmt: skip
    space, relevance = session.space, session.own_relevance
    nothing = Probes((), np.zeros((0, space.dim), np.float32), space.recipe.clip)
    probes = session.probe_cache.of_words(list(checklist.prompts), None, True) if checklist.prompts else nothing
    if relevance is not None and target is None and relevance.only is None:
        raise ValueError(f"audit which class? give target, one of {', '.join(relevance.classes[:20])}")
    labels = [session.label_of(row) for row in range(len(session.components))]
    named = [label.text if label is not None and label.confident else None for label in labels]
    called = name_of(session, target)
    return audit_space(
        space, checklist, probes, relevance, target=target, thresholds=thresholds, layer=layer,
        labels=named if any(named) else (), logits=logits_of(session, target),
        counterfactuals=session.audit_session.counterfactuals.get(called),
    )  # fmt: skip


def report_with(session: LiveState, **changed: Any) -> AuditReport | None:
    """The report with `checklist`, `target` or `level` changed; None where there is nothing to audit yet."""
    checklist = changed.get("checklist", session.checklist)
    target = changed["target"] if "target" in changed else _usual(session)
    known = session.own_relevance
    if not session.fitted or not len(checklist) or (known is not None and target is None and known.only is None):
        return None
    thresholds = replace(session.thresholds, p=changed.get("level", session.audit_level))
    return _report(session, checklist, target, thresholds, session.audit_session.layer)


def training_images(session: LiveState, components: Any = None) -> TrainingImages:
    """See `Lens.training_images`."""
    if components is not None:
        return images_behind(session.space, components)
    if session.report is None:
        raise ValueError("whose images? give components, such as 'layer4:64', or call lens.audit() first")
    return session.report.training_images()


# deciding


class LensVerdicts(Verdicts):
    """The verdicts of a lens. `verdicts["layer4:64"] = "spurious"` decides, `del verdicts["layer4:64"]` takes back.

    What is assigned may also be a mapping with decision, label and note. Each change makes a new value, which
    `lens.verdicts` then is.
    """

    def __init__(self, entries: Sequence[Verdict], session: LiveState) -> None:
        super().__init__(tuple(entries))
        object.__setattr__(self, "_session", weakref.ref(session))

    _session: Any

    def __setitem__(self, subject: str | Component, judgement: str | Mapping[str, str] | Verdict | None) -> None:
        session: LiveState | None = self._session()
        if session is None:
            raise RuntimeError("the lens of these verdicts is gone; use verdicts.judging(...), which gives a new value")
        if judgement is None:
            withdraw(session, subject)
        elif isinstance(judgement, Verdict):
            judge(session, subject, judgement.decision, label=judgement.label, note=judgement.note)
        elif isinstance(judgement, Mapping):
            judge(session, subject, **judgement)
        else:
            judge(session, subject, judgement)

    def __delitem__(self, subject: str | Component) -> None:
        self[subject] = None


def judge(session: LiveState, subjects: Subjects, decision: str | None = None, **about: str | None) -> Verdicts:
    """See `Lens.judge`."""
    with session.lock:
        check_may_judge(session)
        verdicts: Verdicts = session.verdicts
        for subject in _known_subjects(session, subjects):
            verdicts = verdicts.judging(subject, decision, who=session.auditor, **about)
        session.verdicts = verdicts
        return session.verdicts


def withdraw(session: LiveState, subjects: Subjects) -> Verdicts:
    """See `Lens.withdraw`."""
    with session.lock:
        check_may_judge(session)
        verdicts: Verdicts = session.verdicts
        for subject in _known_subjects(session, subjects):
            verdicts = verdicts.withdrawing(subject, who=session.auditor)
        session.verdicts = verdicts
        return session.verdicts


def check_may_judge(session: LiveState) -> None:
    """ValueError for a reader who has finished a blind reading that goes on."""
    reading = session.reading
    if reading is not None and not reading.open and session.auditor in reading.done:
        raise ValueError(f"{session.auditor} has finished this blind reading, which goes on ({reading.waiting})")


def _known_subjects(session: LiveState, subjects: Subjects) -> Iterable[str]:
    listed = [subjects] if isinstance(subjects, str | Component) else list(subjects)
    return [known_subject(session, thing) for thing in listed]


def known_subject(session: LiveState, thing: str | Component) -> str:
    """What a verdict is about, as text. KeyError for a concept or component that is not there."""
    subject = subject_of(thing)
    if subject.startswith("@"):
        session.checklist[subject[1:]]
        return subject
    return str(session.components[session.components.row(subject)])


def reviewed(session: LiveState) -> tuple[int, int]:
    """(concepts decided about, concepts of the checklist); a concept counts when it or its best component does."""
    done, report, verdicts = 0, session.report, session.verdicts
    for concept in session.checklist:
        about = [f"@{concept.name}"]
        if report is not None and concept.name in report.checklist:
            best = report[concept.name].best
            about += [] if best is None else [str(session.components[best])]
        done += any(s in verdicts and verdicts[s].decision is not None for s in about)
    return done, len(session.checklist)


def take_back(session: LiveState, *, redo: bool = False) -> None:
    """Undo the last change of checklist or verdicts, or do it again, wherever the audit is now."""
    with session.lock:
        work, now = session.audit_session, session.audit_state()
        wanted = work.without_last(now, redo=redo)
        if wanted is None:
            return
        report = report_with(session, checklist=wanted.checklist)
        work.taken_back(now, wanted, redo=redo)
        session.set_trait("history", session.history.moved(redo=redo, audit=True))
        with work.quietly():
            work.withheld = Verdicts()
            session.checklist, session.verdicts = wanted.checklist, wanted.verdicts
        session.set_trait("report", report)
        changed(session)


# keeping


def changed(session: LiveState) -> None:
    """What people decided has changed: say whether it can be undone, and save it."""
    session.set_trait("undoable", session.audit_session.undoable)
    session.set_trait("redoable", session.audit_session.redoable)
    exchange(session)


def keep_audit(session: LiveState, path: str | os.PathLike[str]) -> None:
    """See `Lens.keep_audit`."""
    path, work = Path(path), session.audit_session
    with session.lock:
        if work.is_kept_in(path):
            exchange(session)
            return
        work.files.append(AuditFile(path, _as_opened(session)))
        had = session.audit_state()
        exchange(session, tell=False)
        kept = session.audit_state()
        if kept.empty or all(getattr(kept, name) == getattr(had, name) for name in _RESTORED):
            return
        last = max((v.when for v in kept.verdicts.entries), default="")
        decided = f", last decided {last[:16].replace('T', ' ')} UTC" if last else ""
        where = "" if path.parent == cache.folder() else f" from {path.name}"
        session.set_trait("audit_notice", f"restored {kept.summary}{where}{decided}")
        _log.info("restored %s from %s", kept.summary, path)


def keep_beside(session: LiveState, path: Path) -> None:
    """Save the audit beside the lens's file, too, from now on."""
    beside = audit_file(path)
    with session.lock:
        if not session.audit_session.is_kept_in(beside):
            session.audit_session.files.append(AuditFile(beside))
        exchange(session)


def audit_file(lens: Path) -> Path:
    """Where the audit of a saved lens is kept: beside it."""
    return lens.with_suffix(".audit.json")


def _as_opened(session: LiveState) -> AuditState:
    """What a file that was not read yet has in common with this lens: the labels of its `.semlens` file, and a
    class and thresholds that nobody chose here."""
    nothing = AuditState(target=session.audit_target, thresholds=session.thresholds)
    return nothing if session.has_data else replace(nothing, own_labels=dict(session.own_labels))


def refresh_audit(session: LiveState) -> bool:
    """See `Session.refresh_audit`."""
    if not any(file.changed for file in session.audit_session.files):
        return False
    with session.lock:
        return exchange(session)


def watch_audit(session: LiveState) -> None:
    """See `Session.watch_audit`."""
    with session.lock:
        if not session.audit_session.watched:
            session.audit_session.watched = True
            threading.Thread(target=_watch, args=(weakref.ref(session),), name="semlens audit", daemon=True).start()


def _watch(watched: weakref.ref[LiveState]) -> None:
    while (session := watched()) is not None:
        try:
            refresh_audit(session)
        except Exception:  # the next look may do better; a window must not lose its watch over it
            _log.exception("the audit file could not be read again")
        del session
        time.sleep(_LOOK_AGAIN)


def exchange(session: LiveState, tell: bool = True) -> bool:
    """Save the audit, and take in what others wrote; True where they did."""
    others, problems = session.audit_session.exchange(session.audit_state, lambda state: _take_in(session, state))
    if others and tell:
        listed = session.edit_conflicts
        conflicts = f"; {plural(len(listed), 'conflict')}: {listed[-1]}" if listed else ""
        notice = f"another notebook changed this audit ({', '.join(others)}); both are kept{conflicts}"
        session.set_trait("audit_notice", notice)
    for problem in problems:
        session.set_trait("audit_notice", problem)
    return bool(others)


def _take_in(session: LiveState, state: AuditState) -> list[str]:
    """Have the audit as it is in `state`; what cannot be is told."""
    problems: list[str] = []
    known = {}
    for component, label in (state.own_labels or {}).items():
        try:
            known_subject(session, component)
            known[component] = label
        except (LookupError, ValueError):
            problems.append(f"the own label {label!r:.60} is of {component!r:.60}, which this lens does not have")
    work = session.audit_session
    with work.quietly():
        work.thresholds = state.thresholds
        session.dossier, session.reading = state.dossier, state.reading
        work.withheld = Verdicts()
        session.verdicts, session.checklist = state.verdicts, state.checklist
        session.audit_level, session.audit_target = state.thresholds.p, state.target
        session.own_labels = known
        session.set_trait("edit_conflicts", state.conflicts)
    try:
        session.set_trait("report", report_with(session))
    except (LookupError, RuntimeError, ValueError) as error:  # another class list, or no CLIP at hand
        session.set_trait("report", None)
        problems.append(f"the kept checklist could not be audited: {error}")
    return problems
