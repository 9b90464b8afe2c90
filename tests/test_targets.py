"""What of a model's output is explained: every kind of target against plain torch, differences and switching off."""



import numpy as np
import pytest
import torch
from heads import (
    CLASSES,
    MASK,
    SIZE,
    UNIT,
    VECTOR,
    Detector,
    Heads,
    Mapped,
    Tower,
    at_half,
    centred,
    data,
    pooled,
)  # fmt: skip
from PIL import Image
from torch.nn import functional
from toy import ColourClip, to_pixels

import semlens_widgets as sl
from semlens_widgets import targets
from semlens_widgets.explain import explain
from semlens_widgets.faithfulness import kept
from semlens_widgets.model import resolve, stack
from semlens_widgets.outputs import NoClasses
from semlens_widgets.relevance import relevance
from semlens_widgets.switching import Switch, switched_off
from semlens_widgets.targets.given import of

METHODS = ("lrp", "gradient")
PLANES = {  # a target, the model, and the same as a function of its output
    "class": (targets.output(2), lambda: Heads(pooled), lambda out: out[:, 2]),
    "all that are on": (
        targets.all_on(),
        lambda: Heads(lambda maps: pooled(maps) + torch.tensor([1.0, -9, 1, -9, -9])),
        lambda out: out[:, 0] + out[:, 2],
    ),
    "one logit": (targets.output(1), lambda: Heads(pooled, 1), lambda out: out[:, 0]),
    "no of one logit": (targets.output(0), lambda: Heads(pooled, 1), lambda out: -out[:, 0]),
    "a regression": (targets.output(3), lambda: Heads(pooled), lambda out: out[:, 3]),
    "a class everywhere": (targets.segment("road"), Mapped, lambda out: out["out"][:, 1].mean((1, 2))),
    "a class in a mask": (
        targets.segment("road", MASK),
        Mapped,
        lambda out: out["out"][:, 1][:, torch.from_numpy(MASK)].mean(1),
    ),
    "a class in a box": (
        targets.segment("tree", (0.25, 0.5, 0.75, 1.0)),
        Mapped,
        lambda out: out["out"][:, 2, 12:24, 6:18].mean((1, 2)),
    ),
    "a class at a place": (targets.segment(4, (0.3, 0.9)), Mapped, lambda out: out["out"][:, 4, 21, 7]),
    "a class of a coarse map": (
        targets.segment("road", MASK),
        lambda: Mapped(lambda maps: {"logits": at_half(maps)}),
        lambda out: (out["logits"][0, 1] * weights(12)).sum().reshape(1),
    ),
}
OUTPUTS = {"all that are on": "multi", "one logit": "binary", "no of one logit": "binary", "a regression": "regression"}
CURVED = {
    "a box": (targets.box(2), Detector, lambda out: out[0]["scores"][out[0]["labels"] == 2]),
    "a text": (
        targets.text("a dog", by=VECTOR),
        lambda: Heads(pooled),
        lambda out: out @ UNIT / out.norm(dim=1),
    ),
    "a similarity": (targets.similarity(3), lambda: Heads(centred), None),
}


