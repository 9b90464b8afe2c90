"""The effect of switching components off, on a toy whose answers can be worked out, and through the lens."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from toy import ColourClip, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.components import Component, Components
from semlens_widgets.effect import SIDES, area_under_curve, effect
from semlens_widgets.fingerprints import fingerprint
from semlens_widgets.model import Layer


class Weighing(nn.Module):
    """Seven numbers per image are the components; the second logit is their weighted sum."""

    def __init__(self, weights):
        super().__init__()
        self.layer, self.weights = nn.Identity(), torch.tensor(weights)

    def forward(self, x):
        total = self.layer(x.flatten(1)) @ self.weights
        return torch.stack([torch.zeros_like(total), total], 1)


WEIGHTS = [1.0, 0.5, 4.0, 0.0, 0.0, 0.0, 0.0]
NAMES = Components(("layer",), (7,), (False,))


def world(seed, shortcut, n=301):
    """Numbers 0 and 1 tell the class a little; number 2 is a shortcut that agrees with it or not."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n)
    values = random.normal(size=(n, 7)).astype(np.float32)
    values[:, :2] += 1.5 * (labels[:, None] - 0.5)
    values[:, 2] = np.where(random.random(n) < shortcut, labels, 1 - labels) * 2 - 1
    return sl.images([torch.tensor(v)[None, None] for v in values], mean=0.0, std=1.0, labels=labels.tolist())


@pytest.fixture(scope="module")
def data():
    return {"as trained": world(0, 0.95), "shortcut without meaning": world(1, 0.5)}


def measure(data, chosen, **options):
    given = {"alive": np.ones(7, bool), "share": np.asarray([0.2, 0.1, 0.7, 0, 0, 0, 0.0])} | options
    return effect(Weighing(WEIGHTS), [Layer("layer")], NAMES, chosen, data, 1, **given)


def test_switching_a_shortcut_off_helps_where_it_means_nothing_and_random_ones_do_not(data):
    found = measure(data, [2], draws=40)
    before, after, random = (found["shortcut without meaning", side].auroc.mean for side in SIDES[:3])
    assert after > before + 0.1
    assert random < before + 0.05
    assert found["as trained", "switched off"].auroc.mean < found["as trained", "as it is"].auroc.mean
    assert "shortcut without meaning: AUROC" in found.message


def test_every_measure_is_the_plain_one(data):
    found = measure(data, [2, 0])
    images = data["as trained"]
    values = np.stack([np.asarray(images.tensor(i)).ravel() for i in range(301)])
    labels = np.asarray([images.label(i) for i in range(301)])
    weights = np.asarray(WEIGHTS)
    plain, off = values @ weights, values @ (weights * ~np.isin(np.arange(7), [0, 2]))
    m = found["as trained", "switched off"]
    assert m.accuracy.mean == pytest.approx(((off > 0) == labels).mean())
    assert m.auroc.mean == pytest.approx(roc_auc_score(labels, off), abs=1e-6)
    assert m.recall[0].mean == pytest.approx((off <= 0)[labels == 0].mean())
    assert m.recall[1].mean == pytest.approx((off > 0)[labels == 1].mean())
    assert m.change.mean == pytest.approx((off - plain).mean(), abs=1e-5)
    assert m.moved.mean == pytest.approx(np.abs(off - plain).mean(), abs=1e-5)
    assert m.accuracy.low <= m.accuracy.mean <= m.accuracy.high
    assert found["as trained", "as it is"].change.mean == 0


def test_components_may_be_held_at_their_mean(data):
    rest = np.full(7, 0.25, np.float32)
    found = measure(data, [2], rest=rest)
    images = data["as trained"]
    shift = np.mean([4 * (0.25 - float(images.tensor(i).ravel()[2])) for i in range(301)])
    assert found.by == "mean"
    assert found["as trained", "switched off"].change.mean == pytest.approx(shift, abs=1e-4)


def test_random_sets_have_as_many_components_or_as_much_relevance(data):
    equal = measure(data, [2], draws=50)["as trained", "random, equal relevance"].moved
    number = measure(data, [2], draws=50)["as trained", "random, equal number"].moved
    assert equal.mean > number.mean  # one number in seven is the shortcut; .7 of the relevance holds it nearly always
    assert "random, equal relevance" not in measure(data, [2], share=None).measured["as trained"]


def test_the_curve_grows_from_the_most_relevant_to_all(data):
    found = measure(data, [0, 1, 2], points=5)
    numbers = [p.number for p in found.curve if p.data == "as trained"]
    assert numbers == [1, 2, 3]
    first, last = found.curve[0], found.curve[2]
    assert first.auroc == pytest.approx(measure(data, [2])["as trained", "switched off"].auroc.mean)
    assert last.auroc == pytest.approx(found["as trained", "switched off"].auroc.mean)
    few = measure(data, [0, 1, 2], draws=found.curve_draws)
    assert last.random_auroc.mean == few["as trained", "random, equal number"].auroc.mean


