"""What a report provides of what clauses ask for: nothing that a person has not said or a run not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dossier import FIELDS, Dossier, index

SUMMARY, MODEL, PLAN, DATA, PERFORMANCE, AUDIT = (
    "Summary", "Model and purpose", "Plan and deviations", "Data", "Performance", "The present audit",
)  # fmt: skip
ROBUSTNESS, FURTHER, FAILURES, UNJUDGED = (
    "Robustness", "Further measurements", "Failure cases", "What could not be judged",
)  # fmt: skip
RISKS, DECISIONS, LIFE, INDEX, SIGNATURES, MADE = (
    "Findings and risks", "Decisions", "Life cycle and availability", "Index of clauses", "Signatures",
    "How this was made",
)  # fmt: skip
OUTLINE = (
    SUMMARY, MODEL, PLAN, DATA, PERFORMANCE, AUDIT, ROBUSTNESS, FURTHER, FAILURES, UNJUDGED, RISKS, DECISIONS, LIFE,
    INDEX, SIGNATURES, MADE,
)  # fmt: skip
"""The sections of a report with a dossier, in their order."""

_OF_PART = {"Model": MODEL, "Purpose": MODEL, "Data": DATA, "Plan": PLAN, "Risks": RISKS, "Life cycle": LIFE,
            "About this audit": LIFE}  # fmt: skip
SECTION_OF: dict[str, str] = {name: _OF_PART[field.part] for name, field in FIELDS.items()} | {
    "failures": FAILURES, "title": SUMMARY, "@summary": SUMMARY, "@audit": AUDIT, "@relevance": AUDIT,
    "@performance": PERFORMANCE, "@subgroups": PERFORMANCE, "@robustness": ROBUSTNESS, "@failures": FAILURES,
    "@risks": RISKS, "@decisions": DECISIONS, "@agreement": DECISIONS, "@signatories": SIGNATURES, "@environment": MADE,
}  # fmt: skip
"""By what a clause may need the section it stands in."""
NEEDS: dict[str, str] = {name: field.title for name, field in FIELDS.items()} | {
    "title": "Title", "@summary": "Summary", "@audit": "The audit", "@relevance": "Relevance",
    "@performance": "Performance with intervals", "@subgroups": "Performance in subgroups", "@robustness": "Robustness",
    "@failures": "Failure cases", "@risks": "Residual risk, owner and action of each spurious finding",
    "@decisions": "Decisions", "@agreement": "Agreement of two readers", "@signatories": "Names to sign",
    "@environment": "Versions of software",
}  # fmt: skip
"""What needs are called where they are missing."""
PLACES = {"performance": PERFORMANCE, "subgroups": PERFORMANCE, "slices": PERFORMANCE, "robustness": ROBUSTNESS}
"""By key of a measurement the section it belongs to; others to `FURTHER`."""


def spurious_findings(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each spurious concept that was found or is used, with what the dossier says of it; then its other risks."""
    said = {risk["finding"]: risk for risk in (document.get("dossier") or {}).get("risks", ())}
    nothing = {"residual": "", "owner": "", "action": ""}
    found = []
    for concept in document["concepts"]:
        counts = concept["state"] == "found" or concept.get("used") or concept.get("elsewhere")
        if concept["kind"] == "spurious" and counts:
            told = said.pop(concept["concept"], {})
            found.append({**nothing, "finding": concept["concept"], **told, "concept": concept})
    return found + [{**nothing, **risk, "concept": None} for risk in said.values()]


def provided(document: Mapping[str, Any], dossier: Dossier) -> list[dict[str, Any]]:
    """The index of clauses of a report."""
    keys = {section["key"] for section in document["sections"]}
    findings = [f for f in spurious_findings(document) if f["concept"] is not None]
    measured = {
        "@summary": True, "@audit": bool(document["concepts"]), "@relevance": bool(document["relevance"]["backend"]),
        "@performance": "performance" in keys, "@subgroups": "subgroups" in keys, "@robustness": "robustness" in keys,
        "@failures": document["failures"] is not None or bool(dossier.failures),
        "@risks": all(f["residual"] and f["owner"] and f["action"] for f in findings),
        "@decisions": any(v["decision"] for v in document["verdicts"]),
        "@agreement": bool((document["reading"] or {}).get("agreement")),
        "@signatories": bool(dossier.signatories), "@environment": bool(document["environment"]),
    }  # fmt: skip
    said = {name for name in ("title", *FIELDS) if getattr(dossier, name)}
    said |= {name for name, there in measured.items() if there}
    return index(said, dossier.not_applicable, SECTION_OF)
