"""The dossier in the audit's window: its fields as a form, a file that is opened or kept, and what clauses ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..dossier import FIELDS, PARTS, Dossier, Risk, Signatory
from ..session import Session
from ..texts import decoded, quoted
from .channel import Buffers
from .wire import Answer, File

_OF_RISKS = ("residual", "owner", "action")


def form(session: Session) -> Answer:
    """All fields by part with what is said, the findings to say something about, and who signs."""
    with session.lock:
        dossier, report = session.dossier, session.report
    found = []
    if report is not None:
        found = [f.name for f in report.findings if f.kind == "spurious" and (f.state == "found" or f.used)]
    said = {risk.finding: risk for risk in dossier.risks}
    risks = [said.pop(name, Risk(name)) for name in found] + list(said.values())
    done, there = dossier.counts
    return {
        "title": dossier.title,
        "parts": [
            {"name": part, "fields": [{**asdict(f), "text": getattr(dossier, f.name)} for f in FIELDS.values()
                                      if f.part == part]}
            for part in PARTS
        ],
        "risks": [asdict(risk) for risk in risks],
        "signatories": "\n".join(f"{s.name}, {s.role}" if s.role else s.name for s in dossier.signatories),
        "done": done, "there": there,
    }  # fmt: skip


def say(session: Session, field: str, text: str) -> Answer:
    """Say something in one field, or who signs (a line for each). ValueError says what is wrong."""
    text = str(text)
    with session.lock:
        if field == "signatories":
            people = tuple(_signatory(line) for line in text.splitlines() if line.strip())
            changed: dict[str, Any] = {"signatories": people}
        elif field in FIELDS or field == "title":
            changed = {field: text}
        else:
            raise ValueError(f"a dossier has no field {field!r:.60}")
        session.dossier = replace(session.dossier, **changed)
    return {"python": f"lens.dossier = replace(lens.dossier, {field}={quoted(text)})" if len(text) < 80 else ""}


def say_of_finding(session: Session, finding: str, name: str, text: str) -> Answer:
    """Say what risk is left of one finding, who looks after it, or what is done."""
    if name not in _OF_RISKS:
        raise ValueError(f"of a finding {', '.join(_OF_RISKS)} can be said, not {name!r:.60}")
    with session.lock:
        known = {risk.finding: risk for risk in session.dossier.risks}
        risk = replace(known.get(finding, Risk(finding)), **{name: str(text)})
        known[risk.finding] = risk
        kept = tuple(one for one in known.values() if one.residual or one.owner or one.action)
        session.dossier = replace(session.dossier, risks=kept)
    return {"python": ""}


def opened(session: Session, buffers: Buffers, name: str) -> Answer:
    """Take the dossier of a Markdown file. ValueError tells its mistakes, each with its line."""
    if len(buffers) != 1:
        raise ValueError("one file is needed")
    path = Path(str(name)[-80:])
    try:
        found = Dossier.from_markdown(decoded(bytes(buffers[0]), path.name))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    with session.lock:
        session.dossier = found
        done, there = found.counts
        session.set_trait("audit_notice", f"{path.name} is open: {done} of {there} fields are filled in.")
    return {"python": f"lens.dossier = sl.Dossier.read({quoted(path.name)})"}


def kept(session: Session) -> Answer:
    """The dossier as a Markdown file, with the findings of the audit in it."""
    with session.lock:
        said = {risk.finding: risk for risk in session.dossier.risks}
        risks = tuple(said.get(one["finding"], Risk(one["finding"])) for one in form(session)["risks"])
        text = replace(session.dossier, risks=risks).to_markdown()
    file = File(text.encode("utf-8", "backslashreplace"), "text/markdown;charset=utf-8")
    return {"name": "dossier.md", "python": 'lens.dossier.write("dossier.md")', "file": file}


def _signatory(line: str) -> Signatory:
    name, _, role = line.partition(",")
    return Signatory(name, role)


CHANGES: Mapping[str, Callable[..., Answer]] = {
    "dossier_say": say, "dossier_finding": say_of_finding, "dossier_open": opened,
}  # fmt: skip
VERBS: Mapping[str, Callable[..., Answer]] = {**CHANGES, "dossier": form, "dossier_file": kept}
