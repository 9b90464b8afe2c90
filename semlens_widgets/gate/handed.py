"""What is handed on: a report for people, JUnit XML and Markdown for a continuous integration, and the lens itself."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from ..lens import Lens
from ..report.markdown import escaped
from ..sections import Measurement
from ..texts import well_formed
from ..writing import write_bytes, write_text
from .value import GateResult, told_change

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SIGNS = {"kept": "✅", "broken": "❌", "not judged": "❓"}


def hand_on(result: GateResult, lens: Lens, folder: Path, sections: Sequence[Measurement] = ()) -> dict[str, Path]:
    """Write everything into a folder, and give where; `sections` are more of the report."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "junit": write_bytes(folder / "junit.xml", junit(result)),
        "summary": write_text(folder / "summary.md", summary(result)),
        "json": write_text(folder / "gate.json", result.to_json()),
    }
    if lens.report is not None:
        written = lens.document(sections=sections)  # once, so that both are one report with one seal
        made["report"] = written.save(folder / "report.html")
        written.save(folder / "report.json")
    made["lens"] = lens.save(folder / "model.semlens")
    return made


def junit(result: GateResult) -> bytes:
    """JUnit XML: a test case for each limit; broken ones fail, those that could not be judged are errors."""
    broken, unjudged = (sum(c.state == state for c in result.checks) for state in ("broken", "not judged"))
    suite = ElementTree.Element(
        "testsuite", name=_xml(f"semlens audit {result.plan}"), tests=str(len(result.checks)), failures=str(broken),
        errors=str(unjudged),
    )  # fmt: skip
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("plan", result.hash), ("model", result.model), ("outcome", result.outcome)):
        ElementTree.SubElement(properties, "property", name=name, value=_xml(value))
    for check in result.checks:
        case = ElementTree.SubElement(suite, "testcase", classname=_xml(check.name), name=_xml(check.title))
        if check.state == "kept":
            ElementTree.SubElement(case, "system-out").text = _xml(check.message)
        else:
            kind = "failure" if check.state == "broken" else "error"
            ElementTree.SubElement(case, kind, message=_xml(check.message)).text = _xml(check.message)
    whole = ElementTree.Element("testsuites")
    whole.append(suite)
    ElementTree.indent(whole)
    return bytes(ElementTree.tostring(whole, encoding="utf-8", xml_declaration=True))


def _xml(text: str) -> str:
    """A text without letters that XML does not have."""
    return _NOT_XML.sub("\ufffd", well_formed(text))


def summary(result: GateResult) -> str:
    """Markdown, as a summary of a job shows it."""
    lines = [
        f"## {escaped(result.model)}: {result.outcome}", "",
        f"Plan {escaped(result.plan)}, `{result.hash}`.", "", "| limit | | found |", "| --- | --- | --- |",
    ]  # fmt: skip
    lines += [f"| {escaped(c.title)} | {_SIGNS[c.state]} {c.state} | {escaped(c.message)} |" for c in result.checks]
    if result.last:
        moved = [c for c in result.changes if c.word != "same"]
        lines += ["", f"Against {escaped(result.last)}: " + ("no surely changed reliance." if not moved else ""), ""]
        lines += [f"- {escaped(told_change(c))}" for c in moved]
    lines += ["", *(f"{escaped(note)}  " for note in result.notes)]
    return "\n".join(lines).rstrip() + "\n"
