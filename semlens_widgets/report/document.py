"""The document: what was asked, found, decided and measured, as JSON-ready values with the crops in it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..audit import AuditReport
from ..detection import Limit
from ..dossier import Dossier
from ..effect import Effect
from ..readers import Reading
from ..results import finite
from ..seal import changes, sealed
from ..sections import Measurement, documents
from ..signing import Key
from ..texts import to_csv
from ..verdicts import Verdicts, now
from ..writing import write_text
from . import html, markdown
from .provided import provided
from .schema import FORMAT, check, renamed
from .signature import as_json, signed
from .unjudged import unjudged

_CROPS = 6  # of each component
_PER_CONCEPT = 3  # components with a page, of each concept
_QUEUE = 12  # unexpected components with a page
_NAMES = 30  # images listed on a component's page


@dataclass(frozen=True)
class Report:
    """An audit to hand in. Every format is made from one document alone.

    `Report.from_file("audit.json")` gives back the report that `save("audit.json")` wrote, and from it the same HTML.

    Parameters
    ----------
    document
        All of it, as `report/schema.json` in this package says.

    Raises
    ------
    ValueError
        Where the document is not as the schema says.

    Examples
    --------
    >>> _ = lens.audit(sl.Checklist(spurious=["ruler"]), target="melanoma", progress=False)
    >>> path = lens.write_report("audit.json")
    >>> "ruler" in sl.Report.from_file(path).to_markdown()
    True
    """

    document: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "document", renamed(self.document))
        check(self.document)

    @property
    def limit(self) -> Limit | None:
        """What the audit would have missed, as `AuditReport.limit`; None where that is not known, as in old reports."""
        told = self.document.get("limit")
        return None if told is None else Limit(**{name: told[name] for name in told if name != "sentence"})

    @property
    def changes(self) -> list[str]:
        """What was changed since the report was sealed, in words; empty where it is whole. See `sl.verify_report`."""
        return changes(self.document)

    def signed(self, key: Key, password: str | None = None) -> Report:
        """The report with a signature of its seal (Ed25519), by a private key of your own.

        Parameters
        ----------
        key
            A PEM file, or what one holds.
        password
            Of a key that is encrypted. ModuleNotFoundError without the package cryptography (`pip install
            'semlens-widgets[sign]'`); ValueError for another kind of key, and for a report that was changed after it
            was sealed.

        Returns
        -------
        Report
            The signed report.
        """
        return Report(signed(self.document, key, password))

    def to_json(self) -> str:
        """All of it as JSON text."""
        return as_json(self.document)

    def to_html(self) -> str:
        """One page without scripts that opens offline, in light and dark, and prints."""
        return html.page(self.document)

    def to_markdown(self) -> str:
        """The text and tables, without pictures."""
        return markdown.page(self.document)

    def to_csv(self) -> str:
        """The components: computed values beside the verdict that counts."""
        rows = [dict(row) for row in self.document["components"]]
        verdict_of = {v["subject"]: v for v in self.document["verdicts"]}
        for row in rows:
            verdict = verdict_of.get(row["component"], {})
            row |= {name: verdict.get(key) for name, key in _VERDICT_COLUMNS.items()}
        return to_csv(rows)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `.html`, `.md`, `.json` or `.csv`, by the ending.

        Parameters
        ----------
        path
            Its ending says which.

        Returns
        -------
        Path
            The file that was written.
        """
        return write_text(Path(path), self.to_text(Path(path)))

    def to_text(self, path: Path) -> str:
        """What `save` writes into a file of that name.

        Parameters
        ----------
        path
            Its ending says which form.

        Returns
        -------
        str
            The text.

        Raises
        ------
        ValueError
            For another ending.
        """
        forms = {".html": self.to_html, ".htm": self.to_html, ".md": self.to_markdown, ".json": self.to_json,
                 ".csv": self.to_csv}  # fmt: skip
        if path.suffix.lower() not in forms:
            raise ValueError(f"a report is saved as .html, .md, .json or .csv, not as {path.name!r}")
        return forms[path.suffix.lower()]()

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report that `to_json` was taken from.

        Parameters
        ----------
        text
            JSON.

        Returns
        -------
        Report
            The report.

        Raises
        ------
        ValueError
            If it is no report, saying what of it is wrong.
        """
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"this is no report: {error}") from None
        if not isinstance(document, dict):
            raise ValueError(f"this is no report: it is {document!r:.60}, and a report is an object with a title")
        return cls(document)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Report:
        """The report in a JSON file.

        Parameters
        ----------
        path
            A file that `save` wrote.

        Returns
        -------
        Report
            The report.
        """
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None

    def __repr__(self) -> str:
        return f"<Report {self.document['title']!r}, made {self.document['made'][:16]} UTC>"


_VERDICT_COLUMNS = {
    "verdict": "decision", "verdict_label": "label", "verdict_note": "note", "who": "who", "when": "when",
}  # fmt: skip


def report_of(
    audit: AuditReport,
    verdicts: Verdicts | None = None,
    effect: Effect | None = None,
    *,
    name: str = "model",
    version: str = "",
    made: str | None = None,
    title: str | None = None,
    dossier: Dossier | None = None,
    sections: Sequence[Measurement] = (),
    reading: Reading | None = None,
    failures: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Report:
    """The report of an audit, with what people decided and what was measured besides, as far as that is given.

    name: of the model. made: the moment, by default now. dossier: what people say of the model and the audit.
    sections: measurements that have a `section()`. reading: who read it blind. failures: see `report.failures`.
    environment: versions by name.
    """
    verdicts = verdicts or Verdicts()
    space = audit.space
    recipe = space.recipe
    shown = _shown(audit)
    crops: dict[str, str] = {}
    pages = [_page(audit, row, crops) for row in shown]
    document = {
        "format": FORMAT,
        "title": title or (dossier.title if dossier else "")
        or f"Audit of {name}" + (f" for {audit.target}" if audit.target else ""),
        "made": made or now(),
        "made_with": f"semlens_widgets {version}".strip(),
        "model": {"name": name, "hash": recipe.weights},
        "data": {"hash": recipe.images, "images": space.examples.statistics.images},
        "clip": recipe.clip,
        "space": {"key": recipe.key, "layers": list(space.components.layers), "k": recipe.k, "crop": recipe.crop,
                  "pooling": recipe.pooling, "null": recipe.null, "seed": recipe.seed},
        "target": audit.target,
        "thresholds": {"p": audit.thresholds.p, "z": audit.thresholds.z, "margin": audit.thresholds.margin,
                       "used": audit.thresholds.used, "min_effect": audit.thresholds.min_effect},
        "centred": audit.centre,
        "relevance": {"statistic": audit.statistic, "backend": audit.backend, "images": audit.images,
                      "share_word": audit.share_word, "doubt": audit.doubt},
        "summary": audit.message,
        "counts": dict(audit.counts),
        "shares": {region: [i.mean, i.low, i.high] for region, i in audit.shares.items()},
        "checklist": audit.checklist.to_document(),
        "concepts": audit.concept_rows(),
        "components": audit.to_rows(),
        "pages": pages,
        "crops": crops,
        "verdicts": [asdict(verdicts[subject]) for subject in verdicts],
        "history": [asdict(v) for v in verdicts.entries],
        "conflicts": [[asdict(v) for v in c.verdicts] for c in verdicts.conflicts],
        "effect": None if effect is None else effect.to_document(),
        "limit": None if audit.limit is None else audit.limit.to_document(),
        "counterfactuals": [f.counterfactual.to_document() for f in audit.findings if f.counterfactual is not None],
        "dossier": None if dossier is None else dossier.to_document(),
        "sections": documents(sections),
        "reading": None if reading is None else reading.to_document(verdicts),
        "unjudged": unjudged(audit, verdicts),
        "failures": None if failures is None else dict(failures),
        "environment": dict(environment or {}),
    }  # fmt: skip
    document["index"] = None if dossier is None else provided(document, dossier)
    return Report(sealed(json.loads(json.dumps(finite(document), ensure_ascii=False))))


def _shown(audit: AuditReport) -> list[int]:
    """The components with a page: the best of each concept, then the most relevant unexpected ones."""
    rows = [row for f in audit.findings for row in f.rows[:_PER_CONCEPT]]
    rows += audit.rows("ambiguous")[:_PER_CONCEPT].tolist() + audit.rows("unexpected")[:_QUEUE].tolist()
    return list(dict.fromkeys(int(row) for row in rows))


def _page(audit: AuditReport, row: int, crops: dict[str, str]) -> dict[str, Any]:
    """What a component's page shows; its crops are added to `crops`."""
    space = audit.space
    examples = space.examples
    count = min(int(examples.counts[row]), _CROPS)
    names = []
    for crop in space.crop_of[row, :count].tolist():
        if str(crop) not in crops and len(space.thumbnails) > crop:
            crops[str(crop)] = base64.b64encode(_bytes(space, crop)).decode()
        names.append(str(crop))
    images = [space.image_name(int(i)) for i in examples.images[row, : min(int(examples.counts[row]), _NAMES)]]
    labels = [space.label(int(i)) for i in examples.images[row, : int(examples.counts[row])]]
    known = [label for label in labels if label is not None]
    classes = {label: known.count(label) for label in dict.fromkeys(known)}
    return {"component": str(space.components[row]), "crops": names, "images": images, "classes": classes}


def _bytes(space: Any, crop: int) -> bytes:
    try:
        return bytes(space.thumbnails.webp(crop))
    except ValueError:
        return b""
