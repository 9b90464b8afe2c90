"""Failure cases: the sampled images that the model gets wrong for the audited class, the surest mistakes first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..audit import AuditReport
from ..outputs import NoClasses
from ..session.state import LiveState

_MOST = 12  # listed of each kind
FAILED = "failures"


def failures(session: LiveState, audit: AuditReport) -> dict[str, Any] | None:
    """The failures among the sampled images whose logit and label are known; None where none is.

    An image of the class is missed where its logit margin is below 0 (the model gives the class a chance below one
    half); one of another class is a false alarm where it is above 0.
    """
    sample = audit.space.sample
    logits = session.audit_session.logits.get(audit.target or "")
    if sample is None or logits is None or not session.has_data:
        return None
    outputs = session.source.classes
    if isinstance(outputs, NoClasses) or audit.target not in outputs.classes:
        return None
    labels = outputs.labels_of(session.source.images, sample.images)
    known = np.isfinite(logits) & (labels >= 0)
    if not known.any():
        return None
    own = labels == outputs.classes.index(audit.target)
    missed, alarms = np.flatnonzero(known & own & (logits < 0)), np.flatnonzero(known & ~own & (logits > 0))
    return {
        "target": audit.target, "images": int(known.sum()), "own": int((known & own).sum()),
        "missed": len(missed), "alarms": len(alarms),
        "listed": [
            {"image": session.source.images.name(int(sample.images[at])), "label": outputs.classes[int(labels[at])],
             "kind": kind, "logit": float(logits[at])}
            for kind, rows, sign in (("missed", missed, 1), ("false alarm", alarms, -1))
            for at in rows[np.argsort(sign * logits[rows], kind="stable")][:_MOST].tolist()
        ],
    }  # fmt: skip
