"""Which font a letter is written in: DejaVu, and for letters it has not, the installed fonts that have them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, fontManager, get_font

from ..numbers import Number


@functools.cache
def font(size: Number, bold: bool = False, mono: bool = False) -> FontProperties:
    """DejaVu as matplotlib ships it, so that a figure looks the same everywhere."""
    name = f"DejaVuSans{'Mono' if mono else ''}{'-Bold' if bold else ''}.ttf"
    path = Path(mpl.get_data_path(), "fonts", "ttf", name)
    family = "DejaVu Sans Mono" if mono else "DejaVu Sans"
    return FontProperties(family=family, weight="bold" if bold else "normal", size=size, fname=str(path))


class Fonts(FontProperties):
    """Several fonts, by the file of each family, tried in their order letter by letter.

    Matplotlib asks for the file of one family at a time, by a copy that has that family alone.
    """

    def __init__(self, files: Mapping[str, str], size: Number, bold: bool) -> None:
        super().__init__(family=list(files), weight="bold" if bold else "normal", size=size)
        self._files = tuple(files.items())  # properties are hashed

    def __copy__(self) -> Fonts:
        made = Fonts.__new__(Fonts)
        vars(made).update(vars(self))
        return made

    def copy(self) -> Fonts:
        return self.__copy__()

    def set_family(self, family: Any) -> None:
        super().set_family(family)
        if isinstance(family, str) and (path := dict(vars(self).get("_files", ())).get(family)):
            self.set_file(path)


def lacking(text: str, bold: bool = False, mono: bool = False) -> str:
    """The letters of a text that DejaVu has not, each once."""
    return _without(text, letters_of(str(font(1.0, bold, mono).get_file())))


def _without(text: str, known: frozenset[int]) -> str:
    return "".join(dict.fromkeys(letter for letter in text if ord(letter) not in known and not letter.isspace()))


def font_of(text: str, size: Number, bold: bool = False, mono: bool = False) -> FontProperties:
    """What to write a text in: DejaVu, and behind it the installed fonts that have the letters it has not."""
    usual = font(size, bold, mono)
    others = borrowed(text, bold, mono)[0]
    return Fonts({usual.get_family()[0]: str(usual.get_file())} | others, size, bold) if others else usual


def borrowed(text: str, bold: bool = False, mono: bool = False) -> tuple[dict[str, str], str]:
    """The fonts besides DejaVu that a text needs, family to file, and the letters that no installed font has."""
    if not (wanted := lacking(text, bold, mono)):
        return {}, ""
    covering, missing = _covering("".join(sorted(wanted)), bold)
    return dict(covering), missing


@functools.cache
def letters_of(path: str) -> frozenset[int]:
    """The code points a font has."""
    return frozenset(get_font(path).get_charmap())


@functools.lru_cache(maxsize=1000)
def _covering(letters: str, bold: bool) -> tuple[tuple[tuple[str, str], ...], str]:
    """Installed fonts that have the letters between them, (family, file) of each, and the letters that none has.

    The first font that has all that is still wanted is taken, else the one that has most of it: DejaVu Sans first
    (for text in its monospaced sister), then Noto, then by name.
    """
    font_of: dict[str, str] = {}
    while letters:
        best: tuple[int, str, str] | None = None
        for family, path in (("DejaVu Sans", str(font(1.0, bold).get_file())), *_installed(bold)):
            try:
                has = len(letters) - len(_without(letters, letters_of(path)))
            except (OSError, RuntimeError):
                continue  # not a font that can be read
            if family not in font_of and has > (best[0] if best else 0):
                best = (has, family, path)
                if has == len(letters):
                    break
        if best is None:
            break
        font_of[best[1]] = best[2]
        letters = _without(letters, letters_of(best[2]))
    return tuple(font_of.items()), letters


@functools.lru_cache(maxsize=2)
def _installed(bold: bool) -> tuple[tuple[str, str], ...]:
    """(family, file) of the fonts that can be embedded as TrueType, the likeliest first."""
    entries = [entry for entry in fontManager.ttflist if not entry.name.startswith("Last Resort")]  # all boxes
    named = {entry.fname: entry for entry in reversed(entries)}  # of a collection the first, which a path opens
    order = sorted(named.values(), key=lambda e: (not e.name.startswith("Noto Sans"), bold != (_weight(e) >= 600),
                                                  e.style != "normal", e.name, e.fname))  # fmt: skip
    return tuple((entry.name, entry.fname) for entry in order if _is_truetype(entry.fname))


def _weight(entry: Any) -> int:
    return entry.weight if isinstance(entry.weight, int) else 700 if "bold" in str(entry.weight).lower() else 400


def _is_truetype(path: str) -> bool:
    """Whether a font has outlines that PDF takes as they are; others would become Type 3, bitmaps have none."""
    try:
        with open(path, "rb") as file:
            head = file.read(16)
            if head[:4] == b"ttcf":
                file.seek(int.from_bytes(head[12:16], "big"))
                head = file.read(4)
        return head[:4] in (b"\0\1\0\0", b"true") and bool(get_font(path).scalable)
    except (OSError, RuntimeError):
        return False
