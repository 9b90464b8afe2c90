"""What a model's answer is, decided in one place: against plain torch and numpy, for every kind of model and verb."""

import dataclasses
import warnings
from collections import namedtuple

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score
from torch import nn
from toy import ColourClip, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.components import Components
from semlens_widgets.effect import effect
from semlens_widgets.explain import explain
from semlens_widgets.model import Layer, NotFinite
from semlens_widgets.outputs import Agreement, NoClasses, class_number, decide, unique
from semlens_widgets.outputs.names import binomial_tail
from semlens_widgets.relevance import relevance
from semlens_widgets.targets.function import called
from semlens_widgets.widgets import prediction
from semlens_widgets.widgets.channel import Job

N = 31
METHODS = "lrp", "gradient"


class Answering(nn.Module):
    """Mean red, green and blue, a linear head of `count` scores, and whatever `end` makes of them."""

    def __init__(self, end, count=3, weight=None):
        super().__init__()
        torch.manual_seed(2)
        self.colour, self.head = nn.Conv2d(3, 5, 1, bias=False), nn.Linear(5, count, bias=False)
        if weight is not None:
            self.colour.weight.data = torch.eye(5, 3)[..., None, None]
            self.head.weight.data = torch.tensor(weight, dtype=torch.float32)
        self.end = end

    def scores(self, pixels):
        return self.head(self.colour((pixels - 96) / 20).relu().mean((2, 3)))

    def forward(self, pixels):
        return self.end(self.scores(pixels))


def data(classes=(), labels=None, n=N, **settings):
    return sl.images(pictures(n), transform=to_pixels, labels=labels, classes=classes, **settings)


def plain(model, images):
    with torch.no_grad():
        return model.eval().scores(torch.stack([images.tensor(i) for i in range(len(images))]))


def explained(model, images=None, image=4, target=None, layers=("colour",), **settings):
    return explain(model, images or data(), image, list(layers), target, **settings)


def job():
    return Job("1", lambda content, buffers: None)


# which tensor


@dataclasses.dataclass
class Answer:
    logits: torch.Tensor
    maps: torch.Tensor


Pair = namedtuple("Pair", "maps scores")
MAPS = lambda z: z[:, :, None, None].expand(-1, -1, 4, 4)  # noqa: E731
HOLDERS = {
    "tensor": lambda z: z,
    "tuple with maps": lambda z: (MAPS(z), z),
    "list": lambda z: [z],
    "dict": lambda z: {"features": z.repeat(1, 40), "logits": z},
    "nested": lambda z: {"aux": {"maps": MAPS(z)}, "main": {"logits": z, "scale": z.mean()}},
    "dataclass": lambda z: Answer(z, MAPS(z)),
    "namedtuple": lambda z: Pair(MAPS(z), z),
    "bfloat16": lambda z: z.bfloat16(),
    "half": lambda z: {"logits": z.half()},
    "float64": lambda z: z.double(),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_scores_are_found_in_whatever_holds_them(holder, method):
    model, images = Answering(HOLDERS[holder]), data()
    bare = explained(Answering(HOLDERS["tensor"]), images, method=method)
    why = explained(model, images, method=method)
    scores = plain(model, images)[4]
    np.testing.assert_allclose(why.logits, scores, atol=2e-2)
    np.testing.assert_allclose(why.probabilities, scores.softmax(0), atol=5e-3)
    assert why.number == int(scores.argmax())
    np.testing.assert_allclose(why.relevance, bare.relevance, atol=2e-2 * np.abs(bare.relevance).max())
    why.heatmaps([0])
    assert why.circuit(2, 1).nodes


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (lambda z: (z.repeat(1, 40), z), r"tuple of '0' \[n 120\], '1' \[n 3\].*say which: output="),
        (lambda z: {"scores": z, "features": z}, "'scores' and 'features' may be class scores"),
        (lambda z: {"pooler_output": z.repeat(1, 40)}, "called as features are.*output='pooler_output'"),
        (lambda z: {"out": MAPS(z)}, r"a map, \[n 3 4 4\].*target=.*out\['out'\]\[:, 0\].mean"),
        (MAPS, r"a map.*lambda out: out\[:, 0\].mean"),
        (lambda z: [{"boxes": q[:, None], "scores": q} for q in z], "one dict per image, with boxes, scores.*target="),
        (lambda z: z.argmax(1), "numbers of classes, or other whole"),
        (lambda z: z.sum(), "no tensor .image class."),
        (lambda z: None, "no tensor at all"),
        (lambda z: z[:, :1], 'may be a logit or a measure: say outputs="binary"'),
    ],
)
def test_what_has_no_scores_or_several_is_refused_with_what_to_do_by_every_verb(end, message):
    images = data(("a", "b", "c"), [0, 1, 2] * 10 + [0])
    calls = [
        lambda m: relevance(m, images, "colour", progress=False),
        lambda m: measured(m, images, 1),
    ]
    if "map" not in message:  # what is called as a segmentation's map is one
        calls += [
            lambda m: explained(m, images),
            lambda m: sl.Lens(m, images, ["colour"], ColourClip(), k=3, crop=None).explain(4),
        ]
    for call in calls:
        with pytest.raises(NoClasses, match=message):
            call(Answering(end))


