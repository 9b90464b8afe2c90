"""A dossier as Markdown that people fill in: parts and fields are headings, what belongs there is a comment."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .clauses import known_clause
from .fields import FIELDS, PARTS

_HEAD = (
    "Write below the headings. What stays empty is told as “not provided” in the report; nothing is filled in for you. "
    "A text may have several paragraphs; a line of yours that begins with # is written \\#."
)
_RISKS, _SIGN, _NOT = "Findings", "Signatures", "Not applicable"
_HINTS = {
    _RISKS: "A heading ### for each finding, with its concept's name, and three lines below it.",
    _SIGN: "One line for each: - Name, role",
    _NOT: "Clauses that do not apply, and why, one line for each: - Annex IV 8: it is not placed on the market",
}
_RISK_LINES = {"residual": "Residual risk", "owner": "Owner", "action": "Action"}
_HEADING = re.compile(r" {0,3}(#{1,3})(?!#)\s*(.*?)\s*", re.S)
_ESCAPED = re.compile(r"( {0,3})\\(\\*(?:#{1,3}(?!#)|<!--).*)", re.S)
_TO_ESCAPE = re.compile(r"( {0,3})(\\*(?:#{1,3}(?!#)|<!--).*)", re.S)
_SIGNATORY = re.compile(r"((?:\\.|\\$|[^\\,])*)(?:,(.*))?", re.S)
_ITEM = re.compile(r"\s{0,3}[-*+]\s+(.*)", re.S)
_MOST_TOLD = 5  # mistakes


def to_markdown(document: Mapping[str, Any]) -> str:
    """The text of a dossier's file, from what `Dossier.to_document` gives."""
    lines = [f"# {document.get('title', '')}".rstrip(), "", *_comment(_HEAD)]
    for part in PARTS:
        lines += ["", f"## {part}"]
        for field in (f for f in FIELDS.values() if f.part == part):
            lines += ["", f"### {field.title}", "", *_comment(field.hint)]
            if value := document.get(field.name):
                lines += ["", *map(_escaped, value.split("\n"))]
    lines += ["", f"## {_RISKS}", "", *_comment(_HINTS[_RISKS])]
    for risk in document.get("risks", ()):
        lines += ["", f"### {risk['finding']}", ""]
        lines += [f"- {words}: {risk[name]}".rstrip() for name, words in _RISK_LINES.items()]
    lines += ["", f"## {_SIGN}", "", *_comment(_HINTS[_SIGN]), ""]
    for one in document.get("signatories", ()):
        name = re.sub(r"([\\,])", r"\\\1", one["name"])
        lines.append(f"- {name}, {one['role']}" if one["role"] else f"- {name}")
    lines += ["", f"## {_NOT}", "", *_comment(_HINTS[_NOT]), ""]
    lines += [f"- {clause}: {why}" for clause, why in document.get("not_applicable", {}).items()]
    return "\n".join(lines).rstrip("\n") + "\n"


def from_markdown(text: str) -> dict[str, Any]:
    """The document of a dossier, as `Dossier.from_document` takes it. ValueError tells the mistakes, each with its
    line."""
    reading = _Reading()
    for number, line in _without_comments(text.removeprefix("\ufeff"), reading.wrong):
        reading.take(number, line)
    if reading.wrong:
        more = f"; and {len(reading.wrong) - _MOST_TOLD} more" if len(reading.wrong) > _MOST_TOLD else ""
        raise ValueError("; ".join(reading.wrong[:_MOST_TOLD]) + more)
    return reading.document()


def _escaped(line: str) -> str:
    """A line of text so that it is read as no heading and no comment."""
    special = _TO_ESCAPE.fullmatch(line)
    return f"{special[1]}\\{special[2]}" if special else line


def _comment(text: str) -> list[str]:
    return [f"<!-- {text} -->"]


def _without_comments(text: str, wrong: list[str]) -> Iterator[tuple[int, str]]:
    """(number, line) of all lines that stand outside of comments; a comment begins at the beginning of a line."""
    begun = 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not begun and not re.match(r" {0,3}<!--", line):
            yield number, line
            continue
        begun = begun or number
        _, end, rest = line.partition("-->")
        if end:
            begun = 0
            if rest.strip():
                yield number, rest
    if begun:
        wrong.append(f"the comment that begins in line {begun} has no end (-->)")


