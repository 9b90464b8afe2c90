"""The demo's transformer: what it is, how it is trained, and that what is planted is found in it and removed."""

import numpy as np
import pytest
import torch

import semlens_widgets as sl
from semlens_widgets.demo.factors import NAMES, SPLITS
from semlens_widgets.demo.measure import margins
from semlens_widgets.demo.network import normalise
from semlens_widgets.demo.planted import auroc
from semlens_widgets.demo.train_vit import VitTraining, save_vit, train_vit, visible
from semlens_widgets.demo.transformer import FILE, load_vit
from semlens_widgets.demo.world import render
from semlens_widgets.model import recording, resolve


def test_it_was_trained_as_the_biased_classifier_and_is_small():
    model = sl.demo.vit()
    assert not model.training
    assert sum(weights.numel() for weights in model.parameters()) < 250_000
    right = {}
    for split in ("biased", "clean", "reversed"):
        drawn = render(200, 9300, probabilities=SPLITS[split])
        right[split] = ((margins(model, drawn) > 0) == (drawn.labels == 1)).mean()
    assert right["biased"] > 0.9
    assert right["clean"] > 0.75
    assert right["reversed"] < 0.2


def test_training_in_small(tmp_path):
    lines = []
    small = VitTraining(images=32, epochs=2, batch=16, diagnosed=32, tuning=1)
    model = train_vit(small, lines.append)
    assert [line.split(":")[0] for line in lines] == [
        "ViT sees factors, epoch 1 of 2", "ViT sees factors, epoch 2 of 2", "ViT, diagnosis, epoch 1 of 1"
    ]  # fmt: skip
    again = train_vit(small)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    save_vit(model, tmp_path)
    x = torch.zeros(1, 3, 64, 64)
    assert torch.allclose(load_vit(tmp_path / FILE)(x), model(x), atol=1e-2)


def test_what_is_visible_in_a_patch_is_what_the_masks_say():
    drawn = render(4, 3)
    found = visible(drawn)
    assert found.shape == (4, 64, len(NAMES) + 1)
    for number, name in enumerate([*NAMES, "lesion"]):
        corner = drawn.mask(name)[:, 8:16, 16:24].mean((1, 2)) > 0.08
        np.testing.assert_array_equal(found[:, 8 + 2, number] > 0, corner)


@pytest.fixture(scope="module")
def world():
    """(model, data set, dictionary, lens on its latents and the heads)."""
    model = sl.demo.vit()
    data = sl.images(sl.demo.images(400, seed=21), transform=sl.demo.transform(), classes=sl.demo.CLASS_NAMES)
    patches = sl.Layer("blocks.2", tokens="patches")
    learned = sl.learn_dictionary(model, data, patches, size=64, k=6, epochs=4, progress=False)
    lens = sl.Lens(
        model, data, [sl.Heads("*"), learned.layer], sl.OpenClip(sl.demo.clip_folder()), k=15, crop=None, sample=200,
        templates=sl.demo.TEMPLATES, vocabulary=[factor.query for factor in sl.demo.FACTORS],
    ).fit(progress=False)  # fmt: skip
    return model, data, learned, lens


def test_latents_and_heads_are_found_by_the_word_of_what_they_encode(world):
    """The first hit of each word, by its responses to fresh pictures with and without the factor."""
    model, _, learned, lens = world
    drawn = render(300, 9400)
    layers = resolve(model, [sl.Heads("*"), learned.layer])
    with recording(model, layers) as recorder:
        said = recorder.responses(list(normalise(drawn.images)), "max")
    truth = auroc(np.concatenate([said[layer.name].values for layer in layers], 1), drawn.factors)
    well = 0
    for name in ("ruler", "patch", "bubbles", "vignette", "hair", "redskin", "ink"):
        word = next(factor.query for factor in sl.demo.FACTORS if factor.name == name)
        first = lens.components.row(lens.search(word)[0].component)
        well += truth[first, NAMES.index(name)] > 0.9
    assert well >= 5
    assert (truth.max(0)[[NAMES.index(n) for n in ("ruler", "patch", "bubbles", "redskin")]] > 0.95).all()


def test_a_ruler_is_found_and_switched_off_and_the_rest_stays(world):
    _, _, _, lens = world
    pairs = sl.demo.pairs("ruler", 40, seed=4)
    before = lens.counterfactual(pairs, target="melanoma", progress=False, controls=[sl.artefacts.Stamp()])
    found = [str(lens.components[row]) for row in np.flatnonzero(before.found)]
    assert any("topk" in name for name in found)
    with lens.without(found):
        after = lens.counterfactual(pairs, target="melanoma", progress=False, controls=[sl.artefacts.Stamp()])
    assert abs(after.prediction.change.mean) < 0.7 * abs(before.prediction.change.mean)
