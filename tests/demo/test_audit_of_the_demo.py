"""The audit on the demo world, where what is planted is known: what it flags, and what acting on it does."""

import jaxtyping
import numpy as np
import pytest

import semlens_widgets as sl
from semlens_widgets.demo.factors import CLASS_NAMES, INDEX, SHORTCUTS, SPLITS
from semlens_widgets.demo.measure import margins
from semlens_widgets.demo.planted import ENCODED, measure_truth
from semlens_widgets.demo.world import contents, render


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    # Without shape checks: they forbid the demo's model the batch of many conditions, and all would run one by one.
    jaxtyping.config.update("jaxtyping_disable", True)
    lens = sl.demo.lens(n=1200, layers=["layer4"])
    lens.audit(sl.Checklist.abcde(), target="melanoma", progress=False)
    yield lens
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def real(audited):
    return measure_truth(audited.source.model, ("layer4",)).auroc


def labelled(split, n=800):
    drawn = render(n, 9000, probabilities=SPLITS[split])
    pictures = [drawn.pil(i) for i in range(n)]
    return sl.images(pictures, transform=sl.demo.transform(), labels=drawn.labels.tolist(), classes=CLASS_NAMES)


def test_what_is_called_spurious_is_what_encodes_a_shortcut(audited, real):
    shortcut = (real[:, [INDEX[name] for name in SHORTCUTS]] >= ENCODED).any(1)
    flagged = np.zeros(len(real), bool)
    flagged[audited.report.rows("spurious")] = True
    assert (flagged & shortcut).sum() / flagged.sum() >= 0.90
    assert (flagged & shortcut).sum() / shortcut.sum() >= 0.85


def test_shortcuts_are_used_in_the_planted_direction_and_valid_factors_are_found(audited):
    report = audited.report
    for concept in ("irregular border", "several colours", "blue-white veil", "large diameter"):
        assert report[concept].state == "found", concept
        assert report[concept].effect.low > 0, concept
    for concept in ("several colours", "blue-white veil", "large diameter"):
        assert report[concept].direction == "for", concept
    # Eight components encode the border; the examples of one only look like it to the demo's CLIP.
    assert report["irregular border"].elsewhere
    assert (report["ruler"].state, report["ruler"].direction) == ("found", "for")
    assert (report["coloured patch"].state, report["coloured patch"].direction) == ("found", "against")
    assert report["ink marker"].direction == "for"
    assert report["evolving"].state == "unseen"
    assert "one image" in report["evolving"].message


def test_what_relevance_moves_with_is_what_toggling_the_artefact_does(audited):
    flags = contents(150, 77)[1]
    pairs = {"ruler": "ruler", "patch": "coloured patch", "ink": "ink marker", "redskin": "red skin", "hair": "hair",
             "bubbles": "gel bubbles", "vignette": "dark corners"}  # fmt: skip
    changes = []
    for factor in pairs:
        both = []
        for present in (True, False):
            chosen = flags.copy()
            chosen[:, INDEX[factor]] = present
            both.append(margins(audited.source.model, render(150, 77, flags=chosen)).mean())
        changes.append(both[0] - both[1])
    effects = [audited.report[concept].effect.mean for concept in pairs.values()]
    assert np.corrcoef(changes, effects)[0, 1] >= 0.95


def test_red_skin_moves_the_score_in_components_that_show_other_things_and_this_is_said(audited):
    red = audited.report["red skin"]
    assert (red.used, red.elsewhere) == (False, True)
    assert "through other components" in red.message
    assert "carry little of it: red skin" in audited.report.message
    assert not any(f.elsewhere for f in audited.report.findings if f.kind == "neutral")


def test_asymmetry_which_no_component_encodes_is_not_found(audited, real):
    assert real[:, INDEX["asymmetry"]].max() < 0.8
    assert audited.report["asymmetric shape"].state == "missing"
    assert not audited.report["asymmetric shape"].used
    assert "where the CLIP cannot see it, or where the images do not show it" in audited.report.message


def test_no_component_counts_for_a_concept_that_it_does_not_tell_on_other_images(audited, real):
    """Held-out images, which know nothing of the truth, keep only components that do encode what they are said to."""
    report = audited.report
    for finding in report.findings:
        planted = next((f.name for f in sl.demo.FACTORS if f.query == finding.name), None)
        if planted is not None and len(finding.rows):
            assert real[list(finding.rows), INDEX[planted]].min() >= 0.7, finding.name


def test_neutral_artefacts_are_found_and_not_used_and_switching_them_off_changes_little(audited):
    report = audited.report
    for concept in ("hair", "gel bubbles", "dark corners"):
        assert report[concept].state == "found", concept
        assert not report[concept].used, concept
        assert report[concept].direction is None
        assert abs(report[concept].effect.mean) < abs(report["ink marker"].effect.mean) / 2
    effect = audited.effect(report.neutral, {"free": labelled("unbiased")}, draws=2, points=2)
    before, after = (effect["free", side].auroc.mean for side in ("as it is", "switched off"))
    assert abs(after - before) <= 0.03


def test_switching_the_spurious_off_helps_where_artefacts_mean_nothing_and_costs_little_elsewhere(audited):
    effect = audited.effect(data={"free": labelled("unbiased"), "clean": labelled("clean")}, draws=8, points=3)
    free, clean = ({s: m.auroc.mean for s, m in effect.measured[name].items()} for name in ("free", "clean"))
    assert free["switched off"] - free["as it is"] >= 0.12
    assert abs(free["random, equal number"] - free["as it is"]) <= 0.03
    assert clean["as it is"] - clean["switched off"] <= 0.02


def test_the_patch_loses_its_influence(audited):
    flags = contents(300, 77)[1].copy()

    def influence():
        shown = []
        for present in (True, False):
            flags[:, INDEX["patch"]] = present
            shown.append(margins(audited.source.model, render(300, 77, flags=flags)))
        return np.abs(shown[0] - shown[1]).mean()

    before = influence()
    with audited.without(audited.report.spurious):
        assert influence() <= 0.2 * before
    assert influence() == before
