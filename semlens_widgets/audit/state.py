"""What people put into an audit, one value and one readable file: checklist, verdicts, labels, class, thresholds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..checklist import Checklist
from ..dossier import Dossier
from ..readers import Reading
from ..texts import decoded, from_json, natural, plural, well_formed
from ..verdicts import Verdicts
from ..writing import write_text
from .finding import Thresholds

FORMAT = "semlens audit 1"


@dataclass(frozen=True)
class EditConflict:
    """Two notebooks changed the same thing, each in its own way: what counts now, and what the other one said.

    about: "@ruler" for a concept, "layer4:64" for a component's own label, "audit" for class, thresholds and title,
           "dossier" for its fields.
    what:  which part of it: "kind", "group", "label", "target", "margin", ….
    """

    about: str
    what: str
    kept: str
    other: str
    when: str = ""

    def __post_init__(self) -> None:
        for name in ("about", "what", "kept", "other", "when"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"{name} of a conflict is {getattr(self, name)!r:.80}; it is a text")

    def __str__(self) -> str:
        return f"{self.what} of {self.about}: {self.kept!r} counts, another notebook said {self.other!r}"


@dataclass(frozen=True)
class AuditState:
    """Everything about an audit that was decided and not computed. `made_from` says for which lens.

    `own_labels` are what people call components; None where a file says nothing of them. `conflicts` are what two
    notebooks changed at the same time, until somebody changes it again (see `merge.three_way`). `dossier` is what
    people say of the model, `reading` who reads it blind, or None.
    """

    checklist: Checklist = field(default_factory=Checklist)
    verdicts: Verdicts = field(default_factory=Verdicts)
    target: str | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    made_from: Mapping[str, str] = field(default_factory=dict)
    own_labels: Mapping[str, str] | None = None
    conflicts: tuple[EditConflict, ...] = ()
    dossier: Dossier = field(default_factory=Dossier)
    reading: Reading | None = None

    @property
    def empty(self) -> bool:
        said = self.verdicts.entries or self.own_labels or self.reading or not self.dossier.empty
        return not len(self.checklist) and not said

    @property
    def summary(self) -> str:
        """How much there is, in words."""
        told = f"{plural(len(self.checklist), 'concept')} and {plural(len(self.verdicts), 'verdict')}"
        return told if self.dossier.empty else f"{told}, and a dossier"

    def to_text(self) -> str:
        """JSON text with a line per concept and per verdict; `Checklist.from_file` and `Verdicts.from_file` read it."""
        thresholds = asdict(self.thresholds)
        head: dict[str, Any] = {
            "format": FORMAT, "made_from": dict(self.made_from), "target": self.target, "level": thresholds.pop("p"),
            "thresholds": thresholds,
        }  # fmt: skip
        top = [f" {json.dumps(k)}: {_dump(v)}," for k, v in head.items()]
        if self.own_labels is not None:
            order = sorted(self.own_labels, key=natural)
            named = ",\n".join(f"  {_dump(name)}: {_dump(self.own_labels[name])}" for name in order)
            top.append(f' "own_labels": {{\n{named}\n }},' if named else ' "own_labels": {},')
        if self.conflicts:
            listed = ",\n".join(f"  {_dump(asdict(conflict))}" for conflict in self.conflicts)
            top.append(f' "conflicts": [\n{listed}\n ],')
        if not self.dossier.empty:
            said = ",\n".join(f"  {_dump(name)}: {_dump(value)}" for name, value in self.dossier.to_document().items())
            top.append(f' "dossier": {{\n{said}\n }},')
        if self.reading is not None:
            top.append(f' "reading": {_dump(self.reading.to_state())},')
        inner = self.verdicts.to_json().rstrip().removeprefix("{\n").removesuffix("\n}")
        return "\n".join(["{", *top, f' "checklist": {self.checklist.to_text("json").rstrip()},', inner, "}"]) + "\n"

    @classmethod
    def from_text(cls, text: str, bad: list[str] | None = None) -> AuditState:
        """From what `to_text` gives; thresholds that it does not state are the default ones.

        ValueError says what is wrong. With a list `bad`, entries that are wrong are told there and left out, and all
        others are kept; ValueError is then left for texts that are no audit at all.
        """
        document = from_json(text, "this is no audit")
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError(f'this is no audit of a known form ("format": {FORMAT!r})')
        read = _Reading(_renamed(document), bad)
        return cls(
            read("checklist", {"groups": []}, lambda d: Checklist.from_document(d, bad), Checklist()),
            read("verdicts", None, lambda d: Verdicts.from_document(d, bad), Verdicts()),
            read("target", None, _target, None),
            read.thresholds(),
            read("made_from", {}, _texts, {}),
            read("own_labels", None, lambda d: None if d is None else _labels(d, bad), None),
            read("conflicts", [], lambda d: _conflicts(d, bad), ()),
            read("dossier", {}, Dossier.from_document, Dossier()),
            read("reading", None, lambda d: None if d is None else Reading.from_state(d), None),
        )

    def to_file(self, path: Path) -> Path:
        return write_text(path, self.to_text())

    @classmethod
    def from_bytes(cls, raw: bytes, name: str, bad: list[str] | None = None) -> AuditState:
        """From what a file of that name holds."""
        return cls.from_text(decoded(raw, name), bad)

    @classmethod
    def from_file(cls, path: Path) -> AuditState:
        return cls.from_bytes(path.read_bytes(), path.name)


def _renamed(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document of an earlier version with the names of now."""
    if "lines" not in document or "thresholds" in document:
        return document
    thresholds = document["lines"]
    if isinstance(thresholds, dict):
        thresholds = {"min_effect" if name == "still" else name: value for name, value in thresholds.items()}
    return {**document, "thresholds": thresholds}