def test_a_part_is_chosen_by_name_number_or_function():
    model, images = Answering(lambda z: {"a": (z.repeat(1, 40), z), "b": z[:, :2]}), data()
    scores = plain(model, images)[4].numpy()
    for output, wanted in {"b": scores[:2], "a.1": scores, "a.0": np.tile(scores, 40)}.items():
        np.testing.assert_allclose(explained(model, images, output=output).logits, wanted, rtol=1e-5)
    np.testing.assert_allclose(explained(model, images, output=lambda out: out["a"][1]).logits, scores, rtol=1e-5)
    pair = Answering(lambda z: (z.repeat(1, 40), z))
    np.testing.assert_allclose(explained(pair, images, output=1).logits, scores, rtol=1e-5)
    np.testing.assert_allclose(explained(pair, images, output=-1).logits, scores, rtol=1e-5)
    with pytest.raises(NoClasses, match=r"no part 'c'; it is a dict of 'a.0'"):
        explained(model, images, output="c")


def test_one_image_squeezed_to_a_number_is_still_one():
    model = Answering(lambda z: z.squeeze(), 1)
    why = explained(model, outputs="binary")
    assert why.probabilities[1] == pytest.approx(float(plain(model, data())[4].sigmoid()[0]), abs=1e-5)


def test_what_is_not_finite_is_refused():
    for end in (lambda z: z * float("nan"), lambda z: z * 1e4 / 0.0):
        with pytest.raises(NotFinite, match="NaN or infinite for image 0"):
            explained(Answering(end))

    def spoiled(z):  # one image of many
        return torch.where(torch.arange(len(z))[:, None] == 3, float("nan"), z) if len(z) > 3 else z

    with pytest.raises(NotFinite, match="for image 3"):
        relevance(Answering(spoiled), data(), "colour", progress=False)


# what they mean

KINDS = {  # end, outputs= (or output=), plain probabilities of the classes
    "logits": (lambda z: z, None, lambda z: z.softmax(1)),
    "softmax": (lambda z: z.softmax(1), None, lambda z: z.softmax(1)),
    "softmax, half": (lambda z: z.softmax(1).half(), None, lambda z: z.softmax(1)),
    "log-softmax": (lambda z: z.log_softmax(1), None, lambda z: z.log_softmax(1).exp()),
    "shares by hand": (lambda z: z.exp() / z.exp().sum(1, keepdim=True), None, lambda z: z.softmax(1)),
    "sigmoids": (lambda z: z.sigmoid(), None, lambda z: z.sigmoid()),
    "labels as logits": (lambda z: z, "multi", lambda z: z.sigmoid()),
    "one logit": (lambda z: z[:, :1], "binary", lambda z: yes(z[:, 0].sigmoid())),
    "one logit, flat": (lambda z: z[:, 0] / 3, "binary", lambda z: yes((z[:, 0] / 3).sigmoid())),
    "one sigmoid": (lambda z: z[:, :1].sigmoid(), None, lambda z: yes(z[:, 0].sigmoid())),
    "one sigmoid, flat": (lambda z: z[:, :1].sigmoid().squeeze(1), None, lambda z: yes(z[:, 0].sigmoid())),
    "one of a softmax": (lambda z: z.softmax(1)[:, 2], None, lambda z: yes(z.softmax(1)[:, 2])),
    "shares as logits": (lambda z: z[:, :1].sigmoid().square().sqrt(), torch.logit, lambda z: yes(z[:, 0].sigmoid())),
}


