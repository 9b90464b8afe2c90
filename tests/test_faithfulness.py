"""Does relevance say what switching off does? Measured, chosen by, kept, and told wherever relevance is shown."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import pearsonr, spearmanr
from torch import nn
from toy import ColourClip

import semlens_widgets as sl
from semlens_widgets import faithfulness
from semlens_widgets.attribution import Epsilon, ZPlus, attribute, heatmaps
from semlens_widgets.attribution.values import ByLayer
from semlens_widgets.faithfulness import choice, kept
from semlens_widgets.faithfulness.measure import _deletion, _drawn
from semlens_widgets.faithfulness.value import Agreement, Deletion, Faithfulness, agreement
from semlens_widgets.intervals import Interval
from semlens_widgets.model import resolve
from semlens_widgets.relevance import verb
from semlens_widgets.session.explaining import progress_callback


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
    return Interval(value, value, value)


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
    assert why.backend.split(";")[0] in (*choice.BACKWARDS, "integrated")
    assert why.chosen.startswith("auto (")
    assert "with switching off" in why.chosen
    assert why.maps in choice.MAPS
    assert why.reliability
    named = sl.explain(model, images, 2, ["first", "second"], method=why.source.method)
    np.testing.assert_array_equal(named.relevance, why.relevance)
    assert named.chosen == ""
    assert named.reliability == why.reliability


@pytest.mark.parametrize(
    ("scores", "components", "circuits"),
    [
        ({"lrp": 0.4, "gradient": 0.9}, "gradient", "gradient"),
        ({"lrp": 0.95, "gradient": 0.9}, "lrp", "lrp"),
        ({"lrp": 0.9, "gradient": 0.9}, "gradient", "gradient"),
        ({"lrp": 0.4, "gradient": 0.7, "integrated": 0.95}, "integrated", "gradient"),
        ({"lrp": 0.4, "gradient": 0.7, "integrated": 0.6}, "gradient", "gradient"),
    ],
)
def test_the_choice_follows_what_was_measured(scores, components, circuits):
    measured = sl.Faithfulness(tuple(told("x", m, r) for m, r in scores.items()), (), 4, 24)
    found = kept.decided(measured)
    assert (found.components, found.circuits) == (components, circuits)


def test_layers_may_have_methods_of_their_own():
    """The dearer method serves only the layers where no method of one way back reaches the goal."""
    of = {
        "early": {"gradient": 0.6, "lrp": 0.3, "integrated": 0.99},
        "middle": {"gradient": 0.7, "lrp": 0.9},
        "late": {"gradient": 0.95, "lrp": 0.9},
    }
    measured = sl.Faithfulness(tuple(told(x, m, r) for x, known in of.items() for m, r in known.items()), (), 4, 24)
    found = kept.decided(measured)
    assert found.components == ByLayer("gradient", (("early", "integrated"), ("middle", "lrp")))
    assert found.circuits == "gradient"
    name = "gradient; integrated in early; lrp in middle"
    assert found.components.name == name
    assert [a.pearson.mean for a in found.measured.of(name)] == [0.99, 0.9, 0.95]
    assert found.why("components") == (
        "auto (gradient; integrated in early; LRP in middle: r .95 with switching off; LRP .70, gradient .75)"
    )
    assert found.measured.good(name)


def test_relevance_by_several_methods_is_that_of_each_in_its_layer(world):
    model, images = world
    inputs = torch.stack([images.tensor(i) for i in range(3)])
    both = ByLayer("gradient", (("first", "integrated"),))
    found = attribute(model, inputs, 2, ["first", "second"], both)
    assert found.layers == ("first", "second")
    assert found.backend == "gradient; integrated in first"
    for layer, method in (("first", "integrated"), ("second", "gradient")):
        alone = attribute(model, inputs, 2, [layer], method)
        np.testing.assert_allclose(found.relevances[layer], alone.relevances[layer], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.balances[layer].rest, alone.balances[layer].rest, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="has no heatmaps and no edges; choose 'lrp' or 'gradient'"):
        heatmaps(model, inputs, 2, "first", [1], both)


@pytest.mark.parametrize("method", ["auto", "integrated", "gradient"])
def test_the_nodes_of_a_circuit_have_the_relevance_that_is_shown_beside_it(world, method):
    """In shares of the highest layer, whatever its edges are by."""
    model, images = world
    why = sl.explain(model, images, 2, ["first", "second"], method=method)
    circuit = why.circuit(top=3, depth=2)
    highest = np.abs(why.relevance[why.components.rows("second")]).sum()
    for node in circuit.nodes:
        assert node.relevance == pytest.approx(why.relevance[node.row] / highest, rel=1e-4, abs=1e-6)
    assert circuit.backend.startswith(why.backend)


def test_heatmaps_stay_with_lrp_unless_another_is_better_in_the_same_pictures():
    def chosen(*ahead):
        of = [0.1, 0.5, 0.3, 0.9]
        lrp = Deletion("lrp", *[exact(0.5)] * 4, tuple(of))
        other = Deletion("gradient", *[exact(0.5)] * 4, tuple(a + b for a, b in zip(of, ahead, strict=True)))
        return choice.maps(sl.Faithfulness((), (lrp, other), 4, 24))

    assert chosen(0.1, 0.12, 0.09, 0.11) == "gradient"  # pictures differ by far more than that
    assert chosen(0.1, 0.5, -0.3, 0.2) == "lrp"
    assert chosen(-0.1, -0.12, -0.09, -0.11) == "lrp"


def test_a_choice_is_told_as_a_line():
    measured = sl.Faithfulness((told("a", "gradient", 0.87), told("a", "lrp", 0.43)), (), 4, 24)
    assert kept.decided(measured).why("components") == "auto (gradient: r .87 with switching off; LRP .43)"


def test_where_relevance_says_little_a_line_says_so():
    weak = sl.Faithfulness((told("a", "lrp", 0.1, signs=0.5), told("b", "lrp", 0.97)), (), 4, 24)
    assert weak.weak_layers("lrp") == ("a",)
    assert weak.sentence("lrp") == "relevance in a says little about switching off (r a .10, b .97)"
    everywhere = sl.Faithfulness((told("a", "lrp", 0.1),), (), 4, 24)
    assert "read it as a hint, not as an effect" in everywhere.sentence("lrp")
    assert weak.sentence("gradient") == ""
    chance = Agreement("a", "lrp", exact(1.0), exact(0.8), exact(0.8), Interval(0.6, 0.45, 0.75))
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


def test_what_does_most_is_in_the_sample():
    """Correlations hang on few components: the strongest are taken, and others at random."""
    strength = np.arange(100.0)
    drawn = _drawn(100, strength, 24, 0)
    assert len(set(drawn.tolist())) == 24
    assert set(range(88, 100)) <= set(drawn.tolist())
    assert min(drawn) < 40
    assert _drawn(20, strength[:20], 24, 0).tolist() == list(range(20))
    assert len(_drawn(100, None, 24, 0)) == 24


@pytest.mark.parametrize("method", ["lrp", "lrp-epsilon", "lrp-gamma-flat", "gradient", "integrated", "zennit"])
def test_a_method_that_a_lens_is_asked_for_by_name_has_its_line(world, method):
    """The very agreement that measuring it alone finds; measured once."""
    model, images = world
    lens = lens_of(model, images)
    if method == "zennit":  # its reference implementation takes VGG and ResNets
        with pytest.raises(Exception, match="zennit"):
            lens.explain(2, method=method)
        return
    why = lens.explain(2, method=method)
    inputs = faithfulness.some_pictures(images)
    with kept.predicted(model, lens.outputs) as goal:
        alone = faithfulness.measure(
            model, inputs, goal, resolve(model, ["first", "second"]), [method], sample=kept.SAMPLE, held=False
        )
    assert why.reliability == alone.sentence(method) != ""
    assert why.chosen == ""
    assert why.weak == bool(alone.weak_layers(method))
    assert lens.relate(method=method, cached=False, progress=False).reliability == why.reliability


def test_ablation_and_a_composite_have_their_lines_as_well(world):
    model, images = world
    lens = lens_of(model, images)
    assert lens.explain(2, method="ablation").reliability == (
        "relevance is the exact effect of switching a component off"
    )
    lines = [
        lens.explain(2, method=sl.Composite("mine", {"any": rule})).reliability for rule in (Epsilon(), ZPlus())
    ]
    assert lines[0] != lines[1]  # one name, two methods
    assert all("r " in line for line in lines)


def test_a_method_by_name_is_measured_for_any_target(world):
    model, images = world
    lens = lens_of(model, images)
    why = lens.explain(2, lambda logits: logits[:, 0] - logits[:, 1], method="lrp-epsilon")
    assert "switching off" in why.reliability
    assert why.target == "logits[:, 0] - logits[:, 1]"


def test_measuring_tells_its_steps_and_can_be_given_up(world):
    model, images = world
    lens = lens_of(model, images)
    told = []
    with progress_callback(lambda *_: None, lambda done, total: told.append((done, total))):
        lens.image = 2
    assert told
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all(done < total for done, total in told)
    count = len(told)
    with progress_callback(lambda *_: None, lambda done, total: told.append((done, total))):
        lens.image = 3
    assert len(told) == count  # once for a model

    def stop(done, total):
        raise KeyboardInterrupt

    with torch.no_grad():
        model.second.weight.mul_(2)
    with progress_callback(lambda *_: None, stop), pytest.raises(KeyboardInterrupt):
        lens.image = 4
    assert lens.image == 3


def lens_of(model, images):
    lens = sl.Lens(model, images, ["first", "second"], ColourClip(), k=3, crop=None)
    return lens.fit(cached=False, progress=False)


def test_a_long_pass_by_what_auto_chose_is_told_before(world, monkeypatch):
    model, images = world
    dear = choice.Choice("integrated", "gradient", "lrp", sl.Faithfulness(
        (told("second", "integrated", 0.97), told("second", "gradient", 0.41)), (), 4, 24))  # fmt: skip
    monkeypatch.setattr(verb, "_A_WHILE", 0.0)
    with pytest.warns(UserWarning, match=r"minutes here.*\(r \.97\) than method='gradient' \(r \.41\)"):
        sl.relevance(model, images, ["second"], choice=dear, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sl.relevance(model, images, ["second"], method="gradient", choice=dear, progress=False)