def test_single_draws_differ_and_many_are_averaged(data):
    """By default twenty random sets; their mean moves little with the seed where single sets differ much."""
    one, many = (
        [
            measure(data, [2], seed=seed, points=2, **given)["as trained", "random, equal number"].moved.mean
            for seed in range(12)
        ]
        for given in ({"draws": 1}, {})
    )
    assert np.std(many) < np.std(one) / 3
    found = measure(data, [2])
    assert (found.draws, found.curve_draws) == (20, 5)
    spread = found["as trained", "random, equal number"].moved
    assert spread.low < spread.mean < spread.high
    assert "beside 20 random sets" in found.message
    assert f"[{found['as trained', 'random, equal number'].accuracy.low:.3f}" in found.message
    with pytest.raises(ValueError, match="at least one random set"):
        measure(data, [2], draws=0)


def test_the_same_seed_gives_the_same_answer(data):
    assert measure(data, [2]).to_json() == measure(data, [2]).to_json()


def test_it_becomes_rows_json_csv_and_a_table(data):
    found = measure({"<b>bold</b>": data["as trained"]}, [2])
    assert [row["side"] for row in found.to_rows()] == list(SIDES)
    assert json.loads(found.to_json())["components"] == ["layer:2"]
    assert len(found.to_csv().splitlines()) == 5
    assert "<b>bold" not in found._repr_html_()


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_that_of_scikit_learn_weights_and_ties_included(seed):
    random = np.random.default_rng(seed)
    scores, positive = random.integers(0, 9, 53).astype(float), random.random(53) < 0.4
    weights = random.random((3, 53))
    got = area_under_curve(scores, positive, weights)
    assert np.allclose(got, [roc_auc_score(positive, scores, sample_weight=w) for w in weights])


def test_mistakes_are_named(as_installed, data):
    with pytest.raises(ValueError, match="no components"):
        measure(data, [])
    unlabelled = sl.images([torch.zeros(1, 1, 7)], mean=0.0, std=1.0)
    with pytest.raises(ValueError, match="'new' has no label"):
        measure({"new": unlabelled}, [2])
    with pytest.raises(ValueError, match="1 labels for 301"):
        data["as trained"].labelled([1])


# through the lens


class Colours(nn.Module):
    """Red, green and blue of the whole picture, and two classes: warm is red, and blue speaks against it."""

    def __init__(self):
        super().__init__()
        self.colour = nn.Conv2d(3, 3, 1, bias=False)
        self.colour.weight.data = (2 * torch.eye(3) - 0.7)[:, :, None, None] / 255
        self.rectified = nn.ReLU()

    def forward(self, pixels):
        red, _, blue = self.rectified(self.colour(pixels)).mean((2, 3)).T
        return torch.stack([red - blue, blue - red], 1)


@pytest.fixture(scope="module")
def lens():
    shown = pictures(60)
    labels = [int(np.asarray(p, float)[..., 0].mean() < np.asarray(p, float)[..., 2].mean()) for p in shown]
    images = sl.images(shown, transform=to_pixels, labels=labels, classes=("warm", "cold"))
    made = sl.Lens(Colours(), images, ["colour"], ColourClip(), k=5, crop=None, templates=("{}",))
    return made.fit(cached=False, progress=False)


def test_without_switches_off_in_the_users_own_model_and_back(lens):
    model, before = lens.source.model, fingerprint(lens.source.model)
    inputs = torch.stack([lens.source.images.tensor(i) for i in range(5)])
    with torch.no_grad():
        plain = model(inputs)
        with lens.without("colour:2") as inner:
            assert inner is model
            with lens.without([Component("colour", 0)]):
                assert not model(inputs).any()
            assert model(inputs).any()
        assert torch.equal(model(inputs), plain)
        with lens.without(0, by="mean"):
            held = model.colour(inputs)[:, 0]
        mean = torch.stack([model.colour(lens.source.images.tensor(i)[None])[0, 0].mean() for i in range(60)]).mean()
        assert torch.allclose(held, mean, atol=1e-5)
    assert fingerprint(model) == before


def test_what_is_fitted_inside_is_another_lens(lens):
    again = sl.Lens(lens.source.model, lens.source.images, ["colour"], lens.clip, k=5, crop=None)
    outside = again.source.recipe().key
    with lens.without("colour:2"):
        assert again.source.recipe().key != outside
    assert again.source.recipe().key == outside


def test_the_effect_needs_no_more_than_components_and_data(lens):
    found = lens.effect("colour:0", draws=3)
    assert found.target == "cold"
    assert found["data", "switched off"].auroc.mean < found["data", "as it is"].auroc.mean > 0.9
    others = [1 - lens.source.images.label(i) for i in range(60)]
    turned = lens.effect("colour:0", {"turned": lens.source.images}, {"turned": others}, target="warm", by="mean")
    assert turned["turned", "as it is"].accuracy.mean < 0.2
    assert turned.target == "warm"


def test_the_last_audit_says_which_components(lens):
    with pytest.raises(ValueError, match="which components"):
        lens.effect()
    lens.audit(sl.Checklist((sl.Group("", (sl.Concept("blue", kind="spurious"),)),)), target="warm", progress=False)
    found = lens.effect(draws=3)
    assert found.components == lens.report.spurious
    assert found.target == "warm"
    assert "random, equal relevance" in found.measured["data"]


def test_a_lens_from_a_file_has_no_model_to_change(as_installed, lens, tmp_path):
    opened = sl.open(lens.save(tmp_path / "x.semlens"))
    with pytest.raises(RuntimeError, match="no model"), opened.without("colour:0"):
        pass
    with pytest.raises(KeyError), lens.without("colour:99"):
        pass
    with pytest.raises(ValueError, match="held at"), lens.without(0, by="noise"):
        pass