def yes(likely):
    return torch.stack([1 - likely, likely], 1)


@pytest.mark.parametrize("method", ["auto", "gradient"])
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_and_predictions_are_those_of_plain_torch(kind, method):
    end, said, likely = KINDS[kind]
    stated = {"output": said, "outputs": "binary"} if callable(said) else {"outputs": said}
    model, images = Answering(end), data()
    wanted = likely(plain(model, images).double()).numpy()
    for image in (0, 4, 9):
        why = explained(model, images, image, method=method, **stated)
        np.testing.assert_allclose(why.probabilities, wanted[image], atol=2e-3)
        assert why.number == wanted[image].argmax()
        assert len(why.classes) == wanted.shape[1]
        name, probability = why.predictions(1)[0]
        assert (name, probability) == (why.target, pytest.approx(wanted[image].max(), abs=2e-3))
        assert f"{name} ({probability:.1%})" in repr(why)


@pytest.mark.parametrize("end", [lambda z: z[:, :1], lambda z: z[:, :1].sigmoid()])
def test_relevance_of_no_is_that_of_yes_turned_round(end):
    model = Answering(end)
    for method in METHODS if end(torch.ones(1, 1)) == 1 else ("lrp",):  # both start at the logit
        no, said = (explained(model, target=t, method=method, outputs="binary").relevance for t in (0, 1))
        np.testing.assert_allclose(no, -said, atol=1e-5 * np.abs(said).max())
        wanted = explained(Answering(lambda z: z), target=0, method=method).relevance
        np.testing.assert_allclose(said, wanted, atol=1e-4 * np.abs(wanted).max())


def test_two_classes_in_the_data_say_that_one_number_is_a_logit():
    images = data(("nevus", "melanoma"), [i % 2 for i in range(N)])
    why = explained(Answering(lambda z: z[:, 0]), images)
    assert (why.kind, why.classes) == ("binary", ("nevus", "melanoma"))
    assert explained(Answering(lambda z: z[:, 0]), data(("melanoma",)), outputs="binary").classes == (
        "not melanoma", "melanoma",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("end", "outputs", "message"),
    [
        (lambda z: z, "binary", '"single", several labels at once are "multi"'),
        (lambda z: z[:, 0], "single", 'outputs="binary".*or outputs="regression"'),
        (lambda z: z.sigmoid(), "single", 'ends with a sigmoid for each: say outputs="multi"'),
        (lambda z: z, "labels", "'multi' .several labels at once"),
        (lambda z: z[:, :1].softmax(1), None, "over one number, which is always 1"),
        (lambda z: z.softmax(0), None, "do not add up to 1 over the classes"),
        (lambda z: z.sigmoid().square(), "multi", "may be probabilities, or logits"),
    ],
)
@pytest.mark.usefixtures("as_installed")
def test_a_meaning_that_cannot_be_is_refused(end, outputs, message):
    with pytest.raises(ValueError, match=message):
        explained(Answering(end), outputs=outputs)


def test_a_regression_has_numbers_and_no_probabilities():
    model, images = Answering(lambda z: z[:, :2]), data(("age", "weight"))
    scores = plain(model, images)[4]
    why = explained(model, images, target="weight", outputs="regression")
    assert why.value == pytest.approx(float(scores[1]), rel=1e-4)
    assert why.answers() == [("age", f"{scores[0]:.4g}"), ("weight", f"{scores[1]:.4g}")]
    assert "%" not in why._repr_html_().split("Explained")[0]
    assert why.figure().caption
    with pytest.raises(ValueError, match="no likeliest class"):
        why.predictions()
    with pytest.raises(ValueError, match="none is predicted rather than another; say which"):
        explained(model, images, outputs="regression")
    assert explained(Answering(lambda z: z[:, 0]), outputs="regression").target == "output"


# functions of anything


