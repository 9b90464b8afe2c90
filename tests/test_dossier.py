"""The dossier: a form in Markdown that people fill in, and a report in which nothing is filled in for them."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_auditing import CountingClip
from test_report import audited, looked_at
from toy import ColourNet

import semlens_widgets as sl
from semlens_widgets.dossier import CLAUSES, FIELDS, PARTS, index
from semlens_widgets.dossier.clauses import DATED
from semlens_widgets.intervals import Interval
from semlens_widgets.report.provided import NEEDS, OUTLINE, SECTION_OF
from semlens_widgets.session.travelling import travel
from semlens_widgets.space.fewer import with_fewer_examples

PACKAGE = Path(sl.__file__).parent

lines = st.sampled_from(
    ["# a", "#a", "\\# a", "\\\\## a", "   # a", "    # a", "### Owner", "<!-- a", "\\<!-- a -->", "-->", "- a: b", "a",
     "", " ", "\t", "#", "## Model", "a <!-- b --> # c", "\u2028# a", "a\\", "* b", "1. x", "\x0b# a", "é\u0301 🩺"]
)  # fmt: skip
texts = st.lists(lines | st.text(max_size=12), max_size=5).map("\n".join)
names = (lines | st.text(max_size=12)).filter(lambda text: text.replace("\0", " ").split())


@st.composite
def dossiers(draw):
    said = {name: draw(texts) for name in draw(st.lists(st.sampled_from([*FIELDS]), unique=True, max_size=6))}
    ids = [item.id for one in CLAUSES for item in one.items]
    by = lambda value: " ".join(value.split())  # noqa: E731  alike as names are
    findings = draw(st.lists(names, unique_by=by, max_size=3))
    people = draw(st.lists(names, unique_by=by, max_size=3))
    reasons = {one: draw(names) for one in draw(st.lists(st.sampled_from(ids), unique=True, max_size=3))}
    risks = [(name, draw(texts), draw(texts), draw(texts)) for name in findings]
    return {"title": draw(texts), **said, "not_applicable": reasons}, risks, [(name, draw(texts)) for name in people]


# the file


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(dossiers())
def test_whatever_people_say_is_read_as_it_was_written(said):
    given_fields, risks, people = said
    dossier = sl.Dossier(
        **given_fields, risks=[sl.Risk(*risk) for risk in risks], signatories=[sl.Signatory(*one) for one in people]
    )
    text = dossier.to_markdown()
    again = sl.Dossier.from_markdown(text)
    assert again == dossier
    assert again.to_markdown() == text
    assert sl.Dossier.from_markdown(text.replace("\n", "\r\n")) == dossier
    assert sl.Dossier.from_document(json.loads(json.dumps(dossier.to_document()))) == dossier


def test_the_template_is_a_form_with_every_field_and_says_nothing(tmp_path):
    template = sl.Dossier.template(["ruler", "ruler", "ink"])
    text = template.write(tmp_path / "dossier.md").read_text("utf-8")
    for part in PARTS:
        assert f"\n## {part}\n" in text
    for field in FIELDS.values():
        assert f"\n### {field.title}\n\n<!-- {field.hint} -->\n" in text
    assert "### ruler\n\n- Residual risk:\n- Owner:\n- Action:\n" in text
    again = sl.Dossier.read(tmp_path / "dossier.md")
    assert again == template
    assert again.counts == (0, len(FIELDS))
    assert [risk.finding for risk in again.risks] == ["ruler", "ink"]
    assert sl.Dossier.template().empty


def test_what_a_person_types_below_a_heading_is_what_the_dossier_says():
    dossier = sl.Dossier.from_markdown(
        "# Moles\n\n## Purpose\n### intended purpose  \n<!-- What it is\nfor. -->\nA second reader.\n\n- for adults\n"
        "\\# 1 of three\n\n## Findings\n### ruler\n- Owner: Dr. Ada: head\n* residual risk: small\n\n"
        "## Signatures\n- Ada\\, B. Lovelace, radiologist, chair\n- Ben\n## Not applicable\n- annex iv  8: no product\n"
    )
    assert dossier.title == "Moles"
    assert dossier.purpose == "A second reader.\n\n- for adults\n# 1 of three"
    assert dossier.risks == (sl.Risk("ruler", "small", "Dr. Ada: head"),)
    assert dossier.signatories == (sl.Signatory("Ada, B. Lovelace", "radiologist, chair"), sl.Signatory("Ben"))
    assert dossier.not_applicable == {"Annex IV 8": "no product"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# A\n\n## Purpose\n\n### Intendet purpose\n", r"line 5: no field is called 'Intendet .*'Intended purpose'"),
        ("## Porpose\n", r"line 1: no part is called 'Porpose' \(did you mean 'Purpose'\?\)"),
        ("## Purpose\nA text.\n", "line 2: 'A text.' stands below “Purpose”, in no field"),
        ("A text.\n", "line 1: 'A text.' stands above the first part"),
        ("# A\n# B\n", "line 2: a second title, 'B'"),
        ("## Model\n### Provider\nx\n### Provider\n", "line 4: 'Provider' stands twice"),
        ("# A\n##Model\n###Provider\n#1 of the market\n", "line 4: a second title, '1 of the market'"),
        ("<!-- a\n## Model\n", r"the comment that begins in line 1 has no end"),
        ("## Findings\n### ruler\n- Risk of something\n", "line 3: '- Risk of something' is none of the lines"),
        ("## Findings\n### ruler\n- Ownr: Ada\n", "line 3: no line of a finding is called 'Ownr'.*'Owner'"),
        ("## Findings\n### ruler\n### ruler\n", "line 3: the finding 'ruler' stands twice"),
        ("## Signatures\nAda\n", "line 2: 'Ada' is no line of a list"),
        ("## Signatures\n- Ada\n- Ada, x\n", "line 3: 'Ada' stands twice"),
        ("## Not applicable\n- Annex IV 88: x\n", "line 2: no clause is called 'Annex IV 88'.*'Annex IV 8'"),
        ("## Not applicable\n- Annex IV 8\n", "line 2: Annex IV 8 does not apply, because"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path, text, told):
    path = tmp_path / "dossier.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"dossier\.md: .*(?:{told})"):
        sl.Dossier.read(path)


def test_several_mistakes_are_told_at_once():
    with pytest.raises(ValueError, match=r"line 1: .*line 3: .*and 1 more"):
        sl.Dossier.from_markdown("\n".join(["## Wrong"] * 6).replace("\n", "\n\n"))


def test_values_that_are_none_are_refused(as_installed):
    with pytest.raises(TypeError, match="purpose of a dossier is 5"):
        sl.Dossier(purpose=5)
    with pytest.raises(ValueError, match="'ruler' stands twice under risks"):
        sl.Dossier(risks=[sl.Risk("ruler"), sl.Risk(" ruler")])
    with pytest.raises(TypeError, match=r"'ruler' is no sl\.Risk"):
        sl.Dossier(risks=["ruler"])
    with pytest.raises(ValueError, match="no clause is called 'Annex V'"):
        sl.Dossier(not_applicable={"Annex V": "x"})
    with pytest.raises(ValueError, match="Annex IV 8 does not apply, because"):
        sl.Dossier(not_applicable={"Annex IV 8": " "})
    with pytest.raises(ValueError, match="a dossier has no 'porpose'"):
        sl.Dossier.from_document({"porpose": "x"})
    with pytest.raises(ValueError, match="needs a finding"):
        sl.Risk(" ")


def test_the_table_of_fields_is_that_of_the_value():
    others = {"title", "risks", "signatories", "not_applicable"}
    assert [*FIELDS] == [f.name for f in fields(sl.Dossier) if f.name not in others]
    schema = json.loads((PACKAGE / "report" / "schema.json").read_text("utf-8"))
    assert set(schema["properties"]["dossier"]["properties"]) == {*FIELDS, *others}


# clauses


def test_every_clause_asks_for_what_there_is_and_has_a_place_in_the_report():
    ids = [item.id for one in CLAUSES for item in one.items]
    assert len(ids) == len(set(ids))
    for one in CLAUSES:
        assert one.source
        for clause in one.items:
            assert clause.needs, clause.id
            for need in clause.needs:
                assert need in SECTION_OF, need
                assert need in NEEDS, need
                assert SECTION_OF[need] in OUTLINE
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", DATED)
    text = " ".join(ids)
    assert all(f"Annex IV {number}" in text for number in range(1, 10))
    numbers = [n for i in ids if i.startswith("CLAIM") for n in re.findall(r"\d+", i)]
    covered = set()
    for clause in (i for i in ids if i.startswith("CLAIM")):
        low, *high = map(int, re.findall(r"\d+", clause))
        covered |= set(range(low, (high or [low])[0] + 1))
    assert numbers
    assert covered == set(range(1, 45))


def test_a_clause_is_provided_only_where_all_it_needs_is_there():
    every = {need for one in CLAUSES for item in one.items for need in item.needs}
    for one in CLAUSES:
        for clause in one.items:
            for without in clause.needs:
                made = index(every - {without}, {}, SECTION_OF)
                (item,) = [i for listed in made for i in listed["items"] if i["id"] == clause.id]
                assert item["status"] == "not provided"
                assert item["missing"] == [without]
    assert {i["status"] for listed in index(every, {}, SECTION_OF) for i in listed["items"]} == {"provided"}
    assert {i["status"] for listed in index((), {}, SECTION_OF) for i in listed["items"]} == {"not provided"}


# the report


@pytest.fixture(scope="module")
def lens():
    return audited(note="A note.")


def status(report, clause):
    (item,) = [i for one in report.document["index"] for i in one["items"] if i["id"] == clause]
    return item


def test_nothing_is_filled_in_that_a_person_has_not_said_or_a_run_not_measured(lens):
    report = lens.document(dossier=sl.Dossier("Only a title"))
    page = report.to_html()
    for field in FIELDS.values():
        if field.name == "failures":  # measured where the model was asked
            continue
        assert f"<dt>{field.title}</dt><dd><span class=\"missing\">not provided</span></dd>" in page, field.title
        assert f"**{field.title}:** not provided" in report.to_markdown(), field.title
    assert "Not measured." in page  # performance, and robustness
    given = {i["id"] for one in report.document["index"] for i in one["items"] if i["status"] == "provided"}
    assert given == {"CLAIM 1–2", "CLAIM 23", "CLAIM 31", "CLAIM 39"}  # title, versions, the audit, failures
    assert "no legal advice" in page
    assert DATED in page
    assert looked_at(page).scripts == []


def test_what_is_said_and_measured_stands_in_its_section_and_in_the_index(lens):
    dossier = sl.Dossier(
        "Colours", purpose="To tell warm from cold.", users="Painters", out_of_scope="Night.", provider="Ada GmbH",
        version="1.2", signatories=[sl.Signatory("Ada Lovelace", "physicist")],
        risks=[sl.Risk("blue", "small", "Ada", "retrain"), sl.Risk("glare", "none", "Ben", "watch")],
        not_applicable={"Annex IV 8": "no product"},
        monitoring="About monitoring.", changes="None.", affected="All.", limitations="Night.",
        foreseeable_risks="Some.",
    )  # fmt: skip
    table = sl.Table(["class", "images", "AUROC"], [["warm", 30, Interval(0.9, 0.8, 0.95)], ["cold", 30, None]])
    measured = [sl.Section(key, key.title(), ["Measured."], [table]) for key in ("performance", "subgroups")]
    robust = lens.robustness(["templates"])
    report = lens.document(dossier=dossier, sections=[*measured, robust])
    page, text = report.to_html(), report.to_markdown()
    for words in ("To tell warm from cold.", "Ada GmbH", "Painters", "retrain", "glare", "Ada Lovelace", "physicist",
                  "not applicable, because", "Which findings stay", "About monitoring."):  # fmt: skip
        assert words in page
        assert words.replace(".", "\\.") in text
    assert "0.90<small>0.80 – 0.95</small>" in re.sub(r"</?bdi>", "", page)
    assert [i for i, title in enumerate(OUTLINE) if f"</span> {title}</h2>" in page] == [
        i for i, title in enumerate(OUTLINE) if title != "Further measurements"
    ]
    assert status(report, "FDA 1")["status"] == "provided"
    assert status(report, "FDA 6") == status(report, "FDA 6") | {"status": "provided", "sections": ["Performance"]}
    assert status(report, "FDA 7")["status"] == "provided"
    assert status(report, "CLAIM 30")["sections"] == ["Robustness"]
    assert status(report, "Annex IV 8")["because"] == "no product"
    assert status(report, "42001 6.1.3, 8.3")["status"] == "provided"
    without = lens.document(dossier=replace(dossier, risks=()))
    assert status(without, "42001 6.1.3, 8.3")["missing"] == ["@risks"]
    assert sl.Report.from_json(report.to_json()).to_html() == page


def test_what_could_not_be_judged_is_told_with_the_reason(lens):
    told = {one["what"]: one["why"] for one in lens.document().document["unjudged"]}
    assert "cannot be seen in one image" in told["evolving"]
    assert "1 unexpected component" in told
    (open_,) = [why for what, why in told.items() if what.endswith("without a decision")]
    assert set(open_.split(", ")) == {c.name for c in lens.checklist if c.name != "blue"}
    assert "smaller effects" in told or "what the audit would have missed" in told


def test_failures_are_the_images_on_the_wrong_side_of_the_class(lens):
    failures = lens.document().document["failures"]
    sample = lens.space.sample.images
    logits = lens.audit_session.logits["warm"]
    labels = [lens.source.images.label(int(i)) for i in sample]
    known = [(float(logit), str(i), label) for logit, i, label in zip(logits, sample, labels, strict=True)]
    missed = [(logit, i) for logit, i, label in known if label == 0 and logit < 0]
    alarms = [(-logit, i) for logit, i, label in known if label == 1 and logit > 0]
    assert failures["missed"] == len(missed)
    assert failures["alarms"] == len(alarms)
    assert failures["images"] == len(sample)
    listed = [one["image"] for one in failures["listed"] if one["kind"] == "missed"]
    assert listed == [name for _, name in sorted(missed, key=lambda one: one[0])][: len(listed)]


def test_robustness_says_which_findings_stay(lens):
    found = lens.robustness()
    kinds = {what for what, _ in found.changes}
    assert {"templates", "sample"} <= kinds
    assert dict(found.without)["k"].startswith("there are only 5 examples")
    at = {name: i for i, name in enumerate(found.concepts)}
    assert found.found[at["red"]]
    assert found.found_then[at["red"]].all()
    assert not found.found_then[at["evolving"]].any()
    assert found.section().key == "robustness"
    same = lens.robustness([], others={"itself": lens})
    assert (same.found_then[:, 0] == same.found).all()
    with pytest.raises(ValueError, match="by='crop'; what can be changed is k, templates, prompts, sample"):
        lens.robustness(["crop"])
    with pytest.raises(TypeError, match="others are lenses"):
        lens.robustness([], others={"x": 5})


def test_a_space_on_fewer_examples_is_that_of_a_fit_with_them(lens):
    fewer = with_fewer_examples(lens.space, 3)
    own = sl.Lens(ColourNet(), lens.source.images, ["colour"], CountingClip(), k=3, crop=None, templates=("{}",)).fit(
        cached=False, progress=False
    )
    assert (fewer.examples.images == own.space.examples.images).all()
    assert fewer.vectors == pytest.approx(own.space.vectors, abs=1e-5)
    assert fewer.set_sizes.tolist() == own.space.set_sizes.tolist()


def test_what_has_no_section_is_refused(as_installed, lens):
    with pytest.raises(TypeError, match=r"a dict has no section of a report.*as effect="):
        lens.document(sections=[{}])
    section = sl.Section("performance", "P")
    with pytest.raises(ValueError, match="two sections of this report are about 'performance'"):
        lens.document(sections=[section, section])
    with pytest.raises(ValueError, match=r"row 1 of .* has 1 cells for 2 columns"):
        sl.Table(["a", "b"], [["x"]])


def test_a_dossier_of_the_lens_is_kept_undone_and_in_every_report(tmp_path):
    lens = audited()
    lens.dossier = replace(lens.dossier, purpose="To tell warm from cold.")
    assert "To tell warm from cold." in lens.document().to_html()
    lens.save(tmp_path / "x.semlens")
    assert sl.open(tmp_path / "x.semlens").dossier == lens.dossier
    assert lens.history.to_document()["past"][-1] == "dossier: purpose"
    travel(lens)
    assert lens.dossier.empty
    assert "Index of clauses" not in lens.document().to_html()
