"""A figure as a value: the same state gives the same bytes, at any width, in any theme, in any of three formats."""

from __future__ import annotations

import io
import os
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import unescape
from numbers import Real
from pathlib import Path

from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from ..numbers import Number
from ..palette import FIGURE, theme
from ..writing import write_bytes
from .fonts import font, letters_of
from .sheet import Sheet, own_style

FORMATS = ("pdf", "svg", "png")
SINGLE, MIDDLE, DOUBLE = FIGURE["widths-mm"]
NARROWEST = 60.0
_FINEST = 2400  # dots per inch; beyond, a page needs more memory than there is
_SCREEN_DPI = 192  # twice the pixels of CSS, for sharp screens


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure: how it is drawn, how wide, in which theme, and its caption.

    Text is text in embedded TrueType fonts, crops are embedded at print resolution, and nothing of the moment is
    written, so equal states give equal bytes.

    Parameters
    ----------
    drawn
        Draws on a sheet and gives the height it took, in mm.
    words
        What the caption says.
    width_mm
        Width of the figure in millimetres.
    theme
        "print", "light" or "dark".

    Examples
    --------
    >>> figure = lens.search("ruler").figure(width_mm=85)
    >>> figure.width_mm, figure.to_bytes("svg").startswith(b"<?xml")
    (85, True)
    """

    drawn: Callable[[Sheet], Number]
    words: str
    width_mm: Number = float(DOUBLE)
    theme: str = "print"

    def __post_init__(self) -> None:
        theme(self.theme)
        if not isinstance(self.width_mm, Real):
            raise TypeError(f"width_mm={self.width_mm!r} is no number; figures are as wide as they are told, in mm")
        if not NARROWEST <= self.width_mm <= 600:
            raise ValueError(f"width_mm={self.width_mm:g}; figures are {NARROWEST:g} to 600 mm wide, columns 85 to 180")

    def at(self, width_mm: Number | None = None, theme: str | None = None) -> Figure:
        """The same figure at another width, in another theme.

        Parameters
        ----------
        width_mm
            Another width; as it is unless given.
        theme
            Another theme; as it is unless given.

        Returns
        -------
        Figure
            A new figure.
        """
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
        vars(self).update(_fonts=_font_notice(sheet), _borrowed=sheet.borrowed, _titles=sheet.titles)
        return canvas

    def to_bytes(self, format: str, dpi: Number = 300) -> bytes:
        """The file's bytes.

        Parameters
        ----------
        format
            "pdf", "svg" or "png".
        dpi
            Of PNG alone.

        Returns
        -------
        bytes
            The bytes.
        """
        if format not in FORMATS:
            raise ValueError(f"no format {format!r}; a figure is saved as {', '.join(FORMATS)}")
        if format == "png" and not 10 <= dpi <= _FINEST:
            raise ValueError(f"dpi={dpi:g}; a PNG has 10 to {_FINEST} dots per inch, 300 for print, 600 for line art")
        data = self._saved(format, dpi)
        return _with_fonts(data.decode(), vars(self)["_borrowed"]).encode() if format == "svg" else data

    def svg_and_titles(self) -> tuple[str, Mapping[str, list[str]]]:
        """The SVG without fonts, and the titles of single marks by the id of their group."""
        return self._saved("svg").decode(), vars(self)["_titles"]

    def _saved(self, format: str, dpi: Number = 300) -> bytes:
        canvas, buffer = self.canvas(), io.BytesIO()
        with own_style():
            FigureCanvasAgg(canvas)
            if format == "png":
                for image in canvas.axes[0].images:
                    image.set_interpolation("lanczos")
            canvas.savefig(
                buffer, format=format, dpi=dpi, facecolor=canvas.get_facecolor(), metadata=self._about(format)
            )
        return buffer.getvalue()

    def _about(self, format: str) -> dict[str, str | None]:
        """The caption travels in the file; dates and versions, which change from day to day, do not."""
        if format == "pdf":
            return {"Subject": self.caption(), "Creator": None, "Producer": None, "CreationDate": None}
        if format == "svg":
            return {"Description": self.caption(), "Creator": None, "Date": None, "Format": None, "Type": None}
        return {"Description": self.caption(), "Software": None}

    def save(self, path: str | os.PathLike[str], *, dpi: Number = 300, width_mm: Number | None = None) -> Path:
        """Write `x.pdf`, `x.svg` or `x.png`.

        Parameters
        ----------
        path
            Its ending says which.
        dpi
            Of PNG alone.
        width_mm
            Another width; as it is unless given.

        Returns
        -------
        Path
            The file that was written.
        """
        path = Path(path)
        format = path.suffix.lower().removeprefix(".")
        if format not in FORMATS:
            ending = repr(path.suffix) if path.suffix else "nothing"
            raise ValueError(f"{str(path)!r} ends in {ending}; end it in .pdf, .svg or .png")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"no folder {str(path.parent)!r} to save {path.name!r} in; make it first")
        return write_bytes(path, self.at(width_mm).to_bytes(format, dpi))

    def __repr__(self) -> str:
        return f"<Figure, {self.width_mm:g} mm wide: {self.words}>"

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """For notebooks: sharp, and as large as on paper."""
        return self.to_bytes("png", _SCREEN_DPI), {"width": round(self.width_mm / 25.4 * 96)}

    def to_html(self, dpi: Number = _SCREEN_DPI) -> str:
        """The figure and its caption as HTML, the picture inside.

        Parameters
        ----------
        dpi
            Of the picture.

        Returns
        -------
        str
            HTML of one figure.
        """
        data = b64encode(self.to_bytes("png", dpi)).decode()
        width = round(self.width_mm / 25.4 * 96)
        made = Markup(
            '<figure style="margin:0"><img alt="{words}" width="{width}" src="data:image/png;base64,{data}">'
            "<figcaption>{words}</figcaption></figure>"
        ).format(words=self.caption(), width=width, data=data)
        return str(made)


def _font_notice(sheet: Sheet) -> str:
    """What a caption says of letters that DejaVu has not."""
    families = sorted({family for family, _ in sheet.borrowed} - {"DejaVu Sans"})
    borrowed = f" Some letters are set in {', '.join(families)}." if families else ""
    if not sheet.missing:
        return borrowed
    letters = sorted(sheet.missing)
    more = f" and {len(letters) - 12} more" if len(letters) > 12 else ""
    return f"{borrowed} Letters that no font here has stand as boxes: {' '.join(letters[:12])}{more}."


def _with_fonts(svg: str, borrowed: Mapping[tuple[str, bool], str]) -> str:
    """The SVG with the letters it uses of each font inside: the same in every browser, and text all the same."""
    used: dict[tuple[str, bool, str], set[str]] = {}
    for style, text in re.findall(r'<text style="([^"]*)"[^>]*>([^<]*)</text>', svg):
        bold, left = "bold" in style or "700" in style, set(unescape(text))
        for family in re.findall(r"'([^']+)'", unescape(style)):
            path = borrowed.get((family, bold)) or _file(family, bold)
            if path is not None and (own := {letter for letter in left if ord(letter) in letters_of(path)}):
                used.setdefault((family, bold, path), set()).update(own)
                left -= own
    faces = "".join(_face(*key, "".join(sorted(letters))) for key, letters in sorted(used.items()))
    return svg.replace("<defs>", f'<defs>\n  <style type="text/css">{faces}</style>', 1) if faces else svg


def _file(family: str, bold: bool) -> str | None:
    """The file of a family of DejaVu."""
    fonts = (font(1.0, bold), font(1.0, bold, True))
    return next((str(font.get_file()) for font in fonts if font.get_family()[0] == family), None)


def _face(family: str, bold: bool, path: str, letters: str) -> str:
    from fontTools import subset

    options = subset.Options()
    options.drop_tables += ["FFTM"]  # when the font was made
    options.recalc_timestamp = False
    options.notdef_outline = True
    options.font_number = 0
    loaded = subset.load_font(path, options)
    made = subset.Subsetter(options)
    made.populate(text=letters)
    made.subset(loaded)
    buffer = io.BytesIO()
    subset.save_font(loaded, buffer, options)
    data = b64encode(buffer.getvalue()).decode()
    return (
        f"@font-face{{font-family:'{family}';font-weight:{'bold' if bold else 'normal'};"
        f"src:url(data:font/ttf;base64,{data})}}"
    )