FUNCTIONS = {
    "scores": (lambda z: z, lambda out: out[:, 1]),
    "margin": (lambda z: z, lambda out: out[:, 1] - 2 * out[:, 0]),
    "pair": (lambda z: (z.repeat(1, 9), z), lambda out: out[1][:, 1]),
    "segmentation": (lambda z: {"out": MAPS(z)}, lambda out: out["out"][:, 1].mean((1, 2))),
    "detection": (
        lambda z: [{"boxes": q[:, None].expand(3, 4), "scores": q, "labels": torch.arange(3)} for q in z],
        lambda out: out[0]["scores"][out[0]["labels"] == 1].sum(),
    ),
    "one number": (lambda z: z[:, 1], lambda out: out),
    "named": (lambda z: {"logits": z, "maps": MAPS(z)}, lambda out: out["logits"][:, 1]),
    "named, by the scores": (lambda z: {"logits": z, "maps": MAPS(z)}, lambda out: out[:, 1]),
    "dataclass": (lambda z: Answer(MAPS(z), z), lambda out: out.maps[:, 1]),
    "whole numbers beside": (lambda z: (z.argmax(1), MAPS(z)), lambda out: out[1][:, 1, 0, 0]),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_function_of_any_output_is_explained(kind, method):
    end, function = FUNCTIONS[kind]
    images = data()
    meant = FUNCTIONS["margin"][1] if kind == "margin" else FUNCTIONS["scores"][1]
    bare = explained(Answering(lambda z: z), images, target=meant, method=method)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        why = explained(Answering(end), images, target=function, method=method)
    assert why.value == pytest.approx(bare.value, rel=1e-4)
    np.testing.assert_allclose(why.relevance, bare.relevance, atol=1e-4 * np.abs(bare.relevance).max())
    np.testing.assert_allclose(why.heatmaps([1]), bare.heatmaps([1]), atol=1e-4 * np.abs(bare.heat).max())
    assert why.circuit(2, 1).target == why.target == called(function)
    assert why.figure().caption
    assert "<p>" in why._repr_html_()


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda out: out[:, :2], ValueError, r"gave shape \(1, 2\) for one image"),
        (lambda out: 3.0, ValueError, "gave a float for one image"),
        (lambda out: out.nothing, AttributeError, "no attribute 'nothing'"),
    ],
)
def test_a_function_that_gives_no_number_is_told(function, error, message):
    with pytest.raises(error, match=message):
        explained(Answering(lambda z: z), target=function)


# names


def agreeing(share, n=64, classes=4, seed=0):
    """Images of colours whose number is the model's answer, and labels that agree with a share of them."""
    random = np.random.default_rng(seed)
    model = Answering(lambda z: z, 3, np.pad(np.eye(3), ((0, 0), (0, 2))))
    shown = []
    for number in range(n):
        pixels = np.full((8, 8, 3), 96, np.uint8)
        pixels[..., number % 3] = 200
        shown.append(pixels)
    truth = np.arange(n) % 3
    labels = np.where(random.random(n) < share, truth, (truth + 1 + random.integers(0, 2, n)) % 3)
    return model, shown, labels


def test_names_of_labels_name_the_outputs_where_predictions_agree():
    model, shown, labels = agreeing(0.8)
    names = ["crow", "dove", "owl"]
    images = sl.images(shown, transform=to_pixels, labels=[names[i] for i in labels])
    read = decide(model, images)
    assert (read.classes, read.agreed, read.note) == (("crow", "dove", "owl"), True, "")
    assert explained(model, images).target == "dove"


def test_names_numbered_by_the_alphabet_do_not_name_outputs_in_another_order():
    model, shown, labels = agreeing(0.9)
    names = ["dove", "owl", "crow"]  # the model's order
    images = sl.images(shown, transform=to_pixels, labels=[names[i] for i in labels])
    read = decide(model, images)
    assert read.classes == ("0", "1", "2")
    assert "no better than chance" in read.note
    assert "binomial test" in read.note
    why = explained(model, images)
    assert (why.target, why.note) == ("1", read.note)
    assert read.note in repr(why)
    found = relevance(model, images, "colour", progress=False)
    assert "predicted" in found.statistic
    assert found.classes == ("0", "1", "2")
    stated = sl.images(shown, transform=to_pixels, labels=[names[i] for i in labels], classes=names)
    assert decide(model, stated).classes == ("dove", "owl", "crow")
    made = sl.Lens(model, images, ["colour"], ColourClip(), k=3, crop=None).fit(cached=False, progress=False)
    with pytest.raises(ValueError, match="no better than chance"):
        prediction.browse(made, 0, 20, None, "wrong", 16, job())
    made.image = 1
    assert prediction.prediction(made)["note"] == read.note
    assert prediction.prediction(made)["target"]["name"] == "1"


