"""A figure as SVG inside an HTML page: its colours are variables of the page, so that it follows the page's theme."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import cycle

from markupsafe import Markup, escape

from ..palette import PAGE, VARIABLES
from .figure import Figure

_HEAD = re.compile(r".*?<svg[^>]*viewBox=\"([^\"]*)\"[^>]*>.*?</defs>", re.S)
_TAG, _REFERENCE = re.compile(r"<[^>]*>"), re.compile(r'xlink:href="#([^"]*)"')


def inline_svg(figure: Figure, name: str, title: str, about: str) -> Markup:
    """The figure as one `<svg>` of the class "plot", with a title, a description, and titles on single marks.

    Ids begin with `name`, which a page has once. Text is set in the page's font; there is no script, style sheet, font
    or picture in it.
    """
    svg, titles = figure.at(theme=PAGE).svg_and_titles()
    used = set(_REFERENCE.findall(svg))

    def short(match: re.Match[str]) -> str:
        tag = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", match[0])
        tag = _REFERENCE.sub(rf'xlink:href="#{name}-\1"', tag)
        tag = re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}", tag.replace(' transform="rotate(-0', ' t="('))
        tag = re.sub(r"#[0-9a-f]{6}\b", lambda m: VARIABLES.get(m[0], m[0]), re.sub(r' t="[^"]*"', "", tag))
        return re.sub(r"\s+", " ", re.sub(r"font-family: [^;]*; ", "", tag))

    for group, words in titles.items():
        svg = _entitled(svg, group, words)
    view = _HEAD.match(svg)
    assert view is not None, "what matplotlib writes begins with a head"
    body = re.sub(r">\s+<", "><", _TAG.sub(short, svg[view.end() :])).strip()
    head = Markup(
        '<svg class="plot" viewBox="{}" role="img" aria-labelledby="{name}-title {name}-about">'
        '<title id="{name}-title">{}</title><desc id="{name}-about">{}</desc>'
    ).format(view[1], title, about, name=name)
    return head + Markup(body)


def _entitled(svg: str, group: str, titles: Sequence[str]) -> str:
    """Titles in the marks of a group; marks of two halves come one after the other, and have them twice."""
    start = svg.index(f'<g id="{group}">')
    end = re.compile(r"</g>\s*</g>").search(svg, start)
    assert end is not None, "a group of marks ends"
    words = cycle(titles)
    marks = re.sub(
        r"<use ([^>]*)/>", lambda m: f"<use {m[1]}><title>{escape(next(words))}</title></use>", svg[start : end.end()]
    )
    return svg[:start] + marks + svg[end.end() :]
