"""Repair: a copy that rests less on a concept, measured before and after beside a control; the model stays as it is."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import semlens_widgets as sl
from semlens_widgets.outputs import decide
from semlens_widgets.repair import NoHead, head

CLASSES = sl.demo.CLASS_NAMES


def pictures(n, split, seed=3):
    return sl.images(sl.demo.images(n, seed, split), transform=sl.demo.transform(), classes=CLASSES)


@pytest.fixture(scope="module")
def lens():
    made = sl.demo.lens(n=150, layers=["layer4"], progress=False)
    made.relate(method="gradient", progress=False)
    made.audit(sl.Checklist.abcde(), target="melanoma", progress=False)
    return made


@pytest.fixture(scope="module")
def biased():
    return pictures(600, "biased")


@pytest.fixture(scope="module")
def clean():
    return pictures(500, "clean", 11)


@pytest.fixture(scope="module")
def pairs():
    return sl.demo.pairs("ruler", 160, seed=5, split="clean")


@pytest.fixture(scope="module")
def repaired(lens, biased, clean, pairs):
    before = {name: weight.clone() for name, weight in lens.source.model.state_dict().items()}
    made = lens.repair("ruler", biased, pairs=pairs, test=clean, progress=False)
    after = lens.source.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    return made


# the head


def test_a_head_without_the_concepts_directions_loses_four_fifths_of_its_influence_and_hardly_any_accuracy(repaired):
    assert repaired.reduction >= 0.8
    assert repaired.lost <= 0.01
    assert repaired["control"].influence.mean > 0.5 * repaired["as it is"].influence.mean
    assert repaired["repaired"].worst.mean > repaired["as it is"].worst.mean
    assert repaired["repaired"].flipped.mean < repaired["as it is"].flipped.mean


def test_the_copy_answers_as_was_measured_and_stands_on_its_own(repaired, clean):
    model = pickle.loads(pickle.dumps(repaired.model))
    inputs = torch.stack([clean.tensor(i) for i in range(500)])
    with torch.no_grad():
        right = (model(inputs).argmax(1).numpy() == [clean.label(i) for i in range(500)]).mean()
    assert right == pytest.approx(repaired["repaired"].accuracy.mean)


def test_the_same_seed_repairs_the_same(lens, biased, clean, pairs, repaired):
    again = lens.repair("ruler", biased, pairs=pairs, test=clean, progress=False)
    assert again["repaired"].accuracy == repaired["repaired"].accuracy
    assert again["repaired"].influence.mean == pytest.approx(repaired["repaired"].influence.mean, abs=1e-3)


def test_components_say_what_is_projected_out_where_there_are_no_pairs(lens, biased):
    rows = [str(lens.components[row]) for row in lens.report["ruler"].rows]
    made = lens.repair(rows, biased, progress=False)
    assert np.isnan(made.reduction)
    assert "its influence was not measured" in made.message
    x = np.stack([np.asarray(biased.tensor(i)) for i in range(40)])
    with torch.no_grad(), lens.without(rows) as model:
        off = model(torch.as_tensor(x)).numpy()
    names = head.head_of(lens.source.model, biased, lens.outputs)
    assert names == "fc"
    weights = made.model.fc.weight.detach().numpy()
    for row in lens.report["ruler"].rows:  # the head's inputs are means of the layer's channels
        assert np.abs(weights[:, lens.components[row].index]).max() <= 1e-4 * np.abs(weights).max()
    assert off.shape == (40, 2)


def test_a_reweighted_set_makes_presence_and_class_independent():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 400)
    present = random.random(400) < np.asarray([0.1, 0.5, 0.9])[labels]
    weights = head.reweighed(labels, present)
    for label in range(3):
        mine = labels == label
        assert (weights * (mine & present)).sum() / (weights * mine).sum() == pytest.approx(present.mean())
    assert weights.sum() == pytest.approx(400)


def test_reweighing_makes_a_ruler_matter_less(lens, biased, pairs):
    made = lens.repair("ruler", biased, how="reweigh", pairs=pairs, progress=False)
    assert made.reduction > 0.2
    assert made.control == "head trained anew without weights"


def test_trained_heads_are_scikit_learns_at_the_strength_that_validation_likes_best():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    random = np.random.default_rng(1)
    x, labels = random.normal(size=(211, 7)), random.integers(0, 3, 211)
    x[:, 0] += labels
    y, check = random.normal(size=(97, 7)), random.integers(0, 3, 97)
    y[:, 0] += check
    losses = {}
    for strength in head.STRENGTHS:
        fit = LogisticRegression(C=strength, max_iter=2000).fit(x / x.std(0), labels)
        losses[strength] = log_loss(check, fit.predict_proba(y / x.std(0)))
    best = LogisticRegression(C=min(losses, key=losses.get), max_iter=2000).fit(x / x.std(0), labels)
    weights, bias = head.trained(x, labels, (y, check))
    assert (y @ weights.T + bias).argmax(1).tolist() == best.predict(y / x.std(0)).tolist()
    two, ends = head.trained(x, labels.clip(0, 1), (y, check.clip(0, 1)))
    assert two.shape == (2, 7)
    assert two[0] == pytest.approx(-two[1])
    assert ends[0] == pytest.approx(-ends[1])


@pytest.mark.parametrize("sides", [1, 2])
def test_heads_of_one_logit_and_of_probabilities_are_found_and_trained(sides):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 1 if sides == 1 else 2))
    model.append(nn.Sigmoid() if sides == 1 else nn.Softmax(1))
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 80)
    pixels = (random.random((80, 2, 2, 3)) * 100 + 100 * labels[:, None, None, None]).astype(np.uint8)
    data = sl.images(list(pixels), labels=labels.tolist(), classes=("no", "yes"))
    outputs = decide(model.eval(), data)
    assert head.head_of(model, data, outputs) == "3"
    _, x = head.features(model, "3", data, range(80))
    made = copy.deepcopy(model)
    weights, bias = head.trained(x[:60], labels[:60], (x[60:], labels[60:]))
    head.put(made, "3", weights, bias, outputs)
    values = outputs.values(made(torch.stack([torch.as_tensor(data.tensor(i)) for i in range(80)])), 80)
    assert (outputs.predicted(values) == labels).mean() > 0.9


def test_a_model_without_a_linear_head_is_refused_with_what_to_do(lens):
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    data = sl.images(np.zeros((9, 4, 4, 3), np.uint8), labels=[0, 1] * 4 + [0])
    with pytest.raises(NoHead, match='repair with how="fine-tune" or how="off"'):
        head.head_of(model, data, decide(model, data))


# switching off, and fine-tuning


def test_switching_off_for_good_is_what_switching_off_measures(lens, biased):
    rows = [str(lens.components[row]) for row in lens.report["ruler"].rows]
    made = lens.repair(rows, biased, how="off", artefact=sl.artefacts.Ruler(), progress=False)
    inputs = torch.stack([biased.tensor(i) for i in range(30)])
    with torch.no_grad():
        with lens.without(rows) as model:
            wanted = model(inputs)
        assert torch.allclose(made.model(inputs), wanted, atol=1e-5)
        assert not torch.allclose(lens.source.model(inputs), wanted, atol=1e-2)
    assert made.control == "as many other components off"
    assert made.history == ()
    assert made.pairs == made.images[2]


def test_fine_tuning_with_pasted_artefacts_takes_their_influence(lens):
    data = pictures(180, "unbiased", 21)
    seen = []
    made = lens.repair("ruler", data, how="fine-tune", epochs=3, rate=1e-3, progress=False,
                       on_step=lambda done, total: seen.append(done / total))  # fmt: skip
    assert made.reduction > 0.3
    assert [epoch.number for epoch in made.history] == list(range(1, len(made.history) + 1))
    best = min(made.history, key=lambda epoch: epoch.validation)
    assert best.better
    assert seen == sorted(seen)
    assert 0 < seen[-1] <= 1
    assert made.control == "trained on as long without artefacts"


def test_training_ends_when_nothing_gets_better(lens):
    data = pictures(80, "unbiased", 22)
    made = lens.repair("ruler", data, how="fine-tune", epochs=50, patience=1, rate=3e-2, progress=False)
    assert len(made.history) < 50
    assert not made.history[-1].better


# what is refused


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"how": "magic"}, "repairs are 'off', 'head', 'reweigh', 'fine-tune'"),
        ({"epochs": 0}, "epochs=0; it is at least 1"),
        ({"rate": 0.0}, "the learning rate is above 0"),
        ({"what": "layer4:57", "how": "fine-tune"}, "what is to be pasted"),
        ({"what": []}, "no components to repair"),
    ],
)
def test_what_cannot_be_repaired_says_why(lens, biased, as_installed, given, told):
    settings = {"what": "ruler", "data": biased, "progress": False} | given
    with pytest.raises(ValueError, match=told):
        lens.repair(**settings)


def test_data_that_cannot_teach_are_refused(lens, as_installed):
    few = sl.images(sl.demo.images(10, 3, "biased"), transform=sl.demo.transform(), classes=CLASSES)
    with pytest.raises(ValueError, match="give data with at least 8 of each class"):
        lens.repair("ruler", few, progress=False)
    with pytest.raises(TypeError, match=r"make it with sl\.images"):
        lens.repair("ruler", [1])
    with pytest.raises(TypeError, match=r"give one of sl\.artefacts"):
        lens.repair("ruler", artefact="ruler")
    with pytest.raises(ValueError, match="repair what"):
        sl.demo.lens(n=133, layers=["layer4"], progress=False).repair()  # one that nobody has audited


def test_it_is_a_result_with_a_table(repaired):
    rows = repaired.to_rows()
    assert [row["side"] for row in rows] == ["as it is", "repaired", "control"]
    assert repaired.to_csv().splitlines()[0].startswith("side,accuracy,accuracy_low,accuracy_high,auroc")
    assert json.loads(repaired.to_json())[1]["side"] == "repaired"
    assert repaired.to_document()["reduction"] == repaired.reduction
    assert "<table>" in repaired._repr_html_()
    assert "Measured on pictures that the repair did not see" in repr(repaired)
    assert repaired.section().to_document()["tables"][0]["rows"][1][0] == "repaired"
