"""The report as one HTML page: no script, nothing from the network, every value escaped by the template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from .. import markup, numbers
from ..audit.report import ORDER
from ..palette import COLOURS, GLYPHS, theme
from .handed_in import handed_in

_STATES = {"unknown": f"{GLYPHS['unseen']} words unknown to the CLIP",
           "unseen": f"{GLYPHS['unseen']} cannot be seen in one image"}  # fmt: skip
_STATES |= {state: f"{GLYPHS[state]} {state}" for state in ("found", "weak", "missing")}
_KINDS = {"valid": "should be used", "spurious": "must not be used", "neutral": "neutral"}
_BEYOND_STATE = ("weak: ", "missing: ", "found ")  # how messages begin that repeat the state
_MOST_UNEXPECTED = 12
_MOST_LISTED = 30  # components beside the scatter
_MOST_CLASSES = 6  # with a column for their recall


def page(d: Mapping[str, Any]) -> str:
    """The whole page of a report's document."""
    beside = handed_in(d)  # of the document as it was sealed
    d = with_signed_shares(d)
    verdict_of = {verdict["subject"]: verdict for verdict in d["verdicts"]}
    crops = {page["component"]: _crops(d, page["crops"]) for page in d["pages"]}
    unexpected = by_share(c for c in d["components"] if c["region"] == "unexpected")
    return markup.render(
        "report/templates/report.html.j2",
        d=d,
        colours=Markup(_colours()),
        style=markup.file("report/templates/report.css"),
        regions=ORDER,
        glyphs=GLYPHS,
        states=_STATES,
        kinds=_KINDS,
        sentences=_sentences(d["summary"]),
        **_drawings(d),
        concepts=list(_concepts(d, crops, verdict_of)),
        unexpected=[c | {"crops": crops.get(c["component"], [])} for c in unexpected],
        most_unexpected=_MOST_UNEXPECTED,
        pages=list(_pages(d, crops, verdict_of)),
        **beside,
        **_effect(d["effect"]),
    )


def with_signed_shares(d: Mapping[str, Any]) -> dict[str, Any]:
    """The document with `signed` in it: the signed share of each component, and of each concept with its interval.

    Reports of before have the share of a component's layer, and its relevance, alone.
    """
    layers = len({c["layer"] for c in d["components"]}) or 1
    components, concepts = [], []
    for c in d["components"]:
        share = None if c["share"] is None else _with_sign_of(c["relevance"], c["share"]) / layers
        components.append(c | {"signed": c.get("signed_share", share)})
    for c in d["concepts"]:
        ends = [c["share_low"], c["share_high"]]
        interval = [_with_sign_of(c.get("relevance"), s) for s in (c["share"], *ends)]
        concepts.append(c | {"signed": [interval[0], *sorted(interval[1:], key=lambda end: end or 0.0)]})
    return {**d, "components": components, "concepts": concepts}


def _with_sign_of(relevance: float | None, share: float | None) -> Any:
    return share if share is None or (relevance or 0) >= 0 else -share


def by_share(components: Any) -> list[dict[str, Any]]:
    """Components, the most relevant first."""
    return sorted(components, key=lambda c: -(c["share"] or 0))