def test_too_few_images_to_tell_are_said_to_be_unchecked():
    _, shown, _ = agreeing(1.0, n=2)
    images = sl.images(shown[:2], transform=to_pixels, labels=["a", "b"])
    binary = Answering(lambda z: z[:, :2])
    read = decide(binary, images)
    assert (read.classes, read.agreed) == (("a", "b"), None)
    assert "unchecked" in read.note


def test_more_outputs_than_classes_are_numbers_and_labels_mean_none_of_them():
    images = data(labels=["ox", "yak"] * 15 + ["ox"])
    model = Answering(lambda z: z)
    read = decide(model, images)
    assert (read.classes, read.labels_of(images, range(3)).tolist()) == (("0", "1", "2"), [-1, -1, -1])
    assert "2 classes and the model 3" in read.note
    with pytest.raises(ValueError, match="no label that is one of the model's 3 classes"):
        measured(model, images, 1)
    assert decide(model, data(("ox", "yak", "zebra"), ["ox", "yak"] * 15 + ["ox"])).classes == ("ox", "yak", "zebra")


@pytest.mark.parametrize("own", ["config", "pretrained_cfg"])
def test_a_model_that_names_its_outputs_is_believed_and_labels_are_read_by_name(own):
    model = Answering(lambda z: z)
    names = {0: "zebra", 1: "ox", 2: "yak"}
    if own == "config":
        model.config = type("Config", (), {"id2label": names, "problem_type": None})()
    else:
        model.pretrained_cfg = {"label_names": tuple(names.values())}
    images = data(labels=["ox", "yak"] * 15 + ["ox"])
    read = decide(model, images)
    assert read.classes == ("zebra", "ox", "yak")
    assert read.labels_of(images, range(4)).tolist() == [1, 2, 1, 2]
    found = relevance(model, images, "colour", progress=False)
    assert "their label" in found.statistic
    assert found.counts.tolist() == [0, 16, 15]


def test_two_classes_of_one_name_are_told_apart_and_asked_back():
    images = data(("crane", "gull", "crane"))
    why = explained(Answering(lambda z: z), images, target=2)
    assert why.target == "crane (2)"
    assert why.classes == unique(("crane", "gull", "crane")) == ("crane (0)", "gull", "crane (2)")
    assert explained(Answering(lambda z: z), images, target="crane (0)").number == 0
    for classes in (why.classes, ("crane", "gull", "crane")):
        with pytest.raises(KeyError, match=r"2 classes are called 'crane': 0 .* and 2 .*ask by number"):
            class_number("crane", classes)
    with pytest.raises(ValueError, match=r"'crane' is the name of several classes \(0 and 2\)"):
        data(("crane", "gull", "crane"), ["crane"] * N)


def test_names_given_for_a_folder_name_its_labels(tmp_path):
    for at, folder in enumerate(("n01", "n02")):
        (tmp_path / folder).mkdir()
        pictures(2)[at].save(tmp_path / folder / "x.png")
    named = sl.images(tmp_path, classes=("tench", "goldfish"))
    assert (named.classes, named.stated, named.label(1)) == (("tench", "goldfish"), True, 1)
    among = sl.images(tmp_path, classes=("n02", "n00", "n01"))
    assert [among.label(i) for i in range(2)] == [2, 0]
    assert not sl.images(tmp_path).stated
    with pytest.raises(ValueError, match="3 class names for 2 classes"):
        sl.images(tmp_path, classes=("a", "b", "c"))


@pytest.mark.parametrize(("k", "n", "rate"), [(0, 5, 0.2), (3, 7, 0.3), (60, 64, 0.9), (5, 5, 0.01), (64, 64, 0.001)])
def test_the_test_is_the_binomial_one(k, n, rate):
    assert binomial_tail(k, n, rate) == pytest.approx(binomtest(k, n, rate, "greater").pvalue, rel=1e-9)


def test_agreement_by_luck_is_found_no_more_often_than_the_test_says():
    random = np.random.default_rng(0)
    shares = np.asarray([0.7, 0.2, 0.1])  # unequal, on both sides: agreement by luck is common
    drawn = [random.choice(3, (2, 64), p=shares) for _ in range(2000)]
    found = [Agreement.of(labels, said, 3).better_than_chance for labels, said in drawn]
    assert np.mean(found) < 0.08


