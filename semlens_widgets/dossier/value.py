"""The value: what people say of a model and its audit. What is empty was not said."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..texts import read_text, well_formed
from ..writing import write_text
from .clauses import known_clause
from .fields import FIELDS
from .markdown import from_markdown, to_markdown


def one_line(text: Any, what: str) -> str:
    """A text of one line. TypeError for what is none."""
    if not isinstance(text, str):
        raise TypeError(f"{what} is {text!r:.80}; it is a text")
    return " ".join(well_formed(text).split())


@dataclass(frozen=True)
class Risk:
    """What stays of one finding, in the words of those who answer for it.

    Parameters
    ----------
    finding
        The concept of the checklist, by name, or anything else that was found.
    residual
        The risk that is left.
    owner
        Who looks after it.
    action
        What is done about it, and until when.

    Examples
    --------
    >>> sl.Risk("ruler", residual="rulers raise the score", owner="Ada", action="crop them away").owner
    'Ada'
    """

    finding: str
    residual: str = ""
    owner: str = ""
    action: str = ""

    def __post_init__(self) -> None:
        for name in (f.name for f in fields(self)):
            object.__setattr__(self, name, one_line(getattr(self, name), f"{name} of a risk"))
        if not self.finding:
            raise ValueError("a risk needs a finding: the name of a concept, say")


@dataclass(frozen=True)
class Signatory:
    """Somebody whose name the report has a line for, to be signed.

    Parameters
    ----------
    name
        Of the person.
    role
        What for.

    Examples
    --------
    >>> sl.Signatory("Ada", "clinical lead").role
    'clinical lead'
    """

    name: str
    role: str = ""

    def __post_init__(self) -> None:
        for name in (f.name for f in fields(self)):
            object.__setattr__(self, name, one_line(getattr(self, name), f"{name} of a signatory"))
        if not self.name:
            raise ValueError("a signatory needs a name")


@dataclass(frozen=True)
class Dossier:
    """What people say about a model and its audit: purpose, data, plan, risks, who signs. A value, and a Markdown file.

    `Dossier.template().write("dossier.md")` writes the form; fill it in with any editor, and
    `Dossier.read("dossier.md")` reads it. `lens.write_report("audit.html", dossier=…)` puts it into the report, where
    every empty field is told as "not provided". All fields are texts of any length, but the last three.

    Parameters
    ----------
    title
        Heads the report.
    provider, version, predecessor, description, training, environment, interface
        The model.
    purpose, users, affected, out_of_scope
        Its purpose.
    data_source, data_period, data_devices, data_population, data_inclusion, data_preparation
        Where the data come from.
    reference_standard, overlap, sample_size
        What they are held against.
    plan, planned, deviations
        The plan.
    foreseeable_risks, limitations, failures, oversight, security
        Risks.
    changes, monitoring, standards, declaration
        The life cycle.
    availability, registration, funding
        About the audit.
    risks
        What stays of each finding, see `Risk`.
    signatories
        See `Signatory`.
    not_applicable
        Clauses that do not apply, by what the index calls them ("Annex IV 8"), with the reason.

    Raises
    ------
    TypeError
        For what is no text.
    ValueError
        For a clause that no list has, two risks for one finding, or a name twice.

    Examples
    --------
    >>> dossier = sl.Dossier(title="Skin lesions", purpose="second reading")
    >>> dossier.empty, sl.Dossier.from_markdown(dossier.to_markdown()) == dossier
    (False, True)
    """

    title: str = ""
    provider: str = ""
    version: str = ""
    predecessor: str = ""
    description: str = ""
    training: str = ""
    environment: str = ""
    interface: str = ""
    purpose: str = ""
    users: str = ""
    affected: str = ""
    out_of_scope: str = ""
    data_source: str = ""
    data_period: str = ""
    data_devices: str = ""
    data_population: str = ""
    data_inclusion: str = ""
    data_preparation: str = ""
    reference_standard: str = ""
    overlap: str = ""
    sample_size: str = ""
    plan: str = ""
    planned: str = ""
    deviations: str = ""
    foreseeable_risks: str = ""
    limitations: str = ""
    failures: str = ""
    oversight: str = ""
    security: str = ""
    changes: str = ""
    monitoring: str = ""
    standards: str = ""
    declaration: str = ""
    availability: str = ""
    registration: str = ""
    funding: str = ""
    risks: Sequence[Risk] = ()
    signatories: Sequence[Signatory] = ()
    not_applicable: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", one_line(self.title, "title"))
        for name in FIELDS:
            value = getattr(self, name)
            if not isinstance(value, str):
                raise TypeError(f"{name} of a dossier is {value!r:.80}; it is a text")
            object.__setattr__(self, name, tidy(value))
        risks, signatories = tuple(self.risks), tuple(self.signatories)
        for kind, listed in ((Risk, risks), (Signatory, signatories)):
            if wrong := [one for one in listed if not isinstance(one, kind)]:
                raise TypeError(f"{wrong[0]!r:.80} is no sl.{kind.__name__}")
        for what, names in (("risks", [r.finding for r in risks]), ("signatories", [s.name for s in signatories])):
            if twice := [name for name in names if names.count(name) > 1]:
                raise ValueError(f"{twice[0]!r:.80} stands twice under {what}")
        reasons = {known_clause(clause): one_line(why, f"the reason of {clause!r:.40}")
                   for clause, why in self.not_applicable.items()}  # fmt: skip
        if lacking := [clause for clause, why in reasons.items() if not why]:
            raise ValueError(f"{lacking[0]} does not apply, because …? Give the reason")
        for name, made in (("risks", risks), ("signatories", signatories), ("not_applicable", reasons)):
            object.__setattr__(self, name, made)

    def __hash__(self) -> int:
        return hash((*(getattr(self, name) for name in FIELDS), self.title, self.risks, self.signatories))

    @property
    def empty(self) -> bool:
        """Whether nobody said anything."""
        return self == Dossier()

    @property
    def counts(self) -> tuple[int, int]:
        """(fields with a text, fields that there are)."""
        return sum(bool(getattr(self, name)) for name in FIELDS), len(FIELDS)

    def risk(self, finding: str) -> Risk | None:
        """What is said of one finding, or None.

        Parameters
        ----------
        finding
            By name.

        Returns
        -------
        Risk or None
            The risk, or None.
        """
        return next((risk for risk in self.risks if risk.finding == finding), None)

    # reading and writing

    @classmethod
    def template(cls, findings: Sequence[str] = ()) -> Dossier:
        """An empty dossier, to be written and filled in.

        Parameters
        ----------
        findings
            Names of concepts: each has a place in it.

        Returns
        -------
        Dossier
            The dossier.
        """
        return cls(risks=tuple(Risk(name) for name in dict.fromkeys(findings)))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Dossier:
        """The dossier in a Markdown file.

        Parameters
        ----------
        path
            Of the file.

        Returns
        -------
        Dossier
            The dossier.

        Raises
        ------
        ValueError
            Says what is wrong with it, and in which lines.
        """
        try:
            return cls.from_markdown(read_text(path))
        except ValueError as error:
            raise ValueError(f"{Path(path).name}: {error}") from None

    @classmethod
    def from_markdown(cls, text: str) -> Dossier:
        """The dossier of a Markdown text, as `read` takes it from a file.

        Parameters
        ----------
        text
            All of it.

        Returns
        -------
        Dossier
            The dossier.
        """
        return cls.from_document(from_markdown(text))

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write it as Markdown: a heading for each field, with what belongs below it as a comment.

        Parameters
        ----------
        path
            Of the file.

        Returns
        -------
        Path
            The file that was written.
        """
        return write_text(path, self.to_markdown())

    def to_markdown(self) -> str:
        """The text of its file."""
        return to_markdown(self.to_document())

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready values; what was not said is left out."""
        said: dict[str, Any] = {name: getattr(self, name) for name in ("title", *FIELDS) if getattr(self, name)}
        lists = {"risks": [asdict(r) for r in self.risks], "signatories": [asdict(s) for s in self.signatories],
                 "not_applicable": dict(self.not_applicable)}  # fmt: skip
        return said | {name: value for name, value in lists.items() if value}

    @classmethod
    def from_document(cls, document: Any) -> Dossier:
        """From what `to_document` gives.

        Parameters
        ----------
        document
            JSON values.

        Returns
        -------
        Dossier
            The dossier.

        Raises
        ------
        ValueError
            For anything else.
        """
        if not isinstance(document, Mapping):
            raise ValueError("a dossier is an object with its fields by name")
        if unknown := set(document) - {f.name for f in fields(cls)}:
            raise ValueError(f"a dossier has no {min(unknown)!r:.60}")
        given = dict(document)
        try:
            given["risks"] = tuple(Risk(**risk) for risk in given.get("risks", ()))
            given["signatories"] = tuple(Signatory(**one) for one in given.get("signatories", ()))
            return cls(**given)
        except (TypeError, AttributeError) as error:
            raise ValueError(f"this is no dossier: {error}") from None

    def __repr__(self) -> str:
        done, there = self.counts
        lines = [f"<Dossier {self.title!r}: {done} of {there} fields, {len(self.risks)} risks, "
                 f"{len(self.signatories)} to sign>"]  # fmt: skip
        for name, known in FIELDS.items():
            value = getattr(self, name)
            lines.append(f"  {known.title:<32} {' '.join(value.split())[:80] if value else 'not provided'}")
        return "\n".join(lines)


def tidy(text: str) -> str:
    """A text of several lines: line ends of one kind, none at its ends, nothing at the ends of lines."""
    lines = well_formed(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()
