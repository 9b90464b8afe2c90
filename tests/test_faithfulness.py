"""Does relevance say what switching off does? Measured, chosen by, kept, and told wherever relevance is shown."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import pearsonr, spearmanr
from torch import nn

import semlens_widgets as sl
from semlens_widgets import faithfulness
from semlens_widgets.attribution import Epsilon, ZPlus, attribute
from semlens_widgets.faithfulness import choice, kept
from semlens_widgets.faithfulness.measure import _deletion
from semlens_widgets.faithfulness.value import Agreement, Deletion, Estimate, Faithfulness, agreement
from semlens_widgets.model import resolve


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "cache"))


class Net(nn.Module):
    """Two layers with biases; what the first says, the second partly takes back."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.second = nn.Conv2d(3, 11, 3, 2, padding=1), nn.Conv2d(11, 13, 3, 2, padding=1)
        self.head = nn.Linear(13, 5)

    def forward(self, x):
        x = torch.relu(self.second(torch.relu(self.first(x))))
        return self.head(x.mean((2, 3)))


def as_tensor(picture):
    return torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)


@pytest.fixture
def world():
    random = np.random.default_rng(0)
    pictures = [Image.fromarray(random.integers(0, 255, (24, 24, 3), np.uint8)) for _ in range(6)]
    return Net().eval(), sl.images(pictures, transform=as_tensor)


def exact(value):
    return Estimate(value, value, value)


def told(layer, method, pearson, spearman=None, signs=1.0):
    return Agreement(
        layer, method, exact(1.0), exact(pearson), exact(pearson if spearman is None else spearman), exact(signs)
    )


def test_correlations_and_signs_are_those_of_scipy_and_of_counting():
    random = np.random.default_rng(1)
    relevance, drop = random.normal(size=(3, 61)), random.normal(size=(3, 61))
    drop += relevance
    found = agreement("layer", "lrp", relevance, drop, None, [0.5, 0.25, 0.75])
    pairs = list(zip(relevance, drop, strict=True))
    assert found.pearson.mean == pytest.approx(np.mean([pearsonr(a, b)[0] for a, b in pairs]))
    assert found.spearman.mean == pytest.approx(np.mean([spearmanr(a, b)[0] for a, b in pairs]))
    largest = [sorted(range(61), key=lambda c, r=row: -abs(r[c]))[:20] for row in relevance]
    right = [np.mean([a[c] * b[c] > 0 for c in top]) for a, b, top in zip(relevance, drop, largest, strict=True)]
    assert found.signs.mean == pytest.approx(np.mean(right))
    assert found.arrives.mean == pytest.approx(0.5)
    for estimate in (found.pearson, found.spearman, found.signs, found.arrives):
        assert estimate.low <= estimate.mean <= estimate.high


def test_what_is_measured_is_the_drop_of_the_predicted_classes(world):
    model, images = world
    inputs = torch.stack([images.tensor(i) for i in range(3)])
    with torch.no_grad():
        classes = model(inputs).argmax(1)
    exact_effect = attribute(model, inputs, classes, ["first", "second"], "ablation").relevances
    found = faithfulness.measure(model, inputs, classes, resolve(model, ["first", "second"]), ["gradient"])
    gradient = attribute(model, inputs, classes, ["first", "second"], "gradient", heatmap=False).relevances
    for told_of in found.of("gradient"):
        pairs = zip(gradient[told_of.layer], exact_effect[told_of.layer], strict=True)
        assert told_of.pearson.mean == pytest.approx(np.mean([pearsonr(a, b)[0] for a, b in pairs]), abs=1e-3)
        assert np.isfinite(told_of.held_pearson.mean)


def test_the_deletion_test_prefers_a_map_of_what_the_model_looks_at():
    """A model that reads the left upper corner only: its map beats one of the opposite corner and chance."""
    class Corner(nn.Module):
        def forward(self, x):
            lit = x[:, :, :8, :8].mean((1, 2, 3))
            return torch.stack([lit, -lit], 1)

    torch.manual_seed(0)
    inputs = torch.rand(5, 3, 24, 24) * 0.2
    inputs[:, :, :8, :8] += 0.8
    heat = np.zeros((5, 24, 24), np.float32)
    heat[:, :8, :8] = 1
    right, wrong = (_deletion(Corner(), inputs, 0, "lrp", h, 0) for h in (heat, heat[:, ::-1, ::-1].copy()))
    assert right.first.low > right.random.high
    assert right.first.low > wrong.first.high
    assert right.difference.low > 0 > wrong.difference.high


