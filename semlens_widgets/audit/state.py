"""What people put into an audit, as one value and one readable file: checklist, verdicts, class and lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..checklist import Checklist
from ..verdicts import Verdicts
from ..writing import write_text
from .report import Thresholds

FORMAT = "semlens audit 1"


@dataclass(frozen=True)
class AuditState:
    """Everything about an audit that was decided and not computed. `made_from` says for which lens."""

    checklist: Checklist = field(default_factory=Checklist)
    verdicts: Verdicts = field(default_factory=Verdicts)
    target: str | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    made_from: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not len(self.checklist) and not self.verdicts.entries

    def to_text(self) -> str:
        """JSON text with a line per concept and per verdict; `Checklist.from_file` and `Verdicts.from_file` read it."""
        lines = asdict(self.thresholds)
        head = {
            "format": FORMAT, "made_from": dict(self.made_from), "target": self.target, "level": lines.pop("p"),
            "lines": lines,
        }  # fmt: skip
        top = [f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}," for k, v in head.items()]
        inner = self.verdicts.to_json().rstrip().removeprefix("{\n").removesuffix("\n}")
        return "\n".join(["{", *top, f' "checklist": {self.checklist.to_text("json").rstrip()},', inner, "}"]) + "\n"

    @classmethod
    def from_text(cls, text: str) -> AuditState:
        """From what `to_text` gives; lines that it does not state are the usual ones. ValueError says what is wrong."""
        try:
            document = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"this is no audit: {error}") from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError(f'this is no audit of a known form ("format": {FORMAT!r})')
        checklist = Checklist.from_document(document.get("checklist", {}))
        target, level, made_from = (document.get(name) for name in ("target", "level", "made_from"))
        lines = document.get("lines", {})
        if not (target is None or isinstance(target, str)) or not _is_number(level):
            raise ValueError(f"target {target!r} is a class name, level {level!r} a number")
        if not isinstance(lines, dict) or not all(map(_is_number, lines.values())):
            raise ValueError(f"lines {lines!r} are numbers by name")
        made: dict[str, Any] = made_from if isinstance(made_from, dict) else {}
        return cls(
            checklist, Verdicts.from_document(document.get("verdicts")), target, _thresholds(level, lines),
            {str(k): str(v) for k, v in made.items()},
        )  # fmt: skip

    def to_file(self, path: Path) -> Path:
        return write_text(path, self.to_text())

    @classmethod
    def from_file(cls, path: Path) -> AuditState:
        return cls.from_text(path.read_text(encoding="utf-8"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _thresholds(level: Any, lines: Mapping[str, Any]) -> Thresholds:
    """Lines of other names are left out: a later version may draw more of them."""
    known = {f.name for f in fields(Thresholds)} - {"p"}
    return Thresholds(float(level), **{name: float(value) for name, value in lines.items() if name in known})
