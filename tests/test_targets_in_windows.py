"""Targets between windows and cells: as they are written on the wire, as Python, and as `lens.target`."""

import numpy as np
import pytest
import torch
from heads import MASK, Detector, Heads, Mapped, Tower, centred, data, pooled
from toy import ColourClip

import semlens_widgets as sl
from semlens_widgets import targets
from semlens_widgets.targets.function import called
from semlens_widgets.targets.given import of, of_document
from semlens_widgets.widgets import prediction
from semlens_widgets.widgets.channel import Job

CLIP = ColourClip()
WRITTEN = {  # a target, as a window writes it, and as a person writes it
    "output": (targets.output("cat"), {"kind": "output", "which": "cat"}, "sl.targets.output('cat')"),
    "all on": (targets.all_on(), {"kind": "all_on"}, "sl.targets.all_on()"),
    "everywhere": (
        targets.segment("car"),
        {"kind": "segment", "which": "car", "within": None},
        "sl.targets.segment('car')",
    ),
    "predicted": (
        targets.segment(3, "predicted"),
        {"kind": "segment", "which": 3, "within": "predicted"},
        "sl.targets.segment(3, within='predicted')",
    ),
    "place": (
        targets.segment("car", (0.25, 0.5)),
        {"kind": "segment", "which": "car", "within": [0.25, 0.5]},
        "sl.targets.segment('car', within=(0.25, 0.5))",
    ),
    "in a box": (
        targets.segment("car", [0, 0, 0.5, 1]),
        {"kind": "segment", "which": "car", "within": [0.0, 0.0, 0.5, 1.0]},
        "sl.targets.segment('car', within=(0.0, 0.0, 0.5, 1.0))",
    ),
    "a box": (targets.box("dog"), {"kind": "box", "which": "dog", "at": None}, "sl.targets.box('dog')"),
    "a box there": (
        targets.box(at=(0.5, 0.25)),
        {"kind": "box", "which": None, "at": [0.5, 0.25]},
        "sl.targets.box(at=(0.5, 0.25))",
    ),
    "text": (targets.text("a dog"), {"kind": "text", "which": "a dog"}, "sl.targets.text('a dog')"),
    "similarity": (targets.similarity(3), {"kind": "similarity", "which": 3}, "sl.targets.similarity(3)"),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_target_is_the_same_as_a_document_and_as_python(kind):
    target, document, python = WRITTEN[kind]
    assert target.document() == document
    assert of_document(document) == target
    assert of_document(document).key == target.key
    assert repr(target) == python
    assert eval(python, {"sl": sl}) == target


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "no target of kind None; there are 'output'"),
        ({"kind": "mask"}, "no target of kind 'mask'"),
        ({"kind": ["box"]}, "no target of kind"),
        ({"kind": "segment"}, "a target of kind 'segment' has 'which', which is missing here"),
        ({"kind": "segment", "which": "car", "within": [2, 3]}, "in shares of the picture"),
        ({"kind": "box", "at": [0.9, 0.9, 0.1, 0.1]}, "in shares of the picture"),
        ({"kind": "text", "which": " "}, "needed is a text"),
    ],
)
def test_a_document_that_is_no_target_is_refused(document, said):
    with pytest.raises(ValueError, match=said):
        of_document(document)


@pytest.mark.parametrize(
    "target",
    [targets.segment("car", MASK), sl.targets.similarity(data().picture(1)), targets.text("a dog", by=np.ones(5))],
)
def test_what_only_python_can_say_is_the_same_as_itself_only(target):
    other = {
        "segment": targets.segment("car", ~MASK),
        "similarity": targets.similarity(data().picture(2)),
        "text": targets.text("a dog", by=np.arange(5)),
    }
    assert target == target
    assert target != other.get(target.kind, other["similarity"])


# in a window


def lens(model, layer, **options):
    made = sl.Lens(model, data(**options), [layer], CLIP, k=3, crop=None, templates=("{}",))
    return made.fit(cached=False, progress=False)


def job():
    return Job("1", lambda content, buffers: None)


