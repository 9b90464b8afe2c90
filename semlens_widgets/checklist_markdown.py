"""Checklists as people write them in Markdown: headings of any form and level, lists, and what a heading says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .texts import well_formed

UNSEEN = "cannot be seen in one image"


def line_of(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{text!r:.80} in a checklist; names, prompts, classes and notes are texts")
    return " ".join(well_formed(text).split())


_ITEM = re.compile(r"(?:[-*+•]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\] )?(.*?)(?: \(((?i:valid|spurious|neutral))\))?")
_DETAIL = re.compile(r"\s+(?:[-*+•]|\d{1,9}[.)])[ \t]+(?:(prompt|class|note|artefact):(?: (.*))?|(.*))")
_INDENTED = re.compile(r"\s+(?:[-*+•]|\d{1,9}[.)][ \t])")
_RULE = re.compile(r"\s*([-*_])(?:\s*\1){2,}\s*")  # a line across the page
_UNDERLINED = re.compile(r"(=+|-+)\s*")
_HEADING = re.compile(r"(#{1,6})(?:\s+(.*))?")
_EMPHASIS = re.compile(r"(?:\*\*(.+)\*\*|__(.+)__|([^\s>|].*):):?")  # lines that people write for headings
_UNDERLINE = {"=": 1, "-": 2}  # levels


def from_markdown(text: str) -> dict[str, Any]:
    """The document of a checklist, as `Checklist.from_document` takes it, from Markdown that people write.

    The first `#` is the title and other headings are groups. A concept is of the kind its line says in brackets, or
    else of the kind that the nearest heading above names. ValueError says which line stands nowhere, or that there is
    text and no concept.
    """
    lines = re.split(r"\r\n|\r|\n", text)
    headings = {at: _heading(lines, at) for at in range(len(lines))}
    sections = sum(found is not None and found[0] == 1 for found in headings.values()) > 1
    first = next((at for at in headings if headings[at]), 0)
    title = ""
    groups: dict[str, list[dict[str, Any]]] = {}
    above: list[tuple[int, str]] = []  # the headings that a line stands below
    group = ""
    entry: dict[str, Any] | None = None
    prose: list[int] = []
    for at, line in enumerate(lines):
        if found := headings[at]:
            level, name = found
            above = [*(h for h in above if h[0] < level), (level, name)]
            group, entry = name, None
            if at == first and level == 1 and not _is_group(lines, headings, at):
                title, group = name, ""
            elif level > 1:
                groups.setdefault(group, [])
        elif item := _item(line):
            named = (above if sections else [h for h in above if h[0] > 1] or above[-1:])[::-1]
            kind = item[2].lower() if item[2] else next(filter(None, (kind_named(name) for _, name in named)), "valid")
            details: dict[str, list[str]] = {key: [] for key in ("prompts", "classes", "note", "artefact")}
            entry = {"name": item[1], "kind": kind, **details, "visible": True}
            groups.setdefault(group, []).append(entry)
        elif entry is not None and (detail := _DETAIL.fullmatch(line)):
            _add_detail(entry, detail)
        elif _INDENTED.match(line):
            raise ValueError(f"line {at + 1} is indented below no concept: {line.strip()[:60]!r}")
        elif line.strip() and not _RULE.fullmatch(line) and not _UNDERLINED.fullmatch(line):
            prose.append(at)
    if prose and not any(groups.values()):
        raise ValueError(f"no concept stands in it, and line {prose[0] + 1} is none: {lines[prose[0]].strip()[:60]!r}; "
                         "a concept is a line that begins with '- ', below a heading")  # fmt: skip
    listed = [{"name": name, "concepts": [_concept(e) for e in entries]} for name, entries in groups.items()]
    return {"title": title, "groups": listed}


def _concept(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry of a document; prompts are left out where the name is the prompt."""
    made = {**entry, "note": "\n".join(entry["note"]), "artefact": line_of(" ".join(entry["artefact"]))}
    if made.pop("visible") and not made["prompts"]:
        del made["prompts"]
    return made


def _heading(lines: Sequence[str], at: int) -> tuple[int, str] | None:
    """(level, text) of a line that is a heading, or that is written like one and says what may be used."""
    line = lines[at]
    if marked := _HEADING.fullmatch(line):
        return len(marked[1]), line_of(marked[2] or "")
    if not line.strip() or line[0].isspace() or _item(line):
        return None
    below = lines[at + 1].rstrip() if at + 1 < len(lines) else ""
    if len(below) > 1 and below[0] in _UNDERLINE and not below.strip(below[0]):
        return _UNDERLINE[below[0]], line_of(line)
    written = _EMPHASIS.fullmatch(line.rstrip())
    name = line_of(next(filter(None, written.groups()), "")) if written else ""
    return (2, name) if name and kind_named(name) else None


def _is_group(lines: Sequence[str], headings: Mapping[int, tuple[int, str] | None], at: int) -> bool:
    """Whether the first heading is no title: it says what may be used, and concepts stand right below it."""
    found = headings[at]
    below = (n for n in range(at + 1, len(lines)) if headings[n] or _item(lines[n]))
    return found is not None and kind_named(found[1]) is not None and headings.get(next(below, at)) is None


def _item(line: str) -> re.Match[str] | None:
    return None if _RULE.fullmatch(line) else _ITEM.fullmatch(line)


def _add_detail(entry: dict[str, Any], detail: re.Match[str]) -> None:
    """Add an indented line to the concept it stands below."""
    key, value, plain = detail[1], detail[2] or "", detail[3]
    if key is not None:
        entry[{"prompt": "prompts", "class": "classes", "note": "note", "artefact": "artefact"}[key]].append(value)
    elif line_of(plain) == UNSEEN:
        entry["visible"] = False
    elif line_of(plain):
        entry["prompts"].append(plain)


_NAMES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("neutral", re.compile(r"neutral|no difference|irrelevant|not relevant|indifferent")),
    ("spurious", re.compile(
        r"(must|may|should|shall)(n.t| not)\b"
        r"|\b(not|never|don.t)\b.{0,20}\b(use|used|using|rely|relied|allowed|valid)\b"
        r"|spurious|arti?efact|artifact|shortcut|confound|forbidden|unwanted|undesired|invalid|\bbias"
    )),
    ("valid", re.compile(r"\bvalid\b|\b(should|must|may) be used\b|expected|allowed|\brelevant|\bdesired|\bwanted")),
)  # fmt: skip


def kind_named(heading: str) -> str | None:
    """The kind that a heading names, if any."""
    return next((kind for kind, words in _NAMES if words.search(heading.lower())), None)
