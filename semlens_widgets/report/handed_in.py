"""What a report says beside the audit itself: the dossier, measurements, readers, the index, the seal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .. import numbers
from ..dossier import FIELDS, PARTS
from ..dossier.clauses import ADVICE
from ..seal import NAME, SIGNATURE, changes
from . import provided as p

_MOST_VERSIONS = 40


def handed_in(d: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the templates' parts, from a report's document alone."""
    dossier = d.get("dossier")
    sections = [_section(s) for s in d.get("sections") or ()]
    by_place: dict[str, list[dict[str, Any]]] = {}
    for section in sections:
        by_place.setdefault(p.PLACES.get(section["key"], p.FURTHER), []).append(section)
    return {
        "dossier": dossier,
        "part": {name.replace(" ", "_").lower(): _fields(dossier or {}, name) for name in PARTS},
        "measured_in": by_place,
        "places": {name: getattr(p, name) for name in ("PERFORMANCE", "ROBUSTNESS", "FURTHER")},
        "outline": _outline(d, by_place),
        "findings": p.spurious_findings(d) if dossier is not None else [],
        "index": _index(d.get("index")),
        "advice": ADVICE.format(dated=_dated(d.get("index"))),
        "reading": _reading(d.get("reading")),
        "failures": _failures(d.get("failures")),
        "environment": list((d.get("environment") or {}).items())[:_MOST_VERSIONS],
        "seal": _seal(d),
    }


def _outline(d: Mapping[str, Any], by_place: Mapping[str, Any]) -> dict[str, int]:
    """The number of each section of a report with a dossier, by its title; empty without one."""
    if d.get("dossier") is None:
        return {}
    left_out = set() if p.FURTHER in by_place else {p.FURTHER}
    return {title: number for number, title in enumerate((t for t in p.OUTLINE if t not in left_out), 1)}


def _fields(dossier: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    return [{"title": f.title, "text": dossier.get(f.name) or ""} for f in FIELDS.values() if f.part == part]


def _section(section: Mapping[str, Any]) -> dict[str, Any]:
    tables = [
        {**table, "numeric": _numeric(table), "rows": [[_cell(cell) for cell in row] for row in table["rows"]]}
        for table in section["tables"]
    ]
    return {**section, "tables": tables}


def _numeric(table: Mapping[str, Any]) -> list[bool]:
    """Whether each column holds numbers, and so stands on the right."""
    columns = zip(*table["rows"], strict=False) if table["rows"] else ()
    found = [all(not isinstance(cell, str) for cell in column) for column in columns]
    return [*found, *[False] * (len(table["heads"]) - len(found))]


def _cell(cell: Any) -> list[str]:
    """A cell in words: one text, or of an interval three."""
    if isinstance(cell, list):
        return [_number(value) for value in cell] if cell[0] is not None else ["–"]
    return [cell if isinstance(cell, str) else _number(cell)]


def _number(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):
        return numbers.count(value)
    return numbers.fixed(value, 2) if abs(value) < 1e4 else f"{value:.3g}"


def _index(index: Any) -> list[dict[str, Any]]:
    """The lists of clauses with their missing pieces in words, and how many of each state there are."""
    made = []
    for one in index or ():
        items = [{**item, "missing": [p.NEEDS.get(need, need) for need in item["missing"]]} for item in one["items"]]
        counts = {status: sum(item["status"] == status for item in items)
                  for status in ("provided", "not provided", "not applicable")}  # fmt: skip
        made.append({**one, "items": items, "counts": counts})
    return made


def _dated(index: Any) -> str:
    return index[0]["dated"] if index else ""


def _reading(reading: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The readers with their agreement in numbers, and each disagreement with how it was settled."""
    if reading is None:
        return None
    found = reading.get("agreement")
    settled = {verdict["subject"]: verdict for verdict in reading["settled"]}
    told = {**reading, "measures": [], "disagreements": [], "table": []}
    if found is None:
        return told
    names = {"observed": "Observed agreement", "kappa": "Cohen’s κ", "ac1": "Gwet’s AC1"}
    return told | {
        "sentence": found["sentence"], "categories": found["categories"],
        "measures": [(words, [_signed(v) for v in found[name]]) for name, words in names.items()],
        "table": list(zip(found["categories"], found["table"], strict=False)),
        "disagreements": [{**one, "settled": settled.get(one["subject"])} for one in found["disagreements"]],
    }  # fmt: skip


def _signed(value: float | int | None) -> str:
    return "–" if value is None or not math.isfinite(value) else numbers.fixed(value, 2)


def _failures(failures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if failures is None:
        return None
    kinds = (("missed", "Missed"), ("false alarm", "False alarms"))
    return {**failures, "by_kind": [(words, [one for one in failures["listed"] if one["kind"] == kind])
                                    for kind, words in kinds]}  # fmt: skip


def _seal(d: Mapping[str, Any]) -> dict[str, Any] | None:
    """The head of the seal, who signed it, and what was changed since."""
    seal = d.get(NAME)
    if seal is None:
        return None
    signature = seal.get(SIGNATURE) or {}
    found = changes(d)
    return {"head": seal["head"], "key": signature.get("public_key", ""), "links": len(seal["links"]),
            "changed": "; ".join(found[:8]) + (" …" if len(found) > 8 else "")}  # fmt: skip
