"""Auditing from a notebook: the checklist, what was found, what people decide, and all of it kept."""

from __future__ import annotations

import getpass
import os
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import traitlets

from ..audit import AuditReport, Thresholds, TrainingImages, audit, training_images
from ..audit.merge import three_way
from ..audit.state import AuditState
from ..checklist import Checklist
from ..clip import Probes
from ..components import Component
from ..texts import plural
from ..verdicts import Verdict, Verdicts, subject_of
from .describing import Describing
from .explaining import Explaining

_STEPS = 200  # that undo remembers
Step = tuple[AuditState, AuditState]  # from, to


class LensVerdicts(Verdicts):
    """The verdicts of a lens. `verdicts["layer4:64"] = "spurious"` decides, `del verdicts["layer4:64"]` takes back.

    What is assigned may also be a mapping with decision, label and note. Each change makes a new value, which
    `lens.verdicts` then is.
    """

    def __init__(self, entries: Sequence[Verdict], lens: Auditing) -> None:
        super().__init__(tuple(entries))
        object.__setattr__(self, "_lens", weakref.ref(lens))

    _lens: Any

    def __setitem__(self, subject: str | Component, said: str | Mapping[str, str] | Verdict | None) -> None:
        lens: Auditing | None = self._lens()
        if lens is None:
            raise RuntimeError("the lens of these verdicts is gone; use verdicts.judging(...), which gives a new value")
        if said is None:
            lens.withdraw(subject)
        elif isinstance(said, Verdict):
            lens.judge(subject, said.decision, label=said.label, note=said.note)
        elif isinstance(said, Mapping):
            lens.judge(subject, **said)
        else:
            lens.judge(subject, said)

    def __delitem__(self, subject: str | Component) -> None:
        self[subject] = None


