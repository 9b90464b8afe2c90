"""The report: all of it in the JSON, one page offline, every text of people inert."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from test_auditing import CountingClip
from toy import ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import numbers
from semlens_widgets.figures.audited import Audited, curve_figure, scatter_figure, shares_figure

HOSTILE = "<script>alert(1)</script>\u202e\"'`|*[x](http://e.x) {{ | 🩺 </title></style>"
LONG = "x" * 10_000


def audited(name="blue", note="", path="cache"):
    labels = [i % 2 for i in range(60)]
    images = sl.images(pictures(60), transform=to_pixels, labels=labels, classes=("warm", "cold"))
    lens = sl.Lens(
        ColourNet(), images, ["colour"], CountingClip(), k=5, crop=None, templates=("{}",), name=name
    ).fit(cached=False, progress=False)  # fmt: skip
    lens.auditor = name
    lens.checklist = sl.Checklist(
        (
            sl.Group("Used", (sl.Concept("red"), sl.Concept("green", note=note), sl.Concept("evolving", ()))),
            sl.Group(name, (sl.Concept(name, ("blue",), "spurious"),)),
        ),
        name,
    )
    lens.audit(target="warm", progress=False)
    lens.verdicts["colour:2"] = {"decision": "spurious", "label": name[:100], "note": note}
    lens.verdicts = lens.verdicts.merge(sl.Verdicts().judging("colour:2", "valid", who="Ben"))
    return lens


@pytest.fixture(scope="module")
def lens():
    return audited(note="A note.")


@pytest.fixture(scope="module")
def effect(lens):
    return lens.effect("colour:2", {"clean": lens.source.images}, draws=3, points=3)


class Outside(HTMLParser):
    """Collects what a page would run or fetch, and checks that its tags close."""

    def __init__(self):
        super().__init__()
        self.open, self.scripts, self.fetched = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img", "br", "link", "input"):
            self.open.append(tag)
        given = dict(attributes)
        self.scripts += [tag] * (tag in ("script", "iframe", "object", "embed", "link", "form"))
        self.scripts += [name for name in given if name.startswith("on")]
        self.fetched += [v for k, v in given.items() if k in ("src", "href", "srcset") and not v.startswith("data:")]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def looked_at(page):
    seen = Outside()
    seen.feed(page)
    assert seen.open == []
    return seen


def test_the_page_opens_offline_without_scripts_and_shows_crops(lens, effect, tmp_path):
    page = lens.write_report(tmp_path / "audit.html", effect).read_text("utf-8")
    seen = looked_at(page)
    assert seen.scripts == []
    assert seen.fetched == []
    assert page.count("data:image/webp;base64,") > 5
    assert "url(" not in page and "@import" not in page  # noqa: PT018
    for words in ("Summary", "Checklist", "cannot be seen in one image", "Effect of switching off", "Decisions",
                  "Where people disagree", "How this was made", lens.space.recipe.weights):  # fmt: skip
        assert words in page


def test_every_format_can_be_made_again_from_the_json(lens, effect, tmp_path):
    document = lens.document(effect)
    document.save(tmp_path / "audit.json")
    again = sl.Report.from_file(tmp_path / "audit.json")
    for ending in ("html", "md", "csv", "json"):
        first, second = document.save(tmp_path / f"1.{ending}"), again.save(tmp_path / f"2.{ending}")
        assert first.read_bytes() == second.read_bytes()


def test_it_says_each_concepts_effect_and_reads_reports_that_did_not(lens, effect):
    report = lens.document(effect)
    moving = next(c for c in report.document["concepts"] if c["effect"] is not None)
    shown = f"{moving['effect']:+.2f}"
    assert f"<small>effect {shown.replace('-', '−')}, " in report.to_html()
    assert f"| {shown} [" in report.to_markdown()
    before = json.loads(report.to_json())
    del before["effect"]["curve_draws"]
    for concept in before["concepts"]:
        for name in ("effect", "effect_low", "effect_high", "has_effect", "elsewhere"):
            del concept[name]
    old = sl.Report(before)
    assert "<small>effect" not in old.to_html()
    assert shown not in old.to_markdown()


def test_a_report_with_the_names_of_an_earlier_version_is_the_same_report(lens, effect):
    report = lens.document(effect)
    before = json.loads(report.to_json())
    thresholds = before["thresholds"]
    thresholds["still"] = thresholds.pop("min_effect")
    for concept in before["concepts"]:
        for end in ("", "_low", "_high"):
            concept[f"moves{end}"] = concept.pop(f"effect{end}")
        concept["moved"] = concept.pop("has_effect")
    old = sl.Report.from_json(json.dumps(before))
    assert old.document == report.document
    assert old.to_html() == report.to_html()


def test_the_document_holds_thresholds_hashes_dates_and_both_opinions(lens):
    d = lens.document().document
    assert d["thresholds"]["p"] == lens.audit_level
    assert d["model"]["hash"] == lens.space.recipe.weights
    assert d["data"]["hash"] == lens.space.recipe.images
    assert d["clip"] == "colours"
    assert re.match(r"\d{4}-\d\d-\d\dT", d["made"])
    assert all(v["when"] for v in d["history"])
    assert {v["decision"] for v in d["conflicts"][0]} == {"spurious", "valid"}
    assert [c["concept"] for c in d["concepts"]] == [c.name for c in lens.checklist]
    assert d["effect"] is None


@pytest.mark.parametrize("text", [HOSTILE, LONG])
def test_what_people_type_stays_text_everywhere(text):
    report = audited(text, text).document()
    page = report.to_html()
    seen = looked_at(page)
    assert seen.scripts == []
    assert seen.fetched == []
    assert "<script" not in page + report.to_markdown()
    lines = [line for line in report.to_markdown().splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines if "colour" in line and "@" not in line}) <= 3
    assert not any(line.startswith(("=", "+", "@")) for line in report.to_csv().splitlines())
    assert json.loads(report.to_json())["title"]


def test_the_csv_has_the_verdict_beside_what_was_computed(lens):
    head, *rows = lens.document().to_csv().splitlines()
    assert head.startswith("component,layer,index,region")
    assert head.endswith("verdict,verdict_label,verdict_note,who,when")
    assert len(rows) == 4


def test_a_report_without_relevance_or_verdicts_is_whole(lens, tmp_path):
    opened = sl.open(lens.save(tmp_path / "x.semlens"), clip=CountingClip())
    from semlens_widgets.report import report_of

    bare = sl.audit(opened.space, lens.checklist, opened.probe_cache.of_words(list(lens.checklist.prompts), None, True))
    page = report_of(bare).to_html()
    assert looked_at(page).scripts == []
    assert "Effect of switching off" not in page


POINT = {"data": "clean", "accuracy": 0.5, "random_accuracy_low": 0.4, "random_accuracy_high": 0.6,
         "random_auroc_low": 0.8, "random_auroc_high": 0.85}  # fmt: skip
CURVE = [POINT | {"number": number, "auroc": 0.9 - number / 20} for number in (1, 2, 5)]


def curved(lens, effect):
    """The report of a lens, with a curve that has several points."""
    document = json.loads(lens.document(effect).to_json())
    document["effect"]["curve"] = CURVE
    return sl.Report(document).to_html()


def drawn(page, name):
    """The drawing of that name in a page."""
    (found,) = re.findall(rf'<svg class="plot"[^>]*aria-labelledby="{name}-title .*?</svg>', page, re.S)
    return found


def places(svg):
    """Where marks and ticks stand, in points."""
    return np.asarray(re.findall(r'<use xlink:href="#[^"]*" x="([\d.]+)" y="([\d.]+)"', svg), float)


def test_the_drawings_are_those_of_the_figures(lens, effect):
    page = curved(lens, effect)
    audited = Audited.of(lens.report)
    for name, figure in (("components", scatter_figure(audited)), ("shares", shares_figure(audited, 180)),
                         ("curve-0", curve_figure(CURVE))):  # fmt: skip
        svg = figure.to_bytes("svg").decode()
        assert places(drawn(page, name)) == pytest.approx(places(svg), abs=0.01), name
        shown = re.findall("<text[^>]*>([^<]*)<", drawn(page, name))
        assert shown == re.findall("<text[^>]*>([^<]*)<", svg), name
    assert len(audited) >= 2
    for at, name in enumerate(audited.names):
        share = f", share of relevance {numbers.signed(audited.share[at])} %" if audited.share[at] else ""
        assert f"<title>{name}: {audited.concepts[at] or 'no concept'}{share}</title>" in drawn(page, "components")


def test_the_drawings_follow_the_page_and_can_be_read_without_seeing_them(lens, effect):
    page = curved(lens, effect)
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids)) > 0
    assert set(re.findall(r'xlink:href="#([^"]*)"', page)) <= set(ids)
    for name in ("components", "shares", "curve-0"):
        svg = drawn(page, name)
        assert re.search(rf'<title id="{name}-title">\w.*?</title><desc id="{name}-about">\w', svg)
        assert not re.search("#[0-9a-f]{6}", svg), "colours are the page's"
        for variable in set(re.findall(r"var\((--[\w-]+)\)", svg)):
            assert page.count(f"{variable}:") == 3, "light, dark and print"
    assert "components in numbers, the most relevant first" in page
    for point in CURVE:
        assert f'<td class="n">{numbers.score(point["auroc"])}</td>' in page


def test_a_page_holds_when_there_is_little_to_draw(lens, effect):
    document = json.loads(lens.document(effect).to_json())
    one = document["components"][0] | {"region": "spurious", "valid": None, "spurious": 3.0, "share": None,
                                       "signed_share": None, "concept": None}  # fmt: skip
    document |= {"shares": {}, "components": [one]}
    document["effect"]["curve"] = document["effect"]["curve"][:1]
    page = sl.Report(document).to_html()
    assert drawn(page, "components").count(f"<title>{one['component']}: no concept</title>") == 1
    assert page.count("<svg") == 1
    assert looked_at(page).scripts == []
    assert "<svg" not in sl.Report(document | {"components": []}).to_html()
    point = {"data": "clean", "accuracy": None, "random_auroc_low": None, "random_auroc_high": None}
    document["effect"]["curve"] = [point | {"number": 1, "auroc": 0.5}, point | {"number": 2, "auroc": 0.5}]
    assert drawn(sl.Report(document).to_html(), "curve-0")


def test_mistakes_are_named(as_installed, lens, tmp_path):
    with pytest.raises(ValueError, match=r"\.html, \.md"):
        lens.write_report(tmp_path / "x.pdf")
    with pytest.raises(ValueError, match="no report"):
        sl.Report.from_json("{}")
    document = dict(lens.document().document)
    document["crops"] = {"0": '"><script>'}
    with pytest.raises(ValueError, match="not base64"):
        sl.Report(document)
    fresh = sl.Lens(ColourNet(), sl.images(pictures(9), transform=to_pixels), ["colour"], CountingClip())
    with pytest.raises(ValueError, match="nothing to report"):
        fresh.write_report(tmp_path / "x.html")
