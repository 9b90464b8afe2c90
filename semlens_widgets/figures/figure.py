"""A figure as a value: the same state gives the same bytes, at any width, in any theme, in any of three formats."""

from __future__ import annotations

import io
import os
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape, unescape
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from ..palette import FIGURE, theme
from .numbers import Number
from .sheet import Sheet, font, own_style

FORMATS = ("pdf", "svg", "png")
SINGLE, MIDDLE, DOUBLE = FIGURE["widths-mm"]
NARROWEST = 60.0
_SCREEN_DPI = 192  # twice the pixels of CSS, for sharp screens


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure: how it is drawn, how wide, in which theme ("print", "light" or "dark"), and its caption.

    `drawn` draws on a sheet and gives the height it took, in mm. Text is text in embedded TrueType fonts, crops are
    embedded at print resolution, and nothing of the moment is written, so equal states give equal bytes.
    """

    drawn: Callable[[Sheet], Number]
    words: str
    width_mm: Number = float(DOUBLE)
    theme: str = "print"

    def __post_init__(self) -> None:
        theme(self.theme)
        if not NARROWEST <= self.width_mm <= 600:
            raise ValueError(f"width_mm={self.width_mm:g}; figures are {NARROWEST:g} to 600 mm wide, columns 85 to 180")

    def at(self, width_mm: Number | None = None, theme: str | None = None) -> Figure:
        """The same figure at another width, in another theme."""
        return replace(self, width_mm=float(width_mm or self.width_mm), theme=theme or self.theme)

    def caption(self) -> str:
        """What the figure shows, and what it was made from: layers, k, CLIP, data, hashes, n.

        Letters that no installed font has are told, as are fonts that were taken for letters DejaVu has not.
        """
        if "_fonts" not in vars(self):
            self.canvas()
        return f"{self.words}{vars(self)['_fonts']}"

    def canvas(self) -> Canvas:
        """The matplotlib figure, newly drawn, for those who want to change it."""
        with own_style():
            sheet = Sheet(self.width_mm, theme(self.theme))
            canvas = sheet.finish(self.drawn(sheet))
        vars(self)["_fonts"] = _told(sheet)
        return canvas

    def to_bytes(self, format: str, dpi: Number = 300) -> bytes:
        """The file's bytes; `format` is "pdf", "svg" or "png", `dpi` counts for PNG alone."""
        if format not in FORMATS:
            raise ValueError(f"no format {format!r}; a figure is saved as {', '.join(FORMATS)}")
        canvas, buffer = self.canvas(), io.BytesIO()
        with own_style():
            FigureCanvasAgg(canvas)
            if format == "png":
                for image in canvas.axes[0].images:
                    image.set_interpolation("lanczos")
            canvas.savefig(
                buffer, format=format, dpi=dpi, facecolor=canvas.get_facecolor(), metadata=self._about(format)
            )
        data = buffer.getvalue()
        return _with_fonts(data.decode()).encode() if format == "svg" else data

    def _about(self, format: str) -> dict[str, str | None]:
        """The caption travels in the file; dates and versions, which change from day to day, do not."""
        if format == "pdf":
            return {"Subject": self.caption(), "Creator": None, "Producer": None, "CreationDate": None}
        if format == "svg":
            return {"Description": self.caption(), "Creator": None, "Date": None, "Format": None, "Type": None}
        return {"Description": self.caption(), "Software": None}

    def save(self, path: str | os.PathLike[str], *, dpi: Number = 300, width_mm: Number | None = None) -> Path:
        """Write `x.pdf`, `x.svg` or `x.png`; the ending says which. `dpi` counts for PNG alone."""
        path = Path(path)
        format = path.suffix.lower().removeprefix(".")
        if format not in FORMATS:
            raise ValueError(f"{str(path)!r} ends in {path.suffix or 'nothing'!r}; end it in .pdf, .svg or .png")
        path.write_bytes(self.at(width_mm).to_bytes(format, dpi))
        return path

    def __repr__(self) -> str:
        return f"<Figure, {self.width_mm:g} mm wide: {self.words}>"

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """For notebooks: sharp, and as large as on paper."""
        return self.to_bytes("png", _SCREEN_DPI), {"width": round(self.width_mm / 25.4 * 96)}

    def to_html(self, dpi: Number = _SCREEN_DPI) -> str:
        """The figure and its caption as HTML, the picture inside."""
        data = b64encode(self.to_bytes("png", dpi)).decode()
        width = round(self.width_mm / 25.4 * 96)
        words = escape(self.caption())
        return (
            f'<figure style="margin:0"><img alt="{words}" width="{width}" src="data:image/png;base64,{data}">'
            f"<figcaption>{words}</figcaption></figure>"
        )


def _told(sheet: Sheet) -> str:
    """What a caption says of letters that DejaVu has not."""
    borrowed = f" Some text is set in {', '.join(sorted(sheet.borrowed))}." if sheet.borrowed else ""
    if not sheet.missing:
        return borrowed
    letters = sorted(sheet.missing)
    more = f" and {len(letters) - 12} more" if len(letters) > 12 else ""
    return f"{borrowed} Letters that no font here has stand as boxes: {' '.join(letters[:12])}{more}."


def _with_fonts(svg: str) -> str:
    """The SVG with the letters it uses of each font inside: the same in every browser, and text all the same."""
    used: dict[tuple[bool, bool], set[str]] = {}
    for style, text in re.findall(r'<text style="([^"]*)"[^>]*>([^<]*)</text>', svg):
        key = ("bold" in style or "700" in style), ("Mono" in style)
        used.setdefault(key, set()).update(unescape(text))
    faces = "".join(_face(bold, mono, "".join(sorted(letters))) for (bold, mono), letters in sorted(used.items()))
    return svg.replace("<defs>", f'<defs>\n  <style type="text/css">{faces}</style>', 1) if faces else svg


def _face(bold: bool, mono: bool, letters: str) -> str:
    from fontTools import subset

    options = subset.Options()
    options.drop_tables += ["FFTM"]  # when the font was made
    options.recalc_timestamp = False
    options.notdef_outline = True
    properties: Any = font(10.0, bold, mono)
    loaded = subset.load_font(properties.get_file(), options)
    made = subset.Subsetter(options)
    made.populate(text=letters)
    made.subset(loaded)
    buffer = io.BytesIO()
    subset.save_font(loaded, buffer, options)
    data = b64encode(buffer.getvalue()).decode()
    return (
        f"@font-face{{font-family:'{properties.get_family()[0]}';font-weight:{'bold' if bold else 'normal'};"
        f"src:url(data:font/ttf;base64,{data})}}"
    )
