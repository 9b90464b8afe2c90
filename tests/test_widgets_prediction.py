"""The kernel's side of the prediction view and of the component card: what is asked, answered, refused, given up."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.images import WHOLE
from semlens_widgets.session import explaining as lens_explaining
from semlens_widgets.widgets import PredictionView, Window, browsing, component_card, prediction
from semlens_widgets.widgets.channel import Aborted, Job

SIZE = 12


class Places(nn.Module):
    """Two layers with places: `colour` sees red, green, blue; `pair` sees red-or-green, and blue; then two classes."""

    def __init__(self):
        super().__init__()
        self.colour, self.pair = nn.Conv2d(3, 3, 1, bias=False), nn.Conv2d(3, 2, 1, bias=False)
        self.colour.weight.data = torch.eye(3)[:, :, None, None] / 255
        self.pair.weight.data = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])[:, :, None, None]
        self.head = nn.Linear(2, 2, bias=False)
        self.head.weight.data = torch.tensor([[3.0, -2.0], [-1.0, 2.0]])

    def forward(self, pixels):
        return self.head(torch.relu(self.pair(torch.relu(self.colour(pixels)))).mean((2, 3)))


def square(colour, x=0, y=0, side=4):
    """A square of one colour on black."""
    pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
    pixels[y : y + side, x : x + side] = colour
    return Image.fromarray(pixels)


RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)
PICTURES = [square(RED), square(BLUE, 8, 8), square(GREEN, 4, 4), square(RED, 8, 0, 3), square(BLUE, 0, 8, 3)]
LABELS = [0, 1, 0, 1, 0]  # the last two bear the wrong label


class Labelled(torch.utils.data.Dataset):
    classes = ("warm", "cold")
    targets = LABELS

    def __len__(self):
        return len(PICTURES)

    def __getitem__(self, i):
        return PICTURES[i], LABELS[i]


def lens(**options):
    data = sl.images(Labelled(), transform=to_pixels, classes=Labelled.classes)
    settings = {"k": 3, "templates": ("{}",), "crop": None} | options
    made = sl.Lens(Places(), data, ["colour", "pair"], ColourClip(), **settings)
    return made.fit(cached=False, progress=False)


def job():
    said = []
    made = Job("1", lambda content, buffers: said.append(content))
    made.said = said
    return made


def explained(image=0, **options):
    made = lens(**options)
    made.image = image
    return made


# the prediction


def test_a_lens_from_a_file_says_that_it_has_no_model_and_what_to_do(tmp_path):
    lens().save(tmp_path / "toy.semlens")
    opened = sl.open(tmp_path / "toy.semlens", clip=ColourClip())
    result = prediction.prediction(opened)
    assert result["state"] == "no-model"
    assert "sl.Lens(model, images" in result["message"]
    assert component_card.card(opened, 0)["display_modes"] == ["crop"]
    assert not component_card.card(opened, 0)["streams"]


def test_without_an_image_the_data_set_is_what_there_is():
    result = prediction.prediction(lens())
    assert result["state"] == "empty"
    assert result["data"] == {"images": 5, "classes": ["warm", "cold"], "labelled": True}


def test_a_prediction_is_the_lens_s_explanation_as_numbers():
    made = explained(1)
    result = prediction.prediction(made)
    assert result["state"] == "ready"
    assert result["image"] == {"index": 1, "name": made.explanation.name, "label": "cold"}
    assert [c["name"] for c in result["top"]] == ["cold", "warm"]
    assert sum(c["probability"] for c in result["top"]) == pytest.approx(1)
    assert result["target"]["name"] == "cold"
    assert not result["target"]["chosen"]
    assert result["layers"] == [
        {"name": "colour", "start": 0, "count": 3},
        {"name": "pair", "start": 3, "count": 2},
    ]
    assert np.allclose(result["relevances"], made.explanation.share)
    assert Image.open(io.BytesIO(result["picture"].data)).size == (SIZE, SIZE)
    sent = result["heat"]
    assert sent.shape == (result["height"], result["width"])
    assert sent[8:, 8:].min() == sent.max() == 127, "the blue square spoke for cold, and nothing else did"
    assert not sent[:8].any()


def test_choosing_in_the_window_sets_the_lens():
    made = lens()
    asked = job()
    prediction.explain(made, {"image": 2}, [], asked)
    assert (made.image, made.explanation.target) == (2, "warm")
    prediction.explain(made, {"target": "cold"}, [], asked)
    assert made.target == "cold"
    target = prediction.prediction(made)["target"]
    assert (target["index"], target["name"], target["chosen"]) == (1, "cold", True)
    assert target["text"] == f"{100 * target['probability']:.1f} %"
    prediction.explain(made, {"target": None}, [], asked)
    assert made.explanation.target == "warm"
    prediction.explain(made, {"method": "gradient"}, [], asked)
    assert prediction.prediction(made)["backend"] == "gradient"
    with pytest.raises(KeyError, match="did you mean 'warm'"):
        prediction.explain(made, {"target": "warn"}, [], asked)
    assert made.explanation.target == "warm"


def test_a_dropped_picture_is_explained_under_its_name():
    made = lens()
    buffer = io.BytesIO()
    square(BLUE).save(buffer, "PNG")
    prediction.explain(made, {"name": "mine.png", "image": None}, [buffer.getvalue()], job())
    result = prediction.prediction(made)
    assert result["image"] == {"index": None, "name": "mine.png", "label": None}
    assert result["target"]["name"] == "cold"
    with pytest.raises(ValueError, match=r"notes\.txt is not a picture"):
        prediction.explain(made, {"name": "notes.txt"}, [b"text"], job())
    with pytest.raises(ValueError, match=r"cut\.png is not a picture that can be read: damaged"):
        prediction.explain(made, {"name": "cut.png"}, [buffer.getvalue()[:60]], job())


def test_what_was_given_up_changes_nothing():
    made = explained(0)
    late = job()
    late.abort()
    with pytest.raises(Aborted):
        prediction.explain(made, {"image": 1}, [], late)
    assert made.image == 0
    midway = job()
    made.observe(lambda change: midway.abort(), "explanation")
    with pytest.raises(Aborted):
        prediction.explain(made, {"image": 1, "target": "cold"}, [], midway)
    assert (made.image, made.target, made.explanation.target) == (0, None, "warm")


@pytest.mark.parametrize("method", ["lrp", "gradient"])
def test_an_explanation_given_up_on_its_way_leaves_lens_and_model_as_they_were(method, monkeypatch):
    made = explained(0)
    made.method = method
    before, model, explanations = made.explanation, made.source.model.train(), []
    made.observe(lambda change: explanations.append(change.new), "explanation")
    passes = []
    whole = lens_explaining.explain
    monkeypatch.setattr(lens_explaining, "explain", lambda *given, **named: passes.append(1) or whole(*given, **named))
    for wish in ({"image": 1}, {"target": "cold"}, {"method": "gradient" if method == "lrp" else "lrp"}):
        for step in (1, 2):
            late = job()
            checks = []
            late.check = lambda late=late, checks=checks, step=step: (
                checks.append(1), Job.check(late), late.abort() if len(checks) == step + 1 else None, Job.check(late)
            )  # fmt: skip
            passes.clear()
            with pytest.raises(Aborted):
                prediction.explain(made, wish, [], late)
            assert len(checks) == step + 1  # it ended there
            assert len(passes) == 1  # nothing was explained again
            assert (made.image, made.target, made.method) == (0, None, method)
            assert made.explanation is before
    assert not explanations
    assert model.training
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())
    prediction.explain(made, {"image": 1}, [], job())
    assert made.explanation.image == 1


def test_a_component_s_map_lies_where_it_acts_and_words_say_so():
    made = explained(1)
    blue = made.components.row("colour:2")
    result = prediction.heat(made, blue, job())
    values = result["heat"]
    assert values.shape == (result["height"], result["width"])
    assert values[8:, 8:].min() > 0
    assert not values[:8].any()
    assert result["relevance"] == pytest.approx(float(made.explanation.share[blue]))
    assert result["words"].endswith("of the image, mostly at the lower right.")
    with pytest.raises(ValueError, match="no prediction is explained yet"):
        prediction.heat(lens(), 0, job())


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((slice(0, 3), slice(0, 3)), "half of it comes from 6 % of the image, mostly at the upper left."),
        ((slice(4, 8), slice(4, 8)), "half of it comes from 6 % of the image, mostly in the middle."),
        ((slice(None), slice(None)), "half of it comes from 50 % of the image, spread out."),
        ((slice(0, 0), slice(0, 0)), "no place of the image stands out."),
    ],
)
def test_where_a_map_lies_in_words(place, words):
    values = np.zeros((12, 12))
    values[place] = 1
    if place == (slice(0, 3), slice(0, 3)):
        values[5, 5] = -9  # what is negative does not count
        words = words.replace("6 %", "3 %")
    assert prediction.where(values) == words


def test_the_circuit_is_the_explanation_s_by_row_lowest_layer_first():
    made = explained(0)
    result = prediction.circuit(made, depth=2, top=2, job=job())
    found = made.explanation.circuit(top=2, depth=2)
    assert result["layers"] == ["colour", "pair"]
    assert {(e["lower"], e["upper"]) for e in result["edges"]} == {
        (made.components.row(e.lower), None if e.upper is None else made.components.row(e.upper)) for e in found.edges
    }
    assert [(n["row"], n["layer"]) for n in result["nodes"]] == [(n.row, 1 - n.level) for n in found.nodes]


def test_classes_are_found_by_any_part_of_their_name():
    made = explained(0)
    assert [c["name"] for c in prediction.classes(made, "w")["classes"]] == ["warm"]
    assert [c["name"] for c in prediction.classes(made, "OL")["classes"]] == ["cold"]
    assert prediction.classes(made, "x")["classes"] == []


# choosing a picture


def browsed(made, **wish):
    asked = {"start": 0, "count": 20, "label": None, "order": "stored", "size": 16} | wish
    result = prediction.browse(made, *asked.values(), job())
    return result, Image.open(io.BytesIO(result["sheet"].data))


def test_pictures_are_listed_page_by_page_and_by_label():
    made = lens()
    result, sheet = browsed(made, count=2, start=2)
    assert [i["index"] for i in result["images"]] == [2, 3]
    assert (result["total"], result["columns"], sheet.size) == (5, 2, (32, 16))
    result, _ = browsed(made, label=1)
    assert [i["index"] for i in result["images"]] == [1, 3]
    assert browsed(made, start=99)[0]["images"] == []
    with pytest.raises(ValueError, match="there are 0 to 1"):
        browsed(made, label=2)


def test_the_most_wrong_come_first_with_what_the_model_said():
    result, _ = browsed(lens(), order="wrong")
    assert {i["index"] for i in result["images"][:2]} == {3, 4}
    first = result["images"][0]
    assert first["predicted"] != first["label"]
    assert [i["wrong"] for i in result["images"]] == [True, True, False, False, False]
    assert all(i["predicted"] == i["label"] for i in result["images"][2:])
    confidence = [float(i["text"].removesuffix(" %")) for i in result["images"][:2]]
    assert confidence == sorted(confidence, reverse=True)


def test_asking_the_model_about_all_pictures_tells_its_progress_and_can_be_given_up():
    made = lens()
    asked = job()
    browsing.guess(made, asked)
    assert asked.said[-1] | {"id": ""} == {
        "kind": "progress", "id": "", "done": 5, "total": 5, "what": "Asking the model, image",
    }  # fmt: skip
    late = job()
    late.abort()
    with pytest.raises(Aborted):
        prediction.browse(lens(), 0, 20, None, "wrong", 16, late)


def test_labels_that_are_not_the_model_s_classes_say_nothing_about_wrong():
    data = sl.images(PICTURES, transform=to_pixels, labels=[0, 1, 2, 0, 1])
    made = sl.Lens(Places(), data, ["colour"], ColourClip(), k=3, templates=("{}",), crop=None)
    made.fit(cached=False, progress=False)
    with pytest.raises(ValueError, match="labels of the data set are not the model's 2 classes"):
        prediction.browse(made, 0, 20, None, "wrong", 16, job())


# the component card


def looked(made, row, mode, count=3, size=24):
    result = component_card.display(made, made.components.row(row), mode, count, size, job())
    return result, Image.open(io.BytesIO(result["sheet"].data)), result["map"]


@pytest.mark.parametrize("mode", ["mask", "heat"])
def test_mask_and_heat_lie_where_the_component_is_excited(mode):
    made = lens()
    result, sheet, maps = looked(made, "colour:0", mode)
    images = made.space.examples.images[made.components.row("colour:0")]
    assert result["columns"] == len(maps) == min(3, (made.space.examples.responses[0] > 0).sum())
    assert sheet.size == (24 * result["columns"], 24)
    for image, values in zip(images, maps, strict=False):
        red = np.asarray(PICTURES[int(image)].resize((result["side"],) * 2, Image.Resampling.BILINEAR))[..., 0]
        assert values.max() == 127
        assert not values[red == 0].any()
        if mode == "mask":  # a heat starts at the one place that is excited most
            assert values[red > 128].mean() > 100


def test_whole_shows_the_picture_with_the_crop_outlined():
    made = lens(crop="activation")
    result, sheet, maps = looked(made, "colour:2", "whole")
    assert maps is None
    assert np.allclose(result["boxes"], made.space.examples.boxes[2, : result["columns"]], atol=1e-3)
    assert sheet.size == (24 * result["columns"], 24)
    wide = component_card._Example(0, Image.new("RGB", (40, 20)), WHOLE, (0.5, 0.0, 1.0, 1.0))
    assert wide.outlined() == [0.5, 0.25, 1.0, 0.75], "a wide picture lies in the middle of its square"


def test_a_map_is_cut_to_the_crop_as_the_picture_is():
    picture = Image.new("RGB", (40, 20))
    values = np.zeros((20, 40), np.float32)
    values[:, 30:] = 1
    example = component_card._Example(0, picture, WHOLE, (0.5, 0.0, 1.0, 1.0))
    under = example.within(values)
    assert under[:, : under.shape[1] // 2 - 2].max() == 0
    assert under[:, under.shape[1] // 2 + 2 :].min() == 1
    seen = component_card._Example(0, picture, (0.25, 0.0, 0.75, 1.0), (0.5, 0.0, 0.75, 0.5))
    assert seen.within(np.arange(4, dtype=np.float32)[None].repeat(4, 0)).mean() == pytest.approx(2.5, abs=0.2)


def test_a_layer_without_places_has_no_mask():
    data = sl.images(pictures(20), transform=to_pixels)
    made = sl.Lens(ColourNet(), data, ["colour", "head"], ColourClip(), k=3, templates=("{}",), crop=None)
    made.fit(cached=False, progress=False)
    head = made.components.row("head:0")
    assert component_card.card(made, head)["display_modes"] == ["crop", "heat", "whole"]
    with pytest.raises(ValueError, match="no places"):
        component_card.display(made, head, "mask", 3, 16, job())
    with pytest.raises(ValueError, match="crop, mask, heat, whole"):
        component_card.display(made, head, "x-ray", 3, 16, job())


def test_what_feeds_a_component_and_what_it_feeds():
    made = lens()
    blue_pair, blue = made.components.row("pair:1"), made.components.row("colour:2")
    down = component_card.streams(made, blue_pair, job())
    assert (down["lower"], down["upper"], down["downstream"]) == ("colour", None, [])
    assert down["upstream"][0]["id"] == "colour:2"
    assert down["upstream"][0]["share"] == pytest.approx(1)
    up = component_card.streams(made, blue, job())
    assert (up["lower"], up["upstream"]) == (None, [])
    assert up["downstream"][0]["id"] == "pair:1"
    assert up["downstream"][0]["share"] == pytest.approx(1)
    late = job()
    late.abort()
    with pytest.raises(Aborted):
        component_card.streams(made, blue, late)


def test_the_card_tells_which_classes_a_component_speaks_for():
    made = lens()
    assert component_card.card(made, 2)["relevance"] is None
    made.relate(cached=False, progress=False)
    told = component_card.card(made, made.components.row("colour:2"))["relevance"]
    mean = {name: float(made.relevance.of(name)[2]) for name in ("warm", "cold")}
    assert {c["name"]: pytest.approx(c["share"]) for c in told["classes"]} == mean
    assert [c["share"] for c in told["classes"]] == sorted(mean.values(), reverse=True)
    assert (told["more"], sum(c["images"] for c in told["classes"])) == (0, 5)


def test_the_data_set_is_explained_from_the_card_with_progress_and_can_be_given_up():
    made = lens()
    assert component_card.card(made, 2)["relatable"]
    late = job()
    late.abort()
    with pytest.raises(Aborted):
        component_card.relate(made, late)
    assert made.relevance is None
    asked = job()
    component_card.relate(made, asked)
    assert made.relevance.counts.sum() == 5
    assert (asked.said[-1]["done"], asked.said[-1]["total"]) == (5, 5)


def test_the_card_tells_how_sure_a_label_is_unless_a_person_gave_it():
    made = lens()
    assert component_card.card(made, 2)["label"] is None
    made.describe(["red", "green", "blue"])
    told = component_card.card(made, 2)["label"]
    assert told["text"] == "blue"
    assert told["score"] == pytest.approx(made.labels.scores[2, 0])
    assert told["confidence"] == pytest.approx(made.labels.confidence[2, 0])
    made.own_labels = {"colour:2": "sky"}
    told = component_card.card(made, 2)["label"]
    assert (told["text"], told["own"], told.get("score")) == ("sky", True, None)


# the windows


@pytest.mark.parametrize("view", [PredictionView, Window])
def test_a_window_follows_the_lens_s_explanation(view):
    made = lens()
    window = view(made)
    version, related = window.explanation_version, window.relevance_version
    made.image = 1
    assert window.explanation_version > version
    made.relate(cached=False, progress=False)
    assert window.relevance_version > related
    window.selection = [3]
    assert [str(c) for c in made.selection] == ["pair:0"]
    assert {"prediction", "explain", "heat", "circuit", "browse", "classes"} <= set(window._channel.verbs)
    assert window._channel.verbs["heat"]({"row": 2}, (), job())["row"] == 2
    with pytest.raises(ValueError, match="lacks depth, top"):
        window._channel.verbs["circuit"]({}, (), job())
    window.close()


def test_a_saved_notebook_keeps_the_prediction_as_a_small_picture_and_a_text():
    made = lens()
    assert "components" in PredictionView(made)._repr_mimebundle_()[0]["text/plain"]
    made.image = 0
    data = PredictionView(made)._repr_mimebundle_()[0]
    assert data["text/plain"] == repr(made.explanation)
    assert "data:image/webp;base64," in data["text/html"]
    assert "colour:0" in data["text/html"]
    assert len(data["text/html"]) < 60_000


def test_the_window_has_the_prediction_as_a_tab():
    assert "prediction" in Window(lens()).tabs
