"""Whatever texts a document holds, a page shows them as texts: nothing of them becomes markup, or leaves the folder."""

import ast
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile import TEXTS, harmless, hostile_documents, markdown_skeleton, skeleton, texts, with_texts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_auditing import CountingClip
from test_report import audited
from torch import nn
from toy import ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import markup
from semlens_widgets.audit import REGIONS
from semlens_widgets.audit.state import AuditState
from semlens_widgets.checklist import KINDS
from semlens_widgets.dossier import FIELDS
from semlens_widgets.intervals import Interval
from semlens_widgets.readers import agreement
from semlens_widgets.repair.value import Checked
from semlens_widgets.report.schema import check
from semlens_widgets.verdicts import DECISIONS

PACKAGE = Path(sl.__file__).parent
slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def document():
    lens = audited(note="A note.")
    effect = lens.effect("colour:2", {"clean": lens.source.images}, draws=2, points=2)
    said = dict.fromkeys(FIELDS, "A text.\n\nAnother line.") | {"purpose": "", "data_source": "Somewhere else."}
    dossier = sl.Dossier(
        "Dossier", **said, risks=[sl.Risk("blue", "some", "Ada", "retrain"), sl.Risk("glare")],
        signatories=[sl.Signatory("Ada", "physicist")], not_applicable={"Annex IV 8": "no product"},
    )  # fmt: skip
    rows = [["warm", 30, Interval(0.9, 0.8, 0.95)], ["cold", 30, None]]
    table = sl.Table(["class", "n", "AUROC"], rows, "By class", "all")
    section = sl.Section("performance", "Performance", ["Measured."], [table], {"n": 60})
    lens.begin_reading("Ada", "Ben", ["@red", "@green"])
    for who, of_green in (("Ada", "spurious"), ("Ben", "valid")):
        lens.auditor = who
        lens.verdicts["@red"], lens.verdicts["@green"] = "valid", of_green
        lens.finish_reading()
    lens.settle("@green", "neutral", "It is grass.")
    sections = [section, lens.robustness(["templates"])]
    made = dict(lens.document(effect, dossier=dossier, sections=sections).document)
    one = made["index"][0]  # a few of each stand for all
    some = [item for item in one["items"] if item["id"] in ("Annex IV 1", "Annex IV 8", "Annex IV 9")]
    made["index"] = [{**one, "items": some}]
    made["seal"] = {**made["seal"], "links": made["seal"]["links"][:4]}
    return made


@given(data=st.data())
@settings(slow, max_examples=60)
def test_a_page_is_made_of_the_same_elements_whatever_its_texts(document, data):
    hostile, new = data.draw(hostile_documents(document))
    written = sl.Report(hostile).to_html().encode("utf-8", "backslashreplace")
    tame = {old: harmless(text, keep=".:") for old, text in new.items()}

    assert skeleton(written) == skeleton(sl.Report(with_texts(document, tame)).to_html().encode())


@given(data=st.data())
@settings(slow, max_examples=60)
def test_markdown_is_made_of_the_same_blocks_whatever_its_texts(document, data):
    hostile, new = data.draw(hostile_documents(document))

    tame = with_texts(document, {old: harmless(text) for old, text in new.items()})
    assert markdown_skeleton(sl.Report(hostile).to_markdown()) == markdown_skeleton(sl.Report(tame).to_markdown())


@given(data=st.data())
@settings(slow, max_examples=25)
def test_a_report_of_any_texts_is_written_and_read_again_in_its_folder(document, data, tmp_path_factory):
    hostile, _ = data.draw(hostile_documents(document))
    folder = tmp_path_factory.mktemp("report")
    report = sl.Report(hostile)
    for ending in ("html", "md", "csv", "json"):
        report.save(folder / "a" / f"x.{ending}")
    assert {p.name for p in folder.rglob("*")} == {"a", "x.html", "x.md", "x.csv", "x.json"}
    assert sl.Report.from_file(folder / "a" / "x.json").document == hostile


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