def test_auto_takes_the_method_that_agrees_best_and_says_why(world):
    model, images = world
    why = sl.explain(model, images, 2, ["first", "second"])
    assert why.backend in (*choice.BACKWARDS, "integrated")
    assert why.chosen.startswith("auto (")
    assert "with switching off" in why.chosen
    assert why.maps in choice.MAPS
    assert why.reliability
    named = sl.explain(model, images, 2, ["first", "second"], method=why.backend)
    np.testing.assert_array_equal(named.relevance, why.relevance)
    assert named.chosen == ""
    assert named.reliability == why.reliability


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"lrp": 0.4, "gradient": 0.9}, ("gradient", "gradient")),
        ({"lrp": 0.95, "gradient": 0.9}, ("lrp", "lrp")),
        ({"lrp": 0.9, "gradient": 0.9}, ("gradient", "gradient")),
        ({"lrp": 0.4, "gradient": 0.7, "integrated": 0.95}, ("gradient", "integrated")),
        ({"lrp": 0.4, "gradient": 0.7, "integrated": 0.6}, ("gradient", "gradient")),
    ],
)
def test_the_choice_follows_what_was_measured(scores, expected):
    measured = sl.Faithfulness(tuple(told("x", m, r) for m, r in scores.items()), (), 4, 24)
    found = kept.decided(measured)
    assert (found.backwards, found.forwards) == expected


def test_heatmaps_stay_with_lrp_unless_another_is_better_beyond_chance():
    def maps(low, high):
        lrp = Deletion("lrp", exact(0.5), exact(0.1), exact(0.2), Estimate(0.4, 0.3, 0.5))
        other = Deletion("gradient", exact(0.9), exact(0.1), exact(0.2), Estimate((low + high) / 2, low, high))
        return choice.maps(sl.Faithfulness((), (lrp, other), 4, 24))

    assert maps(0.4, 0.9) == "lrp"
    assert maps(0.6, 0.9) == "gradient"


def test_a_choice_is_told_as_a_line():
    measured = sl.Faithfulness((told("a", "gradient", 0.87), told("a", "lrp", 0.43)), (), 4, 24)
    assert kept.decided(measured).why("prediction") == "auto (gradient: r .87 with switching off; LRP .43)"


def test_where_relevance_says_little_a_line_says_so():
    weak = sl.Faithfulness((told("a", "lrp", 0.1, signs=0.5), told("b", "lrp", 0.97)), (), 4, 24)
    assert weak.weak_layers("lrp") == ("a",)
    assert weak.sentence("lrp") == "relevance in a says little about switching off (r a .10, b .97)"
    everywhere = sl.Faithfulness((told("a", "lrp", 0.1),), (), 4, 24)
    assert "read it as a hint, not as an effect" in everywhere.sentence("lrp")
    assert weak.sentence("gradient") == ""
    chance = Agreement("a", "lrp", exact(1.0), exact(0.8), exact(0.8), Estimate(0.6, 0.45, 0.75))
    assert chance.weak


def test_it_is_measured_once_until_the_model_changes(world, monkeypatch):
    model, images = world
    calls = []
    measure = kept.measure
    monkeypatch.setattr(kept, "measure", lambda *a, **k: calls.append(1) or measure(*a, **k))
    sl.explain(model, images, 2, ["second"])
    once = len(calls)
    assert once
    sl.explain(model, images, 3, ["second"])
    assert len(calls) == once
    kept._KNOWN.clear()  # as in a new process: read from the cache
    sl.explain(model, images, 3, ["second"])
    assert len(calls) == once
    with torch.no_grad():
        model.second.weight.mul_(-1)
    sl.explain(model, images, 3, ["second"])
    assert len(calls) > once