KINDS = {
    "everywhere": (Mapped, "trunk.3", targets.segment("car")),
    "predicted": (Mapped, "trunk.3", targets.segment("sky", "predicted")),
    "place": (Mapped, "trunk.3", targets.segment("tree", (0.25, 0.5))),
    "box": (Detector, "maps.trunk.3", targets.box(2)),
    "box there": (Detector, "maps.trunk.3", targets.box(at=(0.7, 0.7))),
    "text": (lambda: Tower(CLIP), "seen", targets.text("red")),
    "similarity": (lambda: Heads(centred), "trunk.3", targets.similarity(3)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_window_chooses_is_the_lens_s_and_the_other_way_round(kind):
    make, layer, target = KINDS[kind]
    held = lens(make(), layer)
    written = target.document()
    try:
        held.image = 1
    except ValueError:  # an embedding asks what is meant
        held.target = target
        held.image = 1
        held.target = targets.similarity(2)
    answer = prediction.explain(held, {"target": written}, [], job())
    assert held.target == of(target, CLIP)
    assert answer == {"python": f"lens.target = {target!r}"}
    shown = prediction.prediction(held)
    assert shown["target"]["document"] == written
    assert shown["target"]["python"] == repr(target)
    assert shown["target"]["chosen"]
    assert shown["target"]["name"] == held.explanation.target
    before = held.explanation
    held.target = target  # from a cell
    assert held.explanation.value == before.value
    assert prediction.prediction(held)["target"]["document"] == written


def test_a_target_that_a_cell_sets_and_a_window_cannot_write_is_shown_by_name():
    held = lens(Mapped(), "trunk.3")
    held.image = 1
    for target, name in ((targets.segment("car", MASK), "car within a mask of 12 % of the picture"), (only, "only")):
        held.target = target
        shown = prediction.prediction(held)["target"]
        assert shown["document"] is None
        assert shown["name"] == name
        assert shown["chosen"]


def only(out):
    return out["out"][:, 3].mean((1, 2))


def test_a_target_that_cannot_be_leaves_what_was():
    held = lens(Mapped(), "trunk.3")
    held.image = 1
    held.target = targets.segment("car")
    before = held.explanation
    for wrong in ({"kind": "segment", "which": "cat", "within": None}, {"kind": "box", "which": None, "at": None}):
        with pytest.raises((KeyError, ValueError)):
            prediction.explain(held, {"target": wrong}, [], job())
        assert held.target == targets.segment("car")
        assert held.explanation is before


@pytest.mark.parametrize(
    ("make", "layer", "form"), [(Mapped, "trunk.3", "map"), (Detector, "maps.trunk.3", "boxes")], ids=["map", "boxes"]
)
def test_each_thing_that_is_offered_can_be_chosen_and_is_what_it_says(make, layer, form):
    held = lens(make(), layer)
    held.image = 1
    offered = prediction.prediction(held)
    assert offered["form"] == form
    assert offered["choices"]
    for choice in offered["choices"]:
        prediction.explain(held, {"target": choice["document"]}, [], job())
        assert choice["name"] in held.explanation.target
        assert choice["text"] == prediction.percent(choice["share"])
        if form == "boxes":
            now = prediction.prediction(held)["choices"]
            assert [other["document"] for other in now if other["explained"]] == [choice["document"]]
            assert held.explanation.value == pytest.approx(choice["share"], abs=1e-4)
            left, top, right, bottom = choice["place"]
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1


def test_cells_of_a_map_are_the_classes_at_their_places():
    held = lens(Mapped(), "trunk.3")
    held.image = 1
    shown = prediction.prediction(held)
    with torch.no_grad():
        said = held.source.model(held.source.images.tensor(1)[None])["out"][0].argmax(0).numpy()
    assert (shown["lines"], shown["columns"]) == said.shape
    np.testing.assert_array_equal(shown["cells"], said)
    assert shown["names"] == list(held.source.model.class_names)


def test_a_model_with_class_scores_offers_its_classes():
    held = lens(Heads(pooled), "trunk.3")
    held.image = 1
    assert prediction.prediction(held)["form"] == "classes"
    assert prediction.prediction(held)["choices"] == []


# what functions are called


def test_a_function_is_called_by_its_name_or_by_what_it_says():
    import functools

    class Contrast:
        def __call__(self, out):
            return out[:, 0]

    def plain(out, which=0):
        return out[:, which]

    one = lambda out: out[:, 3]  # noqa: E731
    two, three = (lambda out: out[:, 1]), (lambda out: out[:, 2])
    made = eval("lambda out: out[:, 1]")
    assert called(plain) == "plain"
    assert called(functools.partial(plain, which=2)) == "plain"
    assert called(Contrast()) == "Contrast"
    assert called(one) == "out[:, 3]"
    assert called(made) == "a function"
    assert {called(two), called(three)} == {"a function"}  # which of the two is not known
    assert called(lambda out: out[:, 0] - out[:, 1]) == "out[:, 0] - out[:, 1]"
    longer = lambda out: out[:, 0] + out[:, 1] + out[:, 2] + out[:, 3] + out[:, 4] - out[:, 5]  # noqa: E731
    assert called(longer) == "a function"
    assert of(torch.nn.Linear(2, 1)).name == "Linear"
