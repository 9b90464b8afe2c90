"""The house's docstrings as reStructuredText: plain paragraphs, `code`, lists of `name: meaning`, indented examples.

Their sections are NumPy's, which `sphinx.ext.napoleon` reads; here what stands in them becomes text that means what it
says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ITEM = re.compile(r"^(?P<names>[a-z_]\w*(?:, [a-z_]\w*)*): +(?P<text>\S.*)$")
_BULLET = re.compile(r"^[-*] +(?P<text>\S.*)$")
_CODE = re.compile(r"``(.+?)``|`([^`]+)`", re.DOTALL)
_SPECIAL = re.compile(r"([\\*_|`])")
_NAME = re.compile(r"^(?:sl\.)?([A-Za-z]\w*)((?:\.[a-z]\w*)*)(?:\(.*\))?$", re.DOTALL)


_LISTS = ("Parameters", "Attributes", "Returns", "Yields", "Raises")


def to_rst(lines: list[str], public: frozenset[str] = frozenset()) -> list[str]:
    """A docstring's lines (dedented) as reStructuredText; `public` names of the package become links."""
    written: list[str] = []
    for title, body in _sections(lines):
        if title:
            written += [title, "-" * len(title)]
        if title == "Examples":
            written += [*body, ""]
        elif title in _LISTS:
            written += _entries(body, public)
        else:
            written += _prose(body, public)
    return written


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """What stands before the first heading, then each section with its heading."""
    title, body = "", []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line and not line.startswith(" ") and re.fullmatch(r"-{3,}", below) and len(below) == len(line):
            yield title, body
            title, body = line, []
        elif not (title and not body and re.fullmatch(r"-{3,}", line)):
            body.append(line)
    yield title, body


def _entries(body: list[str], public: frozenset[str]) -> list[str]:
    """Names or types as they are, what is said of each as text."""
    written: list[str] = []
    text: list[str] = []
    for line in [*body, ""]:
        if line.startswith(" "):
            text.append(line.strip())
            continue
        if text:
            written.append(f"    {inline(' '.join(text), public)}")
            text = []
        written.append(line)
    return written


def _prose(body: list[str], public: frozenset[str]) -> list[str]:
    written: list[str] = []
    for part in _parts(body):
        if all(line.startswith("    ") for line in part):
            written += ["::", "", *part, ""]
        else:
            written += [*_paragraph(part, public), ""]
    return written


def _parts(lines: list[str]) -> Iterator[list[str]]:
    """Runs of lines between empty ones."""
    part: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            part.append(line)
        elif part:
            yield part
            part = []


def _paragraph(part: list[str], public: frozenset[str]) -> list[str]:
    """Sentences, then items or bullets, each with the lines that go on with it."""
    entries: list[tuple[str, str]] = []  # (what is meant, "" for sentences and "-" for a bullet; its text)
    for line in part:
        if found := _ITEM.match(line):
            entries.append((found["names"], found["text"]))
        elif found := _BULLET.match(line):
            entries.append(("-", found["text"]))
        elif entries:
            names, text = entries.pop()
            entries.append((names, f"{text} {line.strip()}"))
        else:
            entries.append(("", line.strip()))
    written: list[str] = []
    for names, text in entries:
        shown = inline(text, public)
        if not names:
            written += [shown, ""]
        elif names == "-":
            written += [f"- {shown}", ""]
        else:
            written += [", ".join(f"``{name}``" for name in names.split(", ")), f"    {shown}", ""]
    return written[:-1]


def inline(text: str, public: frozenset[str] = frozenset()) -> str:
    """One run of text: code stays code, all else means nothing to reStructuredText."""
    written, at = [], 0
    for found in _CODE.finditer(text):
        # Markup has to stand free of letters: an escaped space is none on the page.
        before, after = text[at : found.start()], text[found.end() : found.end() + 1]
        written += [_SPECIAL.sub(r"\\\1", before), "" if not before or before[-1].isspace() else "\\ "]
        written += [_code(found[1] or found[2], public), "\\ " if after.strip() else ""]
        at = found.end()
    written.append(_SPECIAL.sub(r"\\\1", text[at:]))
    return "".join(written)


def _code(code: str, public: frozenset[str]) -> str:
    named = _NAME.match(code)
    if named and named[1] in public and "`" not in code and "<" not in code:
        return f":py:obj:`{code} <semlens_widgets.{named[1]}{named[2]}>`"
    return f"``{code}``"