# every verb follows


def measured(model, images, target, chosen=(0, 1), **settings):
    components = Components(("colour",), (5,), (False,))
    given = {"alive": np.ones(5, bool), "draws": 2, "points": 2, "progress": False} | settings
    return effect(model, [Layer("colour")], components, list(chosen), {"data": images}, target, **given)


def off(model, images):
    """Plain scores with the first two components held at zero."""
    with torch.no_grad():
        values = model.colour((torch.stack([images.tensor(i) for i in range(N)]) - 96) / 20)
        values[:, :2] = 0
        return model.head(values.relu().mean((2, 3)))


LABELS = [i % 2 for i in range(N)]


def test_the_effect_on_one_logit_is_that_on_two_classes():
    model, images = Answering(lambda z: z[:, 0]), data(("no", "yes"), LABELS)
    for target, sign in ((1, 1), (0, -1)):
        found = measured(model, images, target)
        before, after = plain(model, images)[:, 0].numpy(), off(model, images)[:, 0].numpy()
        m = found["data", "switched off"]
        labels = np.asarray(LABELS)
        assert m.accuracy.mean == pytest.approx(((after > 0) == labels).mean())
        assert m.auroc.mean == pytest.approx(roc_auc_score(labels == target, sign * after), abs=1e-6)
        assert m.change.mean == pytest.approx((sign * (after - before)).mean(), abs=1e-4)
        assert m.recall[1].mean == pytest.approx((after > 0)[labels == 1].mean())
        assert found.kind == "binary"


def test_the_effect_is_the_same_before_and_after_a_softmax_or_sigmoid():
    images = data(("a", "b", "c"), [i % 3 for i in range(N)])
    for ends in ((lambda z: z, lambda z: z.softmax(1), lambda z: {"logits": z.log_softmax(1)}),
                 (lambda z: z[:, 0], lambda z: z[:, :1].sigmoid())):  # fmt: skip
        if len(ends) == 2:
            images = data(("a", "b"), LABELS)
        results = [measured(Answering(end), images, 1).to_rows() for end in ends]
        for other in results[1:]:
            for row, same in zip(results[0], other, strict=True):
                for name, value in row.items():
                    close = isinstance(value, float)
                    assert (value == pytest.approx(same[name], abs=2e-3)) if close else (value == same[name])


def test_the_effect_on_several_labels_asks_each_for_itself():
    model, images = Answering(lambda z: z), data(("a", "b", "c"), [i % 3 for i in range(N)])
    found = measured(model, images, 1, outputs="multi")
    after, labels = off(model, images).numpy(), np.arange(N) % 3
    m = found["data", "switched off"]
    assert m.accuracy.mean == pytest.approx(((after[:, 1] > 0) == (labels == 1)).mean())
    assert m.auroc.mean == pytest.approx(roc_auc_score(labels == 1, after[:, 1]), abs=1e-6)
    assert m.recall[2].mean == pytest.approx((after[:, 2] > 0)[labels == 2].mean())
    before = plain(model, images).numpy()
    assert m.change.mean == pytest.approx((after - before)[:, 1].mean(), abs=1e-4)


def test_the_effect_on_a_regression_is_a_change_and_needs_no_labels():
    model, images = Answering(lambda z: z[:, 0]), data()
    found = measured(model, images, 0, outputs="regression")
    change = (off(model, images) - plain(model, images))[:, 0].numpy()
    m = found["data", "switched off"]
    assert m.change.mean == pytest.approx(change.mean(), abs=1e-4)
    assert np.isnan([m.accuracy.mean, m.auroc.mean]).all()
    assert not found.curve
    for text in (found.message, found._repr_html_(), found.to_json(), found.to_csv()):
        assert "accuracy" not in text.lower().replace("measures", "")
        assert "nan" not in text.lower()


def test_the_effect_tells_its_progress_and_can_be_stopped():
    steps = []
    images = data(("no", "yes"), LABELS)
    measured(Answering(lambda z: z[:, 0]), images, 1, batch_size=10, on_step=lambda *step: steps.append(step))
    assert steps == [(10, N), (20, N), (30, N), (N, N)]

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(Answering(lambda z: z[:, 0]), images, 1, on_step=stop)