def test_another_method_is_another_pass_over_the_data(world, tmp_path):
    """A half-finished pass by one method is not continued by another."""
    model, images = world
    file = tmp_path / "pass"
    found = {
        name: sl.relevance(model, images, ["second"], method=method, progress_file=file, progress=False)
        for name, method in {
            "ε": sl.Composite("mine", {"any": Epsilon()}),
            "z⁺": sl.Composite("mine", {"any": ZPlus()}),
            "gradient": "gradient",
        }.items()
    }
    assert not np.allclose(found["ε"].mean, found["z⁺"].mean)
    assert found["z⁺"].backend == "mine"
    np.testing.assert_allclose(found["ε"].mean, found["gradient"].mean, atol=1e-4)  # the same in a ReLU network


def test_the_relevance_of_a_data_set_keeps_what_was_measured(world):
    model, images = world
    found = sl.relevance(model, images, ["first", "second"], progress=False)
    assert found.chosen.startswith("auto (")
    again = sl.Relevance.from_document(found.components, found.to_document(), found.to_arrays())
    assert again.chosen == found.chosen
    assert again.reliability == found.reliability != ""
    assert again.measured.to_json() == found.measured.to_json()


def test_a_model_that_cannot_be_measured_is_explained_all_the_same(world):
    class OneImage(Net):
        def forward(self, x):
            if len(x) > 2:
                raise RuntimeError("this model takes two images at most")
            return super().forward(x)

    _, images = world
    why = sl.explain(OneImage().eval(), images, 2, ["second"])
    assert why.chosen == "auto (not measured: this model takes two images at most)"
    assert why.backend == "lrp"
    assert why.reliability == ""


def test_one_picture_is_measured_when_asked_for(world):
    model, images = world
    why = sl.explain(model, images, 1, ["first", "second"], method="lrp")
    found = why.faithfulness
    assert found.images == 1
    assert found.methods == ("lrp",)
    assert why.faithfulness is found
    assert {row["layer"] for row in found.to_rows()} == {"first", "second", None}
    alone = sl.explain(model, images, 1, ["first", "second"], method="ablation")
    assert all(a.pearson.mean == pytest.approx(1, abs=1e-5) for a in alone.faithfulness.of("ablation"))


def test_a_balance_adds_up_to_the_logit(world):
    model, images = world
    for method in ("lrp", "lrp-epsilon", "gradient", "integrated"):
        why = sl.explain(model, images, 1, ["first", "second"], method=method)
        for layer in ("first", "second"):
            parts = why.balance(layer)
            assert sum(parts.values()) == pytest.approx(why.value, rel=1e-3)
            rows = why.components.rows(layer)
            assert parts["components"] == pytest.approx(float(why.relevance[rows].sum()), rel=1e-3, abs=1e-4)
    assert why.backend == "integrated"
    with pytest.raises(KeyError, match="no balance of layer 'third'; explained were first, second"):
        why.balance("third")


@pytest.mark.parametrize("unit", [1e-20, 1e-7, 1, 1e12])
def test_agreement_does_not_hang_on_the_unit_of_the_output(unit):
    random = np.random.default_rng(5)
    drop = random.normal(size=(3, 9)).astype(np.float32)
    relevance = drop + random.normal(size=(3, 9)).astype(np.float32)
    found = agreement("layer", "gradient", relevance * np.float32(unit), drop * np.float32(unit), None, [1.0, 1.0, 1.0])
    expected = np.mean([np.corrcoef(r, d)[0, 1] for r, d in zip(relevance, drop, strict=True)])
    assert found.pearson.mean == pytest.approx(expected, abs=1e-5)
    constant = agreement("layer", "gradient", relevance * 0 + np.float32(0.1 * unit), drop, None, [1.0, 1.0, 1.0])
    assert np.isnan(constant.pearson.mean)


def test_a_document_with_its_parts_in_another_order_is_the_same():
    found = agreement("layer", "lrp", np.eye(3), np.eye(3), None, [1.0, 2.0, 4.0])
    whole = Faithfulness((found,), (), 3, 3)
    document = whole.to_document()
    (row,) = document["agreements"]
    turned = {name: dict(reversed(part.items())) if isinstance(part, dict) else part for name, part in row.items()}
    turned["more"] = 1
    again = Faithfulness.from_document(document | {"agreements": [turned]})
    assert again.to_document() == document
