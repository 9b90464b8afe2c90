"""Search hits as a figure: the null above, then each hit with its score and its strongest examples."""

from __future__ import annotations

from .. import numbers
from ..images import Images
from ..numbers import Number
from ..search import ALPHA, HIT_ALPHA, Matches
from ..texts import p_equals, plural
from .crops import Crops, strip_of
from .figure import DOUBLE, Figure
from .made_from import made_from
from .null_strip import null_strip, score_at_p01
from .sheet import GAP, LINE, MARGIN, PT, SMALL, TITLE, Sheet, fitted, text_width

_BAR, _Z = 12.0, 7.0  # mm
_Z_IN_WORDS = {
    "examples": "z against random sets of as many images.",
    "activations": "z of the responses to images that show it against any other order of the images.",
    "both": "z of its examples against random sets of as many images or of its responses to those that show it against "
    "any other order of them, whichever is larger, corrected for there being two.",
}


def hits(
    matches: Matches,
    *,
    rows: int = 6,
    examples: int | None = None,
    width_mm: Number = DOUBLE,
    theme: str = "print",
    pictures: Images | None = None,
) -> Figure:
    """The first hits with their scores against the null and their strongest examples.

    Where the concept is not found, the closest components are greyed and said to be no evidence.

    Parameters
    ----------
    matches
        What `search` gave.
    rows
        How many, best first.
    examples
        How many of each; as many as the width holds at a good size unless given.
    width_mm
        Width of the figure in millimetres.
    theme
        "print", "light" or "dark".
    pictures
        The data set, where the space does not have it at hand: crops are then cut from it.

    Returns
    -------
    Figure
        A figure to save or look at.

    Examples
    --------
    >>> sl.figures.hits(lens.search("ruler"), rows=3).save("hits.svg").name
    'hits.svg'
    """
    if rows < 1 or (examples is not None and examples < 1):
        raise ValueError(f"rows={rows}, examples={examples}; both are at least 1")
    crops = Crops.of(matches.space, pictures)
    return Figure(lambda sheet: _draw(sheet, matches, crops, rows, examples), _caption(matches, crops), width_mm, theme)


def _caption(matches: Matches, crops: Crops) -> str:
    best = ""
    if len(matches):
        hit = matches.best
        best = f" (best {hit.component}, z = {numbers.z(hit.z)}, {p_equals(matches.p_best)} over all)"
    verdict = (
        f"Search for “{matches.probe}” over {plural(matches.searched, f'{_other(matches)}living component')}: "
        + matches.state
        + best
        + ". Score: cosine of the probe and a component's mean embedding; "
        + _Z_IN_WORDS[matches.by]
    )
    return f"{verdict} {made_from(matches.space)} {crops.note}"


def _draw(sheet: Sheet, matches: Matches, crops: Crops, rows: int, wanted: int | None) -> Number:
    theme, left, right = sheet.theme, MARGIN, sheet.width - MARGIN
    y = MARGIN
    verdict = _verdict(matches)
    side = text_width(verdict, SMALL)
    title = f"“{matches.probe}”"
    sheet.text(left, y, fitted(title, right - left, TITLE, True), TITLE, bold=True)
    if text_width(title, TITLE, True) + side + 3 > right - left:  # the verdict moves below
        y += TITLE * PT * 1.35
        sheet.fit(left, y, right - left, verdict, SMALL, colour=theme.ink_2)
        y += SMALL * PT * 1.6
    else:
        sheet.text(right, y + (TITLE - SMALL) * PT * 0.8, verdict, SMALL, colour=theme.ink_2, align="right")
        y += TITLE * PT * 1.6
    if not len(matches):
        return y + MARGIN
    if not matches.unknown:
        y += null_strip(sheet, matches, left, right, y) + 1.5
    if matches.state == "not found":
        sheet.fit(left, y, right - left, "Closest components, not evidence of the concept", SMALL, bold=True)
        y += SMALL * PT * 1.7
    shown = range(min(rows, len(matches)))
    names = max(text_width(str(matches[rank].component), SMALL, False, True) for rank in shown)
    names = max(min(names, (right - left) * 0.3), text_width("component", SMALL))
    values = text_width("−.000", SMALL) + 1
    begin = left + names + 2 + values + _BAR + _Z + 2
    examples, crop = strip_of(right - begin, wanted, max(crops.count(matches[rank].row) for rank in shown))
    sheet.text(left, y, "component", SMALL, colour=theme.ink_2)
    sheet.text(left + names + 2, y, "score", SMALL, colour=theme.ink_2)
    sheet.text(begin - 2.5, y, "z", SMALL, colour=theme.ink_2, align="right")
    sheet.fit(begin, y, right - begin, "strongest examples", SMALL, colour=theme.ink_2)
    y += SMALL * PT * 1.6
    for rank in shown:
        sheet.line([(left, y), (right, y)], theme.line, LINE)
        y += GAP / 2
        _hit(sheet, matches, rank, (left, names, values), y + crop / 2)
        crops.strip(sheet, matches[rank].row, begin, y, crop, examples)
        y += crop + GAP / 2
    sheet.line([(left, y), (right, y)], theme.line, LINE)
    return y + MARGIN


