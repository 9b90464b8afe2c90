"""Counterfactual proof: what changes when one thing is in the pictures, against formulas in loops and planted truth."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from sklearn.metrics import roc_auc_score
from torch import nn

import semlens_widgets as sl
from semlens_widgets.artefacts import Artefact, Patch, Ruler
from semlens_widgets.components import Components
from semlens_widgets.counterfactual import MIN_AUROC, MIN_SELECTIVITY
from semlens_widgets.counterfactual.judgement import judge, paired_interval
from semlens_widgets.counterfactual.statistics import one_sided_sign_test, separation, sign_test
from semlens_widgets.counterfactual.verb import usual_controls
from semlens_widgets.inference import holm
from tests.toy import ColourNet, colour_lens, pictures, to_pixels

# the tests


def test_the_sign_test_is_the_exact_binomial_one():
    random = np.random.default_rng(1)
    differences = np.round(random.normal(0.3, 1, (13, 7)), 1)
    differences[:, 5], differences[:, 6] = 0, np.abs(differences[:, 6])
    for component in range(7):
        signs = differences[:, component][differences[:, component] != 0]
        expected = stats.binomtest(int((signs > 0).sum()), len(signs), 0.5).pvalue if len(signs) else 1.0
        assert sign_test(differences)[component] == pytest.approx(expected)
        above = int((differences[:, component] > 0).sum())
        expected = stats.binomtest(above, 13, 0.5, alternative="greater").pvalue if above else 1.0
        assert one_sided_sign_test(differences)[component] == pytest.approx(expected)


def test_holm_is_its_definition():
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.005, 0.9])
    order = sorted((value, at) for at, value in enumerate(p) if not math.isnan(value))
    expected, largest = {}, 0.0
    for rank, (value, at) in enumerate(order):
        largest = max(largest, min(1.0, value * (len(order) - rank)))
        expected[at] = largest
    assert np.isnan(holm(p)[1])
    assert {at: float(holm(p)[at]) for at in expected} == pytest.approx(expected)


def test_separation_is_the_auroc():
    random = np.random.default_rng(2)
    above, below = np.round(random.normal(0.5, 1, (11, 5)), 1), np.round(random.normal(0, 1, (17, 5)), 1)
    truth = np.r_[np.ones(11), np.zeros(17)]
    expected = [roc_auc_score(truth, np.r_[above[:, c], below[:, c]]) for c in range(5)]
    assert separation(above, below) == pytest.approx(expected)


def test_the_paired_interval_is_that_of_the_t_test():
    differences = np.random.default_rng(3).normal(0.4, 1, 23)
    found, p = paired_interval(differences)
    expected = stats.ttest_1samp(differences, 0)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert p == pytest.approx(expected.pvalue)
    assert math.isnan(paired_interval(differences[:1])[1])
    assert paired_interval(np.zeros(5))[1] == 1.0


# from responses to answers


def judged(responses, energy=None, spread=None, alpha=0.05, margins=None):
    sides, pairs, count = responses.shape
    energy = np.ones((sides, pairs)) if energy is None else energy
    controls = tuple(f"other {n}" for n in range(sides - 2))
    return judge(
        Components(("layer",), (count,), (False,)),
        "thing", controls, responses, energy, np.ones(count) if spread is None else spread,
        margins, None if margins is None else np.zeros((sides, pairs), np.int64),
        target=None if margins is None else "yes", alpha=alpha, left_out=0,
    )  # fmt: skip


def planted(pairs=40, seed=0):
    """Responses [side pair component] of: one that encodes the thing, one that rises with every edit, one that falls,
    one that encodes another edit, one that changes too little to matter, a dead one, and noise."""
    random = np.random.default_rng(seed)
    plain = random.normal(0, 1, (pairs, 7))
    sides = np.stack([plain.copy() for _ in range(5)])
    sides[1, :, 0] += 3
    sides[1:, :, 1] += 3
    sides[1, :, 2] -= 3
    sides[3, :, 3] += 3
    sides[1, :, 4] += 0.05
    sides[:, :, 5] = 0
    sides[1:, :, 6] += random.normal(0, 0.5, (4, pairs))
    return sides


def test_only_what_is_excited_selectively_and_much_is_found():
    spread = np.array([1.0, 1, 1, 1, 1, 0, 1])
    found = judged(planted(), spread=spread)
    assert [c.index for c in found.responding] == [0]
    assert found.change == pytest.approx([3, 3, -3, 0, 0.05, 0, found.change[6]])
    assert found.p[4] < 1e-6, "small, but sure"
    assert found.p[1] < 1e-6, "sure, but not selective"
    assert np.isnan(found.p_found[5]), "a dead component is no test"
    assert found.auroc[5] == 0.5
    assert found.selectivity[[0, 1, 2]].tolist() == [1, 0, 0]
    assert found.controls[found.closest[3]] == "other 1"


def test_a_large_edit_does_not_look_selective_for_being_large():
    """A component that answers to the size of whatever is drawn, and an edit twice as large as the others."""
    random = np.random.default_rng(4)
    energy = np.stack([np.zeros(40), np.full(40, 20.0), np.full(40, 10.0), np.full(40, 9.0)])
    plain = random.normal(0, 1, (40, 2))
    answers = plain + energy[:, :, None] * (0.3 + 0.05 * random.normal(0, 1, (4, 40, 2)))
    answers[1, :, 1] += 20
    found = judged(answers, energy)
    assert found.selectivity[0] < MIN_SELECTIVITY < found.selectivity[1]
    assert found.found.tolist() == [False, True]


def test_rounding_is_no_change():
    random = np.random.default_rng(5)
    plain = random.normal(0, 1, (50, 3)).astype(np.float32)
    found = judged(np.stack([plain, plain + np.float32(1e-7), plain]))
    assert (found.p == 1).all()
    assert not found.found.any()


def test_what_cannot_be_found_by_so_few_pairs_is_said():
    sides = planted(pairs=6)
    found = judged(sides)
    assert not found.found.any()
    assert f"it takes {found.fewest}" in found.message
    assert judged(planted(pairs=found.fewest)).found[0]


def test_without_controls_changes_are_told_but_nothing_is_found():
    found = judged(planted()[:2])
    assert not found.found.any()
    assert np.isnan(found.selectivity).all()
    assert (found.closest == -1).all()
    assert "4 components of 7 change surely" in found.message


def test_false_finds_are_rare_among_components_that_nothing_excites():
    """Over 200 worlds of 60 components that change at random, less than 5 % name any component."""
    random = np.random.default_rng(6)
    named = 0
    for _ in range(200):
        plain = random.normal(0, 1, (30, 60))
        sides = plain + np.concatenate([np.zeros((1, 30, 60)), random.normal(0, 2, (4, 30, 60))])
        named += judged(sides).found.any()
    assert named <= 10


def test_tapascore_is_its_formula():
    random = np.random.default_rng(7)
    plain, with_ = (np.maximum(random.normal(shift, 1, (31, 5)), 0) for shift in (-1, 0))
    found = judged(np.stack([plain, with_, plain]))
    for chosen in ([0], [1, 3], [0, 2, 4]):
        deltas = [
            float(max(with_[p, c] > 0 for c in chosen)) - float(max(plain[p, c] > 0 for c in chosen)) for p in range(31)
        ]
        assert found.tapa(chosen) == pytest.approx(sum(deltas) / 31)
    with pytest.raises(ValueError, match="of no components"):
        found.tapa([])


def test_the_prediction_is_measured_in_pairs_and_says_what_it_would_miss():
    random = np.random.default_rng(8)
    margins = random.normal(0, 3, 60) + np.stack([np.zeros(60), random.normal(1, 0.5, 60), random.normal(0, 0.5, 60)])
    found = judged(planted(60)[:3], margins=margins).prediction
    assert found.change.mean == pytest.approx((margins[1] - margins[0]).mean())
    assert found.surely
    assert "moves the logit of yes by +" in found.sentence
    assert list(found.controls) == ["other 0"]
    quiet = judged(planted(60)[:3], margins=margins[[0, 2, 1]]).prediction
    assert not quiet.surely
    assert f"below {quiet.limit.value:.2f} would be missed" in quiet.sentence


# through the lens


class Green(Artefact):
    """Something for the toy world: a green corner."""

    kind = "green corner"

    def draw(self, canvas, random):
        canvas.pixels = canvas.pixels.copy()
        canvas.pixels[:4, :4] = (0, 250, 0)


class Blue(Artefact):
    kind = "blue corner"

    def draw(self, canvas, random):
        canvas.pixels = canvas.pixels.copy()
        canvas.pixels[-3:, -3:] = (0, 0, 250)


@pytest.fixture(scope="module")
def lens():
    return colour_lens(60).fit(progress=False, cached=False)


def test_the_green_channel_answers_to_green_and_the_logit_rises(lens):
    found = lens.counterfactual(Green(), controls=[Blue()], target=1, progress=False)
    assert {str(c) for c in found.responding} == {"colour:1"} or "colour:1" in {str(c) for c in found.responding}
    assert not found.found[lens.components.row("colour:0")]
    assert not found.found[lens.components.row("colour:2")]
    # by hand: all pictures, both ways, through the model
    model = ColourNet().eval()
    before = torch.stack([to_pixels(p) for p in pictures(60)])
    after = torch.stack([to_pixels(Green()(p)) for p in pictures(60)])
    with torch.no_grad():
        response = [model.colour(x).amax((2, 3))[:, 1].numpy() for x in (before, after)]
        logits = [model(x).numpy() for x in (before, after)]
    spread = np.concatenate([response[0]]).std()
    row = lens.components.row("colour:1")
    assert found.change[row] == pytest.approx((response[1] - response[0]).mean() / spread, rel=1e-4)
    margin = [x[:, 1] - x[:, 0] for x in logits]
    assert found.prediction.change.mean == pytest.approx((margin[1] - margin[0]).mean(), rel=1e-4)
    assert found.prediction.flipped == pytest.approx((logits[0].argmax(1) != logits[1].argmax(1)).mean())


def test_all_ways_to_give_pairs_come_to_the_same(lens):
    plain = pictures(24, seed=9)
    drawn = [Green().varied(n)(p) for n, p in enumerate(plain)]
    options = {"controls": [Blue()], "target": 1, "progress": False, "name": "green"}
    ways = [
        lens.counterfactual(Green(), images=plain, **options),
        lens.counterfactual(list(zip(drawn, plain, strict=True)), **options),
        lens.counterfactual(with_=drawn, without=plain, **options),
        lens.counterfactual(
            with_=sl.images(drawn, transform=to_pixels), without=sl.images(plain, transform=to_pixels), **options
        ),
        lens.counterfactual(sl.Pairs([(p, 0) for p in drawn], [(p, 0) for p in plain]), **options),
        lens.counterfactual(Green(), images=plain, batch_size=5, **options),
    ]
    for one, other in itertools.pairwise(ways):
        assert one.change == pytest.approx(other.change, rel=1e-4, abs=1e-6)
        assert one.found.tolist() == other.found.tolist()
        assert one.pairs == other.pairs == 24
        assert one.name == other.name == "green"


def test_the_model_is_left_as_it_was_and_steps_are_told(lens):
    model = lens.source.model
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), m.training) for m in model.modules()]
    told = []
    lens.counterfactual(
        Green(), controls=[], target=1, n=10, batch_size=4, progress=False, on_step=lambda *at: told.append(at)
    )
    assert told == [(4, 10), (8, 10), (10, 10)]
    assert [(len(m._forward_hooks), len(m._forward_pre_hooks), m.training) for m in model.modules()] == hooks


def test_the_control_of_the_same_kind_is_left_out():
    assert "ruler" not in {a.kind for a in usual_controls("ruler")}
    assert {a.kind for a in usual_controls("something else")} >= {"ruler", "coloured patch", "hair"}


def test_errors_say_what_to_do(lens, as_installed):
    for call, error, needs in (
        (lambda: lens.counterfactual(), ValueError, "Give an artefact"),
        (lambda: lens.counterfactual(with_=[1]), ValueError, "without="),
        (lambda: lens.counterfactual(Green(), with_=[1], without=[2]), ValueError, "one of them"),
        (lambda: lens.counterfactual(Green(), n=0), ValueError, "n=0"),
        (lambda: lens.counterfactual("ruler"), TypeError, "give an artefact of sl.artefacts"),
        (lambda: lens.counterfactual([1, 2]), TypeError, "(picture with it, picture without it)"),
        (lambda: lens.counterfactual([]), ValueError, "no pairs"),
        (lambda: lens.counterfactual(with_=pictures(3), without=pictures(2)), ValueError, "same picture as number i"),
        (lambda: lens.counterfactual(with_=[1], without=[2], progress=False), TypeError, "give PIL pictures"),
        (lambda: lens.counterfactual(Green(), controls=["ruler"]), TypeError, "artefacts of sl.artefacts"),
        (lambda: lens.counterfactual(with_=pictures(3), without=pictures(3), progress=False), ValueError, "the same"),
        (lambda: lens.counterfactual(Green(), target="cat", progress=False), KeyError, "cat"),
        (lambda: lens.counterfactual(Green(), alpha=0.7, progress=False), ValueError, "alpha=0.7"),
        (lambda: lens.counterfactual(Green(), batch_size=0, progress=False), ValueError, "batch_size=0"),
        (lambda: lens.counterfactual(sl.Pairs([Image.new("RGB", (8, 8))], "a")), TypeError, "sl.images"),
        (lambda: sl.demo.pairs("rular"), KeyError, "there are asymmetry, border"),
        (lambda: sl.demo.pairs("ruler", 0), ValueError, "at least one"),
    ):
        with pytest.raises(error) as raised:
            call()
        assert needs in str(raised.value), raised.value


def test_rows_text_and_json_tell_the_same(lens):
    found = lens.counterfactual(Green(), controls=[Blue()], target=1, progress=False)
    rows = found.to_rows()
    assert [row["found"] for row in rows] == sorted((row["found"] for row in rows), reverse=True)
    assert rows[0]["component"] in found.message
    assert len(rows) == np.isfinite(found.p_found).sum()
    document = json.loads(found.to_json())
    assert document["found"] == [str(c) for c in found.responding]
    assert len(document["rows"]) == len(rows)
    assert "<script" not in sl.Counterfactual._repr_html_(found)
    assert repr(found).startswith("60 pairs with and without green corner")
    assert found.to_csv().count("\n") >= len(rows)


# on the planted world


@pytest.fixture(scope="module")
def demo():
    return sl.demo.lens(n=400, layers=["layer4"], progress=False, sample=100, null=50)


def test_exact_pairs_differ_in_the_factor_alone():
    for factor in ("ruler", "coloured patch", "border"):
        pairs = sl.demo.pairs(factor, 5)
        masks = np.asarray([np.abs(np.asarray(a[0], int) - np.asarray(b[0], int)).max(2) > 0
                            for a, b in ((pairs.with_[n], pairs.without[n]) for n in range(5))])  # fmt: skip
        assert masks.any((1, 2)).all()
        assert masks.mean() < 0.4
    assert (sl.demo.pairs("ruler", 5).with_.factors != sl.demo.pairs("ruler", 5).without.factors).sum() == 5
    assert sl.demo.pairs("ruler", 3).name == "ruler"


@pytest.mark.parametrize("factor", ["ruler", "patch", "border"])
def test_components_that_encode_a_factor_are_told_from_the_others(demo, factor):
    real = sl.demo.truth().layer("layer4").auroc[:, [f.name for f in sl.demo.FACTORS].index(factor)]
    found = demo.counterfactual(sl.demo.pairs(factor, 30, seed=5), target="melanoma", progress=False)
    encodes = real >= 0.95
    assert roc_auc_score(encodes, found.score) >= 0.95
    assert found.found[encodes].mean() >= 0.9
    assert found.found[real < 0.75].mean() <= 0.02


def test_the_shortcuts_of_the_biased_classifier_move_its_logit_in_the_planted_direction(demo):
    for artefact, sign in ((Ruler(), 1), (Patch(), -1)):
        change = demo.counterfactual(artefact, target="melanoma", n=30, progress=False).prediction
        assert change.surely
        assert np.sign(change.change.mean) == sign
        assert abs(change.change.mean) > 1


def test_on_random_networks_few_claims_pass():
    """Small networks with random weights, three artefacts: at most 5 % of (component, artefact) are found.

    `make bench-power` counts this over more networks, other shapes of them, and all artefacts.
    """
    claims = passed = 0
    for seed in range(2):
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(3, 12, 5, 2), nn.ReLU(), nn.Conv2d(12, 24, 3, 2), nn.ReLU(), nn.Conv2d(24, 40, 3, 2), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(40, 2),
        ).eval()  # fmt: skip
        data = sl.images(sl.demo.images(60, seed), transform=sl.demo.transform(), classes=sl.demo.CLASS_NAMES)
        lens = sl.Lens(model, data, ["5"], sl.OpenClip(sl.demo.clip_folder()), k=5, crop=None, null=20, sample=20)
        lens.fit(progress=False, cached=False)
        for artefact in (Ruler(), Patch(), sl.artefacts.DarkCorners()):
            found = lens.counterfactual(artefact, target=1, n=16, progress=False)
            claims += len(found.components)
            passed += int(found.found.sum())
    assert passed <= 0.05 * claims


def test_thresholds_are_as_everywhere():
    assert MIN_AUROC == MIN_SELECTIVITY == 0.75