def test_relevance_of_every_kind_is_for_the_label_or_what_the_model_says():
    images = data(("no", "yes"), LABELS)
    model = Answering(lambda z: {"logits": z[:, :1]})
    found = relevance(model, images, "colour", method="lrp", progress=False)
    assert found.counts.tolist() == [16, 15]
    one = explained(model, images, image=1, target=1, method="lrp")
    at = found.images.tolist().index(1)
    np.testing.assert_allclose(found.values[at], one.share, atol=2e-3)
    said = relevance(model, images, "colour", target="predicted", progress=False)
    assert said.counts.tolist() == np.bincount((plain(model, images)[:, 0] > 0).long(), minlength=2).tolist()
    multi = relevance(Answering(lambda z: z.sigmoid()), data(), "colour", progress=False)
    assert multi.counts.tolist() == np.bincount(plain(model, images).argmax(1), minlength=3).tolist()
    ages = relevance(Answering(lambda z: z[:, 0]), data(), "colour", outputs="regression", progress=False)
    assert (ages.classes, ages.counts.tolist()) == (("output",), [N])
    two = Answering(lambda z: z[:, :2])
    with pytest.raises(ValueError, match="say which is meant"):
        relevance(two, data(), "colour", outputs="regression", progress=False)
    assert relevance(two, data(), "colour", outputs="regression", target=1, progress=False).counts.tolist() == [0, N]


def lens(end, images, **settings):
    made = sl.Lens(Answering(end), images, ["colour"], ColourClip(), k=3, crop=None, templates=("{}",), **settings)
    return made.fit(cached=False, progress=False)


def test_a_lens_says_it_once_and_all_its_verbs_follow():
    images = data(("no", "yes"), LABELS)
    made = lens(lambda z: (z.repeat(1, 9), z[:, :1]), images, output=1, outputs="binary")
    assert made.explain(4).kind == "binary"
    assert made.relate(cached=False, progress=False).classes == ("no", "yes")
    assert made.effect("colour:0", draws=1, points=1, progress=False).target == "yes"
    assert made.circuit("yes", 2, 1).target == "yes"
    made.image = 4
    state = prediction.prediction(made)
    scores = plain(made.source.model, images)[:, 0]
    assert {c["name"]: c["text"] for c in state["top"]} == {
        "yes": f"{100 * scores[4].sigmoid():.1f} %", "no": f"{100 * (-scores[4]).sigmoid():.1f} %",
    }  # fmt: skip
    listed = prediction.browse(made, 0, N, None, "wrong", 16, job())
    wrong = [i for i in range(N) if bool(scores[i] > 0) != bool(LABELS[i])]
    assert {e["index"] for e in listed["images"] if e["wrong"]} == set(wrong)
    assert [e["index"] for e in listed["images"][: len(wrong)]] == sorted(wrong, key=lambda i: -abs(float(scores[i])))


def test_the_window_shows_a_regression_s_number_and_says_that_nothing_is_wrong():
    made = lens(lambda z: z[:, 0], data(), outputs="regression")
    made.image = 4
    state = prediction.prediction(made)
    assert (state["kind"], state["target"]["probability"]) == ("regression", None)
    assert state["target"]["text"] == f"{plain(made.source.model, data())[4, 0]:.4g}"
    with pytest.raises(ValueError, match="not right or wrong"):
        prediction.browse(made, 0, 20, None, "wrong", 16, job())


def test_of_several_labels_a_picture_is_wrong_whose_own_is_not_said():
    images = data(("a", "b", "c"), [i % 3 for i in range(N)])
    made = lens(lambda z: z, images, outputs="multi")
    listed = prediction.browse(made, 0, N, None, "wrong", 16, job())
    scores = plain(made.source.model, images)
    assert {e["index"] for e in listed["images"] if e["wrong"]} == {i for i in range(N) if scores[i, i % 3] <= 0}


def test_the_model_is_left_as_it_was():
    model = Answering(lambda z: {"logits": z, "maps": MAPS(z)}).train()
    explained(model)
    assert model.training
    assert not model._forward_hooks
    model(torch.rand(2, 3, 8, 8))["logits"].sum().backward()


# real models, small and with random weights


def hugging(name, config, **settings):
    import transformers

    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    made = getattr(transformers, config)(**small, image_size=32, patch_size=8, **settings)
    return getattr(transformers, name)(made).eval()


def small(classes=(), labels=None):
    return sl.images(pictures(4, size=32), transform=lambda p: to_pixels(p) / 255, classes=classes, labels=labels)


