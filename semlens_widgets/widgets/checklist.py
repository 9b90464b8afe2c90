"""The audit as a window: the checklist, what was found of it, and people's verdicts, live with the lens."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from ..audit import DEAD, REGIONS, AuditReport, Finding
from ..checklist import EXAMPLES, Checklist, Concept, Group, format_of
from ..report.session import document as report_of_session
from ..session import Session, auditing, explaining
from ..session.proving import ask_logits
from ..texts import decoded, quoted
from ..verdicts import Verdict
from . import dossier, readers
from .channel import Buffers, Job
from .view import Live, Verbs, View, maybe_text
from .widget import LensWidget
from .wire import Answer, File

FORMATS = {"html": "text/html", "md": "text/markdown", "json": "application/json", "csv": "text/csv"}  # of a report
MOST_TARGETS = 2000  # classes offered; more than any list can show
SET_IN_WINDOWS = ("margin", "used", "min_effect")  # of the thresholds, beside the level
LONGEST_LINE = 400  # of Python in the footer, in characters
_CONCEPT = "@"
# Of an example that is about no field of its own: what is in many collections of pictures and explains nothing.
ARTEFACTS = ("text", "watermark", "ruler", "black border", "picture frame", "hand")


def audited(session: Session) -> Answer:
    """All that the window shows of the audit: the checklist as it is, what was found, and the verdicts."""
    with session.lock:
        session.refresh_audit()
        report = session.report
        result: dict[str, Any] = {
            "concepts": [_shown(c, group.name) for group in session.checklist.groups for c in group.concepts],
            "targets": targets(session)[:MOST_TARGETS],
            "verdicts": _verdicts(session),
            "computable": session.has_data,
            "formats": list(FORMATS),
            "undo": session.undoable,
            "redo": session.redoable,
            "notice": session.audit_notice,
            "blind": session.reading is not None and not session.reading.open,
            "report": None,
        }
    if report is None:
        return result
    rows = np.flatnonzero(report.audited & (report.region != DEAD))
    result["report"] = {
        "target": report.target,
        "level": report.thresholds.p,
        "z": report.thresholds.z,
        "thresholds": {name: getattr(report.thresholds, name) for name in SET_IN_WINDOWS},
        "weighted": report.has_relevance,
        "basis": _basis(report),
        "missed": _missed(session, report),
        "names": [finding.name for finding in report.findings],
        "findings": {finding.name: _found(finding) for finding in report.findings},
        "regions": {region: _part(report, region) for region in REGIONS},
    }
    found = [np.asarray(finding.rows, np.int32) for finding in report.findings]
    return result | {
        "rows": rows,
        "valid": report.best_valid[rows],
        "spurious": report.best_spurious[rows],
        "relevance": 100 * report.signed_share[rows],
        "region": report.region[rows].astype(np.uint8),
        "region_names": list(REGIONS),
        "valid_concept": _best_concept(report, "valid")[rows],
        "spurious_concept": _best_concept(report, "spurious")[rows],
        "queue": report.rows("unexpected").astype(np.int32),
        "found_rows": np.concatenate([*found, np.zeros(0, np.int32)]),
        "found_z": np.concatenate(
            [*(report.z[of, column] for column, of in enumerate(found)), np.zeros(0)]
        ).astype(np.float32),
    }


def targets(session: Session) -> list[str]:
    """The classes that can be audited: those of the relevance, else of the data set."""
    known = session.relevance.classes if session.relevance is not None else session.space.classes
    return [str(name) for name in known or ()]


def _shown(concept: Concept, group: str) -> dict[str, Any]:
    return {
        "name": concept.name,
        "prompts": list(concept.texts),
        "kind": concept.kind,
        "group": group,
        "classes": list(concept.classes),
        "note": concept.note,
        "artefact": concept.artefact,
    }


def _found(finding: Finding) -> dict[str, Any]:
    """What was found of one concept; `found` of the columns `found_rows` and `found_z` are its own, in order."""
    return {
        "state": finding.state,
        "message": finding.message,
        "best": finding.best,
        "z": _number(finding.z),
        "refuted": finding.refuted,
        "p": _number(finding.p),
        "found": len(finding.rows),
        "relevance": None if finding.signed_share is None else 100 * finding.signed_share.mean,
        "used": finding.used,
        "use": finding.use,
    }


def _part(report: AuditReport, region: Any) -> dict[str, Any]:
    share = report.shares.get(region)
    percent: dict[str, float | None] = {"share": None, "low": None, "high": None}
    if share is not None:
        percent = {"share": 100 * share.mean, "low": _number(100 * share.low), "high": _number(100 * share.high)}
    return {"count": len(report.rows(region)), **percent}


def _best_concept(report: AuditReport, kind: str) -> np.ndarray:
    """[component] The number of the best concept of a kind, -1 where there is none."""
    columns = np.flatnonzero([finding.kind == kind for finding in report.findings])
    if not len(columns):
        return np.full(len(report.z), -1, np.int16)
    z = np.where(np.isnan(report.z[:, columns]), -np.inf, report.z[:, columns])
    best = columns[z.argmax(1)]
    return np.where(np.isfinite(z.max(1)), best, -1).astype(np.int16)


def _basis(report: AuditReport) -> str:
    """What the relevance is, in words."""
    if not report.has_relevance:
        return ""
    basis = f"{report.backend} relevance, {report.statistic}, mean over {report.images:,} images"
    return f"{basis}. {report.doubt}" if report.doubt else basis


def _missed(session: Session, report: AuditReport) -> list[str]:
    """What the audit would have missed, in sentences; or why that is not known."""
    if report.asked:
        return list(report.limit_sentences)
    why = "the model was not asked" if session.has_data else "this lens holds no model to ask"
    return [f"What this audit would have missed is not known: {why}"]


def _verdicts(session: Session) -> list[dict[str, Any]]:
    """The verdict that counts on each subject, with what all said where people disagree, the latest first; those on
    components and concepts that are not here are left out."""
    shown = []
    disputed = {conflict.subject: conflict.verdicts for conflict in session.verdicts.conflicts}
    for subject, verdict in session.verdicts.items():
        about: int | str = subject
        if verdict.concept is None:
            try:
                about = session.components.row(subject)
            except (KeyError, IndexError):
                continue
        shown.append(
            {
                "about": about, "decision": verdict.decision, "label": verdict.label or "", "note": verdict.note,
                "who": verdict.who, "when": verdict.when,
                "conflict": [
                    {"decision": other.decision, "label": other.label or "", "who": other.who, "when": other.when}
                    for other in reversed(disputed.get(subject, ()))
                ],
            }
        )  # fmt: skip
    return shown


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def relevance(session: Session, job: Job) -> Answer:
    """Explain the whole data set, and choose a class to audit where nobody has."""
    explaining.relate(session, progress=False, on_step=lambda done, total: job.progress(done, total, "images"))
    with session.lock:
        _choose_target(session)
    if session.audit_target is not None:
        ask_logits(session, session.audit_target)
        with session.lock:
            auditing.follow_relevance(session)
    return {}


# changing


def start(session: Session, kind: str = "abcde") -> Answer:
    """Begin with the ABCDE rule ("abcde"), an example for the class that is audited ("example"), or that of a field
    ("objects", "chest", "histology"), and choose a class where nobody has."""
    if kind not in (known := ("abcde", "example", *EXAMPLES)):
        raise ValueError(f"{kind!r:.80} is no beginning of a checklist; there are {', '.join(known)}")
    with session.lock:
        _choose_target(session)
        if kind == "abcde":
            session.checklist, python = Checklist.abcde(), "sl.Checklist.abcde()"
        elif kind in EXAMPLES:
            session.checklist, python = Checklist.example(kind), f"sl.Checklist.example({quoted(kind)})"
        else:
            valid = [name for name in (session.audit_target,) if name]
            session.checklist = Checklist(valid=valid, spurious=ARTEFACTS)
            python = f"sl.Checklist(valid={list(valid)!r}, spurious={list(ARTEFACTS)!r})"
    return _with_python(f"lens.checklist = {python}")


def opened(session: Session, buffers: Buffers, name: str) -> Answer:
    """Take the checklist of a file that a person has on the machine of the browser. ValueError says what is wrong."""
    if len(buffers) != 1:
        raise ValueError("one file is needed")
    path = Path(str(name)[-80:])
    form, text = format_of(path), decoded(bytes(buffers[0]), path.name)
    try:
        found = Checklist.from_text(text, form)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    with session.lock:
        if len(found):
            _choose_target(session)
        session.checklist = found
        session.set_trait("audit_notice", f"{path.name} is open: {found.counts}.")
    return _with_python(f"lens.checklist = sl.Checklist.from_file({quoted(path.name)})")


def checklist_file(session: Session) -> Answer:
    """The checklist as a file to keep, readable and to be opened again."""
    name = "checklist.json"
    data = session.checklist.to_text("json").encode("utf-8", "backslashreplace")
    return {"name": name, "python": f"lens.checklist.to_file({quoted(name)})",
            "file": File(data, "application/json;charset=utf-8")}  # fmt: skip


def _choose_target(session: Session) -> None:
    """Where nobody chose a class: the last of two, which by custom is the positive one; else the first."""
    names = targets(session)
    if session.audit_target is None and names:
        session.audit_target = names[-1] if len(names) == 2 else names[0]


def edit(session: Session, concepts: Any) -> Answer:
    """Take the checklist as the browser has it now. ValueError says what is wrong with it."""
    with session.lock:
        before = session.checklist
        after = rebuilt(before, concepts)
        if len(after):
            _choose_target(session)
        if after == before:
            return _with_python("")
        session.checklist = after
    return _with_python(line_of(before, after))


def rebuilt(before: Checklist, concepts: Any) -> Checklist:
    """A checklist with its title and groups, and the given concepts in the given order."""
    if not isinstance(concepts, list):
        raise ValueError("a checklist is a list of concepts")
    names = list(dict.fromkeys([*(group.name for group in before.groups), *(str(c["group"]) for c in concepts)]))
    listed: dict[str, list[Concept]] = {" ".join(name.split()): [] for name in names}
    for c in concepts:
        made = Concept(str(c["name"]), list(c["prompts"]), c["kind"], list(c["classes"]), str(c["note"]),
                       str(c.get("artefact", "")))  # fmt: skip
        listed[" ".join(str(c["group"]).split())].append(made)
    there = {group.name for group in before.groups}
    groups = [Group(name, made) for name, made in listed.items() if made or name in there]
    return replace(before, groups=tuple(groups))


def line_of(before: Checklist, after: Checklist) -> str:
    """The line of Python that makes one checklist of the other, where it is one step; else the list as a whole."""
    old, new = {c.name: c for c in before}, {c.name: c for c in after}
    added, gone = [n for n in new if n not in old], [n for n in old if n not in new]
    steps: list[tuple[str, Checklist]] = []
    if len(added) == 1 and not gone:
        concept, group = new[added[0]], after.group_of(added[0])
        at = [c.name for c in group.concepts].index(added[0])
        place = f"{quoted(group.name)}" if at == len(group.concepts) - 1 else f"{quoted(group.name)}, {at}"
        steps.append((f"adding({_call(concept)}, {place})", before.adding(concept, group.name, at)))
    elif len(gone) == 1 and not added:
        steps.append((f"without({quoted(gone[0])})", before.without(gone[0])))
    elif len(gone) == 1 and len(added) == 1:
        steps.append(_replacing(before, gone[0], new[added[0]]))
    elif not gone and not added:
        changed = [name for name in new if new[name] != old[name]]
        if len(changed) == 1:
            steps.append(_replacing(before, changed[0], new[changed[0]]))
        for name in changed or list(new):
            group = after.group_of(name)
            at = [c.name for c in group.concepts].index(name)
            kind = new[name].kind
            says = f', kind="{kind}"' if kind != old[name].kind else ""
            moved = before.moving(name, group.name, at, kind)
            steps.append((f"moving({quoted(name)}, {quoted(group.name)}, {at}{says})", moved))
    for line, made in steps:
        if made == after and len(line) <= LONGEST_LINE:
            return f"lens.checklist = lens.checklist.{line}"
    return 'lens.checklist.to_file("checklist.json")'


def _replacing(before: Checklist, name: str, concept: Concept) -> tuple[str, Checklist]:
    return f"replacing({quoted(name)}, {_call(concept)})", before.replacing(name, concept)


def _call(concept: Concept) -> str:
    parts = [quoted(concept.name), repr(list(concept.texts)), quoted(concept.kind)]
    parts += [f"classes={list(concept.classes)!r}"] if concept.classes else []
    parts += [f"note={concept.note!r}"] if concept.note else []
    parts += [f"artefact={concept.artefact!r}"] if concept.artefact else []
    return f"sl.Concept({', '.join(parts)})"


def decide(session: Session, subjects: Any, decision: str | None) -> Answer:
    """Give one verdict on components (rows) and concepts ("@name"); None takes it back, labels and notes stay."""
    with session.lock:
        named = [_subject(session, subject) for subject in subjects]
        if decision is not None:
            auditing.judge(session, named, decision)
            about = f"[{', '.join(map(quoted, named))}]"
            return _with_python(
                f'lens.verdicts[{quoted(named[0])}] = "{decision}"'
                if len(named) == 1
                else f'lens.judge({about}, "{decision}")'
            )
        auditing.check_may_judge(session)
        who, verdicts = session.auditor, session.verdicts
        mine = verdicts.of(who)
        if len(named) == 1 and named[0] not in mine:
            raise ValueError(f"the verdict on {named[0]} is not yours ({who or 'no name'}); give your own instead")
        for subject in (s for s in named if s in mine):
            verdict: Verdict = mine[subject]
            verdicts = verdicts.withdrawing(subject, who=who)
            if verdict.label or verdict.note:
                verdicts = verdicts.judging(subject, label=verdict.label, note=verdict.note, who=who)
        session.verdicts = verdicts
    if len(named) == 1:
        return _with_python(f"del lens.verdicts[{quoted(named[0])}]")
    return _with_python(f"lens.withdraw([{', '.join(quoted(s) for s in named if s in mine)}])")


def set_thresholds(session: Session, thresholds: Any) -> Answer:
    """Audit again with other thresholds: any of margin, used and min_effect. ValueError for an invalid number."""
    if not isinstance(thresholds, dict) or not thresholds or set(thresholds) - set(SET_IN_WINDOWS):
        raise ValueError(f"thresholds are some of {', '.join(SET_IN_WINDOWS)}")
    wanted = {name: float(value) for name, value in thresholds.items()}
    layer = session.report_layer
    margin, used, min_effect = (wanted.get(name) for name in SET_IN_WINDOWS)
    auditing.audit(
        session, margin=margin, used=used, min_effect=min_effect, layer=layer, relevance=False, progress=False
    )
    parts = [f"{name}={value!r}" for name, value in wanted.items()]
    parts += [f"layer={layer!r}"] if layer is not None else []
    return _with_python(f"lens.audit({', '.join(parts)})")


def _subject(session: Session, subject: Any) -> str:
    if isinstance(subject, str) and subject.startswith(_CONCEPT):
        return subject
    return str(session.components[session.components.row(int(subject))])


def undo(session: Session) -> Answer:
    auditing.take_back(session)
    return _with_python("lens.undo()")


def redo(session: Session) -> Answer:
    auditing.take_back(session, redo=True)
    return _with_python("lens.redo()")


def written(session: Session, format: str) -> Answer:
    """The report of the audit as a file: its name, its type, its bytes. ValueError where there is none to write."""
    if format not in FORMATS:
        raise ValueError(f"no report as {format!r}; there are {', '.join(FORMATS)}")
    document = report_of_session(session)
    made = {
        "html": document.to_html, "md": document.to_markdown, "json": document.to_json, "csv": document.to_csv,
    }[format]()  # fmt: skip
    target = session.report.target if session.report is not None else None
    name = "-".join(re.findall(r"[\w.]+", f"audit {session.name} {target or ''}"))[:80]
    return {
        "name": f"{name}.{format}",
        "python": f'lens.write_report("{name}.{format}")',
        "file": File(made.encode("utf-8", "backslashreplace"), f"{FORMATS[format]};charset=utf-8"),
    }


def _with_python(python: str) -> Answer:
    return {"python": python}


def _recorded(session: Session) -> list[tuple[str, dict[str, Any], Answer]]:
    """What a file has of the audit: nothing can be changed there."""
    kept = audited(session) | {"computable": False, "formats": [], "undo": False, "redo": False, "notice": ""}
    return [("audit", {}, kept)]


def _watch(window: LensWidget) -> Callable[[], None]:
    window.lens.watch_audit()
    return lambda: None


_CHANGES: Verbs = {
    "audit_start": start,
    "audit_open": opened,
    "audit_edit": edit,
    "audit_decide": decide,
    "audit_thresholds": set_thresholds,
    "audit_undo": undo,
    "audit_redo": redo,
    **dossier.CHANGES,
    **readers.CHANGES,
}

VIEW = View(
    "audit",
    live={
        "audit_target": Live.same("audit_target", maybe_text),
        "audit_level": Live.same("audit_level", partial(traitlets.Float, 0.01)),
    },
    counters=dict.fromkeys(("checklist", "verdicts", "report", "audit_notice", "relevance", "dossier", "reading"),
                           "audit_version"),
    verbs={**_CHANGES, "audit": audited, "audit_relevance": relevance, "audit_report": written,
           "audit_file": checklist_file, **dossier.VERBS, **readers.VERBS},
    in_order=tuple(_CHANGES),
    figure=True,
    recorded=_recorded,
    has_content=lambda session: session.report is not None,
    while_open=_watch,
)


class AuditChecklist(LensWidget, views=(VIEW,), bundle="checklist"):
    """The audit alone: a checklist to edit, what the model knows and uses of it, and verdicts to give.

    Everything is live with `lens.checklist`, `lens.verdicts`, `lens.audit_target` and `lens.audit_level`.

    Parameters
    ----------
    lens
        The lens it shows and follows.

    Examples
    --------
    >>> view = sl.AuditChecklist(lens)  # the last line of a cell shows it
    """
