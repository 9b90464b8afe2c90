"""Text for people: chances, numbers of things, natural order; text files as people bring them; tables as CSV."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import numbers

_LONGEST_FILE = 64 * 2**20  # of texts that people edit
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"),
)  # fmt: skip
_MOST_DIGITS = 18  # of a whole number: what an int64 can hold, whatever stands there
_RUNS = re.compile(r"[0-9]+|[^0-9]+").findall
_INVISIBLE = ("C", "Z")  # controls, formats, surrogates; spaces and breaks
_SIGNS = "=+-@\N{MINUS SIGN}"


def p_value(p: float) -> str:
    """A chance as it is written everywhere: ".034", "< .001". It is never 0, whatever is left of it in a float."""
    return numbers.p(p)


def p_equals(p: float) -> str:
    """The same in a sentence: "p = .034", "p < .001"."""
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def plural(number: int, noun: str) -> str:
    """So many of something: "1 verdict", "1,024 components"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def quoted(text: str) -> str:
    """A text as Python writes it, in double quotes where that needs no escapes."""
    return repr(text) if '"' in text or "\\" in text or not text.isprintable() else f'"{text}"'


def size(count: numbers.Number) -> str:
    """Bytes as people say them: 812 kB, 3.1 GB."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= unit * 0.9995:
            return f"{numbers.fixed(count / unit, 0 if count >= 100 * unit else 1)} {name}"
    return f"{numbers.fixed(count / 1e3, 0)} kB"


def natural(text: str) -> list[tuple[bool, int, str]]:
    """A key that sorts texts with their numbers by size: "a2" before "a10". Any text has one, however many digits."""
    return [(not run[0].isascii() or not run[0].isdigit(), _size(run), run) for run in _RUNS(text)]


def _size(run: str) -> int:
    """A number below 10¹⁸ itself; for longer ones it grows with the digits; 0 for what is none."""
    digits = run.lstrip("0")
    if not run.isascii() or not run.isdigit():
        return 0
    return int(digits or 0) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS + len(digits)


def whole_number(text: str) -> int | None:
    """The number that a text of digits (0 to 9, at most 18 of them) says, or None: "12" is 12, "10²" and "-1" none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def well_formed(text: str) -> str:
    """The text without what no UTF-8 file and no message can hold: lone halves of characters (surrogates), and NUL.

    Each becomes U+FFFD, the replacement character, as in JavaScript's `toWellFormed`; two halves that belong together
    become their character.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def sendable(value: Any) -> Any:
    """A JSON-ready value with all its texts `well_formed`."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {sendable(key): sendable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [sendable(entry) for entry in value]
    return value


# files


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark; line ends stay as they are.

    ValueError names the file and says what to do where it is another encoding, no text, or larger than 64 MiB.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > _LONGEST_FILE:
        raise ValueError(f"{path.name} has {size / 2**20:,.0f} MiB; a text of at most {_LONGEST_FILE >> 20} is read")
    return decoded(path.read_bytes(), path.name)


def decoded(raw: bytes, name: str) -> str:
    """The text of a file of that name, as `read_text` takes it."""
    encoding = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name} is no text in {encoding.upper().removesuffix('-SIG')} (byte {error.start:,} cannot be read); "
            "save it as UTF-8, in Excel as 'CSV UTF-8'"
        ) from None
    if "\0" in text:
        raise ValueError(f"{name} is a binary file, or UTF-16 without its mark; save it as text in UTF-8")
    return text


def from_json(text: str, otherwise: str) -> Any:
    """What a JSON text says. ValueError for any other text, however deep or long; it begins with `otherwise`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{otherwise}: {error}") from None


# tables


def to_csv(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Dicts as CSV text, read back by `from_csv`. What a spreadsheet would take for a formula is led by an apostrophe.

    That is what begins with =, +, -, @, or their full-width forms, whatever spaces, breaks and invisible characters
    come before it; also any text that begins with a tab or a line break.
    """
    columns = list(columns or (rows[0] if rows else ()))
    text = io.StringIO()
    plain = csv.writer(text, lineterminator="\n")
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    table: list[list[Any]] = [list(columns), *([row.get(name) for name in columns] for row in rows)]
    for row in table:
        cells = [_inert(cell) for cell in row]
        breaks = any(isinstance(cell, str) and "\r" in cell for cell in cells)  # which csv leaves bare
        (quoted if breaks else plain).writerow(cells)
    return text.getvalue()


def from_csv(text: str) -> list[dict[str, str]]:
    """The rows of CSV text by its first line; the apostrophes of `to_csv` are taken off again.

    Cells are parted by commas; by semicolons or tabs where the first line has no comma. ValueError says which line
    cannot be read.
    """
    text = text.removeprefix("\ufeff")
    first = text.split("\n", 1)[0]
    comma = next((mark for mark in ",;\t" if mark in first), ",")
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma)
    try:
        return [
            {_meant(str(k).strip()): _meant(v or "") for k, v in row.items() if k is not None} for row in reader
        ]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num + 1:,} of the CSV cannot be read: {error}") from None


def _formula(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula; apostrophes before it are those of `to_csv`."""
    text = text.lstrip("'")
    if text[:1] in ("\t", "\r", "\n"):
        return True
    first = next((letter for letter in text if unicodedata.category(letter)[0] not in _INVISIBLE), "")
    return bool(first) and unicodedata.normalize("NFKC", first)[0] in _SIGNS


def _inert(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    value = well_formed(value)
    return f"'{value}" if _formula(value) else value


def _meant(value: str) -> str:
    return value[1:] if value.startswith("'") and _formula(value) else value
