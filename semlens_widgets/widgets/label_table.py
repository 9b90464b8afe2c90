"""Describe: the table of components and what they are called."""

from __future__ import annotations

from typing import Any, ClassVar

from ..session import Session, describing
from ..vocabularies import packaged, vocabulary
from . import answers
from .channel import Buffers, Job, Verb
from .labelled import LabelledView
from .wire import Answer, File

FORMATS = {"csv": "text/csv", "json": "application/json"}
_AT_ONCE = 64  # words embedded between two signs of life


class LabelTable(LabelledView):
    """The table of labels alone: describe, search within, correct in place, export."""

    _bundle = "label_table"
    _still: ClassVar[str | None] = "describe"

    def _verbs(self) -> dict[str, Verb]:
        lens = self.lens

        def describe(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            name = args.get("vocabulary")
            if name is not None and name not in packaged():
                raise ValueError(f"no vocabulary {name!r}; there are {', '.join(packaged())}")
            words = vocabulary(lens.vocabulary if name is None else name)
            for done in range(0, len(words), _AT_ONCE):
                job.progress(done, len(words), "Embedding word")
                lens.probes(words[done : done + _AT_ONCE])
            job.progress(len(words), len(words), "Embedding word")
            what = "Describing component"
            describing.describe(lens, name, on_step=lambda done, total: job.progress(done, total, what))
            return {}

        mine = {
            "vocabularies": self._plain(vocabularies),
            "describe": describe,
            "meanings": self._plain(meanings, "rows"),
            "labels_file": self._plain(labels_file, "format"),
        }
        return super()._verbs() | mine


def vocabularies(lens: Session) -> Answer:
    """The vocabularies a person may choose from; the first is the one `lens.describe()` takes. None: the lens's own."""
    own = [{"name": None, "title": "of this lens", "count": len(lens.vocabulary)}]
    ready = [{"name": name, "title": name, "count": len(vocabulary(name))} for name in packaged()]
    return {"vocabularies": (own if len(lens.vocabulary) > 1 else []) + ready}


def meanings(lens: Session, rows: list[int]) -> Answer:
    """The meanings of some components: groups of their examples (ranks), each with its word."""
    checked = answers.checked_rows(lens.space, rows)
    if lens.labels is None:
        return {"meanings": [[] for _ in checked]}
    return {
        "meanings": [
            [
                {"examples": list(part.examples), "word": part.word, "closest": part.closest, "score": part.score,
                 "confidence": part.confidence, "reach": part.reach}
                for part in parts
            ]
            for parts in lens.labels.meanings_of(checked)
        ]
    }  # fmt: skip


def labels_file(lens: Session, format: str) -> Answer:
    """The labels, a person's own among them, as a file to download."""
    if lens.labels is None:
        raise ValueError("no labels to export yet; describe first")
    if format not in FORMATS:
        raise ValueError(f"format {format!r}; labels are exported as {' or '.join(FORMATS)}")
    text = lens.labels.to_csv(lens.own_labels) if format == "csv" else lens.labels.to_json(lens.own_labels)
    return {"name": f"labels.{format}", "file": File(text.encode("utf-8", "backslashreplace"), FORMATS[format])}
