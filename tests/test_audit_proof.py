"""The audit's lines of proof: what drawing a concept does, and what the audit would have missed."""

import json
from dataclasses import replace

import numpy as np
import pytest

import semlens_widgets as sl
from semlens_widgets.audit.proof import Shown
from semlens_widgets.checklist import Checklist, Concept, Group
from semlens_widgets.detection import least_squares
from semlens_widgets.intervals import Interval
from semlens_widgets.widgets.checklist import audited as window_of_audit
from semlens_widgets.widgets.checklist import rebuilt

QUERIES = [factor.query for factor in sl.demo.FACTORS]


@pytest.fixture(scope="module")
def lens():
    return sl.demo.lens(n=300, layers=["layer4"], null=100, progress=False)


@pytest.fixture(scope="module")
def audited(lens):
    given = {"ruler": sl.demo.pairs("ruler", 20), "coloured patch": sl.demo.pairs("patch", 20),
             "asymmetric shape": sl.demo.pairs("asymmetry", 20)}  # fmt: skip
    return lens.audit(Checklist.abcde(), target="melanoma", progress=False, counterfactual=given)


def test_found_and_used_each_get_a_counterfactual_line(audited):
    ruler, patch = audited["ruler"], audited["coloured patch"]
    assert ruler.state == "found"
    assert len(ruler.proven) >= 0.8 * len(ruler.rows)
    assert set(ruler.proven) <= set(ruler.rows)
    assert f"{len(ruler.proven)} of {len(ruler.rows)} components answer to it alone" in ruler.proof_found
    assert ruler.proof_found in ruler.message
    assert "moves the logit of melanoma by +" in ruler.proof_used
    assert "moves the logit of melanoma by −" in patch.proof_used
    assert ruler.proof_used in ruler.use
    assert ruler.counterfactual.prediction.target == "melanoma"
    assert audited["hair"].counterfactual is None
    assert audited["hair"].proof_found == audited["hair"].proof_used == ""
    assert ruler.proof_found in repr(audited)


def test_where_images_as_they_are_are_at_odds_with_the_pairs_it_is_said(audited):
    patch = audited["coloured patch"]
    pairs = patch.counterfactual.prediction.change
    below = Interval(pairs.low - 3, pairs.low - 4, pairs.low - 2)
    across = Interval(pairs.low, pairs.low - 1, pairs.high)
    told = replace(patch, logit=below)
    assert "go by the pairs" in told.proof_used
    assert told.proof_used in told.use
    for other in (replace(patch, logit=across), replace(patch, logit=None), replace(told, counterfactual=None)):
        assert other.at_odds == ""
        assert "go by the pairs" not in other.use


def test_a_concept_that_nothing_encodes_is_not_proven(audited):
    nobody = audited["asymmetric shape"]
    assert not nobody.counterfactual.found.any()
    assert not nobody.proven
    assert "0 " in nobody.proof_found
    if not nobody.use:
        assert nobody.proof_used in nobody.message, "what it does to the prediction is told all the same"


def test_proofs_stay_when_thresholds_change_and_go_by_class(lens, audited):
    lens.audit_level = 0.001
    assert lens.report["ruler"].counterfactual is audited["ruler"].counterfactual
    lens.audit_target = "nevus"
    assert lens.report["ruler"].counterfactual is None
    lens.audit_target, lens.audit_level = "melanoma", 0.01
    assert lens.report["ruler"].counterfactual is audited["ruler"].counterfactual


def test_the_report_that_is_handed_in_has_them(lens, audited):
    document = lens.document()
    read = sl.Report.from_json(document.to_json())
    assert read.document["limit"]["sentence"] == audited.limit.sentence
    assert read.limit == audited.limit
    assert sl.Report({**read.document, "limit": None}).limit is None
    old = {name: value for name, value in read.document.items() if name not in ("limit", "counterfactuals")}
    assert sl.Report(old).limit is None
    assert [c["name"] for c in read.document["counterfactuals"]] == ["asymmetric shape", "ruler", "coloured patch"]
    assert audited["ruler"].proof_used in {c["proof_used"] for c in read.document["concepts"]}
    assert "answer to it alone" in read.to_html()
    assert "would be missed in half the cases" in read.to_html()
    assert "moves the logit of melanoma" in read.to_html()
    assert "moves the logit of melanoma" in read.to_markdown().replace("\\", "")
    assert json.loads(audited.to_json())["concepts"]