def places(value, path=()):
    """Every path in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield (*path, name)
        if "crops" not in path:
            yield from places(inner, (*path, name))


@given(data=st.data())
@settings(slow, max_examples=150)
def test_any_value_in_any_place_is_refused_or_shown_as_text(document, data):
    where = list(places(document))
    broken = json.loads(json.dumps(document))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(where))
        inner = broken
        try:
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = data.draw(anything)
        except (KeyError, IndexError, TypeError):
            continue  # gone with what was changed before
    try:
        report = sl.Report(broken)
    except ValueError:
        return
    page = report.to_html().encode("utf-8", "backslashreplace")
    assert not {"script", "evil", "form", "base", "link", "iframe"} & {tag for tag, _ in skeleton(page)}
    assert report.to_markdown()
    assert report.to_csv()


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("space k", "<b>", "space.k must be integer"),
        ("space seed", 1.5, "space.seed must be integer"),
        ("components 0 region", "<meta>", r"components\[0\].region must be one of"),
        ("concepts 0 components", "<meta>", r"concepts\[0\].components must be integer"),
        ("pages 0 classes", {"a": "<b>"}, "classes.a must be integer"),
        ("concepts 0 z", 1e300, "must be smaller than or equal"),
        ("concepts 0 z", float("nan"), "not JSON compliant"),
        ("thresholds p", 2, "thresholds.p must be smaller"),
        ("effect measured 0 auroc", -1, "auroc must be bigger"),
        ("shares", {"<b>": [0, 0, 0]}, "must not contain"),
        ("history", None, "history must be array"),
        ("crops", {"0": '"><script>'}, "not base64"),
    ],
)  # fmt: skip
def test_a_document_that_is_none_says_where(document, path, value, told):
    broken = json.loads(json.dumps(document))
    inner = broken
    *steps, last = (int(step) if step.isdecimal() else step for step in path.split())
    for step in steps:
        inner = inner[step]
    inner[last] = value
    with pytest.raises(ValueError, match=told):
        sl.Report(broken)


@pytest.mark.parametrize("text", ["", "5", "[]", "{", '{"format": "semlens report 1"}', "[" * 100_000, '{"a": NaN}'])
def test_a_file_that_is_no_report_says_so_with_its_name(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"x\.json: this is no"):
        sl.Report.from_file(path)


def test_the_schema_has_the_words_of_the_code():
    schema = json.loads((PACKAGE / "report" / "schema.json").read_text("utf-8"))
    words = schema["definitions"]
    assert words["region"]["enum"] == list(REGIONS)
    assert words["kind"]["enum"] == list(KINDS)
    assert set(words["decision"]["enum"]) == {*DECISIONS, None}
    assert set(schema["properties"]["counts"]["properties"]) == set(REGIONS)


def test_a_report_just_made_is_whole(document):
    check(document)


def test_every_policy_forbids_forms_and_bases(document):
    page = sl.Report(document).to_html()
    for rule in ("default-src 'none'", "form-action 'none'", "base-uri 'none'"):
        assert rule in page


# Values that show themselves in a notebook

EVIL = 'red <evil a="1">\'"&amp;</td><script>'


class EvilNet(ColourNet):
    """A model with a layer of a hostile name."""

    def __init__(self):
        super().__init__()
        self.add_module(EVIL.replace(".", ""), nn.Identity())

    def forward(self, pixels):
        colours = getattr(self, EVIL)(self.colour(pixels))
        return self.head(self.rectified(colours).amax((2, 3)))


class EvilClip(CountingClip):
    def __init__(self):
        super().__init__()
        self.name = EVIL

    def unknown_words(self, text):
        return [word for word in text.split() if word.startswith("un<")]


def evil_lens():
    labels = [i % 2 for i in range(60)]
    data = sl.images(pictures(60), transform=to_pixels, labels=labels, classes=(EVIL, f"{EVIL} too"))
    lens = sl.Lens(
        EvilNet(), data, [EVIL, "head"], EvilClip(), k=5, crop=None, templates=("{}",), name=EVIL,
        vocabulary=["red", "green", EVIL],
    ).fit(cached=False, progress=False)  # fmt: skip
    lens.auditor = EVIL
    return lens


def learned():
    """A dictionary, its comparison and a direction, with hostile names."""
    layer, rows = sl.Layer(EVIL), np.eye(3, dtype=np.float32)
    weights = {"W_enc": rows, "W_dec": rows, "b_enc": rows[0], "b_dec": rows[0]}
    one = sl.LearnedDictionary("topk", layer, weights, 1, 0, 1, np.ones(2), np.ones(3, np.float32), 0.5, 9, 3)
    again = sl.Stability((EVIL, EVIL), np.arange(3), np.ones(3, np.float32), 0.5, np.ones(3, bool))
    direction = sl.Direction(EVIL, layer, "logistic", rows[0], 0.9, 0.6, 0.01, 5, 5, EVIL)
    return [sl.LearnedDictionary(*list(vars(one).values())[:11], (again,)), again, direction]


def of_the_gate(lens):
    """What is measured for a gate, what it says, and a repair, with hostile names."""
    side = Checked(Interval(0.9, 0.8, 1.0), Interval(0.9, 0.8, 1.0), worst_group=EVIL)
    sides = {"as it is": side, "repaired": side, "control": side}
    repair = sl.Repair(nn.Identity(), "head", EVIL, (EVIL,), EVIL, sides, EVIL, (), (9, 9, 9), 0, EVIL, (EVIL,))
    said = sl.GateResult(f"{EVIL}.toml", "0" * 64, EVIL, (), notes=(EVIL,))
    return [lens.performance(target=EVIL, progress=False), said, repair]


@pytest.fixture(scope="module")
def shown():
    """One of each value that has `_repr_html_`, by the name of its class, with hostile texts wherever texts go."""
    lens = evil_lens()
    labels = lens.describe(["red", EVIL])
    relevance = lens.relate(progress=False)
    checklist = sl.Checklist(
        (sl.Group(EVIL, (sl.Concept("red"), sl.Concept(EVIL, kind="spurious", note=EVIL), sl.Concept("un<evil>"))),),
        EVIL,
    )
    report = lens.audit(checklist, target=EVIL, progress=False)
    lens.verdicts["head:0"] = {"decision": "valid", "label": EVIL, "note": EVIL}
    lens.verdicts = lens.verdicts.merge(sl.Verdicts().judging("head:0", "spurious", who=f"{EVIL}2"))
    other = evil_lens()
    values = [
        lens, labels, relevance, checklist, report, lens.verdicts, lens.search(EVIL), lens.evaluate(), lens.role(0),
        lens.training_images([0]), lens.effect([0], {EVIL: lens.source.images}, draws=2, points=2),
        lens.verify(rounds=5), lens.explain(0), lens.circuit(EVIL), lens.compare(other, name=EVIL),
        lens.concept_table(["red", EVIL]), sl.compare_many({EVIL: lens, f"{EVIL} 2": other}),
        lens.plan(), lens.check_relevance(n=1, sample=2), lens.counterfactual(sl.artefacts.Ruler(), target=EVIL),
        sl.layers(lens.source.model, torch.zeros(1, 3, 8, 8)), *learned(), lens.robustness(["templates"]),
        agreement((EVIL, f"{EVIL} 2"), [f"@{EVIL}"], ["valid"], ["spurious"]), *of_the_gate(lens),
    ]  # fmt: skip
    return {type(value).__name__: value for value in values}, lens


def classes_that_show_themselves():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            methods = node.body if isinstance(node, ast.ClassDef) else ()
            if any(isinstance(method, ast.FunctionDef) and method.name == "_repr_html_" for method in methods):
                yield node.name


ALIASES = {"Lens": "LiveState", "LensVerdicts": "Verdicts"}


def test_every_value_that_shows_itself_is_among_those_tried(shown):
    assert {ALIASES.get(name, name) for name in shown[0]} == set(classes_that_show_themselves())


def test_values_show_hostile_texts_as_texts(shown):
    for name, value in shown[0].items():
        page = value._repr_html_()
        tags = {tag for tag, _ in skeleton(page.encode())}
        assert not {"evil", "script"} & tags, name
        assert "&lt;evil" in page or "<evil" not in str(value), name


def test_windows_in_hosts_without_a_kernel_show_hostile_texts_as_texts(shown):
    from semlens_widgets import widgets

    lens = shown[1]
    lens.query = EVIL.replace(",", "")
    views = [widgets.Window(lens), widgets.SearchBox(lens), widgets.Gallery(lens), widgets.PredictionView(lens)]
    for view in views:
        tags = {tag for tag, _ in skeleton(view._as_html().encode())}
        assert not {"evil", "script"} & tags, type(view).__name__
        view.close()


def test_figures_hold_hostile_texts_as_texts(shown):
    lens = shown[1]
    for figure in (lens.search(EVIL).figure(), lens.figure("gallery"), lens.report.figure()):
        tags = {tag for tag, _ in skeleton(figure.to_html(dpi=30).encode())}
        assert not {"evil", "script"} & tags
        svg = ElementTree.fromstring(figure.to_bytes("svg"))
        kinds = {element.tag.rpartition("}")[2] for element in svg.iter()}
        assert not {"evil", "script", "foreignObject"} & kinds


def test_a_page_of_its_own_holds_hostile_texts_as_texts(shown, tmp_path):
    page = shown[1].to_html(tmp_path / "x.html").read_bytes()
    tags = [tag for tag, _ in skeleton(page)]
    assert "evil" not in tags
    assert tags.count("script") == 2
    assert b"form-action 'none'; base-uri 'none'" in page


@given(st.lists(texts, min_size=1, max_size=6))
@settings(slow, max_examples=60)
def test_checklists_and_audits_of_any_texts_show_them_as_texts(given_texts):
    names = [text for text in dict.fromkeys(" ".join(text.split()) for text in given_texts) if text]
    try:
        checklist = sl.Checklist(
            (sl.Group(given_texts[0], tuple(sl.Concept(name) for name in names)),), given_texts[-1]
        )
        verdicts = sl.Verdicts()
        for name in names:
            verdicts = verdicts.judging(f"@{name}", "valid", note=given_texts[0], who=given_texts[-1])
    except ValueError:
        return  # no name of a concept
    for page in (checklist._repr_html_(), verdicts._repr_html_()):
        allowed = {"html", "head", "body", "b", "table", "tr", "th", "td", "tbody", "code", "p", "ul", "li", "thead"}
        assert {tag for tag, _ in skeleton(page.encode("utf-8", "backslashreplace"))} <= allowed
    state = AuditState(checklist, verdicts)
    again = AuditState.from_text(state.to_text())
    assert (again.checklist, again.verdicts.entries) == (checklist, verdicts.entries)


def test_the_list_of_hostile_texts_is_one():
    assert len(set(TEXTS)) == len(TEXTS) > 80
    assert harmless("<a.b>", keep=".") != harmless("<a.b<", keep=".")


def test_a_number_that_is_not_known_is_a_dash():
    template = "{{ none | signed(2) }} {{ none | share }} {{ none | fixed(1) }} {{ none | count }} {{ 2 | signed(1) }}"
    assert markup.environment().from_string(template).render() == "– – – – +2.0"
