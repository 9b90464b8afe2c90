"""The verb `performance`: what the model says of labelled images, and what the audit says of its components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..audit import AuditReport
from ..images import Images
from ..outputs import NoClasses, Outputs
from ..passes import OnStep
from ..performance import Answers, Candidate, NoLabels, Performance, ask_all, read_metadata
from ..performance import performance as measure
from ..performance.slices import columns_of
from ..relevance import Relevance
from ..relevance import relevance as relevance_of
from .acting import aim
from .state import LiveState

_UNEXPECTED = 8  # components that propose a slice each, the most relevant first
_EXPLAINED = 256  # images of another data set that are explained


def performance(
    session: LiveState, data: Images | None, labels: Any, metadata: Any, target: int | str | None, *, slices: bool,
    reliance: bool, batch_size: int, progress: bool, on_step: OnStep | None,
) -> Performance:  # fmt: skip
    """See `Lens.performance`."""
    source = session.source
    images = source.images if data is None else data
    if not isinstance(images, Images):
        raise TypeError(f"data is a {type(images).__name__}; make it with sl.images(…), with the lens's own transform")
    outputs = _outputs(source.classes)
    number = _target(session, outputs, target)
    known = read_metadata(metadata, images)
    if known is not None and len(known) not in (0, len(images)):
        raise ValueError(f"metadata of {len(known)} images for {len(images)}; read them for these images")
    notes: list[str] = []
    candidates = _candidates(session, slices, notes)
    asked = ask_all(
        source.model, images, outputs, labels=labels, layers=source.layers,
        components=session.components if candidates else None, rows=columns_of(candidates), pooling=source.pooling,
        batch_size=batch_size, progress=progress, on_step=on_step,
    )  # fmt: skip
    rests = _reliance(session, data, outputs, number, asked.answers, progress, notes) if reliance else None
    return measure(
        asked.answers, number, metadata=known, candidates=candidates, responses=asked.responses,
        components=session.components if candidates else None, reliance=rests, notes=(*asked.notes, *notes),
    )  # fmt: skip


def _outputs(classes: Outputs | NoClasses) -> Outputs:
    if isinstance(classes, NoClasses):
        raise classes
    if classes.kind == "regression":
        raise NoLabels('the outputs are numbers (outputs="regression"): accuracy, AUROC and calibration are of classes')
    return classes


def _target(session: LiveState, outputs: Outputs, target: int | str | None) -> int | None:
    """The class that is measured: as given, else the audited one; of two classes the last, of more none."""
    if target is not None:
        return outputs.number(target)
    audited = aim(session, None)
    if isinstance(audited, int | str) and not isinstance(audited, bool):
        try:
            return outputs.number(audited)
        except (KeyError, IndexError):
            pass
    return len(outputs.classes) - 1 if outputs.kind in ("binary", "multi") or len(outputs.classes) == 2 else None


def _candidates(session: LiveState, wanted: bool, notes: list[str]) -> tuple[Candidate, ...]:
    """What the last audit found and does not call valid: concepts by all their components, and unexpected components,
    the most relevant first."""
    report: AuditReport | None = session.report
    if not wanted:
        return ()
    if report is None:
        notes.append("no slices and no reliance before lens.audit(…), which says what components stand for")
        return ()
    found = [
        Candidate(f.name, f.kind, tuple(f.rows))
        for f in report.findings
        if f.kind != "valid" and f.state == "found" and f.rows
    ]
    unexpected = [int(row) for row in report.rows("unexpected")[:_UNEXPECTED]]
    return (*found, *(Candidate(str(session.components[row]), "unexpected", (row,)) for row in unexpected))


def _reliance(
    session: LiveState, other: Images | None, outputs: Outputs, number: int | None, answers: Answers, progress: bool,
    notes: list[str],
) -> Mapping[int, float] | None:  # fmt: skip
    """By image of the target the share of its relevance that rests on spurious components."""
    report, known = session.report, session.own_relevance
    if report is None or known is None or report.target is None:
        return None
    called = report.target
    if number is not None and outputs.classes[number] != called:
        notes.append(f"reliance is not told: the audit is of {called}, and this of {outputs.classes[number]}")
        return None
    spurious = report.rows("spurious")
    if other is None:
        return spurious_shares(known, called, spurious, report)
    of_class = answers.ids[answers.truth[:, outputs.number(called)] == 1]
    if not len(of_class):
        return None
    chosen = of_class[np.unique(np.linspace(0, len(of_class) - 1, min(_EXPLAINED, len(of_class))).astype(np.int64))]
    source = session.source
    found = relevance_of(
        source.model, other, source.layers, target=outputs.number(called), method=known.backend, output=source.output,
        outputs=outputs, k=1, sample=len(chosen), ids=chosen.tolist(), progress=progress,
    )  # fmt: skip
    return spurious_shares(found, called, spurious, report)


def spurious_shares(
    relevance: Relevance, target: str, rows: Sequence[int] | np.ndarray, report: AuditReport
) -> dict[int, float]:
    """By image the share of absolute relevance in some components, the mean over the audited layers."""
    own = relevance.targets == relevance.number(target)
    size = np.abs(np.asarray(relevance.values[own], np.float64))
    member = np.zeros(size.shape[1], bool)
    member[np.asarray(rows, np.int64)] = True
    components = relevance.components
    shares = []
    for layer in components.layers:
        there = np.arange(len(components))[components.rows(layer)]
        if report.audited[there].any():
            shares.append(size[:, there] @ member[there] / np.maximum(size[:, there].sum(1), 1e-12))
    mean = np.mean(shares, 0) if shares else np.zeros(len(size))
    return dict(zip(relevance.images[own].tolist(), mean.tolist(), strict=True))
