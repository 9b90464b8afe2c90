"""The verb `robustness`: the last audit again, with one thing changed at a time that should make no difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..audit import AuditReport
from ..audit import audit as audit_space
from ..audit.robustness import Robustness
from ..checklist import Checklist, Concept
from ..clip import TEMPLATES, Probes
from ..space import SemanticSpace
from ..space.fewer import with_fewer_examples, with_part_of_sample
from .state import LiveState

BY = ("k", "templates", "prompts", "sample")
_FEWEST = 5  # examples, or sampled images for each concept, below which nothing is left to audit
_SPLITS = 2  # of the sample, in halves


def robustness(
    session: LiveState, by: Sequence[str], others: Mapping[str, Any] | None, seed: int
) -> Robustness:  # fmt: skip
    """See `Lens.robustness`."""
    if isinstance(by, str) or (foreign := [name for name in by if name not in BY]):
        given = by if isinstance(by, str) else foreign[0]
        raise ValueError(
            f"by={given!r}; what can be changed is {', '.join(BY)}, as a list; another crop, CLIP or images are those "
            "of other lenses: others={'whole images': lens}"
        )
    if session.report is None:
        raise ValueError("nothing to audit again; call lens.audit(checklist, target=…) first")
    audit = _Again(session)
    changed: dict[tuple[str, str], AuditReport] = {}
    without: dict[str, str] = {}
    ways: dict[str, Any] = {"k": audit.by_k, "templates": audit.by_templates, "prompts": audit.by_prompts,
                            "sample": lambda: audit.by_sample(seed)}  # fmt: skip
    for what in dict.fromkeys(by):
        try:
            changed |= {(what, how): report for how, report in ways[what]()}
        except (RuntimeError, ValueError) as error:  # no CLIP at hand, too few examples
            without[what] = str(error)
    for name, other in (others or {}).items():
        changed["others", name] = audit.by_other(name, other)
    return Robustness.of(session.report, changed, without)


class _Again:
    """The last audit of a session, made again with something else."""

    def __init__(self, session: LiveState) -> None:
        assert session.report is not None
        self.session, self.report = session, session.report
        self.logits = session.audit_session.logits.get(self.report.target or "")

    def __call__(self, space: SemanticSpace, checklist: Checklist, probes: Probes, logits: Any = None) -> AuditReport:
        report = self.report
        return audit_space(
            space, checklist, probes, self.session.own_relevance, target=report.target, thresholds=report.thresholds,
            layer=self.session.audit_session.layer, centre=report.centre,
            logits=self.logits if logits is None else logits,
        )  # fmt: skip

    def _probes(self, checklist: Checklist, templates: Any = None) -> Probes:
        space = self.report.space
        if not checklist.prompts:
            return Probes((), np.zeros((0, space.dim), np.float32), space.recipe.clip)
        return self.session.probe_cache.of_words(list(checklist.prompts), templates, True)

    def by_k(self) -> Iterator[tuple[str, AuditReport]]:
        """With half of the examples, and with a quarter."""
        space, checklist = self.report.space, self.report.checklist
        k = space.crop_of.shape[1]
        fewer = [n for n in (k // 2, k // 4) if n >= _FEWEST]
        if not fewer:
            raise ValueError(f"there are only {k} examples of each component")
        for n in fewer:
            yield f"{n} examples", self(with_fewer_examples(space, n), checklist, self._probes(checklist))

    def by_templates(self) -> Iterator[tuple[str, AuditReport]]:
        """With each single sentence: those of the lens, and those the package comes with."""
        own = self.session.probe_cache.templates
        single = [t for t in dict.fromkeys((*own, *TEMPLATES, "{}")) if (t,) != tuple(own)]
        for template in single:
            checklist = self.report.checklist
            yield f"“{template}”", self(self.report.space, checklist, self._probes(checklist, [template]))

    def by_prompts(self) -> Iterator[tuple[str, AuditReport]]:
        """With one prompt of every concept left out: of all the first, of all the second, …"""
        checklist = self.report.checklist
        most = max((len(c.texts) for c in checklist), default=0)
        if most < 2:
            raise ValueError("no concept has several prompts")
        for at in range(most):
            fewer = _without_prompt(checklist, at)
            if fewer != checklist:
                yield f"without prompt {at + 1}", self(self.report.space, fewer, self._probes(fewer))

    def by_sample(self, seed: int) -> Iterator[tuple[str, AuditReport]]:
        """With one half of the sampled images, and the other, at random."""
        space, checklist = self.report.space, self.report.checklist
        images = 0 if space.sample is None else len(space.sample)
        if images < 2 * _FEWEST * len(checklist):
            raise ValueError(f"there are only {images} sampled images")
        random = np.random.default_rng(seed)
        for split in range(_SPLITS):
            order = random.permutation(images)
            for half, chosen in enumerate((np.sort(order[: images // 2]), np.sort(order[images // 2 :]))):
                logits = None if self.logits is None else self.logits[chosen]
                part = with_part_of_sample(space, chosen)
                yield f"half {'ab'[half]} of split {split + 1}", self(part, checklist, self._probes(checklist), logits)

    def by_other(self, name: str, other: Any) -> AuditReport:
        """By another lens. TypeError for what is none."""
        if not isinstance(other, LiveState):
            raise TypeError(f"{name!r} is a {type(other).__name__}; others are lenses, by name")
        report, checklist = self.report, self.report.checklist
        probes = other.probe_cache.of_words(list(checklist.prompts), None, True)
        relevance = other.own_relevance
        known = relevance is not None and report.target in relevance.classes
        return audit_space(
            other.space, checklist, probes, relevance if known else None, target=report.target,
            thresholds=report.thresholds, centre=report.centre,
        )  # fmt: skip


def _without_prompt(checklist: Checklist, at: int) -> Checklist:
    """The checklist with one prompt fewer of each concept that has several and so many."""
    def fewer(concept: Concept) -> Concept:
        texts = concept.texts
        if len(texts) < 2 or at >= len(texts):
            return concept
        return replace(concept, prompts=(*texts[:at], *texts[at + 1 :]))

    groups = [replace(g, concepts=tuple(fewer(c) for c in g.concepts)) for g in checklist.groups]
    return Checklist(tuple(groups), checklist.title)
