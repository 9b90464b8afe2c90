"""The plan of a gate: what is audited, how, and within which limits, as a TOML file that is fixed beforehand."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from ..checklist import Checklist
from ..checklist import format_of as checklist_format
from ..texts import read_text

_TEXT, _NUMBER, _WHOLE, _TEXTS, _TABLE, _TEXT_OR_TEXTS = "a text", "a number", "a whole number", "a list of texts", (
    "a table"), "a text or a list of texts"  # fmt: skip

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "model": {"factory": _TEXT, "options": _TABLE, "name": _TEXT, "layers": _TEXT_OR_TEXTS, "outputs": _TEXT,
              "output": _TEXT},
    "data": {"folder": _TEXT, "factory": _TEXT, "options": _TABLE, "transform": _TEXT, "transform_factory": _TEXT,
             "classes": _TEXTS},
    "clip": {"model": _TEXT, "pretrained": _TEXT, "folder": _TEXT},
    "lens": {"factory": _TEXT, "options": _TABLE, "file": _TEXT},
    "fit": {"k": _WHOLE, "crop": _TEXT, "threshold": _NUMBER, "sample": _WHOLE, "null": _WHOLE, "seed": _WHOLE,
            "pooling": _TEXT, "templates": _TEXTS, "batch_size": _WHOLE},
    "audit": {"checklist": _TEXT, "target": _TEXT, "p": _NUMBER, "margin": _NUMBER, "used": _NUMBER,
              "min_effect": _NUMBER, "layer": _TEXT_OR_TEXTS},
    "test": {"folder": _TEXT, "factory": _TEXT, "options": _TABLE, "metadata": _TEXT},
    "limits": {
        "spurious_concept": _NUMBER, "spurious_total": _NUMBER, "unexpected_total": _NUMBER, "missing_valid": _WHOLE,
        "accuracy": _NUMBER, "auroc": _NUMBER, "sensitivity": _NUMBER, "specificity": _NUMBER, "brier": _NUMBER,
        "ece": _NUMBER, "worst_subgroup_accuracy": _NUMBER, "worst_subgroup_auroc": _NUMBER,
        "worst_subgroup_sensitivity": _NUMBER, "worst_subgroup_specificity": _NUMBER, "worse_groups": _WHOLE,
        "by": _TEXT,
    },
    "against": {"last": _TEXT, "seeds": _TEXTS},
    "output": {"folder": _TEXT},
}  # fmt: skip
"""Every section of a plan with its keys, and what each of them is."""
BY = ("estimate", "interval")
_SHARES = frozenset(name for name, kind in SECTIONS["limits"].items() if kind == _NUMBER)


class PlanError(ValueError):
    """A plan that cannot be followed; the message names every key that is wrong, and what is allowed."""


@dataclass(frozen=True, eq=False)
class AuditPlan:
    """A plan as it is read: values by section and key, and the folder that its paths start from.

    hash: of all that decides the answer: the plan but where it writes, the checklist, the metadata.
    """

    document: Mapping[str, Any]
    folder: Path
    name: str = "plan"

    def __post_init__(self) -> None:
        if problems := _problems(self.document):
            raise PlanError(f"{self.name} cannot be followed: " + "; ".join(problems))
        self.checklist  # noqa: B018  read now, so that a plan with a bad one fails before any work

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> AuditPlan:
        """A plan from a TOML file. FileNotFoundError, or PlanError saying what of it is wrong."""
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no file {str(path)!r}; give the path of a plan in TOML")
        try:
            document = _toml().loads(read_text(path))
        except ValueError as error:
            raise PlanError(f"{path.name} is no TOML: {error}") from None
        return cls(document, path.resolve().parent, path.name)

    def get(self, section: str, key: str, otherwise: Any = None) -> Any:
        """One value, or `otherwise` where the plan does not say."""
        return self.document.get(section, {}).get(key, otherwise)

    def path(self, section: str, key: str) -> Path | None:
        """One value as a path, from the plan's folder on; None where the plan does not say."""
        value = self.get(section, key)
        return None if value is None else self.folder / value

    @property
    def checklist(self) -> Checklist:
        """The checklist: one of this package by name ("abcde"), or a file beside the plan."""
        named = str(self.get("audit", "checklist"))
        if named == "abcde":
            return Checklist.abcde()
        path = self.folder / named
        if not path.is_file():
            raise PlanError(f"{self.name}: [audit] checklist: no file {str(path)!r}; give a file, or \"abcde\"")
        try:
            found = Checklist.from_text(read_text(path), checklist_format(path))
        except ValueError as error:
            raise PlanError(f"{self.name}: [audit] checklist: {error}") from error
        if not len(found):
            raise PlanError(f"{self.name}: [audit] checklist: {path.name} names no concept")
        return found

    @property
    def hash(self) -> str:
        document = {section: dict(values) for section, values in self.document.items() if section != "output"}
        metadata = self.path("test", "metadata")
        beside = "" if metadata is None or not metadata.is_file() else hashlib.sha256(metadata.read_bytes()).hexdigest()
        text = json.dumps([document, self.checklist.to_document(), beside], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def _toml() -> Any:
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib
    import tomli

    return tomli


def _problems(document: Any) -> list[str]:
    """What of a plan is wrong, key by key."""
    if not isinstance(document, Mapping):
        return ["it is no table"]
    found = []
    for section, values in document.items():
        if section not in SECTIONS:
            found.append(f"[{section}] is no section ({_near(section, SECTIONS)}sections are {', '.join(SECTIONS)})")
        elif not isinstance(values, Mapping):
            keys = ", ".join(SECTIONS[section])
            found.append(f"{section} is {values!r:.40}; it is a section, [{section}], with {keys}")
        else:
            found += _of_section(section, values)
    return found or _lacking(document)


def _of_section(section: str, values: Mapping[str, Any]) -> list[str]:
    known, found = SECTIONS[section], []
    for key, value in values.items():
        if key not in known:
            found.append(f"[{section}] {key} is no key ({_near(key, known)}keys are {', '.join(known)})")
        elif not _is(value, known[key]):
            found.append(f"[{section}] {key} = {value!r:.40}; it is {known[key]}")
        elif section == "limits" and key in _SHARES and not 0 <= value <= 1:
            found.append(f"[limits] {key} = {value}; it is a share from 0 to 1")
        elif section == "limits" and key == "by" and value not in BY:
            found.append(f"[limits] by = {value!r}; limits are judged by {' or by '.join(map(repr, BY))}")
        elif section == "limits" and _is(value, _WHOLE) and value < 0:
            found.append(f"[limits] {key} = {value}; it is a number of things, from 0")
        elif section != "limits" and key.endswith("factory") and ":" not in value:
            found.append(f"[{section}] {key} = {value!r}; it is written module:function")
    return found


def _lacking(document: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    if "lens" in document:
        if other := [section for section in ("model", "data", "clip", "fit") if section in document]:
            found.append(f"[lens] and [{other[0]}] both say what is audited; give one of them")
        if len({"factory", "file"} & document["lens"].keys()) != 1:
            found.append("[lens] needs one of factory (a function that gives a lens) and file (a .semlens file)")
    else:
        for section, keys in (("model", ("factory", "layers")), ("data", ()), ("clip", ())):
            if section not in document:
                found.append(f"[{section}] is missing (or give [lens])")
            given = document.get(section, dict.fromkeys(keys))
            found += [f"[{section}] needs {key}" for key in keys if key not in given]
        found += _either(document, "data", "folder", "factory") + _either(document, "clip", "model", "folder")
        if {"transform", "transform_factory"} <= document.get("data", {}).keys():
            found.append("[data] has both transform and transform_factory; give one of them")
    if {"folder", "factory"} <= document.get("test", {}).keys():
        found.append("[test] needs one of folder and factory, not both")
    if "checklist" not in document.get("audit", {}):
        found.append("[audit] needs checklist: a file, or \"abcde\"")
    if not set(document.get("limits", {})) - {"by"} and "last" not in document.get("against", {}):
        found.append(f"[limits] sets no limit, so that nothing can fail; there are {', '.join(SECTIONS['limits'])}")
    return found


def _either(document: Mapping[str, Mapping[str, Any]], section: str, one: str, other: str) -> list[str]:
    if section in document and len({one, other} & document[section].keys()) != 1:
        return [f"[{section}] needs one of {one} and {other}"]
    return []


def _is(value: Any, kind: str) -> bool:
    if kind == _TEXT:
        return isinstance(value, str) and bool(value)
    if kind == _NUMBER:
        return isinstance(value, Real) and not isinstance(value, bool)
    if kind == _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == _TABLE:
        return isinstance(value, Mapping)
    texts = isinstance(value, list) and bool(value) and all(isinstance(part, str) for part in value)
    return texts or (kind == _TEXT_OR_TEXTS and isinstance(value, str) and bool(value))


def _near(word: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}? " if near else ""
