"""What cannot be answered is refused first: at most one image goes through the model, and no text through the CLIP."""

import numpy as np
import pytest
import torch
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl

CLASSES = ("red", "leaf or sky")
CHECKLIST = sl.Checklist().adding(sl.Concept("red", kind="spurious"))


class Watched:
    """A fitted lens, and how many images its model and texts its CLIP have seen since."""

    def __init__(self) -> None:
        self.net, self.clip = ColourNet(), ColourClip()
        labels = [number % 2 for number in range(40)]
        data = sl.images(pictures(40), transform=to_pixels, labels=labels, classes=CLASSES)
        self.lens = sl.Lens(self.net, data, ["colour", "rectified"], self.clip, k=5, crop=None, templates=("{}",))
        self.lens.fit(cached=False, progress=False)
        self.seen = self.read = 0
        self.net.register_forward_pre_hook(self.count)
        texts = self.clip.texts
        self.clip.texts = lambda asked: (setattr(self, "read", self.read + len(asked)), texts(asked))[1]

    def count(self, _, inputs):
        self.seen += len(inputs[0])


@pytest.fixture
def watched():
    return Watched()


def data(labels=None):
    return sl.images(pictures(30, seed=5), transform=to_pixels, labels=labels, classes=CLASSES)


GOOD = data([0, 1] * 15)
OTHER = sl.images(pictures(30), transform=to_pixels, labels=[0, 7] * 15)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda x: x.audit(CHECKLIST, target="reed"), KeyError, "did you mean 'red'"),
        (lambda x: x.audit(CHECKLIST, target=2), IndexError, "classes go from 0 to 1"),
        (lambda x: x.audit(CHECKLIST), ValueError, "audit which class.*red, leaf or sky"),
        (lambda x: x.audit(CHECKLIST, target="red", layer="color"), KeyError, "did you mean 'colour'"),
        (lambda x: x.audit(CHECKLIST, target="red", level=2), ValueError, "p="),
        (lambda x: x.relate(target="labels"), ValueError, "'label', the 'predicted' class"),
        (lambda x: x.relate(method="lpr"), ValueError, "choose 'auto', 'lrp'"),
        (lambda x: x.relate(k=0), ValueError, "k=0"),
        (lambda x: x.explain(0, "reed"), KeyError, "did you mean 'red'"),
        (lambda x: x.explain(0, 2), IndexError, "classes go from 0 to 1"),
        (lambda x: x.explain(0, method="lpr"), ValueError, "choose 'auto', 'lrp'"),
        (lambda x: x.circuit("reed"), KeyError, "did you mean 'red'"),
        (lambda x: x.circuit("red", top=0), ValueError, "top=0"),
        (lambda x: x.circuit("red", images=0), ValueError, "images=0"),
        (lambda x: setattr(x, "target", "reed"), KeyError, "did you mean 'red'"),
        (lambda x: x.effect("colour:0", target="reed"), KeyError, "did you mean 'red'"),
        (lambda x: x.effect("colour:0", target=2), IndexError, "classes go from 0 to 1"),
        (lambda x: x.effect("colour:0", target="reed", by="mean"), KeyError, "did you mean 'red'"),
        (lambda x: x.effect("colour:0", by="zeros"), ValueError, "'zero' or at their 'mean'"),
        (lambda x: x.effect("colour:0", draws=0), ValueError, "draws=0"),
        (lambda x: x.effect("colour:0", draws=0, by="mean"), ValueError, "draws=0"),
        (lambda x: x.effect("colour:0", most=0), ValueError, "most=0"),
        (lambda x: x.effect("colour:0", points=0), ValueError, "points=0"),
        (lambda x: x.effect("colour:0", {"a": GOOD, "b": data()}), ValueError, "data set 'b' has no label"),
        (lambda x: x.effect("colour:0", {"a": GOOD, "b": OTHER}), ValueError, "data set 'b' has no label"),
        (lambda x: x.effect("colour:0", {"a": GOOD, "b": [1, 2]}), TypeError, "data set 'b' is a list"),
        (lambda x: x.effect("colour:0", {"a": GOOD}, {"A": [0] * 30}), KeyError, "'A', which is no data set"),
        (lambda x: x.effect([]), ValueError, "no components to switch off"),
        (lambda x: x.describe(["red", "green"], k=0), ValueError, "k=0"),
        (lambda x: x.describe(["red", "green"], level=1), ValueError, "level=1"),
        (lambda x: x.describe(["red", "green"], method="soft"), ValueError, "no labeler 'soft'"),
        (lambda x: x.search("red", layer="color"), KeyError, "did you mean 'colour'"),
        (lambda x: x.search("red", top=0), ValueError, "at least one hit"),
    ],
)
@pytest.mark.usefixtures("as_installed")
def test_what_cannot_be_answered_is_refused_first(watched, ask, error, message):
    with pytest.raises(error, match=message):
        ask(watched.lens)
    assert watched.seen <= 2  # one image, which is asked about twice at once
    assert watched.read == 0


@pytest.mark.parametrize(("wrong", "message"), [({"strongest": 2.0}, "strongest=2"), ({"rounds": 0}, "rounds=0")])
def test_held_out_images_are_not_looked_at_for_settings_that_there_are_not(watched, wrong, message):
    watched.lens.describe(["red", "green", "blue"], level=0.0)
    with pytest.raises(ValueError, match=message):
        watched.lens.verify(images=GOOD, progress=False, **wrong)
    assert watched.seen == 0


def test_words_are_not_read_for_models_that_cannot_be_compared(watched):
    other = Watched().lens
    foreign = sl.Lens(ColourNet(), GOOD, "colour", watched.clip, k=5, crop=None).fit(cached=False, progress=False)
    for ask in (sl.concept_table, lambda models, words: sl.compare_many(models, concepts=words)):
        with pytest.raises(ValueError, match="cannot be compared"):
            ask({"one": watched.lens, "two": other, "three": foreign}, ["red", "blue"])
    assert watched.read == 0


class Sequence(torch.nn.Module):
    """Seven tokens, of which nobody knows where they lie."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = torch.nn.Linear(3, 5)
        self.seen = 0

    def forward(self, pixels):
        self.seen += len(pixels)
        return self.tokens(pixels.flatten(2)[..., :7].transpose(1, 2)).mean(1)


def test_examples_are_not_collected_of_layers_that_cannot_be_cropped():
    net = Sequence()
    layer = sl.Layer("tokens", tokens="all")
    with pytest.raises(ValueError, match="7 tokens of which it is not known where in the picture they lie"):
        sl.Lens(net, GOOD, layer, ColourClip(), k=5).fit(cached=False, progress=False)
    assert net.seen <= 2


def test_examples_are_not_collected_for_a_clip_that_cannot_be_loaded(tmp_path):
    (tmp_path / "open_clip_config.json").write_text("{}")
    net = Sequence()
    with pytest.raises(RuntimeError, match="cannot load the CLIP model"):
        sl.Lens(net, GOOD, "tokens", sl.OpenClip(tmp_path), k=5, crop=None).fit(cached=False, progress=False)
    assert net.seen == 0


def test_relevance_is_still_computed_when_all_is_well(watched):
    report = watched.lens.audit(CHECKLIST, target="RED", progress=False)
    assert report.target == "red"
    assert watched.seen >= 40
    assert np.isfinite(report.share).all()