def weights(cells):
    covered = torch.from_numpy(MASK.reshape(cells, SIZE // cells, cells, SIZE // cells).mean((1, 3))).float()
    return covered / covered.sum()


def explained(model, target, method="gradient", layer="trunk.3", image=1, **settings):
    return explain(model, data(), image, layer, target, method=method, **settings)


# the named form and the function


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", PLANES)
def test_a_target_is_what_the_function_of_the_output_is(kind, method):
    target, made, function = PLANES[kind]
    model, means = made(), OUTPUTS.get(kind)
    named, plain = (explained(model, which, method, outputs=means) for which in (target, function))
    assert named.value == pytest.approx(plain.value, abs=1e-5)
    scale = np.abs(plain.relevance).max()
    assert scale > 0
    np.testing.assert_allclose(named.relevance, plain.relevance, atol=1e-4 * scale)
    np.testing.assert_allclose(named.heat, plain.heat, atol=1e-4 * np.abs(plain.heat).max())
    np.testing.assert_allclose(named.heatmaps([1, 4]), plain.heatmaps([1, 4]), atol=1e-4 * np.abs(plain.heat).max())
    ours, theirs = (why.circuit(2, 1) for why in (named, plain))
    assert [node.component for node in ours.nodes] == [node.component for node in theirs.nodes]


@pytest.mark.parametrize("kind", [kind for kind in CURVED if CURVED[kind][2]])
def test_a_target_that_is_no_sum_is_what_the_function_is(kind):
    target, made, function = CURVED[kind]
    model = made()
    layer = "maps.trunk.3" if kind == "a box" else "trunk.3"
    named, plain = (explained(model, which, layer=layer) for which in (target, function))
    assert named.value == pytest.approx(plain.value, abs=1e-5)
    np.testing.assert_allclose(named.relevance, plain.relevance, atol=1e-4 * np.abs(plain.relevance).max())


# switching off, and differences


def number(model, target, inputs, changed, layer, **settings):
    """The target's value, and what it is with the layer's output changed."""
    why = explain(model, data(), 1, layer, target, method="gradient", **settings)
    goal = why.source.goal
    module = dict(model.named_modules())[layer]
    found = []
    with torch.no_grad():
        for change in (lambda maps: maps, *changed):
            handle = module.register_forward_hook(lambda module, given, output, change=change: change(output))
            try:
                found.append(float(goal.values(model(inputs), 1)[0]))
            finally:
                handle.remove()
    return why, np.asarray(found)


def without(channel, factor=0.0):
    def change(maps):
        maps = maps.clone()
        maps[:, channel] *= factor
        return maps

    return change


@pytest.mark.parametrize("kind", PLANES)
def test_at_the_last_linear_map_relevance_is_the_drop_when_a_component_is_off(kind):
    target, made, _ = PLANES[kind]
    model, means = made(), OUTPUTS.get(kind)
    inputs = stack([data().tensor(1)])
    why, values = number(model, target, inputs, [without(c) for c in range(7)], "trunk.3", outputs=means)
    np.testing.assert_allclose(why.relevance, values[0] - values[1:], atol=2e-3 * np.abs(why.relevance).max())


@pytest.mark.parametrize("kind", CURVED)
def test_relevance_is_the_slope_along_each_component(kind):
    """Of what is no sum: how the target moves as a component is turned up and down a little."""
    target, made, _ = CURVED[kind]
    model, layer = made(), "maps.trunk.3" if kind == "a box" else "trunk.3"
    step = 0.02
    changes = [without(c, factor) for c in range(7) for factor in (1 + step, 1 - step)]
    why, values = number(model, target, stack([data().tensor(1)]), changes, layer)
    slopes = (values[1::2] - values[2::2]) / (2 * step)
    np.testing.assert_allclose(why.relevance, slopes, atol=1e-2 * np.abs(slopes).max())


def test_the_score_of_a_text_is_told_by_what_turns_the_embedding():
    """What speaks for and against a cosine adds up to nothing at the embedding itself, whatever it is."""
    why = explained(Heads(pooled, bias=False), targets.text("a dog", by=VECTOR), layer="last")
    assert abs(why.relevance.sum()) < 1e-5 * np.abs(why.relevance).sum()
    assert why.target == "text: a dog"
    assert why.classes == ()


def of_the_map(out):
    return out["out"].square().mean((1, 2, 3))


@pytest.mark.parametrize("layer", ["trunk.1", "trunk.3"])
@pytest.mark.parametrize(
    ("target", "made", "value"),
    [
        (targets.text("a dog", by=VECTOR), lambda: Heads(pooled), lambda out: functional.cosine_similarity(out, UNIT)),
        (targets.segment("road", within=(0.4, 0.6)), Mapped, lambda out: out["out"][:, 1, 14, 9]),
        (of_the_map, Mapped, of_the_map),
    ],
    ids=["text", "place", "function"],
)
def test_auto_takes_the_method_that_agrees_best_with_switching_off(target, made, value, layer):
    model, inputs = made(), data().tensor(1)[None]
    why = explain(model, data(), 1, layer, target)
    assert "with switching off" in why.chosen

    @torch.no_grad()
    def without(channel):
        def off(module, args, output):
            return output * (torch.arange(output.shape[1]) != channel)[:, None, None]

        handle = model.get_submodule(layer).register_forward_hook(off)
        try:
            return float(value(model(inputs)))
        finally:
            handle.remove()

    drops = without(-1) - np.array([without(channel) for channel in range(len(why.relevance))])
    agree = [
        np.corrcoef(found.relevance, drops)[0, 1]
        for found in (why, *(explain(model, data(), 1, layer, target, method=method) for method in METHODS))
    ]
    assert agree[0] >= max(agree[1:]) - 0.05


def test_relevance_over_a_data_set_is_measured_too():
    found = relevance(Mapped(), data(), "trunk.1", target=of(of_the_map), progress=False)
    assert "with switching off" in found.chosen
    by = {m: relevance(Mapped(), data(), "trunk.1", target=of(of_the_map), method=m, progress=False) for m in METHODS}
    best = max(METHODS, key=lambda method: found.measured.score(method))
    assert found.measured.score(found.backend) >= found.measured.score(best) - 0.01
    if found.backend in by:
        np.testing.assert_array_equal(found.mean, by[found.backend].mean)


def test_auto_measures_once_for_a_target_and_anew_for_other_weights(monkeypatch):
    model, asked = Heads(pooled), []
    whole = kept.trial
    monkeypatch.setattr(kept, "trial", lambda *args, **options: asked.append(1) or whole(*args, **options))
    for image, words in ((1, "a dog"), (2, "a dog"), (2, "a cat")):
        explain(model, data(), image, "trunk.1", targets.text(words, by=VECTOR))
    assert len(asked) == 2
    with torch.no_grad():
        model.last.weight.mul_(2)
    explain(model, data(), 2, "trunk.1", targets.text("a dog", by=VECTOR))
    assert len(asked) == 3


# places


def test_a_place_is_one_of_the_picture_not_of_what_the_model_saw():
    """The model sees the middle of a wide picture; places are shares of the whole."""

    def middle(picture):
        return to_pixels(picture.crop((12, 0, 12 + SIZE, SIZE))) / 255

    wide = [Image.fromarray(np.random.default_rng(0).integers(0, 255, (SIZE, 2 * SIZE, 3), np.uint8))]
    images = sl.images(wide, transform=middle)
    model = Mapped()
    with torch.no_grad():
        maps = model(stack([images.tensor(0)]))["out"][0]

    def value(within):
        return explain(model, images, 0, "trunk.3", targets.segment("car", within), method="gradient").value

    assert value((0.51, 0.51)) == pytest.approx(float(maps[3, 12, 12]), abs=1e-5)
    assert value((0.25, 0, 0.5, 1)) == pytest.approx(float(maps[3, :, :12].mean()), abs=1e-5)
    mask = np.zeros((SIZE, 2 * SIZE))
    mask[:, :24] = 1
    assert value(mask) == pytest.approx(float(maps[3, :, :12].mean()), abs=1e-5)
    with pytest.raises(ValueError, match="outside what the model sees"):
        value((0.1, 0.5))
    with pytest.raises(ValueError, match=r"a mask of shape \(24, 24\) over a picture of 24 × 48"):
        value(np.ones((SIZE, SIZE)))
    with pytest.raises(ValueError, match="marks nothing"):
        value(np.pad(np.ones((SIZE, 8)), ((0, 0), (0, 40))))


def test_without_a_target_a_segmentation_is_explained_for_its_largest_class():
    model = Mapped()
    why = explained(model, None)
    with torch.no_grad():
        maps = model(stack([data().tensor(1)]))["out"][0]
    said = maps.argmax(0)
    largest = int(said.flatten().bincount().argmax())
    assert why.target == f"{CLASSES[largest]} where it is predicted"
    assert why.value == pytest.approx(float(maps[largest][said == largest].mean()), abs=1e-5)
    assert why.as_target == targets.segment(CLASSES[largest], "predicted")
    assert why.found.choices[0].name == CLASSES[largest]
    np.testing.assert_array_equal(why.found.cells, said)
    by_name = explained(model, CLASSES[largest])
    assert by_name.target == why.target
    absent = [n for n in range(5) if not (said == n).any()]
    if absent:
        with pytest.raises(ValueError, match="at no place of this picture; explain it everywhere"):
            explained(model, targets.segment(absent[0], "predicted"))


@pytest.mark.parametrize("end", [lambda maps: maps, torch.sigmoid])
def test_a_map_of_one_class_says_it_where_it_is_likelier_than_not(end):
    class One(Mapped):
        class_names = ("lesion",)

    torch.manual_seed(3)
    model = One(lambda maps: {"out": end((maps - maps.mean()) * 9)}, outputs=1)
    why = explained(model, "lesion")
    with torch.no_grad():
        scores = model(stack([data().tensor(1)]))["out"][0, 0]
    on = scores > (0 if float(scores.min()) < 0 else 0.5)
    assert why.target == "lesion where it is predicted"
    assert why.value == pytest.approx(float(scores[on].mean()), abs=1e-5)
    assert why.found.choices[0].share == pytest.approx(float(on.float().mean()))


def test_a_map_that_may_be_features_is_not_taken_for_a_segmentation():
    with pytest.raises(NoClasses, match=r"a map, \[n 5 24 24\].*sl.targets"):
        explained(Heads(lambda maps: maps), None)
    assert explained(Heads(lambda maps: maps), targets.segment(2)).target == "2 everywhere"
    with pytest.raises(NoClasses, match="is not certain; say it with output="):
        explained(Heads(lambda maps: [maps, maps]), targets.segment(2))


# boxes


def test_boxes_are_chosen_by_class_and_place():
    model = Detector()
    why = explained(model, None, layer="maps.trunk.3")
    with torch.no_grad():
        answer = model(stack([data().tensor(1)]))[0]
    assert why.value == pytest.approx(float(answer["scores"].max()), abs=1e-5)
    assert [c.share for c in why.found.choices] == pytest.approx(answer["scores"].tolist(), abs=1e-5)

    def value(target):
        return explained(model, target, layer="maps.trunk.3").value

    def score(box):
        return float(answer["scores"][(answer["boxes"] == torch.tensor(box)).all(1)])

    assert value(targets.box(3)) == pytest.approx(score((12, 2, 22, 10)), abs=1e-5)
    assert value(3) == value(targets.box(3))
    assert value(targets.box(at=(0.7, 0.7))) == pytest.approx(score((12, 12, 22, 22)), abs=1e-5)
    here = tuple(n / SIZE for n in (3, 3, 11, 11))
    assert value(targets.box(1, at=here)) == pytest.approx(score((3, 3, 11, 11)), abs=1e-5)
    for choice in why.found.choices:
        assert value(choice.target) == pytest.approx(choice.share, abs=1e-5)
    with pytest.raises(ValueError, match="no box of '4' in this picture; it finds 1, 2, 3"):
        value(targets.box(4))
    with pytest.raises(ValueError, match="no box around"):
        value(targets.box(at=(0.02, 0.98)))
    with pytest.raises(KeyError, match="what the detector's labels are called is not known"):
        value(targets.box("dog"))
    named = data(classes=("background", "cat", "dog", "cow"))
    assert explain(model, named, 1, "maps.trunk.3", "dog").target.startswith("dog at 71 %, 71 %")


def test_a_box_that_is_gone_has_the_score_zero():
    class Shy(Detector):
        def forward(self, pixels):
            found = super().forward(pixels)
            return [{name: value[one["scores"] > 0.5] for name, value in one.items()} for one in found]

    torch.manual_seed(0)
    model = Shy()
    model.maps.last.bias.data += 2
    why = explained(model, None, layer="maps.trunk.3")
    model.maps.last.bias.data -= 9
    assert why.source.goal.values(model(stack([data().tensor(1)])), 1)[0] == 0
    with pytest.raises(ValueError, match="finds no box in this picture"):
        explained(model, None, layer="maps.trunk.3")


def test_a_detector_that_finds_nothing_in_a_picture_is_a_detector_all_the_same():
    class Blind(Detector):
        def forward(self, pixels):
            nothing = [{"boxes": torch.tensor([]).reshape(-1, 4), "labels": torch.tensor([]).long()} for _ in pixels]
            scores = super().forward(pixels)
            return [one | {"scores": found["scores"][:0]} for one, found in zip(nothing, scores, strict=True)]

    with pytest.raises(ValueError, match="finds no box in this picture"):
        explained(Blind(), None, layer="maps.trunk.3")
    sl.Lens(Blind(), data(), ["maps.trunk.3"], ColourClip(), k=3, crop=None).fit(cached=False, progress=False)


# embeddings


def test_a_text_is_embedded_by_the_clip_whose_tower_the_model_is():
    clip = ColourClip()
    why = explain(Tower(clip), data(), 1, "seen", targets.text("red", by=clip))
    expected = clip.images([data().picture(1)])[0] @ clip.texts(["red"])[0]
    assert why.value == pytest.approx(float(expected), abs=1e-4)
    other = ColourClip()
    other.turn = np.linalg.qr(np.random.default_rng(9).normal(size=(4, 4)))[0].astype(np.float32)
    with pytest.raises(ValueError, match=r"not the image tower of colours: .* a cosine of"):
        explain(Tower(clip), data(), 1, "seen", targets.text("red", by=other))
    with pytest.raises(ValueError, match="vector has 7 numbers and the model's embedding 4"):
        explain(Tower(clip), data(), 1, "seen", targets.text("red", by=np.ones(7)))
    with pytest.raises(ValueError, match=r"whose text is 'red'.*by=sl.OpenClip"):
        explain(Tower(clip), data(), 1, "seen", targets.text("red"))
    with pytest.raises(ValueError, match="words that this CLIP never saw"):
        explain(Tower(clip), data(), 1, "seen", targets.text("mauve", by=clip))
    by = explain(Tower(clip), data(), 1, "seen", targets.text("red", by=clip.texts))
    np.testing.assert_allclose(by.relevance, why.relevance, atol=1e-6)


def test_a_lens_on_the_tower_of_its_clip_knows_that_it_has_an_embedding():
    clip = ColourClip()
    lens = sl.Lens(Tower(clip), data(), ["seen"], clip, k=3, crop=None)
    with pytest.raises(NoClasses, match="the image tower of colours: its numbers are an embedding"):
        lens.explain(1)
    assert lens.explain(1, targets.text("red")).target == "text: red"
    assert lens.explain(1, targets.similarity(2)).target == "likeness to image 2"
    with pytest.raises(ValueError, match="nothing makes it more like itself"):
        lens.explain(1, targets.similarity(1))
    with pytest.raises(NoClasses, match="which has no class 'dog'; explain its likeness to a text"):
        lens.explain(1, "dog")


def test_similarity_is_that_to_an_image_by_number_or_as_a_picture():
    model, images = Heads(centred), data()
    with torch.no_grad():
        one, other = functional.normalize(model(stack([images.tensor(1), images.tensor(3)])))
    for image in (3, np.int64(3), images.picture(3)):
        assert explained(model, targets.similarity(image)).value == pytest.approx(float(one @ other), abs=1e-5)
    with pytest.raises(IndexError, match="0 to 4"):
        explained(model, targets.similarity(9))


# every verb


def lens(model, clip=None, **settings):
    made = sl.Lens(model, settings.pop("images", None) or data(), ["trunk.1", "trunk.3"], clip or ColourClip(), k=3,
                   crop=None, **settings)  # fmt: skip
    return made.fit(cached=False, progress=False)


def doubled(out):
    return 2 * out["out"][:, 1].mean((1, 2))


OVER = {  # targets of a whole data set
    "a segmentation": (lambda: Mapped(), targets.segment("road"), "road everywhere"),
    "a function": (lambda: Mapped(), doubled, "doubled"),
    "a text": (lambda: Heads(pooled), targets.text("a dog", by=VECTOR), "text: a dog"),
    "a similarity": (lambda: Heads(centred), targets.similarity(3), "likeness to image 3"),
    "a label": (lambda: Heads(pooled), targets.output(2), "2"),
}


@pytest.mark.parametrize("kind", OVER)
def test_over_a_data_set_a_target_is_explained_image_by_image(kind):
    made, target, name = OVER[kind]
    model = made()
    held = lens(model)
    found = held.relate(target=target, method="gradient", cached=False, progress=False, batch_size=2)
    one = found.number(name)
    assert name in found.classes
    shares = []
    for image in range(5):
        try:
            why = held.explain(image, target, method="gradient")
        except ValueError:  # of an image with itself nothing is told
            assert kind == "a similarity"
            shares.append(np.zeros(len(held.components)))
            continue
        shares.append(why.share)
    expected = np.mean(shares, 0)
    if kind != "a similarity":  # there rounding speaks for the image itself
        np.testing.assert_allclose(found.mean[one], expected, atol=1e-4)
    circuit = held.circuit(target, 2, 2, images=3, method="gradient")
    assert (circuit.target, circuit.images) == (name, 3)
    goal = held.explain(0 if kind != "a similarity" else 1, target, method="gradient").source.goal
    if kind == "a label":  # its effect is on a class, and asks for labels
        return
    effect = held.effect(["trunk.3:1", "trunk.3:4"], target=target, draws=2, points=2, progress=False)
    inputs = stack([held.source.images.tensor(i) for i in range(5)])
    off = np.zeros((1, 7), bool)
    off[0, [1, 4]] = True
    with torch.no_grad():
        before = goal.values(model(inputs), 5)
        with switched_off(model, [Switch(resolve(model, "trunk.3")[0], off, np.zeros(7, np.float32))]):
            after = goal.values(model(inputs), 5)
    assert effect.target == name
    assert effect["data", "switched off"].change.mean == pytest.approx(float((after - before).mean()), abs=1e-4)


def test_the_audit_takes_a_target():
    held = lens(Mapped())
    held.checklist = sl.Checklist(groups=(sl.Group("colours", (sl.Concept("red"), sl.Concept("green"))),))
    report = held.audit(target=targets.segment("road"), progress=False)
    assert report.target == "road everywhere"
    assert held.audit_target == "road everywhere"
    effect = held.effect(["trunk.3:1"], draws=2, points=2, progress=False)
    assert effect.target == "road everywhere"


LOCAL = (targets.segment("road", (0.5, 0.5)), targets.segment("road", MASK), targets.box(at=(0.5, 0.5)))


@pytest.mark.parametrize("target", LOCAL, ids=repr)
def test_what_belongs_to_one_picture_is_refused_over_a_data_set(target):
    held = lens(Mapped())
    for call in (
        lambda: held.relate(target=target, cached=False, progress=False),
        lambda: held.circuit(target),
        lambda: held.effect(["trunk.3:1"], target=target, progress=False),
    ):
        with pytest.raises(ValueError, match="belongs to one picture"):
            call()


def test_what_the_model_says_is_no_measure_of_switching_off():
    with pytest.raises(ValueError, match="is of something else once components are off"):
        lens(Mapped()).effect(["trunk.3:1"], target="road", progress=False)
