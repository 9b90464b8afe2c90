"""Directions from pictures and words: the planted one is found, chance is told as chance, and they are components."""

import numpy as np
import planted_features
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import semlens_widgets as sl
from semlens_widgets.attribution import slopes
from semlens_widgets.directions.fit import Groups, fitted
from semlens_widgets.inference import auroc
from semlens_widgets.model import recording, resolve

N = 300


@pytest.fixture(scope="module")
def world():
    model, images, codes = planted_features.world(N)
    return model, images, codes.mean(2) > np.median(codes.mean(2), 0)  # image direction


@pytest.fixture(scope="module")
def demo():
    return sl.demo.classifier(), sl.images(
        sl.demo.images(300, seed=5), transform=sl.demo.transform(), classes=sl.demo.CLASS_NAMES
    )


def demo_mask(name):
    from semlens_widgets.demo.factors import INDEX
    from semlens_widgets.demo.world import contents

    return contents(300, 5)[1][:, INDEX[name]]


@pytest.mark.parametrize("kind", ["mean-difference", "logistic"])
def test_the_planted_direction_is_found(world, kind):
    model, images, shows = world
    for number in (0, 9):
        with_, without = shows[:, number], ~shows[:, number]
        found = sl.direction(model, images, "layer", from_images=with_, against=without, kind=kind, rounds=40)
        cosines = planted_features.directions() @ found.vector
        assert cosines.argmax() == number
        assert found.significant
        assert found.auroc > 0.7
        assert found.line < 0.7


def test_what_is_nothing_is_told_as_nothing(world):
    model, images, _ = world
    p = [
        sl.direction(model, images, "layer", from_images=draw[:40], against=draw[40:80], seed=seed, rounds=40).p
        for seed in range(12)
        for draw in [np.random.default_rng(seed).permutation(N)]
    ]
    assert np.mean(np.asarray(p) < 0.05) <= 0.25
    assert max(p) > 0.3


def test_it_is_the_formula():
    draw = np.random.default_rng(0)
    vectors, shows = draw.normal(size=(80, 7)), np.arange(80) < 37
    vectors[shows, 2] += 1
    groups = Groups(vectors, shows, np.arange(80), False)
    mean = vectors[shows].mean(0) - vectors[~shows].mean(0)
    np.testing.assert_allclose(
        fitted(groups, "mean-difference", 20, 0).vector, mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-5
    )
    scale = np.linalg.norm(vectors - vectors.mean(0), 2) / np.sqrt(80)
    plain = LogisticRegression(max_iter=1000).fit((vectors - vectors.mean(0)) / scale, shows).coef_[0]
    np.testing.assert_allclose(
        fitted(groups, "logistic", 20, 0).vector, plain / np.linalg.norm(plain), rtol=1e-2, atol=1e-3
    )
    scores = np.round(draw.normal(size=80), 1)
    assert auroc(scores[shows], scores[~shows]) == pytest.approx(roc_auc_score(shows, scores))


def test_pairs_are_held_together(demo):
    model, images = demo
    found = sl.direction(model, images, "layer3", from_images=sl.demo.pairs("ruler", 40, seed=8))
    assert found.name == "ruler"
    assert found.significant
    assert (found.shown, found.others) == (40, 40)
    assert found.source == "40 pairs with and without ruler"


def test_words_find_what_they_are_of(demo):
    model, images = demo
    clip = sl.OpenClip(sl.demo.clip_folder())
    found = sl.direction(model, images, "layer3", from_text="coloured patch", clip=clip)
    pairs = sl.direction(model, images, "layer3", from_images=sl.demo.pairs("patch", 60, seed=8))
    assert found.significant
    assert found.name == "coloured patch"
    assert float(found.vector @ pairs.vector) > 0.6
    with pytest.raises(ValueError, match="words that this CLIP never saw"):
        sl.direction(model, images, "layer3", from_text="zebra", clip=clip)


def test_a_step_along_a_shortcut_moves_the_diagnosis_and_along_nothing_does_not(demo):
    model, images = demo
    pairs = sl.demo.pairs("patch", 40, seed=8)
    patch = sl.direction(model, images, "layer4", from_images=pairs, target="nevus").sensitivity
    assert patch.share > 0.9
    assert patch.p < 0.05
    assert "raises nevus in" in repr(patch)
    melanoma = sl.direction(model, images, "layer4", from_images=pairs, target="melanoma").sensitivity
    assert melanoma.share == pytest.approx(1 - patch.share, abs=1e-6)
    rows = np.random.default_rng(0).permutation(300)
    nothing = sl.direction(model, images, "layer4", from_images=rows[:40], against=rows[40:80], target="nevus", seed=1)
    assert abs(nothing.sensitivity.slope) < abs(patch.slope)
    assert nothing.sensitivity.p > 0.01


