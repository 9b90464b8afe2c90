"""Two notebooks changed one audit: the changes of both, seen from the state that both began with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar

from ..checklist import Checklist, Concept, Group
from ..dossier import FIELDS, Dossier
from ..readers import Reading
from ..verdicts import Verdicts, now
from .finding import Thresholds
from .state import AuditState, EditConflict

T = TypeVar("T", bound=Hashable)
_AUDIT = "audit"  # what conflicts about class, thresholds and title are about
_DOSSIER = "dossier"


def three_way(base: AuditState, mine: AuditState, theirs: AuditState, *, keep: bool = False) -> AuditState:
    """What both sides made of `base`: all that either added or changed, without what either took away.

    What both changed, each in its own way, stands as `mine` has it, and as theirs in `conflicts`; texts and notes of
    concepts are kept of both. What one took away and the other changed stays. `keep` says that what is missing from
    `theirs` may have been lost there, not taken away: then it stays, too. (Three-way merge, as of diff3)
    """
    if mine == base and not keep:
        return _settled(theirs)
    if theirs == base:
        return _settled(mine)
    conflicts: list[EditConflict] = []
    checklist = _checklists(base.checklist, mine.checklist, theirs.checklist, keep, conflicts)
    entries = _ordered(base.verdicts.entries, mine.verdicts.entries, theirs.verdicts.entries, keep)
    thresholds = {}
    for name in (f.name for f in fields(Thresholds)):
        was, here, there = (getattr(state.thresholds, name) for state in (base, mine, theirs))
        thresholds[name] = _one(_AUDIT, name, was, here, there, conflicts)
    target = _one(_AUDIT, "target", base.target, mine.target, theirs.target, conflicts)
    listed = _ordered(base.conflicts, mine.conflicts, theirs.conflicts, keep)
    return _settled(
        AuditState(
            checklist, Verdicts(tuple(entries)), target, Thresholds(**thresholds), mine.made_from or theirs.made_from,
            _labels(base.own_labels, mine.own_labels, theirs.own_labels, keep, conflicts), (),
            _dossiers(base.dossier, mine.dossier, theirs.dossier, keep, conflicts),
            _readings(base.reading, mine.reading, theirs.reading, conflicts),
        ),
        (*listed, *conflicts),
    )  # fmt: skip


def value_of(state: AuditState, about: str, what: str) -> str | None:
    """What a state says of the thing that an `EditConflict` is about, as text; None where it says nothing."""
    if about == _AUDIT:
        values = {**asdict(state.thresholds), "target": state.target, "title": state.checklist.title}
        return None if what not in values else str(values[what])
    if about == _DOSSIER:
        return str(state.dossier.to_document().get(what, ""))
    if not about.startswith("@"):
        return (state.own_labels or {}).get(about, "")
    if about[1:] not in state.checklist:
        return None
    return state.checklist.group_of(about[1:]).name if what == "group" else state.checklist[about[1:]].kind


def _settled(state: AuditState, conflicts: tuple[EditConflict, ...] | None = None) -> AuditState:
    """With those conflicts (by default its own) that are not about what somebody has changed since."""
    listed = state.conflicts if conflicts is None else conflicts
    left = tuple(c for c in listed if value_of(state, c.about, c.what) == c.kept)
    return state if left == state.conflicts else replace(state, conflicts=left)


def _one(about: str, what: str, base: Any, mine: Any, theirs: Any, conflicts: list[EditConflict]) -> Any:
    """One value: of the side that changed it; mine, and a conflict, where both did."""
    if theirs in (mine, base):
        return mine
    if mine == base:
        return theirs
    conflicts.append(EditConflict(about, what, str(mine), str(theirs), now()))
    return mine


def _ordered(base: Sequence[T], mine: Sequence[T], theirs: Sequence[T], keep: bool) -> list[T]:
    """Items of both sides without what either took away, in the order of the side that changed it."""
    if theirs == mine:
        return list(mine)
    was, here, there = set(base), set(mine), set(theirs)
    alive = (here & there) | (here - (set() if keep else was)) | (there - was)
    return _in_order(base, mine, theirs, alive)


def _in_order(base: Sequence[T], mine: Sequence[T], theirs: Sequence[T], alive: set[T]) -> list[T]:
    """What is alive, in the order of the side that moved things; what only the other has follows what it followed."""
    here = set(mine)
    was = set(base)
    unmoved = [item for item in base if item in here] == [item for item in mine if item in was]
    first, second = (theirs, mine) if unmoved else (mine, theirs)
    frame = [item for item in first if item in alive]
    framed = set(frame)
    after: dict[T | None, list[T]] = {}
    before: T | None = None
    for item in second:
        if item in framed:
            before = item
        elif item in alive:
            after.setdefault(before, []).append(item)
    return [*after.get(None, ()), *(one for item in frame for one in (item, *after.get(item, ())))]


def _checklists(
    base: Checklist, mine: Checklist, theirs: Checklist, keep: bool, conflicts: list[EditConflict]
) -> Checklist:
    if theirs == mine:
        return mine
    was, here, there = (_places(checklist) for checklist in (base, mine, theirs))
    alive = (
        (set(here) & set(there))
        | {name for name, place in here.items() if keep or was.get(name) != place}
        | {name for name, place in there.items() if was.get(name) != place}
    )
    order = _in_order(tuple(was), tuple(here), tuple(there), alive)
    headings = _ordered(_group_names(base), _group_names(mine), _group_names(theirs), keep)
    groups: dict[str, list[Concept]] = {name: [] for name in headings}
    for name in order:
        group, concept = _merged(name, was.get(name), here.get(name), there.get(name), conflicts)
        groups.setdefault(group, []).append(concept)
    title = _one(_AUDIT, "title", base.title, mine.title, theirs.title, conflicts)
    return Checklist(tuple(Group(name, listed) for name, listed in groups.items()), title)


def _group_names(checklist: Checklist) -> list[str]:
    return [group.name for group in checklist.groups]


_Place = tuple[str, Concept]  # the group's name, and the concept


def _places(checklist: Checklist) -> dict[str, _Place]:
    return {concept.name: (group.name, concept) for group in checklist.groups for concept in group.concepts}


def _merged(
    name: str, was: _Place | None, here: _Place | None, there: _Place | None, conflicts: list[EditConflict]
) -> _Place:
    """One concept as both sides want it; as the one that has it wants it, where the other has not."""
    if here is None or there is None or here == there:
        place = here or there
        assert place is not None, "one side has every concept that is alive"
        return place
    about = f"@{name}"
    (group, mine), (other_group, theirs) = here, there
    old_group, old = was if was is not None else (None, Concept(name, ()))
    kind = _one(about, "kind", None if was is None else old.kind, mine.kind, theirs.kind, conflicts)
    return _one(about, "group", old_group, group, other_group, conflicts), Concept(
        name,
        _ordered(old.texts, mine.texts, theirs.texts, False),
        kind,
        _ordered(tuple(old.classes), tuple(mine.classes), tuple(theirs.classes), False),
        _notes(old.note, mine.note, theirs.note),
        theirs.artefact if mine.artefact == old.artefact else mine.artefact,
    )


def _notes(base: str, mine: str, theirs: str) -> str:
    """The note of the side that changed it; both, one below the other, where both did."""
    if theirs in (mine, base) or theirs in mine:
        return mine
    return theirs if mine == base or mine in theirs else f"{mine}\n{theirs}"


def _labels(
    base: Mapping[str, str] | None, mine: Mapping[str, str] | None, theirs: Mapping[str, str] | None, keep: bool,
    conflicts: list[EditConflict],
) -> dict[str, str] | None:  # fmt: skip
    if theirs is None or theirs == mine:
        return None if mine is None else dict(mine)
    base, mine = base or {}, mine or {}
    merged = {}
    for name in dict.fromkeys([*mine, *theirs]):
        was, here, there = (labels.get(name, "") for labels in (base, mine, theirs))
        there = here if keep and not there else there
        if label := _one(name, "label", was, here, there, conflicts):
            merged[name] = label
    return merged


def _dossiers(base: Dossier, mine: Dossier, theirs: Dossier, keep: bool, conflicts: list[EditConflict]) -> Dossier:
    """Field by field; what is said of findings, who signs and which clauses do not apply, entry by entry."""
    if theirs == mine:
        return mine
    made: dict[str, Any] = {}
    for name in ("title", *FIELDS):
        was, here, there = (getattr(dossier, name) for dossier in (base, mine, theirs))
        made[name] = _one(_DOSSIER, name, was, here, here if keep and not there else there, conflicts)
    by_name = {"risks": "finding", "signatories": "name"}
    for name, key in by_name.items():
        was, here, there = ({getattr(e, key): e for e in getattr(d, name)} for d in (base, mine, theirs))
        made[name] = tuple(_entries(name, was, here, there, keep, conflicts).values())
    made["not_applicable"] = _entries(
        "not_applicable", base.not_applicable, mine.not_applicable, theirs.not_applicable, keep, conflicts
    )
    return Dossier(**made)


def _entries(
    what: str, was: Mapping[str, Any], here: Mapping[str, Any], there: Mapping[str, Any], keep: bool,
    conflicts: list[EditConflict],
) -> dict[str, Any]:  # fmt: skip
    """Entries by name as both sides want them; what one took away and the other changed stays."""
    merged = {}
    for name in _ordered(tuple(was), tuple(here), tuple(there), keep) + [
        name for name in {**here, **there}
        if name in was and (name in here) != (name in there) and {**here, **there}[name] != was[name]
    ]:  # fmt: skip
        if name in here and name in there:
            merged[name] = _one(_DOSSIER, what, was.get(name), here[name], there[name], conflicts)
        else:
            merged[name] = here.get(name, there.get(name))
    return merged


def _readings(
    base: Reading | None, mine: Reading | None, theirs: Reading | None, conflicts: list[EditConflict]
) -> Reading | None:
    """Of the same reading who has finished and what is settled on both sides; else of the side that changed it."""
    if mine is None or theirs is None or (mine.begun, mine.readers) != (theirs.begun, theirs.readers):
        return _one(_AUDIT, "reading", base, mine, theirs, conflicts)
    settled = tuple(sorted(dict.fromkeys((*mine.settled, *theirs.settled)), key=lambda v: v.when))
    return replace(mine, done={**theirs.done, **mine.done}, settled=settled)