class _Reading:
    """The parts of a document, one by one: what is wrong raises ValueError, or is told in `bad` and left out."""

    def __init__(self, document: Mapping[str, Any], bad: list[str] | None) -> None:
        self.document, self.bad = document, bad

    def __call__(self, name: str, absent: Any, made: Any, otherwise: Any) -> Any:
        try:
            return made(self.document.get(name, absent))
        except (TypeError, ValueError) as error:
            _note_problem(f"{name}: {error}", self.bad)
            return otherwise

    def thresholds(self) -> Thresholds:
        """Thresholds of other names are left out: a later version may have more of them."""
        result = Thresholds(self("level", None, lambda level: Thresholds(_number(level)).p, Thresholds().p))
        thresholds = self("thresholds", {}, _mapping, {})
        for name in sorted({f.name for f in fields(Thresholds)} - {"p"}):
            if name in thresholds:
                # Bound now: the function is called at once.
                result = self(
                    "thresholds", {}, lambda d, n=name, so_far=result: replace(so_far, **{n: _number(d[n])}), result
                )
        return result


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _note_problem(problem: str, bad: list[str] | None) -> None:
    if bad is None:
        raise ValueError(problem)
    bad.append(problem)


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{value!r:.80} is no number")
    return float(value)


def _target(value: Any) -> str | None:
    if not (value is None or isinstance(value, str)):
        raise TypeError(f"{value!r:.80} is no name of a class")
    return None if value is None else well_formed(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.80} are not values by name")
    return value


def _texts(value: Any) -> dict[str, str]:
    return {well_formed(k): well_formed(str(v)) for k, v in value.items()} if isinstance(value, dict) else {}


def _labels(value: Any, bad: list[str] | None) -> dict[str, str]:
    labels = {}
    for component, text in _mapping(value).items():
        if isinstance(text, str):
            labels[component] = well_formed(text)
        else:
            _note_problem(f"the own label {text!r:.80} of {component!r:.80} is no text", bad)
    return labels


def _conflicts(value: Any, bad: list[str] | None) -> tuple[EditConflict, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r:.80} is no list of conflicts")
    conflicts = []
    for number, entry in enumerate(value, 1):
        try:
            conflicts.append(EditConflict(**entry))
        except TypeError as error:
            _note_problem(f"conflict {number}: {error}", bad)
    return tuple(conflicts)