def test_the_effect_on_the_logit_is_least_squares_over_the_sampled_images(lens, audited):
    sample, model = lens.space.sample, lens.source.model
    import torch

    with torch.no_grad():
        logits = model(torch.stack([lens.source.images.tensor(int(i)) for i in sample.images])).numpy()
    columns = np.flatnonzero([f.state not in ("unseen", "unknown") for f in audited.findings])
    vectors = np.zeros((len(audited.findings), lens.space.dim), np.float32)
    confirmed = []
    for at, f in enumerate(audited.findings):
        if f.concept.visible:
            mean = lens.probe_cache.of_words(list(f.concept.texts), None, True).vectors.mean(0)
            vectors[at] = mean / np.linalg.norm(mean)
        rows = np.asarray([r for r in f.rows if audited.region_of(r) == f.kind], np.int64)
        confirmed.append(rows[audited.held_out[rows, at] >= 0.75] if len(rows) else rows)
    shown = Shown.of(lens.space, columns, vectors, confirmed)
    expected = least_squares(shown.much, logits[:, 1] - logits[:, 0])
    assert audited.asked == len(sample)
    for at, column in enumerate(columns):
        if not shown.told_apart[at]:
            assert audited.findings[column].limit is None
        if (found := audited.findings[column].logit) is not None:
            assert found.mean == pytest.approx(expected.slope[at], rel=1e-3, abs=1e-4)
            assert (found.low, found.high) == pytest.approx(expected.interval(at), rel=1e-3, abs=1e-3)
    assert audited["ruler"].logit.low > 0, "the planted direction"
    assert audited["coloured patch"].logit.high < 0


def test_the_limit_is_that_of_the_spurious_concept_that_is_hardest_to_tell(audited):
    spurious = [f.limit.value for f in audited.findings if f.kind == "spurious" and f.limit is not None]
    assert audited.limit.value == max(spurious)
    assert audited.limit.low < audited.limit.value < audited.limit.high
    assert audited.limit.unit == "logit of melanoma"
    assert audited.limit.sentence in audited.message
    assert set(audited.limits) <= {f.name for f in audited.findings}


def test_how_much_an_image_shows_is_the_chance_that_it_does(lens, audited):
    """Held against what is really drawn in the sampled pictures."""
    truth = sl.demo.render(300, 0).factors[lens.space.sample.images]
    findings = audited.findings
    told = 0
    for column, f in enumerate(findings):
        if f.limit is None or f.name not in QUERIES:
            continue
        told += 1
        vectors = np.zeros((len(findings), lens.space.dim), np.float32)
        vectors[column] = lens.probe_cache.of_words(list(f.concept.texts), None, True).vectors.mean(0)
        vectors[column] /= np.linalg.norm(vectors[column])
        rows = np.asarray([r for r in f.rows if audited.region_of(r) == f.kind], np.int64)
        rows = rows[audited.held_out[rows, column] >= 0.75] if len(rows) else rows
        confirmed = [rows] * len(findings)
        much = Shown.of(lens.space, np.array([column]), vectors, confirmed).much[:, 0]
        shows = truth[:, QUERIES.index(f.name)]
        assert much.min() >= 0
        assert much.max() <= 1
        assert much[shows].mean() > 0.8 > 0.2 > much[~shows].mean()
    assert told >= 3


def test_of_what_nobody_can_tell_which_images_show_it_no_limit_is_told(lens):
    """A concept that the demo's CLIP does not see in two groups, and no component carries."""
    listed = Checklist((Group("g", (Concept("asymmetric shape", kind="spurious"), Concept("hair", kind="spurious"))),))
    report = lens.audit(listed, target="melanoma", progress=False)
    assert report["asymmetric shape"].limit is None
    assert "asymmetric shape" in report.without_limit
    assert "What would be missed of asymmetric shape" in report.message
    bare = sl.audit(lens.space, listed, lens.probe_cache.of_words(list(listed.prompts), None, True))
    assert bare.without_limit == ()
    assert bare.limit_sentences == ()