class Auditing(Explaining, Describing):
    """The verb `audit`, and the live state of an audit: change it in a cell or a window, both follow.

    Setting `checklist`, `audit_target` or `audit_level` audits again at once (only prompts that are new go through
    CLIP) and sets `report`. `Keeping` saves all of it.
    """

    checklist = traitlets.Instance(Checklist, args=(), help="what is expected of the model").tag(live=True)
    verdicts = traitlets.Instance(Verdicts, help="what people decided").tag(live=True)
    audit_target = traitlets.Unicode(None, allow_none=True, help="the class that is audited").tag(live=True)
    audit_level = traitlets.Float(Thresholds.p, help="the p of the null above which a concept counts").tag(live=True)
    auditor = traitlets.Unicode(help="who decides, as verdicts state it").tag(live=True)
    report = traitlets.Instance(AuditReport, allow_none=True, read_only=True, help="what the audit found, or None")
    audit_notice = traitlets.Unicode("", read_only=True, help="what was restored, or could not be saved")
    undoable = traitlets.Bool(False, read_only=True, help="whether `undo` has something to take back")
    redoable = traitlets.Bool(False, read_only=True, help="whether `redo` has something to do again")

    def _begin(self) -> None:
        super()._begin()
        self._audited: AuditReport | None = None
        self._lines = Thresholds()
        self._audited_layer: str | Sequence[str] | None = None
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._quiet = False  # while several traits change as one
        self.verdicts  # noqa: B018  makes its default, so that the first change knows what was before

    @traitlets.default("verdicts")
    def _no_verdicts(self) -> Verdicts:
        return LensVerdicts((), self)

    @traitlets.default("auditor")
    def _this_person(self) -> str:
        try:
            return os.environ.get("SEMLENS_AUDITOR") or getpass.getuser()
        except (KeyError, OSError):
            return ""

    # asking

    @property
    def report_layer(self) -> str | Sequence[str] | None:
        """The layer or layers that the last audit was restricted to; None for all."""
        return self._audited_layer

    def audit(
        self,
        checklist: Checklist | str | os.PathLike[str] | None = None,
        target: int | str | None = None,
        *,
        level: float | None = None,
        margin: float | None = None,
        used: float | None = None,
        still: float | None = None,
        layer: str | Sequence[str] | None = None,
        relevance: bool = True,
        progress: bool = True,
    ) -> AuditReport:
        """Hold the model against a checklist: what it knows, uses, and must not use. Also in `report`.

        checklist: a `Checklist`, a file of one, or None for the lens's own.
        target:    the class that is explained, by name or number; None for the one audited last.
        level, margin, used, still: see `Thresholds`; None for those of the last audit.
        layer:     audit one or several layers only; None for all.
        relevance: compute each component's relevance first (one pass over the images, cached) where the lens has model
                   and images and it is not known yet; without it the answer has regions and no shares.

        ValueError where there is no checklist or class to audit; KeyError for an unknown class or layer.
        """
        wanted = self.checklist if checklist is None else checklist
        if not isinstance(wanted, Checklist | str | os.PathLike):
            raise TypeError(f"checklist is a {type(wanted).__name__}; give a sl.Checklist, or the file of one")
        if not isinstance(wanted, Checklist):
            wanted = Checklist.from_file(wanted)
        if not len(wanted):
            raise ValueError(
                "nothing to audit against: give a checklist, such as sl.Checklist.abcde() or one of your own, or set "
                "lens.checklist"
            )
        self.components.rows(layer)  # NotFitted or KeyError here, before any long work, and so for all that is asked
        given = {"p": level, "margin": margin, "used": used, "still": still}
        before = replace(self._lines, p=self.audit_level)
        lines = replace(before, **{name: value for name, value in given.items() if value is not None})
        if relevance and self.relevance is None and self.has_data:
            self._check_class(self.audit_target if target is None else target)
            if wanted.prompts:
                self._text_probes(list(wanted.prompts), None, True)
            self.relate(progress=progress)
        with self.lock:
            report = self._audit(wanted, self.audit_target if target is None else target, lines, layer)
            self._lines, self._audited_layer = lines, layer
            if wanted != self.checklist:
                state = self._audit_state()
                self._remember(state, replace(state, checklist=wanted))
            self._quiet = True
            try:
                self.checklist, self.audit_level = wanted, lines.p
                if report.target is not None:
                    self.audit_target = report.target
            finally:
                self._quiet = False
            self.set_trait("report", report)
            if checklist is not None and not len(self.verdicts):
                self.set_trait("audit_notice", "")  # nothing of what was restored is left
            self._after_change()
        return report

    def _check_class(self, target: int | str | None) -> None:
        """ValueError, KeyError or IndexError where relevance would be known, but not for the class that is audited."""
        if target is None:
            classes = self.source.images.classes
            known = f", one of {', '.join(classes[:20])}" if classes else ", by number"
            raise ValueError(f"audit which class? give target{known}")
        self._class_number(target)

    def _audit(
        self, checklist: Checklist, target: int | str | None, lines: Thresholds, layer: str | Sequence[str] | None
    ) -> AuditReport:
        nothing = Probes((), np.zeros((0, self.space.dim), np.float32), self.space.recipe.clip)
        probes = self._text_probes(list(checklist.prompts), None, True) if checklist.prompts else nothing
        known = self.relevance if self.relevance is not None and self.relevance.components == self.components else None
        if known is not None and target is None:
            raise ValueError(f"audit which class? give target, one of {', '.join(known.classes[:20])}")
        labels = [self.label_of(row) for row in range(len(self.components))]
        named = [label.text if label is not None and label.confident else None for label in labels]
        return audit(
            self.space, checklist, probes, known, target=target,
            thresholds=lines, layer=layer, labels=named if any(named) else (),
        )  # fmt: skip

    def training_images(self, components: Any = None) -> TrainingImages:
        """The images behind components, one or several (default: those the last audit calls spurious): ids and paths.

        `to_csv()` and `to_json()` of the answer write them down for cleaning. They are the strongest examples only;
        an artefact is usually on more images.
        """
        if components is None:
            if self.report is None:
                raise ValueError("whose images? give components, such as 'layer4:64', or call lens.audit() first")
            return self.report.training_images()
        return training_images(self.space, components)

    # deciding

    def judge(
        self,
        subjects: str | Component | Sequence[str | Component],
        decision: str | None = None,
        *,
        label: str | None = None,
        note: str | None = None,
    ) -> Verdicts:
        """Decide about components ("layer4:64") or concepts ("@ruler"), one or many in one step; `auditor` says who.

        decision: "valid", "spurious", "neutral" or "unsure". label: what you call it; an empty one takes it back. What
        is not given stays. KeyError for a component or concept that is not there.
        """
        listed = [subjects] if isinstance(subjects, str | Component) else list(subjects)
        with self.lock:
            verdicts: Verdicts = self.verdicts
            for subject in map(self._known_subject, listed):
                verdicts = verdicts.judging(subject, decision, label=label, note=note, who=self.auditor)
            self.verdicts = verdicts
            return self.verdicts

    def withdraw(self, subjects: str | Component | Sequence[str | Component]) -> Verdicts:
        """Take back what `auditor` said about components or concepts. KeyError where nothing was said."""
        listed = [subjects] if isinstance(subjects, str | Component) else list(subjects)
        with self.lock:
            verdicts: Verdicts = self.verdicts
            for subject in map(self._known_subject, listed):
                verdicts = verdicts.withdrawing(subject, who=self.auditor)
            self.verdicts = verdicts
            return self.verdicts

    def _known_subject(self, thing: str | Component) -> str:
        subject = subject_of(thing)
        if subject.startswith("@"):
            self.checklist[subject[1:]]
            return subject
        return str(self.components[self.components.row(subject)])

    @property
    def reviewed(self) -> tuple[int, int]:
        """(concepts decided about, concepts of the checklist); a concept counts when it or its best component does."""
        done = 0
        for concept in self.checklist:
            about = [f"@{concept.name}"]
            if self.report is not None and concept.name in self.report.checklist:
                best = self.report[concept.name].best
                about += [] if best is None else [str(self.components[best])]
            done += any(s in self.verdicts and self.verdicts[s].decision is not None for s in about)
        return done, len(self.checklist)

    def undo(self) -> None:
        """Take back the last change of checklist or verdicts; what others changed since stays. Nothing happens where
        there is none."""
        self._step(self._done, self._undone)

    def redo(self) -> None:
        """Do again what was undone last. Nothing happens where there is none."""
        self._step(self._undone, self._done)

    def _step(self, back: list[Step], forth: list[Step]) -> None:
        """Undo the change from one state to another, wherever the audit is now."""
        with self.lock:
            if not back:
                return
            left, reached = back[-1]
            now = self._audit_state()
            wanted = three_way(reached, now, left)
            report = self._audited_with(checklist=wanted.checklist)
            back.pop()
            forth.append((now, wanted))
            self._quiet = True
            try:
                self.checklist, self.verdicts = wanted.checklist, wanted.verdicts
            finally:
                self._quiet = False
            self.set_trait("report", report)
            self._after_change()

    # live state

    # The validators audit, so that what fails raises there, before anything has changed.

    def _audited_with(self, **changed: Any) -> AuditReport | None:
        """The report with some of checklist, target and level changed; None where there is nothing to audit yet."""
        checklist = changed.get("checklist", self.checklist)
        target = changed.get("target", self.audit_target)
        if not self.fitted or not len(checklist) or (self.relevance is not None and target is None):
            return None
        lines = replace(self._lines, p=changed.get("level", self.audit_level))
        return self._audit(checklist, target, lines, self._audited_layer)

    @traitlets.validate("checklist")
    def _valid_checklist(self, proposal: Any) -> Checklist:
        checklist: Checklist = proposal["value"]
        if not self._quiet:
            self._audited = self._audited_with(checklist=checklist)
        return checklist

    @traitlets.validate("audit_target")
    def _valid_audit_target(self, proposal: Any) -> str:
        target: str = proposal["value"]
        if self._quiet:
            return target
        self._audited = self._audited_with(target=target)
        return target if self._audited is None or self._audited.target is None else self._audited.target

    @traitlets.validate("audit_level")
    def _valid_audit_level(self, proposal: Any) -> float:
        level = Thresholds(proposal["value"]).p
        if not self._quiet:
            self._audited = self._audited_with(level=level)
        return level

    @traitlets.validate("verdicts")
    def _valid_verdicts(self, proposal: Any) -> Verdicts:
        return LensVerdicts(proposal["value"].entries, self)

    @traitlets.observe("checklist", "verdicts", "audit_target", "audit_level")
    def _audit_changed(self, change: Any) -> None:
        if self._quiet:
            return
        name = change["name"]
        if name in ("checklist", "verdicts"):
            after = self._audit_state()
            self._remember(replace(after, **{name: change["old"]}), after)
        if name != "verdicts":
            self.set_trait("report", self._audited)
        self._after_change()

    @traitlets.observe("own_labels")
    def _named(self, change: Any) -> None:
        if not self._quiet:
            self._keep()

    @traitlets.observe("relevance")
    def _weighed_anew(self, change: Any) -> None:
        with self.lock:
            if self.report is not None:
                self.set_trait("report", self._audited_with())

    def _remember(self, before: AuditState, after: AuditState) -> None:
        self._done = [*self._done[1 - _STEPS :], (before, after)]
        self._undone.clear()

    def _after_change(self) -> None:
        self.set_trait("undoable", bool(self._done))
        self.set_trait("redoable", bool(self._undone))
        self._keep()

    def _keep(self) -> None:
        """Called after every change of what people decide: `Keeping` saves it."""

    def _audit_state(self) -> AuditState:
        made_from = {}
        if self.fitted:
            recipe = self.space.recipe
            made_from = {"model": recipe.weights, "images": recipe.images, "clip": recipe.clip, "key": recipe.key}
        verdicts = Verdicts(self.verdicts.entries)
        lines = replace(self._lines, p=self.audit_level)
        return AuditState(
            self.checklist, verdicts, self.audit_target, lines, made_from, dict(self.own_labels)
        )

    def _state(self) -> str:
        state = super()._state()
        if not self.fitted or self._audit_state().empty:
            return state
        return f"{state}; audit with {held(self.checklist, self.verdicts)}"


def held(checklist: Checklist, verdicts: Verdicts) -> str:
    """How much there is, in words."""
    return f"{plural(len(checklist), 'concept')} and {plural(len(verdicts), 'verdict')}"