def verdict_on(concept: Mapping[str, Any], verdict_of: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What was decided about a concept, else about its best component."""
    return verdict_of.get(f"@{concept['concept']}") or verdict_of.get(concept["best"])


def columns_of(effect: Mapping[str, Any]) -> dict[str, str]:
    """What an effect is shown with beside the change of the output: by name, and how that is called.

    Accuracy and AUROC are none of a regression's; reports of before do not say what was measured.
    """
    measures = effect.get("measures", ("accuracy", "auroc"))
    known = {name: words for name, words in (("accuracy", "accuracy"), ("auroc", "AUROC")) if name in measures}
    recalls = [f"recall {name}" for name in effect["classes"][:_MOST_CLASSES]]
    return known | {recall: recall for recall in recalls}


def is_of_a_class(effect: Mapping[str, Any]) -> bool:
    """Whether what was measured is a class; else it is a number that the model gives."""
    return any(name in columns_of(effect) for name in ("accuracy", "auroc"))


def _sentences(text: str) -> list[str]:
    """One paragraph per sentence; a full stop inside a name may divide too soon, which loses nothing."""
    return [part if part.endswith(".") else f"{part}." for part in text.split(". ") if part.strip()]


def _drawings(d: Mapping[str, Any]) -> dict[str, Any]:
    """The bar of shares and the scatter, as the audit's figure has them, and the most relevant components in words."""
    from ..figures.audited import Audited, scatter_figure, shares_figure
    from ..figures.inline import inline_svg

    audited = Audited.of_document(d)
    counts = {r: sum(c["region"] == r for c in d["components"]) for r in ORDER if r != "neutral"}
    words = ", ".join(f"{count} {region}" for region, count in counts.items())
    shares = ", ".join(f"{r} {markup.percent(d['shares'][r][0])}" for r in ORDER if r in d["shares"])
    return {
        "bar": shares and inline_svg(shares_figure(audited, 180), "shares", "Shares of relevance", shares),
        "scatter": len(audited) and inline_svg(
            scatter_figure(audited), "components", "Components by their best valid and best spurious concept", words
        ),
        "density": audited.note,
        "listed": by_share(c for c in d["components"] if c["region"] != "neutral")[:_MOST_LISTED],
    }  # fmt: skip


def _curve(number: int, name: str, points: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What a curve shows, drawn and in numbers; None where there is too little of it."""
    from ..figures.audited import curve_figure
    from ..figures.inline import inline_svg

    known = [point for point in points if point["auroc"] is not None]
    if len(known) < 2:
        return None
    words = ", ".join(f"{p['number']} off: {numbers.score(p['auroc'])}" for p in known)
    drawn = inline_svg(curve_figure(known), f"curve-{number}", f"AUROC of {name}", words)
    columns = ("auroc", "random_auroc_low", "random_auroc_high")
    rows = [[p["number"], *("–" if p[c] is None else numbers.score(p[c]) for c in columns)] for p in known]
    return {"name": name, "drawn": drawn, "rows": rows}


def _concepts(
    d: Mapping[str, Any], crops: Mapping[str, list[str]], verdict_of: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    group = None
    for concept in d["concepts"]:
        detail = concept["message"]
        for words in _BEYOND_STATE:
            detail = detail.removeprefix(words)
        yield concept | {
            "opens_group": concept["group"] != group,
            "crops": crops.get(concept["best"], [])[:3],
            "verdict": verdict_on(concept, verdict_of),
            "detail": None if concept["state"] == "unseen" else detail,
        }
        group = concept["group"]


def _pages(
    d: Mapping[str, Any], crops: Mapping[str, list[str]], verdict_of: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    rows = {component["component"]: component for component in d["components"]}
    for page in d["pages"]:
        name = page["component"]
        if name in rows:
            yield page | {"row": rows[name], "crops": crops[name], "verdict": verdict_of.get(name)}


def _effect(effect: Mapping[str, Any] | None) -> dict[str, Any]:
    if effect is None:
        return {}
    columns = columns_of(effect)
    measured, last = [], None
    for row in effect["measured"]:
        intervals = [_interval(row, name) for name in columns]
        intervals.append(_interval(row, "change", signed=True))
        measured.append({**row, "opens_data": row["data"] != last, "intervals": intervals})
        last = row["data"]
    sets = dict.fromkeys(point["data"] for point in effect["curve"])
    curves = [_curve(at, name, [p for p in effect["curve"] if p["data"] == name]) for at, name in enumerate(sets)]
    return {
        "known": {"accuracy": "Accuracy", "auroc": "AUROC"}, "columns": columns, "measured": measured,
        "curves": [curve for curve in curves if curve], "of_a_class": is_of_a_class(effect),
    }  # fmt: skip


def _interval(row: Mapping[str, Any], key: str, signed: bool = False) -> list[str]:
    """A mean and its interval in words; a dash alone where there is no mean."""
    values = [row.get(name) for name in (key, f"{key}_low", f"{key}_high")]
    if values[0] is None:
        return ["–"]
    return ["–" if v is None else numbers.with_sign(v, 2) if signed else numbers.score(v) for v in values]


def _crops(d: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [d["crops"][name] for name in names if d["crops"].get(name)]


def _colours() -> str:
    """The palette as CSS variables, for light and dark screens and for paper."""
    sets = {
        name: "".join(f"--{colour.replace('_', '-')}:{getattr(theme(name), colour)};" for colour in COLOURS)
        for name in ("light", "dark")
    }
    return (
        f":root{{color-scheme:light dark;{sets['light']}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{sets['dark']}}}}}\n"
        f"@page{{margin:14mm}}\n@media print{{:root{{color-scheme:light;{sets['light']}}}}}\n"
    )