def test_the_limit_follows_the_class_without_asking_the_model_again(lens, audited, monkeypatch):
    from semlens_widgets.session import proving

    monkeypatch.setattr(proving, "ask", lambda *args: pytest.fail("the model was asked again"))
    lens.audit(Checklist.abcde(), target="melanoma", progress=False)
    lens.audit_target = "nevus"
    assert lens.report.asked == audited.asked
    assert lens.report.limit.unit == "logit of nevus"
    assert lens.report.limit.value == pytest.approx(audited.limit.value, rel=1e-3), "two classes: the same odds"
    lens.audit_target = "melanoma"


def test_the_window_says_what_would_be_missed_or_why_nobody_knows(lens, audited, tmp_path):
    lens.audit(Checklist.abcde(), target="melanoma", progress=False)
    assert window_of_audit(lens)["report"]["missed"] == list(lens.report.limit_sentences)
    assert "would be missed in half the cases" in lens.report.limit_sentences[0]
    opened = sl.open(lens.save(tmp_path / "demo.semlens"))
    opened.checklist, opened.audit_target = Checklist.abcde(), "melanoma"
    assert window_of_audit(opened)["report"]["missed"] == [
        "What this audit would have missed is not known: this lens holds no model to ask"
    ]
    fresh = sl.demo.lens(n=300, layers=["layer4"], null=100, progress=False)
    fresh.checklist = Checklist.abcde()
    assert window_of_audit(fresh)["report"]["missed"] == [
        "What this audit would have missed is not known: the model was not asked"
    ]


def test_without_model_or_relevance_there_is_no_limit(lens):
    bare = sl.audit(
        lens.space, Checklist.abcde(), lens.probe_cache.of_words(list(Checklist.abcde().prompts), None, True)
    )
    assert bare.limit is None
    assert bare.limits == {}
    assert bare.asked == 0


def test_true_draws_every_concept_that_names_an_artefact(lens, monkeypatch):
    from semlens_widgets.session import counterfactuals

    monkeypatch.setattr(counterfactuals, "PAIRS", 3)
    listed = Checklist((Group("g", (Concept("marks", ["ruler"], "spurious", artefact="ruler"), Concept("hair"))),))
    report = lens.audit(listed, target="melanoma", progress=False, counterfactual=True)
    assert report["marks"].counterfactual.name == "ruler"
    assert report["hair"].counterfactual is None
    with pytest.raises(ValueError, match="no concept of this checklist names an artefact"):
        lens.audit(Checklist((Group("g", (Concept("hair"),)),)), target="melanoma", progress=False, counterfactual=True)
    with pytest.raises(KeyError, match="did you mean 'marks'"):
        lens.audit(listed, target="melanoma", progress=False, counterfactual={"mark": sl.artefacts.Ruler()})


# checklists name artefacts

WITH = Checklist((Group("g", (Concept("scale", ["ruler"], "spurious", note="n", artefact="ruler"), Concept("hair"))),))


@pytest.mark.parametrize("form", ["json", "csv", "md"])
def test_a_checklist_keeps_its_artefacts_in_every_format(form):
    back = Checklist.from_text(WITH.to_text(form), form)
    assert [c.artefact for c in back] == ["ruler", ""]
    assert list(back) == list(WITH)


@pytest.mark.parametrize("form", ["json", "csv", "md"])
def test_old_files_have_none(form):
    plain = Checklist((Group("g", (Concept("scale"), Concept("hair"))),))
    assert "artefact" not in plain.to_text(form)
    assert [c.artefact for c in Checklist.from_text(plain.to_text(form), form)] == ["", ""]


def test_an_artefact_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="there are ruler, coloured patch"):
        Concept("scale", artefact="rular")


def test_the_window_gives_it_back():
    shown = [{"name": c.name, "prompts": list(c.texts), "kind": c.kind, "group": "g", "classes": [], "note": c.note,
              "artefact": c.artefact} for c in WITH]  # fmt: skip
    assert rebuilt(WITH, shown) == WITH
    assert [c.artefact for c in rebuilt(WITH, [{k: v for k, v in c.items() if k != "artefact"} for c in shown])] == [
        "", "",
    ]  # fmt: skip


def test_the_abcde_rule_names_those_that_can_be_drawn():
    assert {c.name: c.artefact for c in Checklist.abcde() if c.artefact} == {
        name: name for name in ("ruler", "coloured patch", "ink marker", "hair", "gel bubbles", "dark corners")
    }