class _Reading:
    """A dossier while it is read, line by line."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.title: str | None = None
        self.texts: dict[str, list[str]] = {}
        self.risks: dict[str, dict[str, str]] = {}
        self.signatories: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.part = ""
        self.place: list[str] | dict[str, str] | None = None  # what lines are added to

    def take(self, number: int, line: str) -> None:
        """One line. What is wrong with it is told in `wrong`."""
        try:
            if heading := _HEADING.fullmatch(line):
                self._heading(len(heading[1]), " ".join(heading[2].split()))
            elif line.strip() or isinstance(self.place, list):
                self._text(line)
        except ValueError as error:
            self.wrong.append(f"line {number}: {error}")

    def _heading(self, level: int, title: str) -> None:
        self.place = None
        if level == 1:
            if self.title is not None:
                raise ValueError(f"a second title, {title[:60]!r}; write \\# for a line of text that begins with #")
            self.title = title
        elif level == 2:
            self.part = _nearest(title, (*PARTS, _RISKS, _SIGN, _NOT), "part")
        elif self.part == _RISKS:
            if not title or title in self.risks:
                raise ValueError(f"the finding {title[:60]!r} stands twice" if title else "a finding without a name")
            self.place = self.risks[title] = {}
        else:
            self._field(title)

    def _field(self, title: str) -> None:
        titles = {field.title: name for name, field in FIELDS.items()}
        name = titles[_nearest(title, tuple(titles), "field")]
        self.place = self.texts.setdefault(name, [])
        if self.place:
            raise ValueError(f"{title!r} stands twice")

    def _text(self, line: str) -> None:
        if isinstance(self.place, list):
            escaped = _ESCAPED.fullmatch(line)
            self.place.append(f"{escaped[1]}{escaped[2]}" if escaped else line)
        elif self.part == _RISKS and isinstance(self.place, dict):
            self._of_risk(self.place, line)
        elif self.part in (_SIGN, _NOT):
            if not (item := _ITEM.fullmatch(line)):
                raise ValueError(f"{line.strip()[:60]!r} is no line of a list; begin it with “- ”")
            (self._signatory if self.part == _SIGN else self._reason)(item[1])
        else:
            below = f"below “{self.part}”" if self.part else "above the first part"
            raise ValueError(f"{line.strip()[:60]!r} stands {below}, in no field; put it below a heading ###")

    def _of_risk(self, risk: dict[str, str], line: str) -> None:
        item = _ITEM.fullmatch(line)
        words, colon, value = item[1].partition(":") if item else ("", "", "")
        names = {title: name for name, title in _RISK_LINES.items()}
        if not colon:
            raise ValueError(f"{line.strip()[:60]!r} is none of the lines “- Residual risk: …”, “- Owner: …”, "
                             "“- Action: …”")  # fmt: skip
        name = names[_nearest(words.strip(), tuple(names), "line of a finding")]
        if name in risk:
            raise ValueError(f"{words.strip()!r} stands twice")
        risk[name] = value

    def _signatory(self, text: str) -> None:
        written = _SIGNATORY.fullmatch(text)
        assert written is not None, "any line is a name, and perhaps a role"
        name = " ".join(re.sub(r"\\(.)", r"\1", written[1], flags=re.S).split())
        if not name or name in self.signatories:
            raise ValueError(f"{name[:60]!r} stands twice" if name else "a signatory needs a name")
        self.signatories[name] = written[2] or ""

    def _reason(self, text: str) -> None:
        clause, _, why = text.partition(":")
        known = known_clause(clause)
        if not why.strip():
            raise ValueError(f"{known} does not apply, because …? Give the reason after a colon")
        if known in self.reasons:
            raise ValueError(f"{known} stands twice")
        self.reasons[known] = why

    def document(self) -> dict[str, Any]:
        """What was read."""
        texts = {name: "\n".join(lines) for name, lines in self.texts.items()}
        return {
            "title": self.title or "", **texts,
            "risks": [{"finding": finding, **told} for finding, told in self.risks.items()],
            "signatories": [{"name": name, "role": role} for name, role in self.signatories.items()],
            "not_applicable": self.reasons,
        }  # fmt: skip


def _nearest(title: str, known: tuple[str, ...], what: str) -> str:
    """The known title that is meant, whatever its capitals. ValueError names the nearest one."""
    folded = {one.casefold(): one for one in known}
    if title.casefold() in folded:
        return folded[title.casefold()]
    near = difflib.get_close_matches(title.casefold(), folded, n=1)
    hint = f" (did you mean {folded[near[0]]!r}?)" if near else f"; there are {', '.join(known)}"
    raise ValueError(f"no {what} is called {title[:60]!r}{hint}; a text of yours that begins with # is written \\#")