def _other(matches: Matches) -> str:
    return "other " if matches.query_rows else ""


def _verdict(matches: Matches) -> str:
    if matches.unknown:
        return f"unknown to this CLIP: {', '.join(matches.unknown)}"
    if not len(matches):
        return f"no {_other(matches)}living component to search"
    among = f"over {plural(matches.searched, f'{_other(matches)}component')}"
    facts = f"z = {numbers.z(matches.best.z)}, {p_equals(matches.p_best)} {among}"
    if matches.state == "found":
        return f"found: {facts}"
    if matches.state == "unchecked":
        return f"unchecked: {facts}, but {_unchecked(matches)}"
    if matches.p_best > ALPHA:
        return f"not found: {facts}"
    if not matches.close_enough and matches.by != "activations":
        return f"not found: {facts}, adjusted similarity {numbers.score(matches.adjusted_similarity, 2)}"
    return f"not found: {facts}, but AUROC {matches.held_out.auroc[0]:.2f} on sampled images that show it"


def _unchecked(matches: Matches) -> str:
    if matches.held_out.confirmed.all():
        return "the sampled images that confirm it have chosen it, too"
    return "too few sampled images surely show it"


def _hit(sheet: Sheet, matches: Matches, rank: int, columns: tuple[Number, Number, Number], middle: Number) -> None:
    """Name, score with its bar, and z; a tick on the bar marks p = .01."""
    theme, (left, names, values) = sheet.theme, columns
    hit = matches[rank]
    evident = matches.state != "not found" and rank >= matches.best_rank and hit.p <= HIT_ALPHA
    ink = theme.ink if evident else theme.ink_2
    at = left + names + 2
    sheet.fit(left, middle, names, str(hit.component), SMALL, mono=True, colour=ink, upright="center")
    sheet.text(at + values - 1, middle, numbers.score(hit.score), SMALL, colour=ink, align="right", upright="center")
    limit = float(matches.null.at_p01[rank])
    top = max(float(matches.scores[0]), score_at_p01(matches) * 1.25, 1e-6)
    bar = at + values
    sheet.rectangle(bar, middle - 0.6, _BAR, 1.2, theme.bg_sunk)
    sheet.rectangle(
        bar, middle - 0.6, _BAR * min(max(hit.score / top, 0), 1), 1.2, theme.seq[4] if evident else theme.context
    )
    if 0 <= limit <= top and not matches.unknown:
        mark = bar + _BAR * limit / top
        sheet.line([(mark, middle - 1.2), (mark, middle + 1.2)], theme.ink, LINE)
    text = numbers.z(hit.z)
    sheet.text(bar + _BAR + _Z - 0.5, middle, text, SMALL, bold=evident, colour=ink, align="right", upright="center")