HUGGING = {
    "ViT": ("ViTForImageClassification", "ViTConfig", {"num_labels": 5}, "vit.layernorm", "logits"),
    "hidden states": (
        "ViTForImageClassification", "ViTConfig", {"num_labels": 5, "output_hidden_states": True}, "vit.layernorm",
        "logits",
    ),
    "distilled DeiT": (
        "DeiTForImageClassificationWithTeacher", "DeiTConfig", {"num_labels": 5}, "deit.layernorm", "logits",
    ),
    "multi-label": (
        "ViTForImageClassification", "ViTConfig", {"num_labels": 5, "problem_type": "multi_label_classification"},
        "vit.layernorm", "multi",
    ),
    "regression": (
        "ViTForImageClassification", "ViTConfig", {"num_labels": 1, "problem_type": "regression"}, "vit.layernorm",
        "regression",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HUGGING)
def test_models_of_hugging_face_are_read_by_their_logits_and_what_they_state(kind):
    name, config, settings, layer, means = HUGGING[kind]
    model = hugging(name, config, **settings)
    why = explain(model, small(), 1, layer)
    with torch.no_grad():
        logits = model(small().tensor(1)[None]).logits[0]
    np.testing.assert_allclose(why.logits, logits, atol=1e-4)
    if means == "regression":
        assert why.kind == "regression"
    else:
        likely = logits.sigmoid() if means == "multi" else logits.softmax(0)
        np.testing.assert_allclose(why.probabilities, likely, atol=1e-4)
    assert relevance(model, small(), layer, progress=False).counts.sum() == 4


def test_a_hugging_face_model_without_a_head_or_with_maps_is_refused():
    with pytest.raises(NoClasses, match="'pooler_output' is called as features are"):
        explain(hugging("ViTModel", "ViTConfig"), small(), 1, "layernorm")
    named = hugging("ViTForImageClassification", "ViTConfig", id2label={0: "dog", 1: "cat"}, label2id={})
    images = small(labels=["cat", "dog", "dog", "cat"])
    assert decide(named, images).labels_of(images, range(4)).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_auxiliary_heads_do_not_speak_in_eval(name):
    import torchvision

    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None, init_weights=False, num_classes=5).train()
    size = 80
    images = sl.images(pictures(2, size=size), transform=lambda p: to_pixels(p) / 255)
    read = decide(model, images)
    assert (read.kind, read.count) == ("single", 5)
    assert model.training


def test_a_distilled_model_of_timm_and_one_without_a_classifier():
    import timm

    made = {"pretrained": False, "img_size": 32, "depth": 2}
    model = timm.create_model("deit_tiny_distilled_patch16_224", num_classes=5, **made).eval()
    why = explain(model, small(), 1, "blocks.1")
    with torch.no_grad():
        np.testing.assert_allclose(why.logits, model(small().tensor(1)[None])[0], atol=1e-4)
    with pytest.raises(NoClasses, match="no classifier"):
        explain(timm.create_model("deit_tiny_patch16_224", num_classes=0, **made), small(), 1, "blocks.1")


def test_a_detector_of_torchvision_has_no_classes_and_is_explained_by_a_function():
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    torch.manual_seed(0)
    model = ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=4, score_thresh=0.0, detections_per_img=5
    ).eval()
    layer = "backbone.features.0.5"
    with pytest.raises(NoClasses, match="boxes, scores, labels, as of a detection"):
        decide(model, small())
    why = explain(model, small(), 1, layer, lambda out: out[0]["scores"].max())
    with torch.no_grad():
        assert why.value == pytest.approx(float(model(small().tensor(1)[None])[0]["scores"].max()), abs=1e-5)
    assert (why.kind, why.classes) == (None, ())
    assert np.isfinite(why.relevance).all()


def test_a_segmentation_of_torchvision_has_no_classes_and_is_explained_by_a_function():
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    torch.manual_seed(0)
    model = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4).eval()
    with pytest.raises(NoClasses, match="a class for every place"):
        decide(model, small())
    why = explain(model, small(), 1, "backbone.4", lambda out: out["out"][:, 1].mean((1, 2)))
    with torch.no_grad():
        assert why.value == pytest.approx(float(model(small().tensor(1)[None])["out"][0, 1].mean()), abs=1e-5)
