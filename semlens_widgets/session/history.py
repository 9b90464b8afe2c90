"""One history of all that people do with a lens: every step can be taken back and done again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..texts import plural

MOST = 200  # steps that are remembered
VALUES = ("query", "layer", "template", "selection", "own_labels", "concepts", "dossier")
"""Traits whose change is a step, beside the checklist and the verdicts, which the audit remembers by itself."""
AUDIT = ("checklist", "verdicts")
_LONGEST = 60  # of a name in words, in characters


@dataclass(frozen=True)
class Step:
    """One change: of which trait, from what to what. Of the audit the values are left to its own memory."""

    name: str
    words: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class History:
    """The steps that led here, the last one last, and those that were taken back, the next one to do again last."""

    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    def with_step(self, step: Step) -> History:
        """After one more step: what was taken back is forgotten. Going through a list or typing on is one step."""
        last = self.past[-1] if self.past else None
        if last is not None and _goes_on(last, step):
            return History((*self.past[:-1], replace(step, before=last.before)))
        return History((*self.past[-MOST + 1 :], step))

    def moved(self, *, redo: bool = False, audit: bool = False) -> History:
        """With the last step taken back (or done again); with `audit` the last one of the audit."""
        source, target = (self.future, self.past) if redo else (self.past, self.future)
        at = max((i for i, step in enumerate(source) if not audit or step.name in AUDIT), default=None)
        if at is None:
            return self
        source, target = (*source[:at], *source[at + 1 :]), (*target, source[at])
        return History(target, source) if redo else History(source, target)

    def to_document(self) -> dict[str, Any]:
        """What windows list."""
        return {"past": [step.words for step in self.past], "future": [step.words for step in self.future]}

    def __repr__(self) -> str:
        lines = [f"<History of {plural(len(self.past), 'step')}, {len(self.future)} taken back>"]
        lines += [f"  {step.words}" for step in self.past[-10:]]
        return "\n".join(lines)


def step_of(name: str, before: Any, after: Any) -> Step:
    """A change of a trait as a step."""
    values = (None, None) if name in AUDIT else (before, after)
    return Step(name, in_words(name, before, after), *values)


def in_words(name: str, before: Any, after: Any) -> str:
    """What a change is called."""
    if name == "query":
        return f"search “{_short(after)}”" if after else "clear the search"
    if name == "layer":
        return f"layer {_short(after)}" if after else "all layers"
    if name == "template":
        return f"template “{_short(after)}”" if after else "the lens's own templates"
    if name == "selection":
        more = f" and {len(after) - 1} more" if len(after) > 1 else ""
        return f"select {after[0]}{more}" if after else "clear the selection"
    if name == "own_labels":
        changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        only = f"{changed[0]}: {_short(after[changed[0]])}" if len(changed) == 1 and changed[0] in after else ""
        return f"label {only}" if only else f"change {plural(len(changed), 'label')}"
    if name == "dossier":
        old, new = before.to_document(), after.to_document()
        changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        return f"dossier: {changed[0].replace('_', ' ')}" if len(changed) == 1 else "change the dossier"
    if name == "concepts":
        return f"compare {plural(len(after), 'concept')}"
    if name == "checklist":
        return _of_checklists({c.name: c for c in before}, {c.name: c for c in after})
    return _of_verdicts(before, after)


def _of_checklists(before: dict[str, Any], after: dict[str, Any]) -> str:
    added, gone = [n for n in after if n not in before], [n for n in before if n not in after]
    if not before:
        return f"begin a checklist of {plural(len(after), 'concept')}"
    if len(added) == 1 and not gone:
        return f"add “{_short(added[0])}”"
    if len(gone) == 1 and not added:
        return f"remove “{_short(gone[0])}”"
    changed = [n for n in after if n in before and after[n] != before[n]]
    return f"change “{_short(changed[0])}”" if len(changed) == 1 and not added and not gone else "change the checklist"


def _of_verdicts(before: Any, after: Any) -> str:
    def said(verdicts: Any) -> dict[str, Any]:
        return {subject: (v.decision, v.label, v.note) for subject, v in verdicts.items()}

    old, new = said(before), said(after)
    changed = [subject for subject in {**old, **new} if old.get(subject) != new.get(subject)]
    if len(changed) != 1:
        return f"verdicts on {plural(len(changed), 'subject')}"
    decision = new.get(changed[0], (None,))[0]
    return f"{_short(changed[0].removeprefix('@'))}: {decision or 'no verdict'}"


def _goes_on(last: Step, step: Step) -> bool:
    """Whether a step only goes on with the last: through a list, or typing."""
    if last.name != step.name or last.after != step.before:
        return False
    if step.name == "selection":
        return len(last.after) == len(step.after) == 1
    return step.name == "query" and bool(last.after) and bool(step.after) and step.after.startswith(last.after)


def _short(text: Any) -> str:
    text = str(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