def test_slopes_are_those_of_differences(demo):
    model, images = demo
    batch = torch.stack([images.tensor(i) for i in range(3)])
    found = slopes(model, batch, 1, "layer3")
    step = torch.zeros(96)
    step[7] = 1e-2

    def moved(sign):
        hook = model.layer3.register_forward_hook(lambda module, args, out: out + sign * step[:, None, None])
        with torch.no_grad():
            answer = model(batch)[:, 1]
        hook.remove()
        return answer

    wanted = (moved(1) - moved(-1)) / 2e-2
    np.testing.assert_allclose(found[:, 7], wanted, rtol=0.1, atol=2e-2 * np.abs(found).max())


def test_a_direction_is_a_component_in_every_verb(demo):
    model, images = demo
    clip = sl.OpenClip(sl.demo.clip_folder())
    ruler = sl.direction(model, images, "layer4", from_images=demo_mask("ruler"), against=~demo_mask("ruler"))
    patch = sl.direction(model, images, "layer4", from_images=demo_mask("patch"), name="coloured patch")
    lens = sl.Lens(
        model, images, [ruler.layer, patch.layer], clip, k=10, crop=None, templates=sl.demo.TEMPLATES,
        vocabulary=[factor.query for factor in sl.demo.FACTORS],
    ).fit(progress=False)  # fmt: skip
    names = [str(lens.components[row]) for row in range(2)]
    assert names == ["layer4.concept:0", "layer4.coloured_patch:0"]
    assert demo_mask("patch")[lens.space.examples.images[1]].mean() > 0.9
    patched = {str(hit.component) for hit in lens.search("coloured patch", top=None) if hit.z > 3}
    assert names[1] in patched
    assert names[0] not in patched
    assert lens.describe().word(1) == "coloured patch"
    report = lens.audit(sl.Checklist.abcde(), target="melanoma", progress=False)
    assert report is not None
    why = lens.explain(int(np.flatnonzero(demo_mask("patch"))[0]), target="nevus", method="gradient")
    assert np.isfinite(why.relevance).all()
    with lens.without([names[1]], by="mean"), recording(model, resolve(model, patch.layer)) as recorder:
        off = recorder.activations([images.tensor(i) for i in range(4)])[patch.layer.name]
    assert float(off.std()) < 1e-3


def test_switching_the_direction_off_leaves_what_lies_across(demo):
    model, images = demo
    found = sl.direction(model, images, "layer3", from_images=demo_mask("ruler"))
    from semlens_widgets.switching import Switch, switched_off

    batch = torch.stack([images.tensor(i) for i in range(2)])
    (layer,) = resolve(model, found.layer)
    seen = []
    hook = model.layer4.register_forward_pre_hook(lambda module, args: seen.append(args[0].detach().clone()))
    with torch.no_grad():
        model(batch)
        with switched_off(model, [Switch(layer, np.ones((1, 1), bool), np.zeros(1, np.float32))]):
            model(batch)
    hook.remove()
    vector = torch.from_numpy(found.vector.copy())
    along = torch.einsum("nchw,c->nhw", seen[0], vector)
    torch.testing.assert_close(seen[-1], seen[0] - along[:, None] * vector[:, None, None], rtol=1e-3, atol=1e-4)


def test_two_things_of_one_name_are_refused(demo):
    model, images = demo
    ruler = sl.direction(model, images, "layer4", from_images=demo_mask("ruler"))
    with pytest.raises(ValueError, match=r"two different layers are asked for under the name 'layer4'"):
        resolve(model, ["layer4", sl.Layer("layer4", via=ruler)])
    assert len(resolve(model, ["layer4", "layer4", ruler.layer, ruler.layer])) == 2


NO = {
    "nothing": ({}, "Give from_images=… or from_text=…"),
    "both": ({"from_images": [1, 2], "from_text": "x"}, "one of them"),
    "words without a CLIP": ({"from_text": "ruler"}, "clip=sl.OpenClip"),
    "no such image": ({"from_images": [1, 300]}, "the data set has 0 to 299"),
    "few": ({"from_images": [1, 2]}, "at least 5 of each"),
    "a mask of another set": ({"from_images": np.ones(7, bool)}, "a mask of 7 for 300 images"),
    "a text": ({"from_images": "ruler"}, "from_images is a str"),
    "no such kind": ({"from_images": range(20), "kind": "svm"}, "kinds are 'mean-difference'"),
    "few rounds": ({"from_images": range(20), "rounds": 3}, "nothing is significant"),
    "heads": ({"from_images": range(20), "layer": sl.Layer("layer4", signed=True)}, "asked for with signed=True"),
}


@pytest.mark.parametrize(("given", "said"), NO.values(), ids=NO)
def test_what_does_not_fit_is_refused(demo, given, said):
    model, images = demo
    with pytest.raises((ValueError, TypeError, IndexError), match=said):
        sl.direction(model, images, given.get("layer", "layer4"), **{n: v for n, v in given.items() if n != "layer"})
