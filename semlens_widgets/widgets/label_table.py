"""Describe: the table of components and what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..session import Session, describing
from ..vocabularies import packaged
from ..vocabularies import vocabulary as words_of
from . import answers, labelled
from .channel import Job
from .view import View
from .widget import LensWidget
from .wire import Answer, File

FORMATS = {"csv": "text/csv", "json": "application/json"}
_MOST_MEANINGS = 2000  # components whose meanings are kept in a file: each takes a clustering and a line of text
_AT_ONCE = 64  # words embedded between two signs of life


def describe(session: Session, job: Job, vocabulary: str | None = None) -> Answer:
    """Name all components with the words of a vocabulary; None: the lens's own."""
    if vocabulary is not None and vocabulary not in packaged():
        raise ValueError(f"no vocabulary {vocabulary!r}; there are {', '.join(packaged())}")
    words = words_of(session.vocabulary if vocabulary is None else vocabulary)
    for done in range(0, len(words), _AT_ONCE):
        job.progress(done, len(words), "Embedding word")
        session.probes(words[done : done + _AT_ONCE])
    job.progress(len(words), len(words), "Embedding word")
    what = "Describing component"
    describing.describe(session, vocabulary, on_step=lambda done, total: job.progress(done, total, what))
    return {}


def vocabularies(session: Session) -> Answer:
    """The vocabularies a person may choose from; the first is the one `lens.describe()` takes. None: the lens's own."""
    own = [{"name": None, "title": "of this lens", "count": len(session.vocabulary)}]
    ready = [{"name": name, "title": name, "count": len(words_of(name))} for name in packaged()]
    return {"vocabularies": (own if len(session.vocabulary) > 1 else []) + ready}


def meanings(session: Session, rows: list[int]) -> Answer:
    """The meanings of some components: groups of their examples (ranks), each with its word."""
    checked = answers.checked_rows(session.space, rows)
    if session.labels is None:
        return {"meanings": [[] for _ in checked]}
    return {
        "meanings": [
            [
                {"examples": list(part.examples), "word": part.word, "closest": part.closest, "score": part.score,
                 "confidence": part.confidence, "adjusted_similarity": part.adjusted_similarity}
                for part in parts
            ]
            for parts in session.labels.meanings_of(checked)
        ]
    }  # fmt: skip


def labels_file(session: Session, format: str) -> Answer:
    """The labels, a person's own among them, as a file to download."""
    if session.labels is None:
        raise ValueError("no labels to export yet; describe first")
    if format not in FORMATS:
        raise ValueError(f"format {format!r}; labels are exported as {' or '.join(FORMATS)}")
    text = session.labels.to_csv(session.own_labels) if format == "csv" else session.labels.to_json(session.own_labels)
    return {"name": f"labels.{format}", "file": File(text.encode("utf-8", "backslashreplace"), FORMATS[format])}


def _recorded(session: Session) -> Iterator[tuple[str, dict[str, Any], Answer]]:
    yield "vocabularies", {}, {"vocabularies": []}  # nothing can be described anew
    if session.labels is not None and len(session.components) <= _MOST_MEANINGS:
        _ = session.labels.meanings  # of all at once: row by row they round otherwise
        for row in range(len(session.components)):
            yield "meanings", {"rows": [row]}, meanings(session, [row])


VIEW = View(
    "describe",
    live=labelled.LIVE,
    counters=labelled.COUNTED,
    constants={"layers": labelled.listed_layers},
    verbs={
        "labels": labelled.labels,
        "vocabularies": vocabularies,
        "describe": describe,
        "meanings": meanings,
        "labels_file": labels_file,
    },
    figure=True,
    recorded=_recorded,
    has_content=lambda session: session.labels is not None or bool(session.own_labels),
)


class LabelTable(LensWidget, views=(VIEW,), bundle="label_table"):
    """The table of a lens's labels alone: describe, search within, correct in place, export.

    Parameters
    ----------
    lens
        The lens it shows and follows.

    Examples
    --------
    >>> view = sl.LabelTable(lens)  # the last line of a cell shows it
    """
