"""What windows that show labels share: the labels as columns, and a person's own words."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from ..describe import NO_WORD, Labels
from ..held_out import MIN_AUROC
from ..search import MIN_ADJUSTED_SIMILARITY
from ..session import Session
from .view import Live
from .wire import Answer

LIVE = {
    "own_labels": Live(
        traitlets.Dict,
        lambda session: dict(session.own_labels),
        lambda session, labels: setattr(session, "own_labels", labels),
    ),
}
TESTS = ("confidence", "adjusted_similarity", "held_out")
"""What a label is tested for, in the order in which it is told what fails."""
COUNTED = {"labels": "labels_version"}
"""What views share that show what components are called."""


def listed_layers(session: Session) -> list[dict[str, Any]]:
    """The layers in row order, with how many components each has."""
    c = session.components
    parts = zip(c.layers, c.sizes, c.signed, strict=True)
    return [{"name": name, "count": size, "signed": signed} for name, size, signed in parts]


def labels(session: Session) -> Answer:
    """All computed labels as columns, row by row; a person's own are in the trait `own_labels`.

    `words` are texts, `numbers` count in them [component label] (-1: none); scores, confidence,
    adjusted_similarity and accepted are [component label], margins and alive [component]. Before `describe` only
    `alive` is there, and `made` is False.
    """
    made, alive = session.labels, session.space.alive
    if made is None:
        return no_labels() | {"alive": alive}
    used, number = np.unique(made.words, return_inverse=True)
    number = number.reshape(made.words.shape).astype(np.int32)
    real = used != NO_WORD
    number[~real[number]] = -1
    return {
        "made": True,
        "k": made.words.shape[1],
        "words": [made.probes.names[word] for word in used[real]],
        "message": made.message,
        "level": made.level,
        "method": made.method,
        "unknown": list(made.unknown[:20]),
        "numbers": number,
        "scores": made.scores,
        "confidence": made.confidence,
        "adjusted_similarity": made.adjusted_similarity,
        "margins": made.margins,
        "accepted": made.accepted,
        "alive": alive,
        "least": [made.level, MIN_ADJUSTED_SIMILARITY, MIN_AUROC],
        "lacks": _lacking(made),
        "held_out": made.held_out[:, 0].astype(np.float32),
    }


def _lacking(made: Labels) -> np.ndarray:
    """[component] Which test the best label fails first, as a number of `TESTS`; their number where it fails none."""
    failed = [made.confidence[:, 0] < made.level, made.adjusted_similarity[:, 0] < MIN_ADJUSTED_SIMILARITY,
              made.held_out[:, 0] < MIN_AUROC]  # fmt: skip
    return np.stack([*failed, np.ones(len(made.words), bool)]).argmax(0).astype(np.uint8)


def no_labels() -> Answer:
    """What is told of labels before there are any."""
    nothing, none = np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int32)
    return {
        "made": False, "k": 0, "words": [], "message": "", "level": None, "method": None, "numbers": none,
        "scores": nothing, "confidence": nothing, "adjusted_similarity": nothing, "margins": nothing[0:0].ravel(),
        "accepted": nothing.astype(bool),
    }  # fmt: skip
